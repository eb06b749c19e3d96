"""The live board (T2): its numbers, the rows behind each, and word of what changes."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator

from api.deps import Cases
from api.documentation import problems
from api.rendering.boards import board_page
from api.rendering.clocks import clock_out
from api.schemas.boards import BoardOut, BoardRowsOut
from api.schemas.fields import Id, Instant
from api.security import SignedIn, SignedInRoute
from api.streaming import Changes, events_of
from mallcare.domain.boards import OPEN_STATES, Age, ClockState, Period
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import METRICS_OF, Figure, Metric
from mallcare.ports.boards import RowFilter

router = APIRouter(tags=["boards"], route_class=SignedInRoute)

REFUSALS = ("unauthenticated", "not_allowed", "not_found", "invalid", "engine_unavailable")


def _this_century(value: date) -> date:
    if not 2000 <= value.year < 2100:
        raise ValueError("must lie between 2000 and 2100")
    return value


Day = Annotated[date, AfterValidator(_this_century)]

Supplier = Annotated[Id | None, Query(description="Only of this supplier; suppliers see their own.")]
First = Annotated[
    Day | None,
    Query(alias="from", description="First local day (Asia/Shanghai) of cohorts."),
]
Last = Annotated[
    Day | None,
    Query(alias="to", description="Last local day of cohorts, at most 92 in all."),
]


@router.get(
    "/v1/boards/timeliness",
    summary="The live board",
    response_model=BoardOut,
    responses=problems(*REFUSALS),
)
async def get_timeliness_board(
    caller: SignedIn,
    cases: Cases,
    supplier_id: Supplier = None,
    first: First = None,
    last: Last = None,
    suppliers: Annotated[int, Query(ge=1, le=200, description="Most lines of the heat table.")] = 50,
) -> Response:
    """What is late, what is about to be, and how promises were kept (T2), of one supplier or of all.

    Every number comes with the address of exactly the rows it counts. Open clocks are counted as of
    `data_as_of`, whatever their day; cohorts are clocks by the local day they were due on, the last
    seven days unless `from` and `to` say otherwise. The board of all suppliers may be up to a second
    old. Roles: operations, auditor, mall; a supplier sees its own.
    """
    board = await cases.boards.timeliness(supplier_id, first, last, caller)
    return Response(board_page(board, suppliers, caller), media_type="application/json")


@router.get(
    "/v1/boards/timeliness/rows",
    summary="The rows behind a number",
    responses=problems(*REFUSALS),
)
async def list_timeliness_rows(
    caller: SignedIn,
    cases: Cases,
    figure: Annotated[Figure | None, Query(description="Clocks of this figure's metrics.")] = None,
    metric: Annotated[Metric | None, Query(description="Clocks of this metric.")] = None,
    state: Annotated[
        list[ClockState] | None,
        Query(max_length=7, description="In one of these states; without: open ones."),
    ] = None,
    supplier_id: Supplier = None,
    bucket: Annotated[Age | None, Query(description="Open clocks of this age, in hours.")] = None,
    day: Annotated[Day | None, Query(description="Due on this local day; instead of from, to.")] = None,
    first: First = None,
    last: Last = None,
    as_of: Annotated[
        Instant | None, Query(description="The instant that states and ages refer to; without: now.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most rows of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=512,
            pattern=r"^[A-Za-z0-9_=-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> BoardRowsOut:
    """The clocks that a number of the board counts, the earliest deadline first.

    All pages refer to one instant: `as_of`, or that of the first page. `from`, `to` and `day` keep clocks
    whose deadline lies on these days; paused ones have none.
    """
    where = RowFilter(
        metrics=_metrics(figure, metric),
        states=tuple(dict.fromkeys(state)) if state else OPEN_STATES,
        as_of=as_of or cases.boards.now(),
        supplier_id=supplier_id,
        age=bucket,
        due_in=_days(day, first, last),
    )
    page, at = await cases.boards.rows(where, limit, cursor, caller)
    return BoardRowsOut(
        as_of=at,
        items=[clock_out(record, at) for record in page.items],
        next_cursor=page.next_cursor,
    )


@router.get(
    "/v1/boards/timeliness/stream",
    summary="What changes on the board",
    response_class=EventSourceResponse,
    responses=problems(*REFUSALS),
)
async def stream_timeliness_changes(changes: Changes) -> AsyncGenerator[ServerSentEvent]:
    """Server-sent events that say what changed, never the data: read the board again.

    `resync` comes first, and whenever word may have been missed: read everything. `changed` names suppliers
    and their metrics, at most once a second. What merely passes with time is told when a breach is recorded;
    read the board each minute for the rest. A comment each 15 seconds keeps the connection. Roles as for
    the board. 503: too many listen here; try again.
    """
    async for change in changes:
        for event in events_of(change):
            yield event


def _metrics(figure: Figure | None, metric: Metric | None) -> tuple[Metric, ...]:
    if figure is not None and metric is not None:
        raise InvalidInput("name a figure or a metric, not both")
    if metric is not None:
        return (metric,)
    return METRICS_OF[figure] if figure is not None else tuple(Metric)


def _days(day: date | None, first: date | None, last: date | None) -> Period | None:
    if day is not None and (first is not None or last is not None):
        raise InvalidInput("name a day, or from and to")
    if (first is None) is not (last is None):
        raise InvalidInput("from and to go together")
    if day is not None:
        return Period(day, day)
    return Period(first, last) if first is not None and last is not None else None
