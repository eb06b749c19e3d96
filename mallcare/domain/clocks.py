"""Clocks of service promises: instances of a metric, folded from their events.

No counter is kept: elapsed time is the open time of the segments in which the clock ran, so that
repeated and late events give the same figure in any order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from mallcare.domain.calendars import ServiceCalendar, Unreachable
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Promise, TimelinessPolicy

NOTHING = timedelta(0)
AN_INSTANT = timedelta(microseconds=1)
"""Exactly the target is in time; the first instant beyond is not."""


class ClockEventKind(StrEnum):
    """What may happen to a clock."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FULFIL = "fulfil"
    VOID = "void"


SAME_INSTANT = tuple(ClockEventKind)
"""The order of events of one instant: a pause that ends at once changes nothing."""
ENDS = frozenset({ClockEventKind.FULFIL, ClockEventKind.VOID})


@dataclass(frozen=True, slots=True)
class ClockEvent:
    """One event of a clock, once for each id."""

    event_id: str
    kind: ClockEventKind
    at: datetime


class Outcome(StrEnum):
    """How a promise ended."""

    MET = "met"
    BREACHED = "breached"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Reading:
    """Where a clock stands after its events.

    `elapsed`: open time of all segments that ended. `running_since`: begin of the one that runs.
    """

    started_at: datetime | None = None
    running_since: datetime | None = None
    elapsed: timedelta = NOTHING
    ended_at: datetime | None = None
    void: bool = False

    @property
    def ended(self) -> bool:
        """Fulfilled or void."""
        return self.ended_at is not None


def read(events: Iterable[ClockEvent], calendar: ServiceCalendar) -> Reading:
    """The reading after events in any order, repeated or not; what makes no sense changes nothing."""
    once = {event.event_id: event for event in events}
    reading = Reading()
    for event in sorted(once.values(), key=lambda e: (e.at, SAME_INSTANT.index(e.kind), e.event_id)):
        reading = _after(reading, event, calendar)
    return reading


def _after(reading: Reading, event: ClockEvent, calendar: ServiceCalendar) -> Reading:
    if reading.ended:
        return reading
    if event.kind is ClockEventKind.START:
        begun = reading.started_at is not None
        return reading if begun else replace(reading, started_at=event.at, running_since=event.at)
    if event.kind is ClockEventKind.RESUME:
        paused = reading.started_at is not None and reading.running_since is None
        return replace(reading, running_since=event.at) if paused else reading
    stopped = _stopped(reading, event.at, calendar)
    if event.kind is ClockEventKind.PAUSE:
        return stopped
    return replace(stopped, ended_at=event.at, void=event.kind is ClockEventKind.VOID)


def _stopped(reading: Reading, at: datetime, calendar: ServiceCalendar) -> Reading:
    if reading.running_since is None:
        return reading
    ran = calendar.open_time(reading.running_since, at)
    return replace(reading, running_since=None, elapsed=reading.elapsed + ran)


def elapsed(reading: Reading, calendar: ServiceCalendar, now: datetime) -> timedelta:
    """Open time counted against the promise so far."""
    return _stopped(reading, now, calendar).elapsed


def due(reading: Reading, calendar: ServiceCalendar, target: timedelta) -> datetime | None:
    """When the promise would be broken; None while the clock does not run.

    A clock that ran beyond its target before it was paused is due since it runs again.

    Raises:
        Unreachable: the calendar never opens for so long.
    """
    if reading.running_since is None:
        return None
    return calendar.add(reading.running_since, max(NOTHING, target - reading.elapsed))


def outcome(reading: Reading, calendar: ServiceCalendar, target: timedelta, now: datetime) -> Outcome | None:
    """How the promise ended, or that it is broken already; None while it can still be kept.

    Exactly the target is in time; a promise that was never begun cannot be broken. One that became void
    after it was broken stays broken: who refunds what they did not ship was late all the same.
    """
    if elapsed(reading, calendar, now) > target:
        return Outcome.BREACHED
    if reading.void:
        return Outcome.VOID
    return Outcome.MET if reading.ended else None


class ClockKey(NamedTuple):
    """Names a clock. `subject`: an order, or a request; `part`: a line, a parcel, or nothing."""

    metric: Metric
    subject: str
    part: str = ""
    seq: int = 1


