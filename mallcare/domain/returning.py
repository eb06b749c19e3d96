"""Goods on their way back, their inspection, and what is refused of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from mallcare.domain.after_sales import (
    AfterSalesCase,
    Circumstances,
    Decision,
    arm,
    disarm,
    step,
    with_parcel,
)
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Actor,
    CorrectWaybill,
    Receive,
    ReceivedLine,
    Refuse,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.ending import await_confirmation, end_of_way_back, send_back
from mallcare.domain.errors import Fact, InvalidInput, WaybillInUse
from mallcare.domain.inspection import Counts, Stock, stock_of
from mallcare.domain.parcels import Parcel
from mallcare.domain.quotes import CaseLine, requote
from mallcare.domain.refunding import start_refund
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.tracking import move_clock, transit_deadline
from mallcare.domain.vocabulary import DeadlineEffect, Kind, ParcelPurpose, State

Told = TypeVar("Told")


def set_return_address(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """The address is known at last: the customer's time to send the goods back begins anew."""
    moved = move_clock(case, at.now + at.policy.return_shipment, DeadlineEffect.EXPIRE)
    waiting = replace(moved, return_address_set=True)
    return step(case, waiting, actor, at.now, State.AWAITING_RETURN, "return_address_set", {})


def submit_waybill(case: AfterSalesCase, actor: Actor, command: SubmitWaybill, at: Circumstances) -> Decision:
    """The customer sent the goods back in time (A3); from here the request cannot be cancelled (A2)."""
    parcel = Parcel(ParcelPurpose.RETURN, command.carrier, command.waybill, at.now)
    sent = with_parcel(disarm(case), parcel)
    sent = arm(sent, transit_deadline(parcel, at.policy), DeadlineEffect.ESCALATE)
    return step(
        case, sent, actor, at.now, State.RETURN_IN_TRANSIT, "waybill_submitted", waybill_facts(parcel)
    )


def correct_waybill(
    case: AfterSalesCase, actor: Actor, command: CorrectWaybill, at: Circumstances
) -> Decision:
    """Another waybill for the same parcel: what a carrier said of the wrong one is forgotten, no time won."""
    known = case.parcel(ParcelPurpose.RETURN)
    assert known is not None, "a return in transit has its parcel"
    parcel = Parcel(ParcelPurpose.RETURN, command.carrier, command.waybill, known.sent_at)
    facts = {**waybill_facts(parcel), "before": known.waybill}
    corrected, due = with_parcel(case, parcel), transit_deadline(parcel, at.policy)
    if due > at.now:
        corrected = move_clock(corrected, due, DeadlineEffect.ESCALATE)
    return step(case, corrected, actor, at.now, State.RETURN_IN_TRANSIT, "waybill_corrected", facts)


def receive(case: AfterSalesCase, actor: Actor, command: Receive, at: Circumstances) -> Decision:
    """What arrived, by condition; may be counted again until the goods are accepted or refused.

    The inspection's clock runs from the carrier's delivery, or else from here. Nothing arrived: the
    parcel has to be looked for.

    Raises:
        InvalidInput: a line the request has not, named twice, or more units than were asked for.
    """
    counted = _counted(case, command.lines)
    changed = replace(case, lines=counted)
    if case.state is State.RETURN_IN_TRANSIT:
        changed = arm(disarm(changed), at.now + at.policy.inspection, DeadlineEffect.ESCALATE)
    told: list[dict[str, str | int]] = [
        {
            "line_id": line.line_id,
            "good": counts.good,
            "damaged": counts.damaged,
            "wrong": counts.wrong,
            "missing": counts.missing,
        }
        for line in counted
        if (counts := line.received) is not None
    ]
    decided = step(case, changed, actor, at.now, State.INSPECTING, "received", {"lines": told})
    nothing = not any(line.received and line.received.arrived for line in counted)
    return decided.asking(TaskWanted(TaskKind.RETURN_NOT_ARRIVED)) if nothing else decided


def accept(case: AfterSalesCase, actor: Actor, command: Accept, at: Circumstances) -> Decision:
    """Go on with the accepted units, the lowest ordinals; missing ones are free, refused ones go back.

    Raises:
        InvalidInput: a line the request has not, more units than asked for, nothing at all, or more than
            arrived good without a reason.
        UnitsUnavailable, RefundCapExceeded: see `start_refund`.
    """
    lines = _accepted(case, command)
    inspected = replace(case, lines=lines, quote=requote(at.book, lines, case.quote), inspected_at=at.now)
    reported = _inspected(case, inspected, actor, at)
    facts: dict[str, Fact] = {"reason": command.reason} if command.reason else {}
    if case.kind is Kind.RETURN_REFUND:
        return reported.then(start_refund(reported.case, actor, at, "accepted", facts))
    at.book.check_held(case.after_sales_no, inspected.accepted_units)
    waiting = arm(disarm(reported.case), at.now + at.policy.reshipment, DeadlineEffect.ESCALATE)
    return reported.then(
        step(reported.case, waiting, actor, at.now, State.AWAITING_RESHIPMENT, "accepted", facts)
    )


def refuse(case: AfterSalesCase, actor: Actor, command: Refuse, at: Circumstances) -> Decision:
    """Accept nothing: what arrived goes back to the customer, and where nothing did this is the end."""
    lines = tuple(replace(line, accepted_quantity=0) for line in case.lines)
    inspected = replace(case, lines=lines, quote=requote(at.book, lines, case.quote), inspected_at=at.now)
    reported = _inspected(case, inspected, actor, at)
    facts: dict[str, Fact] = {"reason": command.reason, "items": command.items}
    if not inspected.refused_units:
        ended = disarm(reported.case)
        return reported.then(step(reported.case, ended, actor, at.now, State.REJECTED, "refused", facts))
    going_back = send_back(reported.case, at.policy, at.now)
    return reported.then(
        step(reported.case, going_back, actor, at.now, State.RETURNING_TO_CUSTOMER, "refused", facts)
    )


