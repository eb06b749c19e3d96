"""Clocks as rows: what was written comes back, in any number and any order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import (
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKey,
    Outcome,
    standing,
)
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TimedClock, shard_of

BEGIN = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
K = ClockEventKind


def clock(subject: str, *told: tuple[ClockEventKind, int], supplier: str = "supplier-1") -> Clock:
    """A shipment clock with events at so many hours after the begin."""
    events = tuple(ClockEvent(f"{kind}-{hours}", kind, BEGIN + hours * HOUR) for kind, hours in told)
    key = ClockKey(Metric.SHIPMENT, subject, "1")
    return Clock(key, subject, supplier, 1, CalendarVersion("24x7", 1), 48 * HOUR, events)


def timed(one: Clock) -> TimedClock:
    """With its standing by the default policy."""
    return TimedClock(one, standing(one, always_open(), TimelinessPolicy()))


async def test_what_was_written_comes_back(uow: SqlUnitOfWorkFactory) -> None:
    """Events, target, pins and what was done about it; in the order of the keys."""
    running = clock("O2", (K.START, 0), (K.PAUSE, 5), (K.RESUME, 7))
    late = clock("O1", (K.START, 0), (K.FULFIL, 50))
    async with uow() as unit:
        await unit.clocks.write([timed(running), timed(late)])
        await unit.commit()
    async with uow() as unit:
        assert await unit.clocks.of(["O1", "O2", "O3"]) == [late, running]


async def test_a_clock_written_again_replaces_itself(uow: SqlUnitOfWorkFactory) -> None:
    """A key is one clock, however often its cause is told."""
    first = clock("O1", (K.START, 0))
    shipped = first.having(ClockEvent("shipped", K.FULFIL, BEGIN + 3 * HOUR))
    for one in (first, first, shipped):
        async with uow() as unit:
            await unit.clocks.write([timed(one)])
            await unit.commit()
    async with uow() as unit:
        assert await unit.clocks.of(["O1"]) == [shipped]


async def test_due_clocks_come_longest_due_first_and_only_of_their_shard(uow: SqlUnitOfWorkFactory) -> None:
    """Twelve hours before the deadline is the first look of a promise of 48 hours."""
    mine, others = shard_of("supplier-1"), shard_of("supplier-2")
    assert mine != others
    early, late = clock("O2", (K.START, 0)), clock("O1", (K.START, 1))
    foreign = clock("O3", (K.START, 0), supplier="supplier-2")
    ended = clock("O4", (K.START, 0), (K.FULFIL, 1))
    async with uow() as unit:
        await unit.clocks.write([timed(one) for one in (late, early, foreign, ended)])
        await unit.commit()
    async with uow() as unit:
        assert await unit.clocks.next_look(mine) == BEGIN + 36 * HOUR
        assert await unit.clocks.due(mine, BEGIN + 36 * HOUR - timedelta(seconds=1), 10) == []
        due = await unit.clocks.due(mine, BEGIN + 37 * HOUR, 10)
        assert [one.clock.key.subject for one in due] == ["O2", "O1"]
        async with uow() as other:
            assert await other.clocks.due(mine, BEGIN + 37 * HOUR, 10) == []


@pytest.mark.parametrize(
    ("hours", "outcome"), [(48, Outcome.MET), (49, Outcome.BREACHED)], ids=["in time", "late"]
)
async def test_a_look_changes_nothing_but_what_it_did(
    uow: SqlUnitOfWorkFactory, hours: int, outcome: Outcome
) -> None:
    """Events that arrive meanwhile are not lost: the look writes three columns."""
    one = clock("O1", (K.START, 0), (K.FULFIL, hours))
    async with uow() as unit:
        await unit.clocks.write([timed(one)])
        await unit.commit()
    seen = Clock(
        **{
            **{name: getattr(one, name) for name in Clock.__slots__},
            "levels_done": 2,
            "breach_recorded_at": BEGIN,
            "events": (),
        }
    )
    async with uow() as unit:
        await unit.clocks.looked_at([TimedClock(seen, timed(one).standing)])
        await unit.commit()
    async with uow() as unit:
        (stored,) = await unit.clocks.of(["O1"])
    assert (stored.levels_done, stored.breach_recorded_at, stored.events) == (2, BEGIN, one.events)
    assert timed(stored).standing.outcome is outcome
