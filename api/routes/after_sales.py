"""After-sales requests: quote, submit, read."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import JSONResponse

from api.deps import Cases, IdempotencyKey
from api.documentation import READING, WRITING, problems
from api.parsing import request_of, submission_of
from api.rendering.cases import case_out, case_renderer, quote_out
from api.rendering.record import event_out, words_out
from api.schemas.after_sales import QuoteIn, QuoteOut, SubmitIn
from api.schemas.cases import CaseEventsOut, CaseListOut, CaseOut, WordsOut
from api.schemas.fields import Id
from api.security import SignedIn, SignedInRoute
from mallcare.domain.vocabulary import Kind, State
from mallcare.ports import CaseFilter

router = APIRouter(tags=["after-sales"], route_class=SignedInRoute)

AfterSalesNo = Annotated[Id, Path(description="Number of the request.")]
ENTRY = (
    "not_found",
    "order_not_paid",
    "order_closed",
    "window_closed",
    "units_unavailable",
    "line_not_returnable",
)


@router.post(
    "/v1/after-sales/quotes",
    summary="What would be refunded",
    responses=problems(*WRITING, *ENTRY),
)
async def quote_after_sales(body: QuoteIn, caller: SignedIn, cases: Cases) -> QuoteOut:
    """What a request would refund if it were submitted now, unit by unit. Nothing is reserved (A4)."""
    quoted = await cases.quote(body.order_no, request_of(body, body.reason_code), caller)
    return quote_out(quoted, body.kind)


@router.post(
    "/v1/after-sales",
    summary="Submit a request",
    status_code=201,
    response_model=CaseOut,
    responses={
        201: {
            "headers": {
                "Location": {
                    "description": "Address of the request.",
                    "schema": {"type": "string"},
                }
            }
        },
        **problems(*WRITING, *ENTRY, "idempotency_mismatch", "refund_cap_exceeded"),
    },
)
async def submit_after_sales(
    body: SubmitIn, idempotency_key: IdempotencyKey, caller: SignedIn, cases: Cases
) -> Response:
    """Open a request (roles mall and customer): its units are reserved, its clock runs.

    A refund-only of the whole order within the cooling-off is refunded by the system at once, without
    review (A1). The same `Idempotency-Key` with the same body answers the first body again; with
    another body it is `idempotency_mismatch`.
    """
    answer = await cases.submit(submission_of(body, idempotency_key), caller, case_renderer(caller))
    location = f"/v1/after-sales/{cast('str', answer['after_sales_no'])}"
    return JSONResponse(dict(answer), status_code=201, headers={"Location": location})


@router.get(
    "/v1/after-sales",
    summary="List requests",
    responses=problems(*READING),
)
async def list_after_sales(
    caller: SignedIn,
    cases: Cases,
    order_no: Annotated[Id | None, Query(description="Only of this order.")] = None,
    supplier_id: Annotated[Id | None, Query(description="Only of this supplier.")] = None,
    state: Annotated[State | None, Query(description="Only in this state.")] = None,
    kind: Annotated[Kind | None, Query(description="Only of this kind.")] = None,
    overdue: Annotated[
        bool, Query(description="Only requests whose deadline has passed or that were escalated.")
    ] = False,
    limit: Annotated[int, Query(ge=1, le=200, description="Most requests of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=512,
            pattern=r"^[A-Za-z0-9_=-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> CaseListOut:
    """Requests you may see, newest first, page by page; none is lost or repeated while new ones come."""
    where = CaseFilter(order_no=order_no, supplier_id=supplier_id, state=state, kind=kind)
    page = await cases.read.page(where, limit, cursor, caller, overdue=overdue)
    return CaseListOut(items=[case_out(item, caller) for item in page.items], next_cursor=page.next_cursor)


@router.get(
    "/v1/after-sales/{after_sales_no}",
    summary="One request",
    responses=problems(*READING),
)
async def get_after_sales(after_sales_no: AfterSalesNo, caller: SignedIn, cases: Cases) -> CaseOut:
    """The request as it stands, with what you may do now."""
    return case_out(await cases.read.one(after_sales_no, caller), caller)


@router.get(
    "/v1/after-sales/{after_sales_no}/request",
    summary="What the customer asked for, in their words",
    responses=problems(*READING),
)
async def get_after_sales_request(after_sales_no: AfterSalesNo, caller: SignedIn, cases: Cases) -> WordsOut:
    """Reason, description and evidence: what a reviewer reads before deciding."""
    return words_out(await cases.read.one(after_sales_no, caller))


@router.get(
    "/v1/after-sales/{after_sales_no}/events",
    summary="The record of a request",
    responses=problems(*READING),
)
async def list_after_sales_events(
    after_sales_no: AfterSalesNo,
    caller: SignedIn,
    cases: Cases,
    limit: Annotated[int, Query(ge=1, le=200, description="Most lines of one page.")] = 200,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=18,
            pattern=r"^[0-9]+$",
            description="`next_cursor` of the page before, of the same request.",
        ),
    ] = None,
) -> CaseEventsOut:
    """Who did what and when, from which state to which; refused commands included. Oldest first."""
    page = await cases.read.events(after_sales_no, caller, limit=limit, after=int(cursor or 0))
    return CaseEventsOut(
        items=[event_out(event, caller) for event in page.items], next_cursor=page.next_cursor
    )
