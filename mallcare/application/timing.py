"""Starting and writing clocks: each pinned to the policy and the calendar of the moment it starts (T2)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockKey, standing
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.ports import TimedClock, UnitOfWork


@dataclass(frozen=True, slots=True)
class Owed:
    """A promise that is made now: what it is about, and who owes it."""

    key: ClockKey
    order_no: str
    supplier_id: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a promise is counted by, for ever."""

    policy: TimelinessPolicy
    calendar: CalendarVersion


async def present_rules(uow: UnitOfWork, supplier_id: str, metric: Metric) -> Rules:
    """The supplier's present policy, and the newest version of the calendar it counts a metric with."""
    policy = await uow.timeliness.current(supplier_id)
    calendar = await uow.timeliness.newest_calendar(policy.promise(metric).calendar_id)
    return Rules(policy, CalendarVersion(calendar.calendar_id, calendar.version))


def clock_by(
    rules: Rules, owed: Owed, events: Sequence[ClockEvent], alarmed_at: datetime | None = None
) -> Clock:
    """A clock that keeps these rules for ever."""
    return Clock(
        key=owed.key,
        order_no=owed.order_no,
        supplier_id=owed.supplier_id,
        policy_version=rules.policy.version,
        calendar=rules.calendar,
        target=rules.policy.promise(owed.key.metric).target,
        events=tuple(events),
        alarmed_at=alarmed_at,
    )


async def new_clock(uow: UnitOfWork, owed: Owed, events: Sequence[ClockEvent]) -> Clock:
    """A clock by the present rules."""
    return clock_by(await present_rules(uow, owed.supplier_id, owed.key.metric), owed, events)


async def write_clocks(uow: UnitOfWork, clocks: Iterable[Clock]) -> None:
    """Store clocks with what their events fold to, in one statement."""
    timed: list[TimedClock] = []
    for clock in clocks:
        calendar = await uow.timeliness.calendar(clock.calendar)
        policy = await uow.timeliness.version(clock.policy_version)
        timed.append(TimedClock(clock, standing(clock, calendar, policy)))
    await uow.clocks.write(timed)
