"""Refunded goods that travel: their list, and what people say became of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cases
from api.documentation import READING, problems
from api.rendering.record import SEES_SUBJECTS
from api.schemas.cases import ActorOut
from api.schemas.fields import Id
from api.schemas.intercepts import (
    InterceptLineOut,
    InterceptListOut,
    InterceptNoteIn,
    InterceptOut,
    InterceptStepOut,
)
from api.security import SignedIn, SignedInRoute
from mallcare.application.caller import Caller
from mallcare.domain.commands import Actor
from mallcare.domain.intercepts import Intercept, InterceptStatus
from mallcare.ports import InterceptFilter

router = APIRouter(tags=["operations"], route_class=SignedInRoute)

AfterSalesNo = Annotated[Id, Path(description="Number of the request whose goods travel.")]
SAYING = (*READING, "not_allowed", "illegal_transition", "too_large")


@router.get(
    "/v1/operations/intercepts",
    summary="List intercepts",
    responses=problems(*READING, "not_allowed"),
)
async def list_intercepts(
    caller: SignedIn,
    cases: Cases,
    status: Annotated[InterceptStatus | None, Query(description="Only in this status.")] = None,
    supplier_id: Annotated[Id | None, Query(description="Only goods of this supplier.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most intercepts of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> InterceptListOut:
    """Refunded goods that travel, newest first; a supplier sees its own, customers have no part in it."""
    page = await cases.intercepts.page(InterceptFilter(status, supplier_id), limit, cursor, caller)
    items = [_intercept_out(intercept, caller) for intercept in page.items]
    return InterceptListOut(items=items, next_cursor=page.next_cursor)


@router.get(
    "/v1/operations/intercepts/{after_sales_no}",
    summary="One intercept",
    responses=problems(*READING, "not_allowed"),
)
async def get_intercept(after_sales_no: AfterSalesNo, caller: SignedIn, cases: Cases) -> InterceptOut:
    """The goods of one request, and everything that was said about them."""
    return _intercept_out(await cases.intercepts.one(after_sales_no, caller), caller)


@router.post(
    "/v1/operations/intercepts/{after_sales_no}/intercepted",
    summary="Say that the carrier stopped the goods",
    responses=problems(*SAYING),
)
async def say_intercepted(
    after_sales_no: AfterSalesNo, body: InterceptNoteIn, caller: SignedIn, cases: Cases
) -> InterceptOut:
    """They come back (operations, the mall, the supplier). The same note again changes nothing.

    Should their delivery be reported all the same, operations is called.
    """
    return await _say(after_sales_no, InterceptStatus.INTERCEPTED, body, caller, cases)


@router.post(
    "/v1/operations/intercepts/{after_sales_no}/recovered",
    summary="Say that the goods are back",
    responses=problems(*SAYING),
)
async def say_recovered(
    after_sales_no: AfterSalesNo, body: InterceptNoteIn, caller: SignedIn, cases: Cases
) -> InterceptOut:
    """The supplier has them again (operations): closes the intercept and resolves its task."""
    return await _say(after_sales_no, InterceptStatus.RECOVERED, body, caller, cases)


@router.post(
    "/v1/operations/intercepts/{after_sales_no}/charged",
    summary="Say that the customer paid for the goods",
    responses=problems(*SAYING),
)
async def say_charged(
    after_sales_no: AfterSalesNo, body: InterceptNoteIn, caller: SignedIn, cases: Cases
) -> InterceptOut:
    """The customer keeps and paid for them (operations): closes the intercept and resolves its task."""
    return await _say(after_sales_no, InterceptStatus.CHARGED, body, caller, cases)


@router.post(
    "/v1/operations/intercepts/{after_sales_no}/written-off",
    summary="Say that the goods are written off",
    responses=problems(*SAYING),
)
async def say_written_off(
    after_sales_no: AfterSalesNo, body: InterceptNoteIn, caller: SignedIn, cases: Cases
) -> InterceptOut:
    """Nobody asks for them any more (operations): closes the intercept and resolves its task."""
    return await _say(after_sales_no, InterceptStatus.WRITTEN_OFF, body, caller, cases)


async def _say(
    after_sales_no: str, word: InterceptStatus, body: InterceptNoteIn, caller: Caller, cases: Cases
) -> InterceptOut:
    said = await cases.intercepts.say(after_sales_no, word, body.note, caller)
    return _intercept_out(said, caller)


def _intercept_out(intercept: Intercept, caller: Caller) -> InterceptOut:
    return InterceptOut(
        after_sales_no=intercept.after_sales_no,
        order_no=intercept.order_no,
        supplier_id=intercept.supplier_id,
        status=intercept.status,
        version=intercept.version,
        closed=intercept.status.closed,
        lines=[
            InterceptLineOut(line_id=line.line_id, quantity=line.quantity, delivered_at=line.delivered_at)
            for line in intercept.lines
        ],
        waybills=list(intercept.waybills),
        refunded_fen=intercept.refunded_fen,
        refund_decided_at=intercept.refund_decided_at,
        began_at=intercept.began_at,
        updated_at=intercept.updated_at,
        steps=[
            InterceptStepOut(
                status=step.status, actor=_actor_out(step.actor, caller), at=step.at, note=step.note
            )
            for step in intercept.steps
        ],
        allowed_actions=sorted(word.value.replace("_", "-") for word in intercept.sayable(caller.role)),
    )


def _actor_out(actor: Actor, caller: Caller) -> ActorOut:
    """Who of another side said it stays their own affair."""
    named = caller.role in SEES_SUBJECTS or actor.role is caller.role
    return ActorOut(role=actor.role, subject=actor.subject if named else None)
