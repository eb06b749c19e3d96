"""Commands about goods that come back: their parcel, their inspection, and what is refused of them."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.parsing import address_of
from api.routes.after_sales import AfterSalesNo
from api.routes.commands import give
from api.schemas.cases import CaseOut
from api.schemas.goods import AcceptIn, ReceiveIn, RefuseIn, SetReturnAddressIn, WaybillIn
from api.security import SignedIn, SignedInRoute
from mallcare.application.papers import Beside
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    CorrectWaybill,
    Receive,
    ReceivedLine,
    Refuse,
    SetReturnAddress,
    ShipBack,
    SubmitWaybill,
)

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.post(
    "/v1/after-sales/{after_sales_no}/set-return-address",
    summary="Name the missing return address",
    responses=problems(*COMMANDING),
)
async def set_return_address(
    after_sales_no: AfterSalesNo, body: SetReturnAddressIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Name the address of a return that was approved without one (supplier, mall, operations).

    The customer's 7 days to send the goods begin anew. An address that is known stays frozen.
    """
    return await give(
        SetReturnAddress(), after_sales_no, body, caller, cases, Beside(address_of(body.return_address))
    )


@router.post(
    "/v1/after-sales/{after_sales_no}/submit-waybill",
    summary="Say that the goods were sent back",
    responses=problems(*COMMANDING, "waybill_in_use"),
)
async def submit_waybill(
    after_sales_no: AfterSalesNo, body: WaybillIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Give the parcel of the return (customer, mall), before the 7 days are over (A3).

    From here the request cannot be cancelled (A2). What carriers report of this waybill moves the
    request; a waybill of somebody else's parcel is `waybill_in_use`.
    """
    return await give(SubmitWaybill(body.carrier, body.waybill), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/correct-waybill",
    summary="Correct the waybill of a return",
    responses=problems(*COMMANDING, "waybill_in_use"),
)
async def correct_waybill(
    after_sales_no: AfterSalesNo, body: WaybillIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Replace a mistyped waybill (customer, mall) before the supplier counted the goods; kept in the
    record.
    """
    return await give(CorrectWaybill(body.carrier, body.waybill), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/receive",
    summary="Say what arrived",
    responses=problems(*COMMANDING),
)
async def receive(after_sales_no: AfterSalesNo, body: ReceiveIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Count what came back, by condition (supplier, mall, operations).

    Units that are not counted are missing. May be repeated until the goods are accepted or refused; if
    nothing arrived, operations looks for the parcel.
    """
    return await give(_receive(body), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/accept",
    summary="Accept goods after the inspection",
    responses=problems(*COMMANDING, "units_unavailable", "refund_cap_exceeded"),
)
async def accept(after_sales_no: AfterSalesNo, body: AcceptIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Go on with the accepted units, the lowest ordinals (supplier, mall, operations): they are refunded
    or replaced.

    Units that did not arrive are free again; others that are not accepted go back to the customer. More
    than arrived good needs a `reason`.
    """
    return await give(_accept(body), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/refuse",
    summary="Refuse goods after the inspection",
    responses=problems(*COMMANDING),
)
async def refuse(after_sales_no: AfterSalesNo, body: RefuseIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Accept nothing of what came back (supplier, mall, operations): it goes back to the customer."""
    return await give(
        Refuse(body.reason, len(body.evidence)),
        after_sales_no,
        body,
        caller,
        cases,
        Beside(evidence=body.evidence),
    )


@router.post(
    "/v1/after-sales/{after_sales_no}/ship-back",
    summary="Send refused goods back",
    responses=problems(*COMMANDING, "waybill_in_use"),
)
async def ship_back(after_sales_no: AfterSalesNo, body: WaybillIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Give the parcel of refused goods (supplier, mall, operations), whatever else the request waits for.

    The customer confirms them; 10 days of silence count as confirmed.
    """
    return await give(ShipBack(body.carrier, body.waybill), after_sales_no, body, caller, cases)


def _receive(body: ReceiveIn) -> Receive:
    return Receive(tuple(ReceivedLine(x.line_id, x.good, x.damaged, x.wrong, x.missing) for x in body.lines))


def _accept(body: AcceptIn) -> Accept:
    return Accept(tuple(AcceptedLine(x.line_id, x.quantity) for x in body.lines), body.reason)
