"""Waybills: claimed by a command, and matched with what the mall reports of their parcels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mallcare.application.recording import write_change
from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision
from mallcare.domain.commands import WaybillCommand
from mallcare.domain.errors import WaybillInUse
from mallcare.domain.fulfilment import OrderEvent, fold
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.tracking import hear_of_parcel
from mallcare.domain.vocabulary import PARCEL_EVENTS
from mallcare.ports import CaseRecord, Clock, Ids, OrderRecord, UnitOfWork


def same_waybill(one: str | None, other: str) -> bool:
    """Carriers and malls write them with blanks and in either case."""
    return one is not None and one.strip().upper() == other.strip().upper()


async def claim_waybill(
    uow: UnitOfWork, order: OrderRecord, decided: Decision, command: WaybillCommand, at: Circumstances
) -> Decision:
    """The decision on a waybill, with what was reported of its parcel before anybody named it.

    Raises:
        WaybillInUse: a request of another customer or supplier has it, or it moved before the request
            existed: then it is the order's own parcel.
    """
    case, waybill = decided.case, command.waybill
    if not await uow.cases.claim_waybill(waybill, case.supplier_id, case.customer_id):
        raise WaybillInUse("a request of somebody else has the waybill", waybill=waybill)
    reported = await uow.orders.events_with_waybill(case.order_no, waybill)
    if not reported:
        return decided
    own = (await uow.orders.events_of([case.order_no])).get(case.order_no, [])
    if any(same_waybill(e.waybill, waybill) and e.occurred_at < case.created_at for e in own):
        raise WaybillInUse("the order's own parcel has the waybill", waybill=waybill)
    await uow.orders.set_aside_events(case.order_no, waybill)
    left = [event for event in own if not same_waybill(event.waybill, waybill)]
    lines = [line.line_id for line in order.order.lines]
    await uow.orders.save_fulfilment(case.order_no, fold(left, lines))
    return decided.then(hear_of_parcel(case, waybill, reported, at.policy, at.now))


async def requests_sending(uow: UnitOfWork, order_no: str, event: OrderEvent) -> list[CaseRecord]:
    """The requests whose parcel a report names, locked; none: it speaks of the order's own parcel."""
    if event.waybill is None or event.type not in PARCEL_EVENTS:
        return []
    return await uow.cases.with_waybill(order_no, event.waybill.strip().upper())


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
    known = next(p.waybill for p in case.parcels if same_waybill(event.waybill, p.waybill))
    return hear_of_parcel(case, known, [replace(event, waybill=known)], policy, clock.now())


def _only_more_time(before: AfterSalesCase, after: AfterSalesCase) -> bool:
    """The same wait, with a clock that runs out no earlier."""
    if before.state is not after.state or after.deadline_at is None or before.deadline_at is None:
        return before.state is after.state and before.deadline_at == after.deadline_at
    return after.deadline_at >= before.deadline_at
