"""Every way a return can go: its ends, its clocks, its carrier's reports, its lost hints."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from mallcare.contracts.names import Signal
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Cancel,
    Confirm,
    CorrectWaybill,
    ExtendDeadline,
    Propose,
    RequestEvidence,
    ShipBack,
    SubmitEvidence,
)
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.replay.goods import RETURN, goes_on, reached, reported, rings, says, unheard
from tests.replay.refund_only_paths import MOMENT, ended, passes
from tests.replay.walking import Runs, Walker, at_rest, path
from tests.travels import received
from tests.world import CUSTOMER, OPERATIONS, World


async def parcel_under_way(w: World) -> str:
    """A return whose carrier was heard of: 72 hours of silence from here."""
    no = await reached(w, RETURN, State.RETURN_IN_TRANSIT)
    await reported(w, no, OrderEventType.COLLECTED)
    return no


@path("return-refund")
async def refunded_with_a_unit_missing(walker: Walker) -> Runs:
    """One timer moved from wait to wait while goods travel, then a refund over each of two tenders."""
    w = walker.world
    no = await reached(w, RETURN, State.RETURN_IN_TRANSIT, quantity=2, points=400)
    await says(w, no, received(await w.case(no), missing=1))
    await goes_on(w, no, State.REFUNDING)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def cancelled_before_it_was_sent(walker: Walker) -> Runs:
    """Approved and withdrawn: the workflow ends with its timer running."""
    w = walker.world
    no = await reached(w, RETURN, State.AWAITING_RETURN)
    await says(w, no, Cancel(), CUSTOMER)
    return await ended(w, no, State.CANCELLED)


@path("return-refund")
async def expired(walker: Walker) -> Runs:
    """Nobody sent anything in seven days: the deadline's activity answers an end."""
    w = walker.world
    no = await reached(w, RETURN, State.AWAITING_RETURN)
    await w.skip(no, timedelta(days=7) + MOMENT)
    return await ended(w, no, State.EXPIRED)


@path("return-refund")
async def approved_by_policy(walker: Walker) -> Runs:
    """The review's deadline approves: the next wait follows from its answer, without a hint."""
    w = walker.world
    supplier_id = f"S{uuid4().hex[:12]}"
    policy = replace(AfterSalesPolicy(), review_timeout=ReviewTimeout.AUTO_APPROVE)
    await w.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
    await w.return_address(supplier_id)
    no = await reached(w, RETURN, supplier_id=supplier_id)
    await rings(w, no, "approved")
    await says(w, no, Cancel(), CUSTOMER)
    return await ended(w, no, State.CANCELLED)


@path("return-refund")
async def answered_late_and_in_time(walker: Walker) -> Runs:
    """An unanswered proposal goes back to review by the clock, evidence goes back by its customer."""
    w = walker.world
    no = await reached(w, RETURN)
    await says(w, no, Propose("half?", 500))
    await rings(w, no, "answer_overdue")
    await says(w, no, RequestEvidence("show it"))
    await says(w, no, SubmitEvidence(1), CUSTOMER)
    await rings(w, no)
    await says(w, no, Cancel(), CUSTOMER)
    return await ended(w, no, State.CANCELLED)


