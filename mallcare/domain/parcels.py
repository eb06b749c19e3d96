"""Goods of a request on their way: one parcel for each purpose, and what its carrier reported of it.

The goods are a record of their own, beside the state of the request and of its refund legs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType, ParcelPurpose


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with its waybill. The three instants are folded from the carrier's reports in any order.

    `moved_at`: the latest report of movement. `abnormal_at`: the latest exception. `signed_at`: the
    first delivery.
    """

    purpose: ParcelPurpose
    carrier: str
    waybill: str
    sent_at: datetime
    moved_at: datetime | None = None
    abnormal_at: datetime | None = None
    signed_at: datetime | None = None
    former_waybills: tuple[str, ...] = ()
    """Of parcels sent before for the same purpose: news of them is the request's too, and moves nothing."""

    @property
    def waybills(self) -> tuple[str, ...]:
        """Its own, after those of the parcels it replaced."""
        return (*self.former_waybills, self.waybill)

    @property
    def tracked(self) -> bool:
        """The carrier was heard of at all."""
        return self.heard_at is not None

    @property
    def heard_at(self) -> datetime | None:
        """The carrier's latest word, by the time it happened."""
        known = [at for at in (self.moved_at, self.abnormal_at, self.signed_at) if at is not None]
        return max(known, default=None)

    @property
    def abnormal(self) -> bool:
        """An exception is the last that was heard; movement or delivery after it ends it."""
        if self.abnormal_at is None or self.signed_at is not None:
            return False
        return self.moved_at is None or self.moved_at < self.abnormal_at


def track(parcel: Parcel, events: Iterable[OrderEvent]) -> Parcel:
    """The parcel after its carrier's reports; the same for every order and repetition of them."""
    for event in events:
        if event.type not in PARCEL_EVENTS:
            continue
        at = event.occurred_at
        if event.type is OrderEventType.EXCEPTION:
            parcel = replace(parcel, abnormal_at=max(at, parcel.abnormal_at or at))
            continue
        parcel = replace(parcel, moved_at=max(at, parcel.moved_at or at))
        if event.type is OrderEventType.DELIVERED:
            parcel = replace(parcel, signed_at=min(at, parcel.signed_at or at))
    return parcel
