"""Clocks of an order: one for each line that its supplier has to ship, one for each parcel under way (T2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from mallcare.application.timing import Owed, Rules, clock_by, new_clock, present_rules, write_clocks
from mallcare.domain.clocks import Clock, ClockEvent, ClockEventKind, ClockKey
from mallcare.domain.deliveries import Leg, end_legs, legs, match, parcels, void_refunded
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.metrics import Metric
from mallcare.domain.shipments import (
    GONE,
    NO_CLAIMS,
    LineClaims,
    Shipping,
    first_scans,
    follow_claims,
    follow_order,
    refunded_at,
    told_by_order,
)
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.ports import DueRelease, OrderRecord, UnitOfWork

Known = Mapping[ClockKey, Clock]


async def start_shipments(uow: UnitOfWork, due: Sequence[DueRelease]) -> None:
    """Start the clocks of locked orders that their suppliers are given now, one for each line."""
    released = [one for one in due if not one.withheld]
    moved = [one.order_no for one in released if one.moved]
    events = await uow.orders.events_of(moved) if moved else {}
    claimed = [one.order_no for one in released if one.claimed]
    claims: Mapping[str, Mapping[str, LineClaims]] = await uow.clocks.claims(claimed) if claimed else {}
    clocks: list[Clock] = []
    for one in released:
        scans = first_scans(events.get(one.order_no, ()), one.line_ids)
        shipping = Shipping(one.due_at, one.line_ids, scans)
        asked = claims.get(one.order_no, NO_CLAIMS)
        for line_id in one.line_ids:
            clock = await _shipment(uow, one.order_no, one.supplier_id, line_id, shipping)
            clocks.append(follow_claims(clock, asked.get(line_id, GONE), one.due_at))
    await write_clocks(uow, clocks)


async def follow_order_news(
    uow: UnitOfWork, record: OrderRecord, events: Sequence[OrderEvent], now: datetime
) -> None:
    """Let a locked order's clocks say what its newest version and all its own events say.

    Of orders that were released, or of which a parcel was seen; for others nothing is asked. What customers
    claim is read again, since the mall's own refunds come as events.
    """
    if record.released_at is None and record.fulfilment.first_parcel_at is None:
        return
    order_no = record.order.order_no
    known = {clock.key: clock for clock in await uow.clocks.of([order_no])}
    claims = (await uow.clocks.claims([order_no]))[order_no]
    followed: list[Clock] = []
    if record.released_at is not None:
        followed = await _shipments(uow, record, events, known, claims, now)
    followed += await _deliveries(uow, record, events, known, _refunded(claims, followed, now))
    await write_clocks(uow, [clock for clock in followed if clock != known.get(clock.key)])


def _shipping(record: OrderRecord, events: Iterable[OrderEvent]) -> Shipping:
    assert record.released_at is not None, "only released orders are to be shipped"
    line_ids = [line.line_id for line in record.order.lines]
    scans = first_scans(events, line_ids)
    return Shipping(record.released_at, line_ids, scans, record.fulfilment.closed_at)


async def _shipment(
    uow: UnitOfWork, order_no: str, supplier_id: str, line_id: str, shipping: Shipping
) -> Clock:
    owed = Owed(ClockKey(Metric.SHIPMENT, order_no, line_id), order_no, supplier_id)
    return await new_clock(uow, owed, told_by_order(line_id, shipping))


async def _shipments(
    uow: UnitOfWork,
    record: OrderRecord,
    events: Sequence[OrderEvent],
    known: Known,
    claims: Mapping[str, LineClaims],
    now: datetime,
) -> list[Clock]:
    """Of lines that the newest version no longer has, too; an order without any is older than clocks."""
    mine = {key.part: clock for key, clock in known.items() if key.metric is Metric.SHIPMENT}
    if not mine:
        return []
    shipping = _shipping(record, events)
    followed = [follow_order(clock, shipping) for clock in mine.values()]
    added = [line_id for line_id in shipping.line_ids if line_id not in mine]
    order_no, supplier_id = record.order.order_no, record.order.supplier_id
    followed += [await _shipment(uow, order_no, supplier_id, line_id, shipping) for line_id in added]
    return [follow_claims(clock, claims.get(clock.key.part, GONE), now) for clock in followed]


async def _deliveries(
    uow: UnitOfWork,
    record: OrderRecord,
    events: Sequence[OrderEvent],
    known: Known,
    refunded: Mapping[str, datetime],
) -> list[Clock]:
    """A parcel keeps the policy of its first clock; clocks that late reports showed to be none are void."""
    mine = {key: clock for key, clock in known.items() if key.metric is Metric.ABNORMAL_DELIVERY}
    order, line_ids = record.order, [line.line_id for line in record.order.lines]
    followed: dict[ClockKey, Clock] = {}
    for parcel, reports in parcels(events).items():
        first = ClockKey(Metric.ABNORMAL_DELIVERY, order.order_no, parcel)
        rules = await _rules(uow, order.supplier_id, mine.get(first))
        calendar = await uow.timeliness.calendar(rules.calendar)
        found = end_legs(
            legs(parcel, reports, _patience(rules.policy), calendar),
            record.fulfilment.delivered_in_full_at(line_ids),
            record.fulfilment.closed_at,
        )
        of_parcel = [clock for key, clock in mine.items() if key.part == parcel]
        for leg, clock in match(found, of_parcel):
            told = clock or _delivery(rules, record, leg)
            over = void_refunded(leg, reports, line_ids, refunded)
            followed[told.key] = replace(told, events=over.events, alarmed_at=leg.alarmed_at)
    gone = [_none_after_all(clock) for key, clock in mine.items() if key not in followed]
    return [*followed.values(), *gone]


async def _rules(uow: UnitOfWork, supplier_id: str, first: Clock | None) -> Rules:
    """Of all clocks of a parcel: who was reminded by one patience is measured by the target it belongs to."""
    if first is not None:
        return Rules(await uow.timeliness.version(first.policy_version), first.calendar)
    return await present_rules(uow, supplier_id, Metric.ABNORMAL_DELIVERY)


def _refunded(
    claims: Mapping[str, LineClaims], shipments: Iterable[Clock], now: datetime
) -> dict[str, datetime]:
    """Lines that were refunded in full, and when that was known: their shipping has it on record."""
    known = {clock.key.part: refunded_at(clock) for clock in shipments}
    spent = (line_id for line_id, claim in claims.items() if claim.refunded >= claim.quantity)
    return {line_id: known.get(line_id) or now for line_id in spent}


def _patience(policy: TimelinessPolicy) -> timedelta:
    """How long a parcel may stand still until anybody is reminded of it."""
    target = policy.promise(Metric.ABNORMAL_DELIVERY).target
    first = max((level.before for level in policy.ladder), default=timedelta(0))
    return max(timedelta(0), target - max(first, timedelta(0)))


def _delivery(rules: Rules, record: OrderRecord, leg: Leg) -> Clock:
    order = record.order
    key = ClockKey(Metric.ABNORMAL_DELIVERY, order.order_no, leg.parcel, leg.seq)
    return clock_by(rules, Owed(key, order.order_no, order.supplier_id), leg.events, leg.alarmed_at)


def _none_after_all(clock: Clock) -> Clock:
    start = clock.events[0]
    return replace(clock, events=(start, ClockEvent("none", ClockEventKind.VOID, start.at)))
