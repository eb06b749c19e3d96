"""Clocks of parcels under way: one as long as a parcel moves, and one more for each time it stood still."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import Clock, ClockEvent, ClockEventKind
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType

MOVED, STUCK, ARRIVED, CLOSED, REFUNDED = "moved", "stuck", "arrived", "closed", "refunded"
SAME_INSTANT = (OrderEventType.EXCEPTION, OrderEventType.DELIVERED)
"""Reports of one instant: an alarm comes first, since movement answers it; after a delivery nothing comes."""


@dataclass(frozen=True, slots=True)
class Leg:
    """A parcel between two movements, the first of them the one it is measured from.

    `seq` counts the silences in which somebody may have been reminded, from one. `events`: of its clock.
    """

    parcel: str
    seq: int
    events: tuple[ClockEvent, ...]
    alarmed_at: datetime | None = None


def parcels(events: Iterable[OrderEvent]) -> Mapping[str, list[OrderEvent]]:
    """An order's reports by parcel: by waybill, or all of them as one where none is named."""
    by_parcel: dict[str, list[OrderEvent]] = {}
    for event in events:
        if event.type in PARCEL_EVENTS:
            by_parcel.setdefault((event.waybill or "").strip().upper(), []).append(event)
    return by_parcel


def legs(
    parcel: str, events: Iterable[OrderEvent], patience: timedelta, calendar: ServiceCalendar
) -> list[Leg]:
    """The clocks of a parcel: each silence beyond `patience`, and the one that lasts or ended in delivery.

    `patience`: open time until somebody is first reminded; a parcel that moves within it has one clock.

    A pure function of what was reported: late, repeated and permuted reports give the same clocks. It
    runs from the last movement, or from the first alarm of a parcel that never moved; an alarm
    is no movement, and puts the parcel at risk at once.
    """
    told = sorted({e.event_id: e for e in events}.values(), key=_sequence)
    found: list[Leg] = []
    since: datetime | None = None
    alarmed: datetime | None = None
    for event in told:
        at = event.occurred_at
        if event.type is OrderEventType.EXCEPTION:
            alarmed, since = alarmed or at, since or at
            continue
        arrived = event.type is OrderEventType.DELIVERED
        if since is not None and (arrived or calendar.open_time(since, at) > patience):
            found.append(Leg(parcel, len(found) + 1, (_from(since), _until(at, arrived=arrived)), alarmed))
        elif since is None and arrived:
            found.append(Leg(parcel, 1, (_from(at), _until(at, arrived=True)), alarmed))
        if arrived:
            return found
        since, alarmed = at, None
    if since is not None:
        found.append(Leg(parcel, len(found) + 1, (_from(since),), alarmed))
    return found


def _sequence(event: OrderEvent) -> tuple[datetime, int, str]:
    rank = SAME_INSTANT.index(event.type) if event.type in SAME_INSTANT else len(SAME_INSTANT)
    return event.occurred_at, rank, event.event_id


def end_legs(found: Iterable[Leg], arrived_at: datetime | None, closed_at: datetime | None) -> list[Leg]:
    """The clocks as the whole order ends them: all of it was delivered, or the mall closed it.

    Reports do not always name their parcel: what travels on without a word of its arrival has arrived.
    """
    ends: list[ClockEvent] = []
    if arrived_at is not None:
        ends.append(ClockEvent(ARRIVED, ClockEventKind.FULFIL, arrived_at))
    if closed_at is not None:
        ends.append(ClockEvent(CLOSED, ClockEventKind.VOID, closed_at))
    return [_ended(leg, ends) for leg in found]


def void_refunded(
    leg: Leg, reports: Iterable[OrderEvent], line_ids: Collection[str], refunded: Mapping[str, datetime]
) -> Leg:
    """The clock of a parcel under way, ended where all it carries was refunded: nobody waits for it any more.

    Args:
        line_ids: all lines of the parcel's order.
        refunded: lines that were refunded in full, and when that was known.
    """
    carried = {
        line_id
        for report in reports
        for line_id in (line_ids if report.line_ids is None else report.line_ids)
    }
    if leg.events[-1].kind is not ClockEventKind.START or not carried <= refunded.keys():
        return leg
    at = max([leg.events[0].at, *(refunded[line_id] for line_id in carried)])
    return replace(leg, events=(*leg.events, ClockEvent(REFUNDED, ClockEventKind.VOID, at)))


def match(found: Sequence[Leg], known: Sequence[Clock]) -> list[tuple[Leg, Clock | None]]:
    """The clock of each leg, in turn; None: it needs a new one, under the number its leg has here.

    A clock whose breach is on record is that silence's for ever: it is the leg that begins where it does, and
    none that begins elsewhere. Else nobody would ever hear of the new one.
    """
    in_turn = sorted(known, key=lambda clock: clock.key.seq)
    recorded = {_start(one.events): one for one in reversed(in_turn) if one.breach_recorded_at is not None}
    free = iter([one for one in in_turn if one.breach_recorded_at is None])
    last = in_turn[-1].key.seq if in_turn else 0
    answers: list[tuple[Leg, Clock | None]] = []
    for leg in found:
        clock = recorded.pop(_start(leg.events), None) or next(free, None)
        last += clock is None
        answers.append((replace(leg, seq=last if clock is None else clock.key.seq), clock))
    return answers


def _start(events: Sequence[ClockEvent]) -> datetime:
    return next(event.at for event in events if event.kind is ClockEventKind.START)


def _ended(leg: Leg, ends: Iterable[ClockEvent]) -> Leg:
    """An end that lies before a leg's begin ends it at once."""
    if leg.events[-1].kind is not ClockEventKind.START:
        return leg
    begin = leg.events[0]
    later = tuple(replace(end, at=max(end.at, begin.at)) for end in ends)
    return replace(leg, events=(begin, *later))


def _from(at: datetime) -> ClockEvent:
    return ClockEvent(MOVED, ClockEventKind.START, at)


def _until(at: datetime, *, arrived: bool) -> ClockEvent:
    return ClockEvent(ARRIVED if arrived else STUCK, ClockEventKind.FULFIL, at)
