"""Commands on a request. Each answers the request as it is afterwards."""

from __future__ import annotations

from fastapi import APIRouter

from api.deps import Cases
from api.documentation import COMMANDING, problems
from api.rendering import case_out
from api.routes.after_sales import AfterSalesNo
from api.schemas.after_sales import CaseOut, CommandIn, ExtendDeadlineIn, RejectIn
from api.schemas.fields import body_hash
from api.security import SignedIn, SignedInRoute
from mallcare.application.caller import Caller
from mallcare.application.command import GivenCommand
from mallcare.application.use_cases import UseCases
from mallcare.domain.commands import Approve, Cancel, Command, ExtendDeadline, Reject, RetryRefund

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)


async def _command(
    after_sales_no: str, body: CommandIn, command: Command, caller: Caller, cases: UseCases
) -> CaseOut:
    given = GivenCommand(
        after_sales_no=after_sales_no,
        command_id=body.command_id,
        command=command,
        body_hash=body_hash(body, command=command.action.value),
        expected_version=body.expected_version,
    )
    return case_out(await cases.command(given, caller), caller)


@router.post(
    "/v1/after-sales/{after_sales_no}/approve",
    summary="Approve a request",
    responses=problems(*COMMANDING, "refund_cap_exceeded"),
)
async def approve(after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Agree to the request (supplier, mall, operations): its refund is decided and begins.

    A command sent again with its `command_id` answers the stored outcome, accepted or refused. The
    loser of a race gets `illegal_transition` with the `current_state`.
    """
    return await _command(after_sales_no, body, Approve(), caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/reject",
    summary="Reject a request",
    responses=problems(*COMMANDING),
)
async def reject(after_sales_no: AfterSalesNo, body: RejectIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Decline the request (supplier, mall, operations): its units are free again."""
    return await _command(after_sales_no, body, Reject(body.reason), caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/cancel",
    summary="Cancel a request",
    responses=problems(*COMMANDING),
)
async def cancel(after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases) -> CaseOut:
    """Withdraw the request (customer, mall) while its supplier has not handled it (A2)."""
    return await _command(after_sales_no, body, Cancel(), caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/extend-deadline",
    summary="Extend the deadline of a request",
    responses=problems(*COMMANDING),
)
async def extend_deadline(
    after_sales_no: AfterSalesNo, body: ExtendDeadlineIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Move the deadline to a later instant (operations); kept in the record with its reason."""
    return await _command(after_sales_no, body, ExtendDeadline(body.until, body.reason), caller, cases)


@router.post(
    "/v1/after-sales/{after_sales_no}/retry-refund",
    summary="Retry a failed refund",
    responses=problems(*COMMANDING, "refund_cap_exceeded"),
)
async def retry_refund(
    after_sales_no: AfterSalesNo, body: CommandIn, caller: SignedIn, cases: Cases
) -> CaseOut:
    """Ask the vendor once more for what failed (finance), under the same refund numbers."""
    return await _command(after_sales_no, body, RetryRefund(), caller, cases)
