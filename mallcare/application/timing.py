"""Starting and writing clocks: each pinned to the policy and the calendar of the moment it starts (T2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockKey, standing
from mallcare.ports import TimedClock, UnitOfWork


@dataclass(frozen=True, slots=True)
class Owed:
    """A promise that is made now: what it is about, and who owes it."""

    key: ClockKey
    order_no: str
    supplier_id: str


async def new_clock(
    uow: UnitOfWork, owed: Owed, events: Sequence[ClockEvent], alarmed_at: datetime | None = None
) -> Clock:
    """A clock by the supplier's present policy; it keeps that version and the calendar's for ever."""
    policy = await uow.timeliness.current(owed.supplier_id)
    promise = policy.promise(owed.key.metric)
    calendar = await uow.timeliness.newest_calendar(promise.calendar_id)
    return Clock(
        key=owed.key,
        order_no=owed.order_no,
        supplier_id=owed.supplier_id,
        policy_version=policy.version,
        calendar=CalendarVersion(calendar.calendar_id, calendar.version),
        target=promise.target,
        events=tuple(events),
        alarmed_at=alarmed_at,
    )


async def write_clocks(uow: UnitOfWork, clocks: Iterable[Clock]) -> None:
    """Store clocks with what their events fold to, in one statement."""
    timed: list[TimedClock] = []
    for clock in clocks:
        calendar = await uow.timeliness.calendar(clock.calendar)
        policy = await uow.timeliness.version(clock.policy_version)
        timed.append(TimedClock(clock, standing(clock, calendar, policy)))
    await uow.clocks.write(timed)
