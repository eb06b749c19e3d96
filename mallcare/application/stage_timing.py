"""Clocks of a request: its stages that wait on the supplier, and the shipments it asks back (T2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mallcare.application.order_timing import follow_order_news
from mallcare.application.timing import Owed, new_clock, write_clocks
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.clocks import Clock, ClockEvent, ClockEventKind, ClockKey
from mallcare.domain.metrics import Metric
from mallcare.domain.shipments import GONE, follow_claims
from mallcare.domain.stages import StageChange, stage_changes
from mallcare.domain.vocabulary import Kind
from mallcare.ports import UnitOfWork


async def follow_case(
    uow: UnitOfWork, before: AfterSalesCase | None, after: AfterSalesCase, because: str
) -> None:
    """Start and end the clocks of a request's stages; what it asks back of unshipped lines pauses theirs.

    Costs nothing where nothing changes, one statement where a clock starts, two where one ends; more only of
    orders whose parcels are known.
    """
    changes = stage_changes(before, after, because)
    claims = _claims_changed(before, after)
    ends = any(change.kind is not ClockEventKind.START for change in changes)
    if not changes and not claims:
        return
    subjects = [after.after_sales_no] * ends + [after.order_no] * claims
    known = {clock.key: clock for clock in await uow.clocks.of(subjects)} if subjects else {}
    changed = [await _changed(uow, change, after, known) for change in changes]
    parcels = any(clock.key.metric is Metric.ABNORMAL_DELIVERY for clock in known.values())
    if parcels:
        await _follow_order(uow, after)
    elif claims:
        changed += await _claimed(uow, known.values(), after.order_no, after.updated_at)
    await write_clocks(uow, [clock for clock in changed if clock is not None])


async def _follow_order(uow: UnitOfWork, case: AfterSalesCase) -> None:
    """What is under way may have been refunded by the change: nobody waits for it then."""
    order = await uow.orders.get(case.order_no)
    assert order is not None, "a request has its order"
    events = (await uow.orders.events_of([case.order_no]))[case.order_no]
    await follow_order_news(uow, order, events, case.updated_at)


async def _changed(
    uow: UnitOfWork, change: StageChange, case: AfterSalesCase, known: Mapping[ClockKey, Clock]
) -> Clock | None:
    """None: the clock to end is not there, since the stage began before there were clocks."""
    event = ClockEvent(f"{change.because}-{change.seq}", change.kind, change.at)
    if change.kind is ClockEventKind.START:
        key = ClockKey(change.metric, case.after_sales_no, "", change.seq)
        return await new_clock(uow, Owed(key, case.order_no, case.supplier_id), [event])
    of_stage = [clock for key, clock in known.items() if key.metric is change.metric]
    newest = max(of_stage, key=lambda clock: clock.key.seq, default=None)
    return newest.having(event) if newest is not None else None


def _claims_changed(before: AfterSalesCase | None, after: AfterSalesCase) -> bool:
    """The change may have moved what is still to be shipped: units asked back, set free, or refunded."""
    asks = after.kind is Kind.REFUND_ONLY
    if before is None:
        return asks
    asked = before.kind is Kind.REFUND_ONLY
    moved = before.holdings != after.holdings or before.goods_stay is not after.goods_stay
    return asked is not asks or (asks and moved)


async def _claimed(uow: UnitOfWork, known: Iterable[Clock], order_no: str, now: datetime) -> list[Clock]:
    shipments = [clock for clock in known if clock.key.metric is Metric.SHIPMENT]
    if not shipments:
        return []
    claims = (await uow.clocks.claims([order_no]))[order_no]
    followed = (follow_claims(clock, claims.get(clock.key.part, GONE), now) for clock in shipments)
    return [new for new, old in zip(followed, shipments, strict=True) if new != old]
