"""Sweeps over real rows: page after page, side by side, and none held up by a case that cannot be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from temporalio.testing import ActivityEnvironment

from activities.maintenance import MaintenanceActivities
from mallcare.application.sweep import Sweep
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.maintenance import SweepInput
from mallcare.contracts.names import Signal
from mallcare.persistence.engine import create_engine
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import EngineUnavailable
from tests.application.engines import AT, ScriptedEngine
from tests.persistence.many_cases import fill

pytestmark = pytest.mark.rule("P2")
CASES, LIVE = 500, 20
PAGE = 3
"""A tenth of a backlog and less, so that every test walks many pages."""


@dataclass
class Rows:
    """The database of a test: `LIVE` cases run, half of them with a deadline; every workflow was told."""

    uow: SqlUnitOfWorkFactory
    connection: psycopg.Connection

    def numbers(self, condition: str) -> set[str]:
        found = self.connection.execute(f"SELECT after_sales_no FROM after_sales WHERE {condition}".encode())
        return {row[0] for row in found}

    def change(self, assignment: str, condition: str) -> set[str]:
        changed = self.numbers(condition)
        self.connection.execute(f"UPDATE after_sales SET {assignment} WHERE {condition}".encode())
        return changed

    def forget(self, condition: str) -> set[str]:
        """As if the hints of these cases had been lost."""
        return self.change("told_version = 2", condition)

    def sweep(self, engine: ScriptedEngine, budget: timedelta = timedelta(seconds=20), **options) -> Sweep:  # type: ignore[no-untyped-def]
        return Sweep(engine, self.uow, page=PAGE, budget=budget, **options)


RUNNING = "state IN ('PENDING_REVIEW', 'REFUNDING')"
UNTOLD = "told_version < version"
DUE = "deadline_at IS NOT NULL"


@pytest.fixture
async def rows(new_database: Callable[[bool], str]) -> AsyncGenerator[Rows]:
    url = new_database(True)
    fill(url, CASES)
    pool = create_engine(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE after_sales SET deadline_at = deadline_at + interval '1 year'")
        connection.execute(
            "UPDATE after_sales SET deadline_at = NULL, deadline_effect = NULL WHERE NOT " + RUNNING
        )
        yield Rows(SqlUnitOfWorkFactory(pool), connection)
    await pool.dispose()


def all_running(rows: Rows) -> ScriptedEngine:
    return ScriptedEngine(running=rows.numbers(RUNNING))


async def test_one_sweep_tells_a_backlog_of_many_pages(rows: Rows) -> None:
    """Cases that changed at the same instant included: each is told once, and noted."""
    lost = rows.forget("after_sales_no < 'AS00000061'")
    rows.change("updated_at = '2026-03-01 00:00:30+00'", "after_sales_no < 'AS00000031'")
    engine = all_running(rows)
    healed = await rows.sweep(engine)(AT)
    told = [number for number, signal in engine.told if signal is Signal.RESYNC]
    assert sorted(told) == sorted(lost)
    assert healed["told"] == len(lost) == 60
    assert rows.numbers(UNTOLD) == set()


async def test_calls_go_side_by_side(rows: Rows) -> None:
    """As many at once as there are tellers, and never more."""
    rows.forget("after_sales_no < 'AS00000061'")
    engine = all_running(rows)
    await Sweep(engine, rows.uow, page=50, tellers=7)(AT)
    assert engine.most_at_once == 7


async def test_a_sweep_without_time_left_still_does_a_page_of_each(rows: Rows) -> None:
    """The budget ends the pages, not the sweep; the next sweep goes on behind them."""
    lost = rows.forget("after_sales_no < 'AS00000011'")
    due = rows.change("deadline_at = '2026-03-02'", DUE)
    engine = all_running(rows)
    sweep = rows.sweep(engine, timedelta(0))
    healed = await sweep(AT)
    assert (healed["told"], healed["overdue"], healed["checked"]) == (PAGE, PAGE, PAGE)
    assert len(rows.numbers(UNTOLD)) == len(lost) - PAGE
    assert len(due) > PAGE
    await sweep(AT)
    assert len(rows.numbers(UNTOLD)) == len(lost) - 2 * PAGE


async def test_pages_are_noted_one_by_one(rows: Rows) -> None:
    """A sweep that is cut off in its third page has noted the two before."""
    lost = rows.forget("after_sales_no < 'AS00000061'")

    third_page = asyncio.Event()

    class Stuck(ScriptedEngine):
        async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
            if len(self.told) >= 2 * PAGE:
                third_page.set()
                await asyncio.Event().wait()
            await super().tell(snapshot, signal)

    sweeping = asyncio.create_task(rows.sweep(Stuck(), tellers=1)(AT))
    await third_page.wait()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
    assert len(rows.numbers(UNTOLD)) == len(lost) - 2 * PAGE


@pytest.mark.parametrize(
    "failure", [EngineUnavailable("refused"), TypeError("a mistake")], ids=["refused", "mistake"]
)
async def test_cases_that_cannot_be_told_hold_up_no_others(rows: Rows, failure: Exception) -> None:
    """A sick case in every page: all others are told and noted, in the same sweep."""
    lost = rows.forget("after_sales_no < 'AS00000061'")
    sick = {number for number in lost if number.endswith(("3", "6", "9"))}
    engine = all_running(rows)
    engine.fails = lambda number: failure if number in sick else None
    healed = await rows.sweep(engine)(AT)
    assert healed["told"] == len(lost - sick)
    assert rows.numbers(UNTOLD) == sick


async def test_an_engine_that_is_away_is_asked_a_few_times_only(rows: Rows) -> None:
    """The sweep fails, notes nothing, and does not try a thousand cases one after another."""
    lost = rows.forget("after_sales_no < 'AS00000301'")
    engine = ScriptedEngine(fails=lambda _: EngineUnavailable("away"), stopped=EngineUnavailable("away"))
    with pytest.raises(EngineUnavailable):
        await Sweep(engine, rows.uow, page=200, tellers=4)(AT)
    assert engine.tried <= 3 * 2 * 4
    assert rows.numbers(UNTOLD) == lost


async def test_all_overdue_cases_are_looked_at(rows: Rows) -> None:
    """Many pages of deadlines that passed, some at the same instant: each once, the missing are started."""
    due = rows.change("deadline_at = '2026-03-02'", DUE)
    engine = all_running(rows)
    missing = set(sorted(due)[::2])
    engine.running -= missing
    healed = await rows.sweep(engine)(AT)
    assert healed["overdue"] == len(due) > 2 * PAGE
    assert healed["restarted"] == len(missing)
    assert engine.running >= due


async def test_broken_workflows_of_live_cases_are_started(rows: Rows) -> None:
    """Ended cases and unknown numbers are left; an index that cannot be asked holds up nothing."""
    live = sorted(rows.numbers(RUNNING))
    ended = sorted(rows.numbers(f"NOT {RUNNING}"))
    engine = all_running(rows)
    engine.stopped = [*live[-8:], ended[0], "nobody"]
    engine.running -= set(live[-8:])
    healed = await rows.sweep(engine, timedelta(seconds=20))(AT)
    assert healed["restarted"] == 8
    assert ended[0] not in engine.numbers
    engine.stopped = EngineUnavailable("no index")
    assert (await rows.sweep(engine)(AT + timedelta(seconds=30)))["checked"] == PAGE


async def test_the_rotation_goes_on_while_workflows_are_missing(rows: Rows) -> None:
    """A page a sweep when all is well; everything in one sweep when the engine lost it all."""
    engine = all_running(rows)
    assert (await rows.sweep(engine)(AT))["checked"] == PAGE
    engine.running.clear()
    healed = await rows.sweep(engine)(AT + timedelta(seconds=30))
    assert healed["restarted"] == LIVE
    assert engine.running == rows.numbers(RUNNING)


async def test_the_sweep_starts_the_pumps(rows: Rows) -> None:
    """At every sweep; pumps that cannot be started hold up no case."""

    class Started:
        times = 0
        failure: Exception | None = None

        async def start(self) -> None:
            self.times += 1
            if self.failure:
                raise self.failure

    pumps = Started()
    sweep = rows.sweep(all_running(rows), pumps=pumps)
    await sweep(AT)
    pumps.failure = EngineUnavailable("away")
    healed = await sweep(AT + timedelta(seconds=30))
    assert pumps.times == 2
    assert healed["checked"] == PAGE


async def test_a_long_sweep_is_heard_of(rows: Rows) -> None:
    """The activity beats while it works, so that a dead worker is noticed long before its time is over."""
    rows.forget("after_sales_no < 'AS00000301'")
    beats: list[object] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    activities = MaintenanceActivities(
        rows.sweep(all_running(rows)), heartbeat_every=timedelta(milliseconds=10)
    )
    report = await environment.run(activities.sweep, SweepInput(now=AT))
    assert report.told == 300
    assert beats
