"""Commands about refunds that failed."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.routes.after_sales import AfterSalesNo
from api.routes.commands import give
from api.schemas.cases import CaseOut
from api.schemas.commands import CommandIn, SettleOfflineIn
from api.security import SignedIn, SignedInRoute
from mallcare.application.papers import Beside
from mallcare.domain.commands import RetryRefund, SettleOffline

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.post(
    "/v1/after-sales/{after_sales_no}/retry-refund",
    summary="Retry a failed refund",
    responses=problems(*COMMANDING, "refund_cap_exceeded"),
)
async def retry_refund(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Ask the vendor once more for what failed (finance), under the same refund numbers."""
    return await give(RetryRefund(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/settle-offline",
    summary="Settle failed refunds by other means",
    responses=problems(*COMMANDING, "four_eyes", "refund_cap_exceeded"),
)
async def settle_offline(
    after_sales_no: AfterSalesNo, body: SettleOfflineIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Say that failed refunds were paid by other means (finance), with the proof.

    The first person's word changes nothing yet; another person's of finance settles them. The same
    person twice is `four_eyes`.
    """
    return await give(
        SettleOffline(len(body.evidence)),
        after_sales_no,
        body,
        caller,
        cases,
        Beside(evidence=body.evidence, text=body.note),
    )
