"""Comparing a payment vendor's daily bill with our refund legs: what differs, and how (日终对账).

The vendor dates a refund somewhere between our asking for it and our learning that it was paid, so
no leg belongs to a day by its own clock alone. Two rules make up for that:

- A leg is *due* on the day on which we learned of its success, with days that begin and end
  `TOLERANCE` early: by then its refund stands on that day's bill or on one of the days before. Every
  paid leg is due on exactly one day, so none slips between two bills.
- A due leg that is not on its day's bill is looked for on the bills of `days_to_search`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from enum import StrEnum
from typing import Final

from mallcare.domain.vocabulary import LegStatus

BEIJING: Final = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The bills' days are Beijing's; there has been no summer time since 1991."""
TOLERANCE: Final = timedelta(minutes=5)
"""How far the vendor's clock and ours may be apart."""
MOST_DAYS_BACK: Final = 31
"""A leg that was under way for longer is looked for on no more days than these."""


class DifferenceKind(StrEnum):
    """How a bill and our books can disagree about a refund number."""

    MISSING_AT_VENDOR = "missing_at_vendor"  # we say paid, no bill has it
    MISSING_HERE = "missing_here"  # billed, but no leg of ours
    AMOUNT_DIFFERS = "amount_differs"
    DOUBLED = "doubled"  # billed more than once, or again after the day we knew it to be paid
    STATUS_DIFFERS = "status_differs"  # paid for one side only


@dataclass(frozen=True, slots=True)
class BilledRefund:
    """A line of a bill. `status` is the vendor's own word, `paid` what it means."""

    refund_no: str
    amount_fen: int
    paid: bool
    status: str


@dataclass(frozen=True, slots=True)
class BookedRefund:
    """A refund leg as our books have it. `settled_at`: when we learned of its end; None while open."""

    refund_no: str
    after_sales_no: str
    amount_fen: int
    status: LegStatus
    created_at: datetime
    settled_at: datetime | None

    @property
    def paid(self) -> bool:
        """The money is back with the customer, as far as we know."""
        return self.status is LegStatus.SUCCEEDED


@dataclass(frozen=True, slots=True)
class BillDay:
    """One day of a vendor's bills."""

    day: date

    @property
    def starts_at(self) -> datetime:
        """From here on, legs that are paid are due on this day."""
        return datetime.combine(self.day, time(), BEIJING) - TOLERANCE

    @property
    def ends_at(self) -> datetime:
        """Legs paid from here on are due on the day after."""
        return self.starts_at + timedelta(days=1)

    def due(self, leg: BookedRefund) -> bool:
        """By now the leg must have been on a bill: this day's, or an earlier one's."""
        return leg.paid and leg.settled_at is not None and self.starts_at <= leg.settled_at < self.ends_at

    def paid_before(self, leg: BookedRefund) -> bool:
        """We knew of the leg's success before this day began."""
        return leg.paid and leg.settled_at is not None and leg.settled_at < self.starts_at

    def paid_by_its_end(self, leg: BookedRefund) -> bool:
        """We knew of the leg's success before this day ended."""
        return leg.paid and leg.settled_at is not None and leg.settled_at < self.ends_at


@dataclass(frozen=True, slots=True)
class Difference:
    """One disagreement about one refund number. Amounts in fen; a side that does not know it is empty."""

    kind: DifferenceKind
    refund_no: str
    after_sales_no: str | None = None
    our_fen: int | None = None
    our_status: str | None = None
    billed_fen: tuple[int, ...] = field(default=())
    billed_status: tuple[str, ...] = field(default=())


def compare(
    day: BillDay,
    bill: Sequence[BilledRefund],
    legs: Iterable[BookedRefund],
    elsewhere: Collection[str] = (),
) -> tuple[Difference, ...]:
    """Every disagreement between the bill of a day and our books, whatever the order of either.

    Args:
        bill: all rows of the day, of one merchant.
        legs: every leg that a row names, and every leg that is due on the day; further ones do no harm.
        elsewhere: refund numbers found on the bills of `days_to_search`.

    Returns:
        At most one difference of each kind for a refund number, ordered by number and kind.
    """
    rows: defaultdict[str, list[BilledRefund]] = defaultdict(list)
    for row in bill:
        rows[row.refund_no].append(row)
    ours = {leg.refund_no: leg for leg in legs}
    found = [
        _difference(kind, no, rows[no], ours.get(no)) for no in rows for kind in _of(day, rows, ours, no)
    ]
    found += [
        _difference(DifferenceKind.MISSING_AT_VENDOR, no, [], leg)
        for no, leg in ours.items()
        if day.due(leg) and no not in rows and no not in elsewhere
    ]
    return tuple(sorted(found, key=lambda difference: (difference.refund_no, difference.kind)))


def days_to_search(
    day: BillDay, bill: Iterable[BilledRefund], legs: Iterable[BookedRefund]
) -> tuple[date, ...]:
    """The earlier days, newest first, whose bills may have the due legs that this day's has not."""
    billed = {row.refund_no for row in bill}
    late = [leg.created_at for leg in legs if day.due(leg) and leg.refund_no not in billed]
    if not late:
        return ()
    first = (min(late) - TOLERANCE).astimezone(BEIJING).date()
    back = min((day.day - first).days, MOST_DAYS_BACK)
    return tuple(day.day - timedelta(days=n) for n in range(1, back + 1))


def _of(
    day: BillDay,
    rows: Mapping[str, Sequence[BilledRefund]],
    ours: Mapping[str, BookedRefund],
    refund_no: str,
) -> list[DifferenceKind]:
    """What is wrong about a number that is on the bill."""
    billed, leg = rows[refund_no], ours.get(refund_no)
    paid = any(row.paid for row in billed)
    kinds: list[DifferenceKind] = []
    if len(billed) > 1 or (paid and leg is not None and day.paid_before(leg)):
        kinds.append(DifferenceKind.DOUBLED)
    if leg is None:
        return [*kinds, DifferenceKind.MISSING_HERE]
    if any(row.amount_fen != leg.amount_fen for row in billed):
        kinds.append(DifferenceKind.AMOUNT_DIFFERS)
    if not leg.paid if paid else day.paid_by_its_end(leg):
        kinds.append(DifferenceKind.STATUS_DIFFERS)
    return kinds


def _difference(
    kind: DifferenceKind, refund_no: str, billed: Sequence[BilledRefund], leg: BookedRefund | None
) -> Difference:
    return Difference(
        kind,
        refund_no,
        after_sales_no=leg.after_sales_no if leg else None,
        our_fen=leg.amount_fen if leg else None,
        our_status=leg.status.value if leg else None,
        billed_fen=tuple(sorted(row.amount_fen for row in billed)),
        billed_status=tuple(sorted(row.status for row in billed)),
    )
