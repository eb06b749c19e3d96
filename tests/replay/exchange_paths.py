"""Every way an exchange can go: a replacement that arrives, is late, is lost, or becomes money."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

from mallcare.application.papers import Beside
from mallcare.contracts.names import Signal
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Cancel,
    ChangeAddress,
    Choose,
    Confirm,
    OutOfStock,
    Propose,
    ReportMissing,
    Reship,
    SettleOffline,
    ShipBack,
)
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Choice, OrderEventType, State
from tests.replay.goods import EXCHANGE, RETURN, goes_on, reached, reported, rings, says, unheard
from tests.replay.refund_only_paths import MOMENT, ended, passes
from tests.replay.walking import Runs, Walker, at_rest, path
from tests.travels import received
from tests.world import CHECKER, CUSTOMER, FINANCE, OPERATIONS, RETURN_ADDRESS

SOON = timedelta(minutes=10)
"""Soon enough for two deadlines to share a timer."""


@path("exchange")
async def confirmed(walker: Walker) -> Runs:
    """Timer after timer and not one activity: the customer's word ends it."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RESHIPPED)
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def late_at_every_turn(walker: Walker) -> Runs:
    """Review, inspection and reshipment call for a person; an untracked replacement counts as arrived."""
    w = walker.world
    no = await reached(w, EXCHANGE)
    await rings(w, no)
    await goes_on(w, no, State.INSPECTING)
    await rings(w, no, times=2)
    await goes_on(w, no, State.AWAITING_RESHIPMENT)
    await rings(w, no, times=3)
    await goes_on(w, no, State.RESHIPPED)
    await w.skip(no, timedelta(days=10) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def signed_and_not_confirmed(walker: Walker) -> Runs:
    """The signature moves the timer to seven days from itself, and the clock completes."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RESHIPPED)
    await reported(w, no, OrderEventType.DELIVERED, "X")
    await w.skip(no, timedelta(days=7) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def tracked_and_never_signed(walker: Walker) -> Runs:
    """A replacement that its carrier knows does not count as arrived: its deadline calls."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RESHIPPED)
    await reported(w, no, OrderEventType.IN_TRANSIT, "X")
    await rings(w, no)
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def missing_and_sent_again(walker: Walker) -> Runs:
    """Reported missing: 48 hours that only call, another parcel, and its own ten days."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RESHIPPED)
    await says(w, no, ReportMissing(), CUSTOMER)
    await rings(w, no)
    await says(w, no, Reship("sf", f"Y{no}"))
    await w.skip(no, timedelta(days=10) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def waited_for_then_sent(walker: Walker) -> Runs:
    """Out of stock, the customer waits, and has it sent elsewhere, which costs a hint and no timer."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.OUT_OF_STOCK)
    await says(w, no, Choose(Choice.WAIT), CUSTOMER)
    await w.command(no, ChangeAddress(), CUSTOMER, beside=Beside(address=RETURN_ADDRESS))
    await at_rest(w, no)
    await goes_on(w, no, State.RESHIPPED)
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def refunded_by_choice_and_settled_offline(walker: Walker) -> Runs:
    """The money instead: one tender fails, and its reminder's timer ends with the word of two people."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.OUT_OF_STOCK, points=300)
    order_no = (await w.case(no)).order_no
    w.vendor.script(order_no, "cash", "busy")
    w.vendor.script(order_no, "points", "refuse:account_closed")
    await says(w, no, Choose(Choice.REFUND), CUSTOMER)
    await passes(w, no, timedelta(seconds=70))
    await says(w, no, SettleOffline(1), FINANCE)
    await says(w, no, SettleOffline(1), CHECKER)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def refunded_by_default(walker: Walker) -> Runs:
    """Nobody chose: the deadline's activity answers a case under refund, which follows without a hint."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.OUT_OF_STOCK)
    await w.skip(no, timedelta(days=7) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def refund_beyond_its_limits(walker: Walker) -> Runs:
    """The deadline that would have paid calls for a person, and the choice is not heard of but resynced."""
    w = walker.world
    supplier_id = f"S{uuid4().hex[:12]}"
    policy = replace(AfterSalesPolicy(), auto_refund_ceiling_fen=999)
    await w.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
    no = await reached(w, EXCHANGE, State.OUT_OF_STOCK, supplier_id=supplier_id)
    await rings(w, no)
    await unheard(w, no, Choose(Choice.REFUND), CUSTOMER)
    await w.engine.tell(w.hints.offered[-1][0], Signal.RESYNC)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def choice_not_heard_of(walker: Walker) -> Runs:
    """A lost choice: the timer asks for the deadline it knew, learns of the refund and issues it."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.OUT_OF_STOCK)
    await unheard(w, no, Choose(Choice.REFUND), CUSTOMER)
    await w.skip(no, timedelta(days=7) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def missing_and_out_of_stock(walker: Walker) -> Runs:
    """No second replacement: the customer is asked, and takes the money."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RESHIPPED)
    await says(w, no, ReportMissing(), CUSTOMER)
    await says(w, no, OutOfStock())
    await says(w, no, Choose(Choice.REFUND), CUSTOMER)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def refused_in_part(walker: Walker) -> Runs:
    """The replacement's arrival is not the end: the refused unit goes back, and counts as arrived."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RETURN_IN_TRANSIT, quantity=2)
    await says(w, no, received(await w.case(no), damaged=1))
    await says(w, no, Accept((AcceptedLine("1", 1),)))
    await goes_on(w, no, State.RESHIPPED)
    await says(w, no, Confirm(), CUSTOMER)
    await says(w, no, ShipBack("sf", f"B{no}"))
    await w.skip(no, timedelta(days=10) + MOMENT)
    return await ended(w, no, State.COMPLETED)


@path("exchange")
async def refused(walker: Walker) -> Runs:
    """Nothing accepted: back to the customer, confirmed, rejected."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.RETURNING_TO_CUSTOMER)
    await says(w, no, ShipBack("sf", f"B{no}"))
    await says(w, no, Confirm(), CUSTOMER)
    return await ended(w, no, State.REJECTED)


@path("exchange")
async def agreed_to_instead_of_a_return(walker: Walker) -> Runs:
    """A return becomes an exchange: its kind is shown anew; the timer of before rings early, then expires."""
    w = walker.world
    no = await reached(w, RETURN)
    await says(w, no, Propose("a new one?", kind=EXCHANGE))
    await passes(w, no, SOON)
    await says(w, no, AcceptProposal(), CUSTOMER)
    await w.skip(no, timedelta(days=7) + MOMENT)
    return await ended(w, no, State.EXPIRED)


@path("exchange")
async def cancelled_before_it_was_sent(walker: Walker) -> Runs:
    """Approved and withdrawn: the workflow ends with its timer running."""
    w = walker.world
    no = await reached(w, EXCHANGE, State.AWAITING_RETURN)
    await says(w, no, Cancel(), CUSTOMER)
    return await ended(w, no, State.CANCELLED)


@path("exchange")
async def refunded_by_the_mall(walker: Walker) -> Runs:
    """Nothing was sent yet: the mall's own refund ends the request by a hint."""
    w = walker.world
    no = await reached(w, EXCHANGE)
    await w.report((await w.case(no)).order_no, OrderEventType.REFUNDED)
    return await ended(w, no, State.CLOSED)
