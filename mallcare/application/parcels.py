"""Waybills: claimed by a command, and matched with what the mall reports of their parcels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mallcare.application.intercepts import follow_goods
from mallcare.application.order_timing import follow_order_news
from mallcare.application.recording import write_change
from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision
from mallcare.domain.commands import WaybillCommand
from mallcare.domain.errors import WaybillInUse
from mallcare.domain.fulfilment import OrderEvent, fold
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.tracking import hear_of_parcel
from mallcare.domain.vocabulary import PARCEL_EVENTS
from mallcare.ports import CaseRecord, Clock, Ids, OrderRecord, UnitOfWork


async def claim_waybill(
    uow: UnitOfWork,
    order: OrderRecord,
    before: AfterSalesCase,
    decided: Decision,
    command: WaybillCommand,
    at: Circumstances,
    ids: Ids,
) -> Decision:
    """The decision on a waybill, with what was reported of its parcel before anybody named it.

    What was reported of a waybill the request gives up is the order's own again.

    Raises:
        WaybillInUse: a request of another customer or supplier has it, or it is the order's own parcel: it
            moved before the request existed, brought other lines, or is how a line of the request left.
    """
    case, waybill = decided.case, command.waybill
    if not await uow.cases.claim_waybill(waybill, case.supplier_id, case.customer_id):
        raise WaybillInUse("a request of somebody else has the waybill", waybill=waybill)
    reported = await uow.orders.events_with_waybill(case.order_no, waybill)
    mistyped = await _given_up(uow, before, case)
    returned = await uow.orders.events_with_waybill(case.order_no, mistyped) if mistyped else []
    if not reported and not returned:
        return decided
    own = (await uow.orders.events_of([case.order_no])).get(case.order_no, [])
    own.extend(returned)
    left = [event for event in own if event not in reported]
    if _is_orders_own(case, reported, own, left):
        raise WaybillInUse("the order's own parcel has the waybill", waybill=waybill)
    await uow.orders.set_aside_events(case.order_no, waybill)
    if mistyped:
        await uow.orders.give_back_events(case.order_no, mistyped)
    folded = fold(left, [line.line_id for line in order.order.lines])
    await uow.orders.save_fulfilment(case.order_no, folded)
    await follow_goods(uow, order, folded, left, at.now, ids)
    await follow_order_news(uow, replace(order, fulfilment=folded), left, at.now)
    return decided.then(hear_of_parcel(case, waybill, reported, at.policy, at.now))


async def _given_up(uow: UnitOfWork, before: AfterSalesCase, after: AfterSalesCase) -> str | None:
    """The waybill that a correction takes from the request; None: another request of the order has it."""
    given_up = _waybills(before) - _waybills(after)
    for waybill in given_up:
        having = await uow.cases.with_waybill(after.order_no, waybill)
        if all(record.case.after_sales_no == after.after_sales_no for record in having):
            return waybill
    return None


def _waybills(case: AfterSalesCase) -> set[str]:
    return {waybill for parcel in case.parcels for waybill in parcel.waybills}


def _is_orders_own(
    case: AfterSalesCase,
    reported: Sequence[OrderEvent],
    own: Sequence[OrderEvent],
    left: Sequence[OrderEvent],
) -> bool:
    """Whether reports of a waybill speak of a parcel the order sent: `left` is what is `own` without them."""
    lines = {line.line_id for line in case.lines}
    if any(event.occurred_at < case.created_at for event in reported):
        return True
    if any(e.line_ids is not None and not lines.issuperset(e.line_ids) for e in own if e not in left):
        return True
    return bool(lines & fold(own, lines).shipped_at.keys() - fold(left, lines).shipped_at.keys())


async def requests_sending(uow: UnitOfWork, order_no: str, event: OrderEvent) -> list[CaseRecord]:
    """The requests whose parcel a report names, locked; none: it speaks of the order's own parcel.

    What happened before a request existed is not of its parcel, whichever of the two is told first.
    """
    if event.waybill is None or event.type not in PARCEL_EVENTS:
        return []
    found = await uow.cases.with_waybill(order_no, event.waybill.strip().upper())
    return [record for record in found if event.occurred_at >= record.case.created_at]


async def report_parcel(
    uow: UnitOfWork, requests: Sequence[CaseRecord], event: OrderEvent, clock: Clock, ids: Ids
) -> list[Decision]:
    """Let a carrier's report move the requests whose parcel it names.

    Answers the decisions that a workflow has to hear of. A report that gives more time need not be
    told: the workflow's own timer brings the news, and asks before it does anything.
    """
    news: list[Decision] = []
    for record in requests:
        policy = await uow.policies.version(record.case.policy_version)
        decision = _heard(record.case, event, policy, clock)
        quiet = _only_more_time(record.case, decision.case)
        await write_change(uow, record.case, decision, ids, quiet=quiet)
        if decision.events and not quiet:
            news.append(decision)
    return news


def _heard(case: AfterSalesCase, event: OrderEvent, policy: AfterSalesPolicy, clock: Clock) -> Decision:
    assert event.waybill is not None, "a request is found by its parcel's waybill"
    return hear_of_parcel(case, event.waybill.strip().upper(), [event], policy, clock.now())


def _only_more_time(before: AfterSalesCase, after: AfterSalesCase) -> bool:
    """The same wait, with a clock that runs out no earlier."""
    if before.state is not after.state or after.deadline_at is None or before.deadline_at is None:
        return before.state is after.state and before.deadline_at == after.deadline_at
    return after.deadline_at >= before.deadline_at
