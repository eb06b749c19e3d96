"""A day whose messages or report are missing asks for a person, once, and not for what nobody owed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.application.sweep import Sweep
from mallcare.domain.tasks import OperationsTask, TaskKind
from tests.application.engines import ScriptedEngine
from tests.daily_sms.desk import DAY, HOUR, NINE, OPERATIONS, Desk

pytestmark = pytest.mark.rule("T4")
MINUTE = timedelta(minutes=1)


async def missing(desk: Desk) -> list[OperationsTask]:
    """Tasks about missing days, newest first."""
    return await desk.tasks(TaskKind.DAILY_SMS_MISSING)


async def test_a_day_without_messages_asks_for_a_person(desk: Desk) -> None:
    """Half an hour after its hour, and once however often it is looked; not before."""
    watch = desk.watch()
    for minutes in (-60, 0, 29):
        await watch(NINE + minutes * MINUTE)
    assert await missing(desk) == []
    for minutes in (34, 40, 60, 600):
        await watch(NINE + minutes * MINUTE)
    (task,) = await missing(desk)
    assert (task.subject, task.facts) == ("2026-03-05", {"day": "2026-03-05", "lacking": "planned"})


async def test_a_task_that_a_person_resolved_does_not_come_back(desk: Desk) -> None:
    """They know of the day; the next day is another matter."""
    watch = desk.watch()
    await watch(NINE)
    await watch(NINE + HOUR)
    (task,) = await missing(desk)
    async with desk.uow() as uow:
        await uow.tasks.resolve_for(task.subject, task.kind, OPERATIONS.subject, "seen", NINE + HOUR)
        await uow.commit()
    await watch(NINE + 2 * HOUR)
    assert [one.task_id for one in await missing(desk)] == [task.task_id]
    await watch(NINE + 25 * HOUR)
    assert [one.subject for one in await missing(desk)] == ["2026-03-06", "2026-03-05"]


async def test_a_day_without_a_report_asks_for_a_person(desk: Desk) -> None:
    """Three hours after its hour; the planned messages alone do not settle it."""
    await desk.overdue_supplier("supplier-1")
    await desk.plan()
    watch = desk.watch()
    await watch(NINE)
    await watch(NINE + 2 * HOUR)
    assert await missing(desk) == []
    await watch(NINE + 3 * HOUR)
    (task,) = await missing(desk)
    assert task.facts["lacking"] == "reported"


async def test_a_day_that_was_caught_up_gets_its_time_for_a_report(desk: Desk) -> None:
    """Planned in the afternoon after an outage, receipts are waited for as on any day: nobody is called."""
    await desk.overdue_supplier("supplier-1")
    watch = desk.watch()
    await watch(NINE)
    await desk.plan(at=NINE + 5 * HOUR)
    await watch(NINE + 5 * HOUR + 10 * MINUTE)
    await watch(NINE + 7 * HOUR + 59 * MINUTE)
    assert await missing(desk) == []
    await watch(NINE + 8 * HOUR + 5 * MINUTE)
    (task,) = await missing(desk)
    assert task.facts["lacking"] == "reported"


async def test_a_reported_day_asks_for_nobody(desk: Desk) -> None:
    """Neither on its evening nor on the next morning."""
    watch = desk.watch()
    await watch(NINE)
    await desk.plan()
    await desk.report()
    for hours in (1, 10, 23):
        await watch(NINE + hours * HOUR)
    assert await missing(desk) == []


async def test_the_day_before_is_looked_at_too(desk: Desk) -> None:
    """A platform that comes up after midnight finds yesterday without its report."""
    await desk.plan(DAY - timedelta(days=1), NINE - 24 * HOUR)
    await desk.report(DAY - timedelta(days=1), NINE - 24 * HOUR)
    watch = desk.watch()
    await watch(NINE + 16 * HOUR)
    assert await missing(desk) == []
    await watch(NINE + 16 * HOUR + 30 * MINUTE)
    (task,) = await missing(desk)
    assert task.subject == "2026-03-05"


async def test_the_first_day_is_nobodys_fault(desk: Desk) -> None:
    """Installed in the afternoon, the platform owes nobody the morning's messages; it owes the next ones."""
    watch = desk.watch()
    for hours in (5, 6, 20):
        await watch(NINE + hours * HOUR)
    assert await missing(desk) == []
    await watch(NINE + 25 * HOUR)
    assert [task.subject for task in await missing(desk)] == ["2026-03-06"]


async def test_a_platform_that_was_away_gets_time_to_catch_up(desk: Desk) -> None:
    """It comes up in the afternoon of a day after others: for half an hour nobody is called."""
    await desk.plan(DAY - timedelta(days=1), NINE - 24 * HOUR)
    await desk.report(DAY - timedelta(days=1), NINE - 24 * HOUR)
    watch = desk.watch()
    await watch(NINE + 6 * HOUR)
    await watch(NINE + 6 * HOUR + 29 * MINUTE)
    assert await missing(desk) == []
    await watch(NINE + 6 * HOUR + 30 * MINUTE)
    assert [task.subject for task in await missing(desk)] == ["2026-03-05"]


async def test_it_looks_every_few_minutes_at_most(desk: Desk) -> None:
    """A sweep every half minute costs nothing in between."""
    watch = desk.watch()
    await watch(NINE - HOUR)
    await watch(NINE + 29 * MINUTE)
    await watch(NINE + 31 * MINUTE)
    assert await missing(desk) == []
    await watch(NINE + 34 * MINUTE)
    assert len(await missing(desk)) == 1


async def test_the_sweep_starts_the_process_and_watches(desk: Desk) -> None:
    """At every sweep, so that a terminated process is started again within seconds."""

    class Started:
        times = 0

        async def start(self) -> None:
            self.times += 1

    started = Started()
    sweep = Sweep(ScriptedEngine(), desk.uow, daily_sms=started, daily_reports=desk.watch())
    await sweep(NINE)
    await sweep(NINE + HOUR)
    assert started.times == 2
    assert len(await missing(desk)) == 1
