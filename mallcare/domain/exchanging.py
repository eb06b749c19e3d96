"""The replacement: sent, out of stock, confirmed, or missing; and the address it goes to (A4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import (
    AfterSalesCase,
    Circumstances,
    Decision,
    arm,
    disarm,
    step,
    with_parcel,
)
from mallcare.domain.commands import Actor, Choose, Reship
from mallcare.domain.ending import finish
from mallcare.domain.parcels import Parcel
from mallcare.domain.refunding import start_refund
from mallcare.domain.returning import check_new_waybill, confirm_way_back, waybill_facts
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.vocabulary import Choice, DeadlineEffect, ParcelPurpose, State


def change_address(case: AfterSalesCase, actor: Actor, now: datetime) -> Decision:
    """Another address for the replacement, kept with who changed it; the address itself is personal data."""
    return step(case, case, actor, now, case.state, "address_changed", {})


def reship(case: AfterSalesCase, actor: Actor, command: Reship, at: Circumstances) -> Decision:
    """The replacement is on its way, or on its way once more after the first was reported missing.

    Raises:
        WaybillInUse: see `check_new_waybill`.
        UnitsUnavailable: the mall refunded units of the request by itself meanwhile.
    """
    at.book.check_held(case.after_sales_no, case.accepted_units)
    check_new_waybill(case, command.waybill)
    replaced = case.parcel(ParcelPurpose.RESHIPMENT)
    former = replaced.waybills if replaced is not None else ()
    parcel = Parcel(
        ParcelPurpose.RESHIPMENT, command.carrier, command.waybill, at.now, former_waybills=former
    )
    sent = replace(with_parcel(disarm(case), parcel), missing_reported=False)
    sent = arm(sent, at.now + at.policy.confirm_untracked, DeadlineEffect.COMPLETE)
    return step(case, sent, actor, at.now, State.RESHIPPED, "reshipped", waybill_facts(parcel))


def out_of_stock(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """There is no replacement now: the customer chooses within 7 days, or gets the money."""
    asked = replace(disarm(case), missing_reported=False)
    asked = arm(asked, at.now + at.policy.stock_choice, DeadlineEffect.REFUND)
    return step(case, asked, actor, at.now, State.OUT_OF_STOCK, "out_of_stock", {})


def choose(case: AfterSalesCase, actor: Actor, command: Choose, at: Circumstances) -> Decision:
    """Wait for the replacement, or have the accepted units refunded instead.

    Raises:
        UnitsUnavailable: the mall refunded units of the request by itself meanwhile.
        RefundCapExceeded: see `start_refund`.
    """
    if command.choice is Choice.REFUND:
        return start_refund(case, actor, at, "refund_chosen", {})
    at.book.check_held(case.after_sales_no, case.accepted_units)
    waiting = arm(disarm(case), at.now + at.policy.reshipment, DeadlineEffect.ESCALATE)
    return step(case, waiting, actor, at.now, State.AWAITING_RESHIPMENT, "waiting_chosen", {})


def confirm(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """The customer has the goods: the replacement of an exchange, or what was refused and came back."""
    if case.state is State.RETURNING_TO_CUSTOMER:
        return confirm_way_back(case, actor, at)
    return end_exchange(case, actor, at)


def end_exchange(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """The replacement arrived, as the customer or the clock says."""
    arrived = replace(disarm(case), missing_reported=False)
    confirmed = step(case, arrived, actor, at.now, State.RESHIPPED, "replacement_confirmed", {})
    return finish(confirmed, at.policy, at.now)


def report_missing(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """The replacement did not arrive: no clock completes the request over the customer's word.

    Operations looks into it; the supplier sends another one, or says that there is none.
    """
    called = arm(disarm(case), at.now + at.policy.reshipment, DeadlineEffect.ESCALATE)
    called = replace(called, missing_reported=True)
    decided = step(case, called, actor, at.now, State.RESHIPPED, "missing_reported", {})
    return decided.asking(TaskWanted(TaskKind.RESHIPMENT_MISSING))