@path("return-refund")
async def agreed_to_as_a_refund(walker: Walker) -> Runs:
    """The customer may keep the goods: the kind is shown anew, the refund is issued at once."""
    w = walker.world
    no = await reached(w, RETURN)
    await says(w, no, Propose("keep it", 500, Kind.REFUND_ONLY))
    await says(w, no, AcceptProposal(), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def deadline_moved_a_little(walker: Walker) -> Runs:
    """Half an hour more keeps the timer: it rings early, and another one waits for the rest."""
    w = walker.world
    no = await reached(w, RETURN, State.AWAITING_RETURN)
    due = (await w.case(no)).deadline_at
    assert due is not None
    await says(w, no, ExtendDeadline(due + timedelta(minutes=30), "the post is on strike"), OPERATIONS)
    await passes(w, no, timedelta(days=7) + MOMENT)
    await w.skip(no, timedelta(minutes=30))
    return await ended(w, no, State.EXPIRED)


@path("return-refund")
async def silent_on_the_way(walker: Walker) -> Runs:
    """A first report moves the timer, the next is not told: the timer asks; silence calls, and once more."""
    w = walker.world
    no = await parcel_under_way(w)
    await passes(w, no, timedelta(hours=24))
    await reported(w, no, OrderEventType.IN_TRANSIT)
    await rings(w, no)
    await rings(w, no, times=2)
    await goes_on(w, no, State.REFUNDING)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def delivered_and_not_inspected(walker: Walker) -> Runs:
    """The carrier's delivery begins the inspection, which calls for a person before it is done."""
    w = walker.world
    no = await parcel_under_way(w)
    await reported(w, no, OrderEventType.DELIVERED)
    await rings(w, no)
    await says(w, no, received(await w.case(no)))
    await goes_on(w, no, State.REFUNDING)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def delivery_not_heard_of(walker: Walker) -> Runs:
    """A lost delivery: the timer's activity answers an inspection that is overdue, and the next one calls."""
    w = walker.world
    no = await parcel_under_way(w)
    w.hints.lose = True
    await reported(w, no, OrderEventType.DELIVERED)
    w.hints.lose = False
    await w.skip(no, timedelta(hours=72) + MOMENT)
    await w.reaches(no, "escalated")
    await at_rest(w, no)
    await says(w, no, received(await w.case(no)))
    await goes_on(w, no, State.REFUNDING)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def waybill_corrected(walker: Walker) -> Runs:
    """The wrong parcel is forgotten: a later deadline moves the timer, which then calls."""
    w = walker.world
    no = await parcel_under_way(w)
    await says(w, no, CorrectWaybill("sf", f"Z{no}"), CUSTOMER)
    await rings(w, no)
    await goes_on(w, no, State.REFUNDING)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def hints_overtaking_and_lost(walker: Walker) -> Runs:
    """The receipt is told before the waybill, which is ignored; the refusal is learned from the timer."""
    w = walker.world
    no = await reached(w, RETURN, State.AWAITING_RETURN)
    w.hints.lose = True
    w.hints.offered.clear()
    await goes_on(w, no, State.INSPECTING)
    w.hints.lose = False
    (older, _), (newer, _) = w.hints.offered
    for snapshot in (newer, older):
        await w.engine.tell(snapshot, Signal.RECEIVE)
        await at_rest(w, no)
    await passes(w, no, timedelta(hours=2))
    w.hints.lose = True
    await goes_on(w, no, State.RETURNING_TO_CUSTOMER)
    w.hints.lose = False
    await rings(w, no)
    await says(w, no, ShipBack("sf", f"B{no}"))
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.REJECTED)


@path("return-refund")
async def refused_and_never_confirmed(walker: Walker) -> Runs:
    """Refused goods that nobody ships back call for a person; ten days after they went the clock ends it."""
    w = walker.world
    no = await reached(w, RETURN, State.INSPECTING)
    await passes(w, no, timedelta(minutes=10))
    await goes_on(w, no, State.RETURNING_TO_CUSTOMER)
    await rings(w, no)
    await says(w, no, ShipBack("sf", f"B{no}"))
    await w.skip(no, timedelta(days=10) + MOMENT)
    return await ended(w, no, State.REJECTED)


@path("return-refund")
async def refused_in_part(walker: Walker) -> Runs:
    """The refund's result is not the end: the refused unit goes back, and is waited for."""
    w = walker.world
    no = await reached(w, RETURN, State.RETURN_IN_TRANSIT, quantity=2)
    await says(w, no, received(await w.case(no), damaged=1))
    await says(w, no, Accept((AcceptedLine("1", 1),)))
    assert (await w.case(no)).state is State.RETURNING_TO_CUSTOMER
    await says(w, no, ShipBack("sf", f"B{no}"))
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("return-refund")
async def refunded_by_the_mall(walker: Walker) -> Runs:
    """Nothing was sent yet: the mall's own refund ends the request by a hint."""
    w = walker.world
    no = await reached(w, RETURN, State.AWAITING_RETURN)
    await w.report((await w.case(no)).order_no, OrderEventType.REFUNDED)
    return await ended(w, no, State.CLOSED)


@path("return-refund")
async def taken_over_on_the_way(walker: Walker) -> Runs:
    """The mall refunds what travels: no clock runs any more, and the timer that rings does nothing."""
    w = walker.world
    no = await reached(w, RETURN, State.RETURN_IN_TRANSIT)
    await w.report((await w.case(no)).order_no, OrderEventType.REFUNDED)
    await at_rest(w, no)
    await passes(w, no, timedelta(days=10) + MOMENT)
    await goes_on(w, no, State.RETURNING_TO_CUSTOMER)
    await says(w, no, ShipBack("sf", f"B{no}"))
    await unheard(w, no, Confirm(), CUSTOMER)
    await w.skip(no, timedelta(days=10) + MOMENT)
    return await ended(w, no, State.REJECTED)
