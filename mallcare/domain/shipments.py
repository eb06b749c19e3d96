"""Clocks of shipping: one for each line of an order that its supplier has."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mallcare.domain.clocks import AN_INSTANT, Clock, ClockEvent, ClockEventKind
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType

RELEASED, SHIPPED, CLOSED, REMOVED = "released", "shipped", "closed", "removed"
REFUNDED = "refunded"
TOLD = frozenset({RELEASED, SHIPPED, CLOSED, REMOVED})
"""Ids of the events that follow from the order itself: made anew whenever it changes."""


@dataclass(frozen=True, slots=True)
class LineClaims:
    """What customers ask of a line that has not been shipped: of `quantity` units, how many are asked back,
    those refunded among them."""

    quantity: int
    asked_back: int = 0
    refunded: int = 0


NO_CLAIMS: Mapping[str, LineClaims] = {}
GONE = LineClaims(1)
"""Of a line that its order no longer has: nobody claims anything."""


@dataclass(frozen=True, slots=True)
class Shipping:
    """What an order says of its shipping: since when its supplier has it, and what carriers scanned."""

    released_at: datetime
    line_ids: Collection[str]
    scanned_at: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    closed_at: datetime | None = None


def first_scans(events: Iterable[OrderEvent], line_ids: Collection[str]) -> dict[str, datetime]:
    """When each line was first in its carrier's hands; an alarm alone is no scan."""
    scans: dict[str, datetime] = {}
    for event in events:
        if event.type not in PARCEL_EVENTS or event.type is OrderEventType.EXCEPTION:
            continue
        for line_id in line_ids if event.line_ids is None else event.line_ids:
            scans[line_id] = min(scans.get(line_id, event.occurred_at), event.occurred_at)
    return scans


def told_by_order(line_id: str, shipping: Shipping) -> tuple[ClockEvent, ...]:
    """What an order says of a line's clock: it runs from the release to the carrier's first scan.

    A closed order, or a line that a newer version of it no longer has, is void.
    """
    since = shipping.released_at
    events = [ClockEvent(RELEASED, ClockEventKind.START, since)]
    scanned_at = shipping.scanned_at.get(line_id)
    if scanned_at is not None:
        events.append(ClockEvent(SHIPPED, ClockEventKind.FULFIL, max(scanned_at, since)))
    if shipping.closed_at is not None:
        events.append(ClockEvent(CLOSED, ClockEventKind.VOID, max(shipping.closed_at, since)))
    if line_id not in shipping.line_ids:
        events.append(ClockEvent(REMOVED, ClockEventKind.VOID, since))
    return tuple(events)


def follow_order(clock: Clock, shipping: Shipping) -> Clock:
    """The clock after its order changed: what was told before is replaced, what customers did stays."""
    others = tuple(event for event in clock.events if event.event_id not in TOLD)
    return replace(clock, events=told_by_order(clock.key.part, shipping) + others)


def follow_claims(clock: Clock, claims: LineClaims, now: datetime) -> Clock:
    """The clock after a request or a refund changed what of the line is still to be shipped.

    Refunded in full: void. All that is left is asked back: it pauses, since nobody should ship what may be
    refunded; it goes on where the request ends without a refund.
    """
    events = [event for event in clock.events if event.event_id not in TOLD]
    if any(event.kind is ClockEventKind.VOID for event in events):
        return clock
    if claims.refunded >= claims.quantity:
        return clock.having(ClockEvent(REFUNDED, ClockEventKind.VOID, now))
    turns = [event for event in events if event.kind in (ClockEventKind.PAUSE, ClockEventKind.RESUME)]
    paused = bool(turns) and turns[-1].kind is ClockEventKind.PAUSE
    if (claims.asked_back >= claims.quantity) is paused:
        return clock
    kind = ClockEventKind.RESUME if paused else ClockEventKind.PAUSE
    return clock.having(ClockEvent(f"{kind.value}-{len(turns) + 1}", kind, _turned_at(clock, turns, now)))


def _turned_at(clock: Clock, turns: Collection[ClockEvent], now: datetime) -> datetime:
    """`now`, but after the turn before it: turns follow each other as they were decided, not as the clocks of
    those who decided them stood."""
    begun = [event.at for event in clock.events if event.kind is ClockEventKind.START]
    return max([now, *begun, *(event.at + AN_INSTANT for event in turns)])


def refunded_at(clock: Clock) -> datetime | None:
    """When it was known that all of a line was refunded; None while it is not."""
    return next((event.at for event in clock.events if event.event_id == REFUNDED), None)
