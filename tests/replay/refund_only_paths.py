"""Every way a refund-only case can go. Each walks to its end and makes sure that it is the right one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from mallcare.domain.commands import Approve, Cancel, ExtendDeadline, Reject
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import State
from tests.replay.walking import Runs, Walker, at_rest, path
from tests.world import CUSTOMER, OPERATIONS, World

REVIEW = timedelta(hours=48)
REMINDER = timedelta(hours=24)
MOMENT = timedelta(seconds=5)


async def opened(w: World, **order: object) -> str:
    """A case under review whose workflow waits for its deadline."""
    no = await w.opened(**order)
    await at_rest(w, no)
    return no


async def opened_automatic(w: World) -> str:
    """A case of a supplier whose policy approves when nobody answers."""
    supplier_id = f"S{uuid4().hex[:12]}"
    policy = replace(AfterSalesPolicy(), review_timeout=ReviewTimeout.AUTO_APPROVE)
    await w.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
    no = await w.submit(await w.take_in(replace(w.new_order(), supplier_id=supplier_id)))
    await at_rest(w, no)
    return no


async def approved(w: World, *cash: str, points: int = 0, mall: tuple[str, ...] = ()) -> str:
    """An approved case of an order whose vendors follow the given scripts."""
    order = await w.take_in(w.new_order(points=points))
    w.vendor.script(order.order_no, "cash", *cash)
    w.vendor.script(order.order_no, "points", *mall)
    no = await w.submit(order)
    await at_rest(w, no)
    await w.command(no, Approve())
    await at_rest(w, no)
    return no


async def passes(w: World, no: str, by: timedelta) -> None:
    """Time passes on the case's clock, and what it set off is over."""
    await w.skip(no, by)
    await at_rest(w, no)


async def escalates(w: World, no: str, after: timedelta, times: int = 1) -> None:
    """Time passes until the case calls for a person, and its workflow knows."""
    await w.skip(no, after + MOMENT)
    await w.reaches(no, "escalated", times=times)
    await at_rest(w, no)


async def ended(w: World, no: str, state: State) -> Runs:
    """The workflow ended with its case in `state`, each leg that a vendor paid paid once; its first run."""
    assert (await w.finished(no)).state is state, no
    case = await w.case(no)
    assert case.state is state, no
    paid = [w.vendor.paid.get(leg.refund_no, 0) for leg in case.legs]
    assert paid == [0 if leg.settled_offline else 1 for leg in case.legs], (no, paid)
    first = (await w.handle(no).describe()).raw_description.workflow_execution_info.first_run_id
    return w.client.get_workflow_handle(w.handle(no).id, run_id=first)


@path("refund-only")
async def approved_one_tender(walker: Walker) -> Runs:
    """A hint cancels the timer, one refund is issued, its result ends the case."""
    w = walker.world
    return await ended(w, await approved(w), State.COMPLETED)


@path("refund-only")
async def approved_two_tenders(walker: Walker) -> Runs:
    """Two refunds are issued side by side, in the order of the legs; the second result ends the case."""
    w = walker.world
    return await ended(w, await approved(w, points=400), State.COMPLETED)


@path("refund-only")
async def rejected(walker: Walker) -> Runs:
    """A final hint ends the workflow without any activity."""
    w = walker.world
    no = await opened(w)
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def cancelled(walker: Walker) -> Runs:
    """The customer's cancellation ends the workflow without any activity."""
    w = walker.world
    no = await opened(w)
    await w.command(no, Cancel(), CUSTOMER)
    return await ended(w, no, State.CANCELLED)


@path("refund-only")
async def cooling_off(walker: Walker) -> Runs:
    """Refunded from the start: no deadline, no hint, the refund is the first thing issued."""
    w = walker.world
    placed = w.clock.now() - timedelta(minutes=1)
    no = await w.submit(await w.take_in(w.new_order(placed_at=placed, paid_at=placed)), None)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def escalated_then_approved(walker: Walker) -> Runs:
    """The timer fires, the deadline's activity runs, the workflow waits without a timer for a person."""
    w = walker.world
    no = await opened(w)
    await escalates(w, no, REVIEW)
    await w.command(no, Approve())
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def auto_approved(walker: Walker) -> Runs:
    """The deadline's activity answers a case under refund: the refund follows without a hint."""
    w = walker.world
    no = await opened_automatic(w)
    await w.skip(no, REVIEW + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("refund-only")
async def extended(walker: Walker) -> Runs:
    """A later deadline: the first timer is cancelled, a second one starts and fires."""
    w = walker.world
    no = await opened(w)
    await w.command(no, ExtendDeadline(w.clock.now() + timedelta(hours=72), "holiday"), OPERATIONS)
    await at_rest(w, no)
    await passes(w, no, REVIEW + MOMENT)
    await escalates(w, no, timedelta(hours=24))
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def extension_not_heard_of(walker: Walker) -> Runs:
    """A lost hint: the old timer fires, its activity changes nothing but tells the new deadline."""
    w = walker.world
    no = await opened(w)
    w.hints.lose = True
    await w.command(no, ExtendDeadline(w.clock.now() + timedelta(hours=72), "holiday"), OPERATIONS)
    w.hints.lose = False
    await passes(w, no, REVIEW + MOMENT)
    await escalates(w, no, timedelta(hours=24))
    await w.command(no, Reject("used"))
    return await ended(w, no, State.REJECTED)


@path("refund-only")
async def decision_not_heard_of(walker: Walker) -> Runs:
    """A lost approval: the timer fires on a decided case, learns of it and refunds."""
    w = walker.world
    no = await opened(w)
    w.hints.lose = True
    await w.command(no, Approve())
    await w.skip(no, REVIEW + MOMENT)
    return await ended(w, no, State.COMPLETED)
