"""What crosses Temporal about a reconciliation: a day and counts. Bills and amounts never do."""

from __future__ import annotations

from datetime import date

from mallcare.contracts.after_sales import Contract


class ReconcileInput(Contract):
    """Reconcile a vendor's day; no day: the one before the day the run was scheduled for, in Beijing."""

    provider: str
    day: date | None = None


class ReconcileDayInput(Contract):
    """One vendor's day."""

    provider: str
    day: date


class ReconcileReport(Contract):
    """What a day came to: rows on the bill, paid legs due on one, differences."""

    provider: str
    day: date
    billed: int = 0
    due: int = 0
    differences: int = 0
