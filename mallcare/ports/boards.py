"""What the live board reads: counts of clocks, the rows behind them, and word of what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from mallcare.domain.boards import Age, ClockState, Cohort, Period
from mallcare.domain.clocks import CalendarVersion, Clock, ClockKey, Standing
from mallcare.domain.metrics import Figure, Metric
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.ports.clocks import PlannedReminder, StoredClock
from mallcare.ports.engine import EngineUnavailable
from mallcare.ports.queries import Page


@dataclass(frozen=True, slots=True)
class OpenClocks:
    """Open clocks of a metric and a supplier, by state and by age.

    `longest_overdue_at`: the earliest deadline that passed. `overdue_before`: those of `overdue` whose
    deadline had passed at the earlier instant already.
    """

    metric: Metric
    supplier_id: str
    states: Mapping[ClockState, int]
    ages: Mapping[Age, int]
    longest_overdue_at: datetime | None
    overdue_before: int


@dataclass(frozen=True, slots=True)
class CohortDay:
    """Clocks of a metric that were due on a local day, and how long those took that were met or breached."""

    metric: Metric
    day: date
    cohort: Cohort
    p50: timedelta | None
    p90: timedelta | None


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which clocks to list; None does not restrict.

    `as_of`: the instant that states and ages refer to. `due_in`: only clocks due on these days. `age`: only
    open ones of it.
    """

    metrics: tuple[Metric, ...]
    states: tuple[ClockState, ...]
    as_of: datetime
    supplier_id: str | None = None
    age: Age | None = None
    due_in: Period | None = None


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A clock without its events, as lists show it."""

    clock_id: int
    key: ClockKey
    order_no: str
    supplier_id: str
    policy_version: int
    calendar: CalendarVersion
    target: timedelta
    standing: Standing
    alarmed_at: datetime | None
    breach_recorded_at: datetime | None

    @property
    def corrected(self) -> bool:
        """It was seen broken, and a late report made it another end than that."""
        ended = self.standing.outcome
        return self.breach_recorded_at is not None and ended is not None and ended.value != "breached"


@dataclass(frozen=True, slots=True)
class ClockInFull:
    """A clock with its events, as it is stored, and the reminders of it."""

    record: ClockRecord
    clock: Clock
    reminders: tuple[tuple[PlannedReminder, str], ...]
    """Each with its state."""


KEPT_AT_ONCE = 24
"""Days of metrics that one unit of work counts: four days of six, some seconds in the largest mall."""


class Boards(Protocol):
    """Reads of the board. All but `keep_days` change nothing."""

    async def freeze(self) -> None:
        """Let everything read from here on be of one instant. Only as the first word of a unit of work."""
        ...

    async def open_clocks(self, supplier_id: str | None, now: datetime, before: datetime) -> list[OpenClocks]:
        """Open clocks of every metric and supplier that has any."""
        ...

    async def overdue_subjects(self, supplier_id: str | None, now: datetime) -> Mapping[Figure, int]:
        """Distinct orders or requests among the overdue clocks of each figure."""
        ...

    async def ended_overdue(self, supplier_id: str | None, before: datetime) -> Mapping[Metric, int]:
        """Clocks that ended after an instant, at which their deadline had passed."""
        ...

    async def paused_overdue(self, supplier_id: str | None, before: datetime) -> list[StoredClock]:
        """Clocks that may have been overdue at an instant, which their columns do not tell: they ran beyond
        their target and were paused since."""
        ...

    async def cohorts(self, supplier_id: str | None, period: Period) -> list[CohortDay]:
        """Ended clocks by metric and local day they were due on; days without any are left out."""
        ...

    async def compliance(self, period: Period) -> Mapping[tuple[str, Metric], Cohort]:
        """Ended clocks that were due in a period, by supplier and metric."""
        ...

    async def open_by_day(self, supplier_id: str | None, period: Period) -> Mapping[tuple[Metric, date], int]:
        """Running clocks by metric and local day they are due on."""
        ...

    async def breaches(self, supplier_id: str | None, since: datetime, limit: int) -> list[ClockRecord]:
        """Clocks whose breach was recorded since an instant, the latest first."""
        ...

    async def rows(
        self, where: RowFilter, limit: int, cursor: str | None
    ) -> tuple[Page[ClockRecord], datetime]:
        """Earliest deadline first, those without one last; and the instant all pages of the list refer to.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...

    async def unresolved_tasks(self) -> Mapping[tuple[TaskKind, TaskStatus], int]:
        """Operations tasks that still ask for a person."""
        ...

    async def clocks_of(
        self, subjects: Sequence[str], supplier_id: str | None, limit: int
    ) -> list[ClockRecord]:
        """Clocks of orders and requests, in the order of their keys."""
        ...

    async def requests_of(self, order_no: str) -> list[str]:
        """Numbers of an order's after-sales requests."""
        ...

    async def clock(self, clock_id: int) -> ClockInFull | None:
        """One clock with all that is known of it."""
        ...

    async def days_to_keep(self, period: Period) -> int:
        """Closed days of metrics in a period whose counts are not kept, or were changed since."""
        ...

    async def keep_days(self, period: Period) -> None:
        """Count closed days of a period anew and keep them, where that is needed; nobody is waited for.

        At most `KEPT_AT_ONCE` days of metrics, the newest first: more of them are for the next unit of work.
        """
        ...


@dataclass(frozen=True, slots=True)
class BoardChange:
    """Something of the board changed. `missed`: what was told before may be incomplete; read all anew."""

    pairs: frozenset[tuple[str, Metric]] = frozenset()
    """Supplier and metric."""
    missed: bool = False


class TooManyListeners(EngineUnavailable):
    """This process has as many listeners as it allows, or is going away."""


class BoardChanges(Protocol):
    """Tells what changes, as long as somebody listens."""

    def listen(self, supplier_id: str | None) -> AbstractAsyncContextManager[AsyncIterator[BoardChange]]:
        """Changes of a supplier, or of all: at most one a second, ending when the process stops.

        Raises:
            TooManyListeners
        """
        ...

    def stop(self) -> None:
        """End all streams: the process goes away."""
        ...
