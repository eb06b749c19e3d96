"""The live board's words: in which state a clock counts, how old it is, and what a cohort comes to (T2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import Clock, Outcome, Standing, due, read
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import METRICS_OF, Figure, Metric
from mallcare.domain.reconciliation import BEIJING

ENOUGH = 20
"""A rate or a percentile of fewer clocks says little, and is shown in grey."""
A_DAY = timedelta(days=1)
LONGEST_PERIOD = 92
"""Days of cohorts that a board shows at most."""


class ClockState(StrEnum):
    """Where a clock counts at an instant; every clock that ever ran is in exactly one."""

    OVERDUE = "overdue"
    """Open beyond its deadline."""
    AT_RISK = "at_risk"
    """Open, near its deadline or alarmed, and not beyond it."""
    RUNNING = "running"
    """Open, with time left; also one whose calendar never opens for long enough."""
    PAUSED = "paused"
    """Open, and nobody waits at present."""
    MET = "met"
    BREACHED = "breached"
    VOID = "void"


OPEN_STATES = (ClockState.OVERDUE, ClockState.AT_RISK, ClockState.RUNNING, ClockState.PAUSED)
ENDED_STATES = (ClockState.MET, ClockState.BREACHED, ClockState.VOID)
STATE_OF: Mapping[Outcome, ClockState] = {
    Outcome.MET: ClockState.MET,
    Outcome.BREACHED: ClockState.BREACHED,
    Outcome.VOID: ClockState.VOID,
}


def state_at(standing: Standing, now: datetime) -> ClockState | None:
    """Where a clock counts now; None: it never began.

    Exactly at the deadline it is at risk, and overdue from the first instant beyond.
    """
    if standing.outcome is not None:
        return STATE_OF[standing.outcome]
    if standing.running_since is None:
        return ClockState.PAUSED if standing.started_at is not None else None
    if standing.due_at is not None and standing.due_at < now:
        return ClockState.OVERDUE
    if standing.at_risk_at is not None and standing.at_risk_at <= now:
        return ClockState.AT_RISK
    return ClockState.RUNNING


class Age(StrEnum):
    """How long ago an open clock was started, by the wall clock, in hours; each span without its end."""

    UNDER_12 = "0-12"
    UNDER_24 = "12-24"
    UNDER_48 = "24-48"
    UNDER_72 = "48-72"
    OLDER = "72-"

    @property
    def least(self) -> timedelta:
        """From here on."""
        return timedelta(hours=int(self.value.partition("-")[0]))

    @property
    def most(self) -> timedelta | None:
        """Up to here, this not included; None: without end."""
        hours = self.value.partition("-")[2]
        return timedelta(hours=int(hours)) if hours else None


@dataclass(frozen=True, slots=True)
class Period:
    """Local days of the mall, both included.

    Raises:
        InvalidInput: none, or more than 92.
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if not 0 <= (self.last - self.first).days < LONGEST_PERIOD:
            raise InvalidInput(f"a period has at least one day and at most {LONGEST_PERIOD}")

    @property
    def begins_at(self) -> datetime:
        """The local midnight it begins with."""
        return midnight(self.first)

    @property
    def ends_at(self) -> datetime:
        """The local midnight after it."""
        return midnight(self.last + A_DAY)


def local_day(instant: datetime) -> date:
    """The day of an instant where the mall is."""
    return instant.astimezone(BEIJING).date()


def midnight(day: date) -> datetime:
    """When a local day begins, in UTC."""
    return datetime.combine(day, time(), BEIJING).astimezone(UTC)


def last_days(now: datetime, days: int) -> Period:
    """So many local days, today the last of them."""
    today = local_day(now)
    return Period(today - (days - 1) * A_DAY, today)


def figure_of(metric: Metric) -> Figure:
    """The figure a metric counts in."""
    return next(figure for figure, metrics in METRICS_OF.items() if metric in metrics)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Clocks that were due in one period: how they ended. Void ones are left out of the rate."""

    met: int = 0
    breached: int = 0
    void: int = 0

    def __add__(self, other: Cohort) -> Cohort:
        return Cohort(self.met + other.met, self.breached + other.breached, self.void + other.void)

    @property
    def counted(self) -> int:
        """The denominator of the rate: met or breached."""
        return self.met + self.breached

    @property
    def per_mille(self) -> int | None:
        """Compliance in thousandths, rounded down: 1000 means that every one was met. None without any."""
        return 1_000 * self.met // self.counted if self.counted else None

    @property
    def enough(self) -> bool:
        """There are so many that the rate says something."""
        return self.counted >= ENOUGH


def was_overdue(clock: Clock, calendar: ServiceCalendar, at: datetime) -> bool:
    """Whether a clock was open and beyond its deadline at an earlier instant, by what is known now.

    Raises:
        Unreachable: the calendar never opens for so long.
    """
    reading = read((event for event in clock.events if event.at <= at), calendar)
    due_at = None if reading.ended else due(reading, calendar, clock.target)
    return due_at is not None and due_at < at
