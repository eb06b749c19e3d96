"""Versions of policies and calendars in PostgreSQL: who has which, and how long a process may think so."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.calendars import ALL_DAY, CLOSED, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.clocks import CalendarVersion
from mallcare.domain.errors import NotFound
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.domain.builders import OPERATIONS, PLACED_AT

STRICT = TimelinessPolicy(promises={Metric.REVIEW: Promise(timedelta(hours=4), "desk")}, daily_when_zero=True)
DESK = ServiceCalendar(
    "desk",
    1,
    ZoneInfo("Asia/Shanghai"),
    (WeekPlan(date(2026, 1, 1), (ALL_DAY,) * 5 + (CLOSED,) * 2),),
    {date(2026, 10, 1): CLOSED},
    known_until=date(2026, 12, 31),
)


class Hand:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    """The cache's clock."""
    return Hand()


@pytest.fixture
def uow(engine: AsyncEngine, empty_database: str, hand: Hand) -> SqlUnitOfWorkFactory:
    """Units of work of one process, its cache on `hand`."""
    return SqlUnitOfWorkFactory(engine, timeliness_cache=TimelinessCache(monotonic=hand, room=3))


async def publish(uow: SqlUnitOfWorkFactory, policy: TimelinessPolicy, supplier_id: str | None) -> int:
    """One more version, committed."""
    async with uow() as work:
        version = await work.timeliness.publish(policy, supplier_id, OPERATIONS, PLACED_AT)
        await work.commit()
    return version


async def add(uow: SqlUnitOfWorkFactory, calendar: ServiceCalendar) -> int:
    """One more version, committed."""
    async with uow() as work:
        version = await work.timeliness.add_calendar(calendar, OPERATIONS, PLACED_AT)
        await work.commit()
    return version


async def current(uow: SqlUnitOfWorkFactory, supplier_id: str) -> TimelinessPolicy:
    """What clocks of a supplier are started under."""
    async with uow() as work:
        return await work.timeliness.current(supplier_id)


async def newest(uow: SqlUnitOfWorkFactory, calendar_id: str = "desk") -> ServiceCalendar:
    """What clocks are started with."""
    async with uow() as work:
        return await work.timeliness.newest_calendar(calendar_id)


async def test_the_first_versions_are_there_from_the_start(uow: SqlUnitOfWorkFactory) -> None:
    """The migrations publish the domain's defaults for all suppliers, and a calendar without nights."""
    assert await current(uow, "anybody") == TimelinessPolicy(version=1)
    assert await newest(uow, "24x7") == always_open()


async def test_a_suppliers_own_policy_beats_a_newer_one_for_all(
    uow: SqlUnitOfWorkFactory, hand: Hand
) -> None:
    """Others get the newest for all; each version stays what it was, and of each one is in force."""
    own = await publish(uow, STRICT, "s1")
    general = await publish(uow, replace(STRICT, daily_when_zero=False), None)
    assert await current(uow, "s1") == replace(STRICT, version=own)
    assert (await current(uow, "s2")).version == general
    async with uow() as work:
        assert await work.timeliness.version(own) == replace(STRICT, version=own)
        assert await work.timeliness.version(1) == TimelinessPolicy()
        assert {policy.version for policy in await work.timeliness.in_force()} == {own, general}
        told = await work.timeliness.published_policy(own)
        assert (told.supplier_id, told.created_by) == ("s1", "operations:operations-1")
        for reading in (work.timeliness.version, work.timeliness.published_policy):
            with pytest.raises(NotFound):
                await reading(10**6)


async def test_versions_of_a_calendar_are_numbered_one_after_the_other(uow: SqlUnitOfWorkFactory) -> None:
    """Whatever number they say; old ones stay what they were."""
    assert await add(uow, replace(DESK, version=7)) == 1
    wider = replace(DESK, known_until=date(2027, 12, 31))
    assert await add(uow, wider) == 2
    assert await newest(uow) == replace(wider, version=2)
    async with uow() as work:
        assert await work.timeliness.calendar(CalendarVersion("desk", 1)) == DESK
        published = await work.timeliness.published_calendars()
        assert [one.calendar.calendar_id for one in published] == ["24x7", "desk"]
        assert published[1].calendar == replace(wider, version=2)
        with pytest.raises(NotFound):
            await work.timeliness.calendar(CalendarVersion("desk", 3))
        with pytest.raises(NotFound):
            await work.timeliness.newest_calendar("unheard-of")


async def test_two_that_add_a_version_at_once_both_do(uow: SqlUnitOfWorkFactory) -> None:
    """The second waits for the first and gets the next number."""
    async with uow() as first:
        assert await first.timeliness.add_calendar(DESK, OPERATIONS, PLACED_AT) == 1
        second = asyncio.create_task(add(uow, DESK))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(second), 0.2)
        await first.commit()
    assert await second == 2


async def test_news_of_another_process_is_seen_after_a_second(
    uow: SqlUnitOfWorkFactory, engine: AsyncEngine, hand: Hand
) -> None:
    """What is newest is believed for a second and no longer."""
    other = SqlUnitOfWorkFactory(engine)
    await add(other, DESK)
    assert (await current(uow, "s1")).version == 1
    assert (await newest(uow)).version == 1
    version = await publish(other, STRICT, None)
    await add(other, DESK)
    assert ((await current(uow, "s1")).version, (await newest(uow)).version) == (1, 1)
    hand.seconds += 1.0
    assert ((await current(uow, "s1")).version, (await newest(uow)).version) == (version, 2)


async def test_what_was_taken_back_is_not_remembered(uow: SqlUnitOfWorkFactory) -> None:
    """Who published sees it at once; when it is taken back nobody else ever did."""
    async with uow() as work:
        version = await work.timeliness.publish(STRICT, "s1", OPERATIONS, PLACED_AT)
        number = await work.timeliness.add_calendar(DESK, OPERATIONS, PLACED_AT)
        assert (await work.timeliness.current("s1")).version == version
        assert (await work.timeliness.version(version)).daily_when_zero
        assert (await work.timeliness.newest_calendar("desk")).version == number
        assert (await work.timeliness.calendar(CalendarVersion("desk", number))) == DESK
    async with uow() as work:
        assert (await work.timeliness.current("s1")).version == 1
        with pytest.raises(NotFound):
            await work.timeliness.version(version)
        with pytest.raises(NotFound):
            await work.timeliness.calendar(CalendarVersion("desk", number))


async def test_a_full_cache_begins_anew(uow: SqlUnitOfWorkFactory) -> None:
    """More suppliers than it has room for are answered all the same."""
    own = await publish(uow, STRICT, "s4")
    versions = [(await current(uow, f"s{n}")).version for n in range(6)]
    assert versions == [1, 1, 1, 1, own, 1]
