"""Operations are asked for holidays before a promise is counted by days that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.calendar_horizon import EVERY, NOTICE, WatchCalendars, ends_early
from mallcare.application.sweep import Sweep
from mallcare.domain.calendars import CLOSED, Hours, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, standing
from mallcare.domain.metrics import Metric
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.tables import operations_tasks
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TaskFilter, TimedClock
from tests.application.engines import ScriptedEngine
from tests.domain.builders import OPERATIONS

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
OFFICE = Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR)))
DESK = ServiceCalendar(
    "desk",
    1,
    SHANGHAI,
    (WeekPlan(date(2026, 1, 1), (OFFICE,) * 5 + (CLOSED,) * 2),),
    known_until=date(2026, 12, 31),
)
LAST_MOMENT = datetime(2026, 12, 31, 10, tzinfo=SHANGHAI) - NOTICE
"""A promise of seven open hours, made `NOTICE` later, is due when the last known day closes."""
LONG_AGO = datetime(2026, 3, 2, 1, tzinfo=UTC)
PROMISE = Promise(7 * HOUR, "desk")


@pytest.mark.parametrize(
    ("now", "early"),
    [
        pytest.param(LAST_MOMENT - SECOND, False, id="a second before"),
        pytest.param(LAST_MOMENT, False, id="just in time"),
        pytest.param(LAST_MOMENT + SECOND, True, id="a second later"),
        pytest.param(datetime(2027, 6, 1, tzinfo=UTC), True, id="long after"),
    ],
)
def test_promises_that_will_be_made_have_to_be_due_on_known_days(now: datetime, early: bool) -> None:
    """In the calendar's own open time, `NOTICE` before the first one that is not."""
    assert ends_early(DESK, PROMISE.target, None, now) is early


@pytest.mark.parametrize(
    ("deadline", "early"),
    [
        pytest.param(datetime(2027, 1, 1, tzinfo=SHANGHAI) - SECOND, False, id="on the last known day"),
        pytest.param(datetime(2027, 1, 1, tzinfo=SHANGHAI), True, id="on the first unknown one"),
    ],
)
def test_deadlines_that_run_have_to_lie_on_known_days(deadline: datetime, early: bool) -> None:
    """Also where nothing more is promised by the calendar."""
    assert ends_early(DESK, None, deadline, LONG_AGO) is early


def test_a_calendar_that_nobody_uses_or_that_has_no_holidays_may_end() -> None:
    """Nobody is asked for what changes nothing."""
    assert not ends_early(DESK, None, None, LAST_MOMENT + NOTICE)
    assert not ends_early(always_open(), 48 * HOUR, LAST_MOMENT, LAST_MOMENT)
    never = replace(DESK, plans=(WeekPlan(date(2026, 1, 1), (CLOSED,) * 7),))
    assert ends_early(never, HOUR, None, LONG_AGO), "a promise that is never due asks for a person too"


@pytest.fixture
def uow(engine: AsyncEngine, empty_database: str) -> SqlUnitOfWorkFactory:
    """Units of work on an empty database."""
    return SqlUnitOfWorkFactory(engine)


@pytest.fixture
def watch(uow: SqlUnitOfWorkFactory) -> WatchCalendars:
    """A watch that has not looked yet."""
    return WatchCalendars(uow, TimeOrderedIds())


async def add(uow: SqlUnitOfWorkFactory, calendar: ServiceCalendar) -> None:
    """Another version, without a look at horizons."""
    async with uow() as work:
        await work.timeliness.add_calendar(calendar, OPERATIONS, LONG_AGO)
        await work.commit()


async def promise_by_desk(uow: SqlUnitOfWorkFactory) -> None:
    """One supplier's reviews are counted by the desk's hours from now on."""
    policy = TimelinessPolicy(promises={Metric.REVIEW: PROMISE})
    async with uow() as work:
        await work.timeliness.publish(policy, "supplier-1", OPERATIONS, LONG_AGO)
        await work.commit()


async def tasks(uow: SqlUnitOfWorkFactory, status: TaskStatus) -> Sequence[OperationsTask]:
    """What asks for holidays."""
    async with uow() as work:
        page = await work.tasks.page(TaskFilter(TaskKind.CALENDAR_ENDS, status), 10, None)
    return page.items


async def test_a_task_is_opened_once_and_resolved_by_a_version_that_reaches_further(
    uow: SqlUnitOfWorkFactory, watch: WatchCalendars
) -> None:
    """However often the watch looks; nobody has to close it by hand."""
    await add(uow, DESK)
    await promise_by_desk(uow)
    await watch(LAST_MOMENT)
    assert await tasks(uow, TaskStatus.OPEN) == ()
    for hours in (1, 2, 3):
        await watch(LAST_MOMENT + hours * EVERY)
    (task,) = await tasks(uow, TaskStatus.OPEN)
    assert (task.subject, task.facts["known_until"]) == ("desk", "2026-12-31")
    await add(uow, replace(DESK, known_until=date(2027, 12, 31)))
    await watch(LAST_MOMENT + 4 * EVERY)
    assert await tasks(uow, TaskStatus.OPEN) == ()
    (done,) = await tasks(uow, TaskStatus.RESOLVED)
    assert (done.resolved_by, done.note) == ("system:calendars", "version 2 reaches far enough")


async def test_a_clock_that_runs_into_unknown_days_is_seen(
    uow: SqlUnitOfWorkFactory, watch: WatchCalendars
) -> None:
    """Although no policy names its calendar any more."""
    await add(uow, DESK)
    begun = datetime(2026, 12, 31, 9, tzinfo=SHANGHAI).astimezone(UTC)
    clock = Clock(
        ClockKey(Metric.REVIEW, "AS1"),
        "O1",
        "supplier-1",
        1,
        CalendarVersion("desk", 1),
        16 * HOUR,
        (ClockEvent("submitted", ClockEventKind.START, begun),),
    )
    async with uow() as work:
        await work.clocks.write([TimedClock(clock, standing(clock, DESK, TimelinessPolicy()))])
        await work.commit()
    await watch(begun)
    (task,) = await tasks(uow, TaskStatus.OPEN)
    assert task.subject == "desk"


async def test_it_looks_once_an_hour(
    uow: SqlUnitOfWorkFactory, watch: WatchCalendars, engine: AsyncEngine
) -> None:
    """The sweep calls it twice a minute, and finds what became true with the next look."""
    sweep = Sweep(ScriptedEngine(), uow, calendars=watch)
    await add(uow, DESK)
    await sweep(LAST_MOMENT + SECOND)
    await promise_by_desk(uow)
    await sweep(LAST_MOMENT + EVERY)
    assert await tasks(uow, TaskStatus.OPEN) == ()
    await sweep(LAST_MOMENT + SECOND + EVERY)
    async with engine.connect() as connection:
        counted = await connection.execute(select(func.count()).select_from(operations_tasks))
        assert counted.scalar_one() == 1
