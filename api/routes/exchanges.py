"""Commands about the replacement of an exchange, and the confirmation that goods arrived."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.parsing import address_of
from api.routes.after_sales import AfterSalesNo
from api.routes.commands import give
from api.schemas.cases import CaseOut
from api.schemas.commands import CommandIn
from api.schemas.goods import ChangeAddressIn, ChooseIn, WaybillIn
from api.security import SignedIn, SignedInRoute
from mallcare.application.papers import Beside
from mallcare.domain.commands import ChangeAddress, Choose, Confirm, OutOfStock, ReportMissing, Reship

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.post(
    "/v1/after-sales/{after_sales_no}/change-address",
    summary="Change where the replacement goes",
    responses=problems(*COMMANDING),
)
async def change_address(
    after_sales_no: AfterSalesNo, body: ChangeAddressIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Have the exchange delivered elsewhere (customer, mall, operations), until the replacement was sent.

    The record tells who changed it, `addresses` where it goes.
    """
    return await give(ChangeAddress(), after_sales_no, body, caller, cases, Beside(address_of(body.ship_to)))


@router.post(
    "/v1/after-sales/{after_sales_no}/reship",
    summary="Send the replacement",
    responses=problems(*COMMANDING, "waybill_in_use"),
)
async def reship(after_sales_no: AfterSalesNo, body: WaybillIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Give the parcel of the replacement (supplier, mall, operations), or of another one after the first
    was reported missing.
    """
    return await give(Reship(body.carrier, body.waybill), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/out-of-stock",
    summary="Say that there is no replacement",
    responses=problems(*COMMANDING),
)
async def out_of_stock(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """There is no replacement now (supplier, mall, operations): the customer has 7 days to choose, then
    the goods are refunded.
    """
    return await give(OutOfStock(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/choose",
    summary="Wait, or take the money",
    responses=problems(*COMMANDING, "units_unavailable", "refund_cap_exceeded"),
)
async def choose(after_sales_no: AfterSalesNo, body: ChooseIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Choose while the replacement is out of stock (customer, mall; operations for a customer who stays
    silent): wait for it, or have the accepted units refunded.
    """
    return await give(Choose(body.choice), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/confirm",
    summary="Confirm that goods arrived",
    responses=problems(*COMMANDING),
)
async def confirm(after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """The replacement arrived (customer, mall, operations), or the refused goods did (customer, mall)."""
    return await give(Confirm(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/report-missing",
    summary="Report that the replacement is missing",
    responses=problems(*COMMANDING),
)
async def report_missing(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """The replacement did not arrive (customer, mall): no clock completes the request any more, operations
    looks into it.
    """
    return await give(ReportMissing(), after_sales_no, body, caller, cases)
