"""Daily reconciliation: whose bills there are, what is kept of each day, and who runs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from mallcare.domain.reconciliation import BillDay, BookedRefund, Difference
from mallcare.ports.payment import RefundBills


@dataclass(frozen=True, slots=True)
class BilledMerchant:
    """Our account at a payment vendor that writes bills."""

    merchant: str
    bills: RefundBills


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """What comparing a day's bill with our legs came to.

    `due`: paid legs that had to be on a bill by then. `by_kind` counts all differences; `differences`
    may end earlier.
    """

    billed: int
    due: int
    by_kind: Mapping[str, int] = field(default_factory=dict[str, int])
    differences: tuple[Difference, ...] = ()

    @property
    def different(self) -> int:
        """How many differences there are."""
        return sum(self.by_kind.values())


@dataclass(frozen=True, slots=True)
class ReconciliationRun:
    """The newest reconciliation of a merchant's day.

    `result` None: it never came to an end. `failure_code`: why the newest attempt did not; an earlier
    result stays.
    """

    provider: str
    merchant: str
    day: date
    started_at: datetime
    finished_at: datetime | None = None
    failure_code: str | None = None
    result: ReconciledDay | None = None


class Reconciliations(Protocol):
    """Refund legs as reconciliation sees them, and what it found."""

    async def legs(self, provider: str, refund_nos: Collection[str], day: BillDay) -> list[BookedRefund]:
        """Legs of a provider with one of these numbers, and those due on the day."""
        ...

    async def finished(self, run: ReconciliationRun) -> None:
        """Keep a result in the place of the one the day had."""
        ...

    async def failed(self, run: ReconciliationRun) -> None:
        """Note that an attempt failed; a result of the day is kept beside it."""
        ...

    async def of_day(self, day: date) -> list[ReconciliationRun]:
        """Each merchant's, by provider and merchant."""
        ...


class Reconciler(Protocol):
    """Runs reconciliations in the background."""

    async def reconcile(self, provider: str, day: date) -> None:
        """Start the reconciliation of a day; one that runs already is left alone.

        Raises:
            EngineUnavailable
        """
        ...