def ship_back(case: AfterSalesCase, actor: Actor, command: ShipBack, at: Circumstances) -> Decision:
    """Refused goods are on their way; once nothing else is waited for, the customer has 10 days.

    Raises:
        WaybillInUse: see `check_new_waybill`.
    """
    check_new_waybill(case, command.waybill)
    parcel = Parcel(ParcelPurpose.SHIP_BACK, command.carrier, command.waybill, at.now)
    sent = with_parcel(case, parcel)
    if case.state is State.RETURNING_TO_CUSTOMER:
        sent = await_confirmation(sent, at.policy, at.now)
    return step(case, sent, actor, at.now, case.state, "shipped_back", waybill_facts(parcel))


def confirm_way_back(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """The refused goods are with their customer again, as the customer or the clock says."""
    return step(case, disarm(case), actor, at.now, end_of_way_back(case), "goods_back_with_customer", {})


def check_new_waybill(case: AfterSalesCase, waybill: str) -> None:
    """Refuse the waybill of a parcel the request has or had: what is heard of that one is not of a new one.

    Raises:
        WaybillInUse
    """
    if any(waybill in parcel.waybills for parcel in case.parcels):
        raise WaybillInUse("another parcel of this request has the waybill", waybill=waybill)


def waybill_facts(parcel: Parcel) -> dict[str, Fact]:
    """What a record tells of a parcel."""
    return {"purpose": parcel.purpose.value, "carrier": parcel.carrier, "waybill": parcel.waybill}


def _counted(case: AfterSalesCase, received: Iterable[ReceivedLine]) -> tuple[CaseLine, ...]:
    counts = _by_line(case, {line.line_id: line for line in received}, [line.line_id for line in received])
    return tuple(replace(line, received=_counts(line, counts.get(line.line_id))) for line in case.lines)


def _counts(line: CaseLine, told: ReceivedLine | None) -> Counts:
    if told is None:
        return Counts(missing=line.quantity)
    arrived = told.good + told.damaged + told.wrong
    if min(told.good, told.damaged, told.wrong, told.missing) < 0 or arrived + told.missing > line.quantity:
        raise InvalidInput(
            f"line {line.line_id} asked for {line.quantity} units, so no more can be counted",
            line_id=line.line_id,
            requested=line.quantity,
            counted=arrived + told.missing,
        )
    return Counts(told.good, told.damaged, told.wrong, line.quantity - arrived)


def _accepted(case: AfterSalesCase, command: Accept) -> tuple[CaseLine, ...]:
    wanted = _by_line(
        case, {line.line_id: line for line in command.lines}, [line.line_id for line in command.lines]
    )
    lines = tuple(_accepted_line(line, wanted.get(line.line_id), command.reason) for line in case.lines)
    if not any(line.accepted for line in lines):
        raise InvalidInput("nothing would be accepted; refuse the goods instead, with a reason")
    return lines


def _accepted_line(line: CaseLine, told: AcceptedLine | None, reason: str | None) -> CaseLine:
    quantity = told.quantity if told is not None else 0
    good = line.received.good if line.received is not None else 0
    if not 0 <= quantity <= line.quantity:
        raise InvalidInput(
            f"line {line.line_id} asked for {line.quantity} units, so no more can be accepted",
            line_id=line.line_id,
            requested=line.quantity,
        )
    if quantity > good and not reason:
        raise InvalidInput(
            f"{good} units of line {line.line_id} arrived good; accepting more needs a reason",
            line_id=line.line_id,
            good=good,
        )
    return replace(line, accepted_quantity=quantity)


def _by_line(case: AfterSalesCase, told: dict[str, Told], named: list[str]) -> dict[str, Told]:
    """What was told of each line.

    Raises:
        InvalidInput: a line the request has not, or one named twice.
    """
    unknown = sorted(set(named) - {line.line_id for line in case.lines})
    if unknown:
        raise InvalidInput("the request has no such lines", line_ids=unknown)
    if len(told) < len(named):
        raise InvalidInput("a line is named twice", line_ids=sorted({x for x in named if named.count(x) > 1}))
    return told


def _inspected(
    before: AfterSalesCase, inspected: AfterSalesCase, actor: Actor, at: Circumstances
) -> Decision:
    """What becomes of every unit, told to the mall and its stock: never stock for goods that never left."""
    shipped = at.book.fulfilment.shipped_at
    skus = {line.line_id: line.sku for line in at.book.order.lines}
    fates: list[dict[str, str | int]] = []
    for line in inspected.lines:
        counts, accepted = line.received or Counts(missing=line.quantity), len(line.accepted)
        stock = stock_of(counts, accepted) if line.line_id in shipped else Stock(0, 0)
        fates.append(
            {
                "line_id": line.line_id,
                "sku": skus[line.line_id],
                "good": counts.good,
                "damaged": counts.damaged,
                "wrong": counts.wrong,
                "missing": counts.missing,
                "accepted": accepted,
                "refused": len(line.refused),
                "restock": stock.restock,
                "scrap": stock.scrap,
            }
        )
    return step(before, inspected, actor, at.now, State.INSPECTING, "inspected", {"lines": fates})
