"""What happened to an order's parcels, folded from events that come in any order and more than once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One report of the mall. `line_ids` None means the whole order."""

    event_id: str
    type: OrderEventType
    occurred_at: datetime
    waybill: str | None = None
    carrier: str | None = None
    line_ids: tuple[str, ...] | None = None
    refunded_lines: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """The folded state: the same for every permutation and repetition of the same events."""

    first_parcel_at: datetime | None = None
    shipped_at: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    delivered_at: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    closed_at: datetime | None = None

    def under_way(self, line_ids: Iterable[str]) -> bool:
        """Some of the lines left the supplier and did not arrive yet."""
        return any(line_id in self.shipped_at and line_id not in self.delivered_at for line_id in line_ids)

    def delivered_in_full_at(self, line_ids: Iterable[str]) -> datetime | None:
        """When the last of the lines was delivered, None while one of them was not."""
        instants = [self.delivered_at.get(line_id) for line_id in line_ids]
        known = [instant for instant in instants if instant is not None]
        return max(known) if known and len(known) == len(instants) else None


def fold(events: Iterable[OrderEvent], line_ids: Iterable[str]) -> Fulfilment:
    """Fold events into where the order stands. The first delivery of a line counts."""
    lines = tuple(line_ids)
    first_parcel: datetime | None = None
    closed: datetime | None = None
    shipped: dict[str, datetime] = {}
    delivered: dict[str, datetime] = {}
    for event in events:
        covered = lines if event.line_ids is None else event.line_ids
        if event.type in PARCEL_EVENTS:
            first_parcel = _earlier(first_parcel, event.occurred_at)
            for line_id in covered:
                shipped[line_id] = _earlier(shipped.get(line_id), event.occurred_at)
        if event.type is OrderEventType.CLOSED:
            closed = _earlier(closed, event.occurred_at)
        if event.type is OrderEventType.DELIVERED:
            for line_id in covered:
                delivered[line_id] = _earlier(delivered.get(line_id), event.occurred_at)
    return Fulfilment(
        first_parcel_at=first_parcel, shipped_at=shipped, delivered_at=delivered, closed_at=closed
    )


def _earlier(known: datetime | None, other: datetime) -> datetime:
    return other if known is None or other < known else known


def after_sales_until(
    fulfilment: Fulfilment, line_ids: Iterable[str], window: timedelta, extended_until: datetime | None
) -> datetime | None:
    """End of the customer's entry (half-open), None while it is open without an end.

    It is open before the last line is delivered, then for `window`; an extension (A5) counts
    where it ends later.
    """
    delivered = fulfilment.delivered_in_full_at(line_ids)
    if delivered is None:
        return None
    regular = delivered + window
    return regular if extended_until is None else max(regular, extended_until)
