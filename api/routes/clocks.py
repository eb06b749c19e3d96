"""Clocks: those of an order or a request, and one with its arithmetic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cases
from api.documentation import problems
from api.rendering.clocks import clock_out, explained_out
from api.schemas.clocks import ClockExplainedOut, ClockListOut
from api.schemas.fields import Id
from api.security import SignedIn, SignedInRoute

router = APIRouter(tags=["boards"], route_class=SignedInRoute)

REFUSALS = ("unauthenticated", "not_allowed", "not_found", "invalid", "engine_unavailable")


@router.get(
    "/v1/clocks",
    summary="Clocks of an order or a request",
    responses=problems(*REFUSALS),
)
async def list_clocks(
    caller: SignedIn,
    cases: Cases,
    order_no: Annotated[Id | None, Query(description="Of this order and its requests.")] = None,
    subject: Annotated[
        Id | None, Query(description="Of this order alone, or of this request of after-sales.")
    ] = None,
    supplier_id: Annotated[Id | None, Query(description="Only of this supplier.")] = None,
) -> ClockListOut:
    """Every promise about an order or a request, open or ended; one of `order_no` and `subject`."""
    records, as_of = await cases.clocks.of(order_no, subject, supplier_id, caller)
    return ClockListOut(as_of=as_of, items=[clock_out(record, as_of) for record in records])


@router.get(
    "/v1/clocks/{clock_id}",
    summary="A clock with its arithmetic",
    responses=problems(*REFUSALS),
)
async def get_clock(
    clock_id: Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the clock.")],
    caller: SignedIn,
    cases: Cases,
) -> ClockExplainedOut:
    """Its events, the versions it is pinned to, when it ran, and what that comes to, computed anew."""
    return explained_out(await cases.clocks.one(clock_id, caller))