class CalendarVersion(NamedTuple):
    """The calendar a clock counts with, for ever."""

    calendar_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise to one customer: its events, and what the timekeeper has done about it.

    `alarmed_at`: somebody said that something is wrong: at risk from there on. `levels_done`: rungs of the
    ladder that were reached. `breach_recorded_at`: when the timekeeper saw it broken; at most once,
    whatever late reports make of the figure afterwards.
    """

    key: ClockKey
    order_no: str
    supplier_id: str
    policy_version: int
    calendar: CalendarVersion
    target: timedelta
    events: tuple[ClockEvent, ...]
    alarmed_at: datetime | None = None
    levels_done: int = 0
    breach_recorded_at: datetime | None = None

    def having(self, *events: ClockEvent) -> Clock:
        """The clock with further events; an event that is known stays as it was told first."""
        told: dict[str, ClockEvent] = {}
        for event in (*self.events, *events):
            told.setdefault(event.event_id, event)
        return replace(self, events=tuple(told.values())) if len(told) > len(self.events) else self


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a clock stands by its events: kept beside it, so that boards and timekeepers need not fold.

    `due_at` and `at_risk_at`: None while it does not run. After its end `due_at` says when it would have
    been due, which is its cohort. `outcome`: None while it has not ended.
    """

    started_at: datetime | None
    running_since: datetime | None
    elapsed: timedelta
    due_at: datetime | None
    at_risk_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    next_at: datetime | None


def standing(clock: Clock, calendar: ServiceCalendar, policy: TimelinessPolicy) -> Standing:
    """Fold a clock with the calendar and the policy it is pinned to.

    `next_at`: when the timekeeper has to look at it: the next rung of the ladder, or its breach.
    """
    reading = read(clock.events, calendar)
    lived = _before_its_end(clock, reading, calendar)
    due_at = _due_or_never(lived, calendar, clock.target)
    ended = reading.ended_at
    return Standing(
        started_at=lived.started_at,
        running_since=reading.running_since,
        elapsed=reading.elapsed,
        due_at=due_at,
        at_risk_at=_at_risk_at(clock, reading, calendar) if due_at is not None else None,
        ended_at=ended,
        outcome=outcome(reading, calendar, clock.target, ended) if ended else None,
        next_at=_next_look(clock, reading, calendar, policy, due_at),
    )


def _before_its_end(clock: Clock, reading: Reading, calendar: ServiceCalendar) -> Reading:
    """The reading just before a clock ended, running: by it, an ended clock has a time it was due at."""
    ended = reading.ended_at
    if ended is None:
        return reading
    starts = ClockEventKind.START
    lived = read(
        (e for e in clock.events if e.kind not in ENDS and (e.at <= ended or e.kind is starts)), calendar
    )
    if lived.started_at is None or lived.running_since is not None:
        return lived
    return replace(lived, running_since=ended)


def _at_risk_at(clock: Clock, reading: Reading, calendar: ServiceCalendar) -> datetime | None:
    if reading.running_since is None:
        return None
    margin = Promise(clock.target).risk_margin
    at = level_at(reading, calendar, clock.target, margin)
    if at is None or clock.alarmed_at is None:
        return at
    return min(at, max(clock.alarmed_at, reading.running_since))


def _due_or_never(reading: Reading, calendar: ServiceCalendar, target: timedelta) -> datetime | None:
    try:
        return due(reading, calendar, target)
    except Unreachable:
        return None


def level_at(
    reading: Reading, calendar: ServiceCalendar, target: timedelta, before: timedelta
) -> datetime | None:
    """When a running clock reaches a rung `before` its deadline; None: it does not run, or never gets there.

    A rung that lies before the clock began to run is reached when it begins.
    """
    if reading.running_since is None:
        return None
    try:
        return calendar.add(reading.running_since, max(NOTHING, target - before - reading.elapsed))
    except Unreachable:
        return None


def _next_look(
    clock: Clock,
    reading: Reading,
    calendar: ServiceCalendar,
    policy: TimelinessPolicy,
    due_at: datetime | None,
) -> datetime | None:
    if reading.ended or due_at is None:
        return None
    befores = [level.before for level in policy.ladder[clock.levels_done : clock.levels_done + 1]]
    if clock.breach_recorded_at is None:
        befores.append(-AN_INSTANT)  # in open time: when the calendar closes at the deadline, it opens first
    looks = [level_at(reading, calendar, clock.target, before) for before in befores]
    return min((at for at in looks if at is not None), default=None)
