"""Commands before anything is sent or paid: the review, its offers and questions, and the deadline."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.parsing import address_of
from api.routes.after_sales import AfterSalesNo
from api.routes.commands import give
from api.schemas.cases import CaseOut
from api.schemas.commands import (
    ApproveIn,
    CommandIn,
    ExtendDeadlineIn,
    ProposeIn,
    RejectIn,
    RequestEvidenceIn,
    SubmitEvidenceIn,
)
from api.security import SignedIn, SignedInRoute
from mallcare.application.papers import Beside
from mallcare.domain.commands import (
    AcceptProposal,
    Approve,
    Cancel,
    DeclineProposal,
    ExtendDeadline,
    Propose,
    Reject,
    RequestEvidence,
    SubmitEvidence,
)

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


@router.post(
    "/v1/after-sales/{after_sales_no}/approve",
    summary="Approve a request",
    responses=problems(*COMMANDING, "units_unavailable", "refund_cap_exceeded"),
)
async def approve(after_sales_no: AfterSalesNo, body: ApproveIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Agree to the request (supplier, mall, operations).

    A refund-only is refunded. For a return or an exchange the customer has 7 days to send the goods, to
    the `return_address` given here or else to the supplier's own, frozen from now on; where neither is
    known, operations is asked to find one.

    A command sent again with its `command_id` answers the stored outcome, accepted or refused. The
    loser of a race gets `illegal_transition` with the `current_state`.
    """
    return await give(Approve(), after_sales_no, body, caller, cases, Beside(address_of(body.return_address)))


@router.post(
    "/v1/after-sales/{after_sales_no}/reject",
    summary="Reject a request",
    responses=problems(*COMMANDING),
)
async def reject(after_sales_no: AfterSalesNo, body: RejectIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Decline the request (supplier, mall, operations): its units are free again."""
    return await give(Reject(body.reason), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/propose",
    summary="Offer something else",
    responses=problems(*COMMANDING, "line_not_returnable"),
)
async def propose(after_sales_no: AfterSalesNo, body: ProposeIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Offer less money, another kind of request, or both (supplier, mall, operations).

    The customer has 7 days; silence declines.
    """
    return await give(Propose(body.message, body.goods_fen, body.kind), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/accept-proposal",
    summary="Accept what is offered",
    responses=problems(*COMMANDING, "units_unavailable", "refund_cap_exceeded"),
)
async def accept_proposal(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Agree to the offer (customer, mall): the request goes on as approved, as the kind and for the amount
    that were offered.
    """
    return await give(AcceptProposal(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/decline-proposal",
    summary="Decline what is offered",
    responses=problems(*COMMANDING),
)
async def decline_proposal(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Decline the offer (customer, mall): the supplier reviews the request anew."""
    return await give(DeclineProposal(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/request-evidence",
    summary="Ask for evidence",
    responses=problems(*COMMANDING),
)
async def request_evidence(
    after_sales_no: AfterSalesNo, body: RequestEvidenceIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Ask the customer to show more (supplier, mall, operations); the customer has 7 days."""
    return await give(RequestEvidence(body.message), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/submit-evidence",
    summary="Show what was asked for",
    responses=problems(*COMMANDING),
)
async def submit_evidence(
    after_sales_no: AfterSalesNo, body: SubmitEvidenceIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Answer with evidence (customer, mall): the supplier reviews the request anew."""
    return await give(
        SubmitEvidence(len(body.evidence)),
        after_sales_no,
        body,
        caller,
        cases,
        Beside(evidence=body.evidence, text=body.message),
    )


@router.post(
    "/v1/after-sales/{after_sales_no}/cancel",
    summary="Cancel a request",
    responses=problems(*COMMANDING),
)
async def cancel(after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Withdraw the request (customer, mall) while its supplier has not handled it, or, once approved,
    while the goods were not sent back (A2).
    """
    return await give(Cancel(), after_sales_no, body, caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/extend-deadline",
    summary="Extend the deadline of a request",
    responses=problems(*COMMANDING),
)
async def extend_deadline(
    after_sales_no: AfterSalesNo, body: ExtendDeadlineIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Move the deadline to a later instant (operations); kept in the record with its reason."""
    return await give(ExtendDeadline(body.until, body.reason), after_sales_no, body, caller, cases)
