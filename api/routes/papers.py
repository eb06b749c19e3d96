"""What belongs to a request beside its state: where its goods go, and what the parties showed."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import READING, problems
from api.rendering.addresses import case_addresses_out
from api.rendering.record import evidence_out, may_read_evidence
from api.routes.after_sales import AfterSalesNo
from api.schemas.addresses import CaseAddressesOut
from api.schemas.cases import EvidenceListOut
from api.security import SignedIn, SignedInRoute

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.get(
    "/v1/after-sales/{after_sales_no}/addresses",
    summary="Where the goods of a request go",
    responses=problems(*READING),
)
async def get_after_sales_addresses(
    after_sales_no: AfterSalesNo, caller: SignedIn, cases: Cases
) -> CaseAddressesOut:
    """The address of the return and of the replacement: personal data, masked for whoever sends nothing.

    The replacement goes where the order went, unless the customer named another address.
    """
    addresses = await cases.papers.addresses(after_sales_no, caller)
    record = await cases.read.one(after_sales_no, caller)
    return case_addresses_out(record.case, addresses, caller)


@router.get(
    "/v1/after-sales/{after_sales_no}/evidence",
    summary="What was shown during a request",
    responses=problems(*READING),
)
async def list_after_sales_evidence(
    after_sales_no: AfterSalesNo, caller: SignedIn, cases: Cases
) -> EvidenceListOut:
    """Who showed what, when, and with which command; oldest first.

    Proof of an offline settlement is for mall, operations, finance and auditor alone.
    """
    shown = await cases.papers.evidence(after_sales_no, caller)
    return EvidenceListOut(items=[evidence_out(x, caller) for x in shown if may_read_evidence(x, caller)])
