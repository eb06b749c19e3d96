"""Clocks of service promises: instances of a metric, folded from their events.

No counter is kept: elapsed time is the open time of the segments in which the clock ran, so that
repeated and late events give the same figure in any order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mallcare.domain.calendars import ServiceCalendar

NOTHING = timedelta(0)


class ClockEventKind(StrEnum):
    """What may happen to a clock."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    FULFIL = "fulfil"
    VOID = "void"


SAME_INSTANT = tuple(ClockEventKind)
"""The order of events of one instant: a pause that ends at once changes nothing."""


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

    Exactly the target is in time; a promise that was never begun cannot be broken.
    """
    if reading.void:
        return Outcome.VOID
    if elapsed(reading, calendar, now) > target:
        return Outcome.BREACHED
    return Outcome.MET if reading.ended else None
