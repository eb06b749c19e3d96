"""Commands of operations on requests that the mall took over by acting on their order itself."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.routes.after_sales import AfterSalesNo
from api.routes.commands import give
from api.schemas.cases import CaseOut
from api.schemas.commands import CloseIn, ResumeIn
from api.security import SignedIn, SignedInRoute
from mallcare.domain.commands import Close, Resume

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.post(
    "/v1/after-sales/{after_sales_no}/close",
    summary="Close a request the mall took over",
    responses=problems(*COMMANDING),
)
async def close(after_sales_no: AfterSalesNo, body: CloseIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """End a request whose units the mall refunded, or whose order it closed (operations): nothing is
    refunded by it, and units it still holds are free. Not possible once a refund was decided.
    """
    return await give(Close(body.reason), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/resume",
    summary="Let finance go on with a failed refund",
    responses=problems(*COMMANDING),
)
async def resume(after_sales_no: AfterSalesNo, body: ResumeIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """The mall reported a refund of its own while this one had failed, so that finance may not pay: say
    that it may (operations), because the report was of something else, or to settle offline what was paid.
    """
    return await give(Resume(body.reason), after_sales_no, body, caller, cases)
