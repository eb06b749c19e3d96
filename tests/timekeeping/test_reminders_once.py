"""Each reminder once, each breach once: whoever else looks, whatever is killed, late or told twice."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.clocks import Outcome
from mallcare.ports import StorageUnavailable
from tests.domain.builders import TICK
from tests.timekeeping.killed import NAME, STOPS
from tests.timekeeping.orders import HeldFactory
from tests.timekeeping.promises import BEGIN, DUE, HOUR, NOW, SOON, SUPPLIER, Desk, K, event, promise
from tests.timekeeping.timekeepers import until

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("P2")]
ROOT = Path(__file__).parents[2]


def told_once(desk: Desk, clocks: int) -> None:
    """Every clock has its reminder, told, and nobody has two notices of one batch."""
    rows = desk.rows("SELECT clock_id, level, party, state, batch_id FROM reminders")
    assert len(rows) == clocks
    assert {row.state for row in rows} == {"told"}
    notices = Counter((row.facts["batch_id"], row.contact_id) for row in desk.notices())
    assert set(notices.values()) == {1}
    assert {batch for batch, _ in notices} == {row.batch_id for row in rows}


# --- side by side --------------------------------------------------------------------------------


async def test_looks_side_by_side_share_the_work(desk: Desk) -> None:
    """As if a timekeeper taken for dead still ran: each clock is looked at by one of them."""
    await desk.contact("staff")
    await desk.promised(*(promise() for _ in range(60)))
    looks = [*await desk.looks(SOON, 6, page=4), await desk.look(SOON)]
    assert sum(kept.clocks for kept in looks) == 60
    assert sum(kept.planned for kept in looks) == 60
    assert sum(kept.told for kept in looks) == 60
    told_once(desk, 60)


async def test_a_supplier_that_another_worker_tells_is_left_to_it(desk: Desk, engine: AsyncEngine) -> None:
    """Nobody waits, nothing is told twice, and the timekeeper comes back at once."""
    await desk.contact("staff")
    await desk.promised(promise())
    async with desk.uow() as other:
        assert await other.reminders.take(SUPPLIER)
        kept = await desk.look(SOON)
        assert (kept.planned, kept.told, kept.next_due_at) == (1, 0, SOON)
    assert (await desk.look(SOON)).told == 1
    told_once(desk, 1)


async def test_a_clock_that_is_locked_is_looked_at_next_time(desk: Desk) -> None:
    """Whoever changes it goes first; the timekeeper comes back at once."""
    await desk.contact("staff")
    (clock,) = await desk.promised(promise())
    async with desk.uow() as holder:
        await holder.clocks.of([clock.key.subject])
        kept = await desk.look(SOON)
        assert (kept.clocks, kept.next_due_at) == (0, SOON)
    assert (await desk.look(SOON)).told == 1


# --- killed --------------------------------------------------------------------------------------


async def kill_in_a_look(url: str, stop: int, cleaner: psycopg.Connection) -> None:
    """Start a worker and kill it before its commit number `stop`."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.timekeeping.killed", url, SOON.isoformat(), str(stop)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert worker.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert (await worker.stdout.readline()).decode().strip() == STOPS
    finally:
        worker.kill()
        await worker.wait()
    query = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name = %s"
    await until(lambda: cleaner.execute(query, [NAME]).fetchone() == (True,))


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
async def test_a_worker_killed_in_a_look_leaves_whole_pages(
    desk: Desk, empty_database: str, cleaner: psycopg.Connection, stop: int
) -> None:
    """`kill -9` in a page, or while notices are written: of that step nothing is there, and the next look
    tells everything in one notice."""
    await desk.contact("staff")
    await desk.promised(*(promise() for _ in range(6)))
    await kill_in_a_look(empty_database, stop, cleaner)
    pages = min(stop, 4) - 1
    assert [row[2] for row in desk.reminders()] == ["planned"] * 2 * pages
    assert desk.notices() == []
    kept = await desk.look(SOON, page=2)
    assert (kept.clocks, kept.told, kept.notices) == (6 - 2 * pages, 6, 1)
    told_once(desk, 6)
    assert len(desk.notifications()) == 1


async def test_a_database_that_dies_in_a_page_takes_it_back(desk: Desk, engine: AsyncEngine) -> None:
    """The server ends the transaction: the look fails, and the next one does all of it."""
    await desk.contact("staff")
    await desk.promised(promise(), promise())
    async with HeldFactory(engine) as held:
        look = asyncio.create_task(desk.look(SOON, uow=held))
        await held.arrived.wait()
        assert desk.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE state = 'idle in transaction' AND query ILIKE '%reminders%' AND pid <> pg_backend_pid()"
        ) == [(True,)]
        held.let_go.set()
        with pytest.raises(StorageUnavailable):
            await look
    assert desk.reminders() == []
    assert (await desk.look(SOON)).told == 2
    told_once(desk, 2)


# --- late and permuted reports -------------------------------------------------------------------


@pytest.mark.rule("T2")
@pytest.mark.parametrize("seed", range(6))
async def test_late_reports_correct_the_figure_and_repeat_no_reminder(desk: Desk, seed: int) -> None:
    """Scans of the carrier arrive late, twice and in any order between looks: the end is the same, every
    rung was told at most once, and a breach was recorded at most once and never back-dated."""
    chance = random.Random(seed)
    await desk.staffed()
    (clock,) = await desk.promised(promise())
    story = [
        event(K.PAUSE, BEGIN + 10 * HOUR),
        event(K.RESUME, BEGIN + 20 * HOUR),
        event(K.FULFIL, BEGIN + 57 * HOUR),
    ]
    reports = [*story, *story]
    chance.shuffle(reports)
    recorded = None
    for hour in range(30, 80):
        now = BEGIN + hour * HOUR
        if reports and chance.random() < 0.2:
            known = [one for one in reports if one.at <= now]
            for one in known[:1]:
                reports.remove(one)
                await desk.happened(clock, one)
        await desk.look(now)
        (at,) = desk.recorded()
        assert at in (recorded, now) if recorded is None else at == recorded
        recorded = at
    await desk.happened(clock, *story)
    assert (await desk.look(BEGIN + 100 * HOUR)).next_due_at is None
    (row,) = desk.rows("SELECT outcome, elapsed FROM clocks")
    assert (row.outcome, row.elapsed) == (Outcome.MET.value, 47 * HOUR)
    rows = [(level, party) for level, party, _ in desk.reminders()]
    assert len(set(rows)) == len(rows)
    heard = Counter((row.contact_id, row.facts["batch_id"]) for row in desk.notices())
    assert set(heard.values()) <= {1}


async def test_a_correction_brings_no_rung_back(desk: Desk) -> None:
    """The last rung before the deadline was told; a pause told late moves the deadline, not the past."""
    await desk.contact("staff")
    (clock,) = await desk.promised(promise())
    assert (await desk.look(NOW)).notices == 1
    await desk.happened(clock, event(K.PAUSE, BEGIN + 10 * HOUR), event(K.RESUME, BEGIN + 20 * HOUR))
    for hours in range(10):
        assert (await desk.look(NOW + hours * HOUR)).planned == 0
    assert (await desk.look(DUE + 10 * HOUR - TICK)).planned == 0
    assert (await desk.look(DUE + 10 * HOUR)).planned == 2
