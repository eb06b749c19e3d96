"""Reports of the daily SMS (T4)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cases
from api.documentation import READING, problems
from api.schemas.daily_sms import DailySmsListOut, DailySmsOut, DailySmsProblemOut
from api.schemas.reconciliation import Day
from api.security import SignedIn, SignedInRoute
from mallcare.domain.daily_sms import DailySmsRun
from mallcare.domain.notices import NoticeStatus

router = APIRouter(tags=["operations"], route_class=SignedInRoute)


@router.get(
    "/v1/operations/daily-sms",
    summary="List reports of the daily SMS",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def list_daily_sms(
    caller: SignedIn,
    cases: Cases,
    limit: Annotated[int, Query(ge=1, le=200, description="Most days of one page.")] = 50,
    cursor: Annotated[
        Day | None, Query(description="`next_cursor` of the page before: days before this one.")
    ] = None,
) -> DailySmsListOut:
    """What the daily SMS to principals came to, newest day first (operations, finance, auditor)."""
    page = await cases.daily_sms_reports.page(limit, cursor, caller)
    return DailySmsListOut(items=[_run_out(run) for run in page.items], next_cursor=page.next_cursor)


@router.get(
    "/v1/operations/daily-sms/{day}",
    summary="The report of a day's SMS",
    responses=problems(*READING, "not_allowed"),
)
async def get_daily_sms(
    day: Annotated[Day, Path(description="The local day.")], caller: SignedIn, cases: Cases
) -> DailySmsOut:
    """Who was to be told what is overdue, and what became of it (operations, finance, auditor).

    A day that should have a report and has none is a task of operations (`daily_sms_missing`).
    """
    return _run_out(await cases.daily_sms_reports.of_day(day, caller))


def _run_out(run: DailySmsRun) -> DailySmsOut:
    return DailySmsOut(
        day=run.day,
        status=_status(run),
        started_at=run.started_at,
        planned_at=run.planned_at,
        reported_at=run.reported_at,
        missed=run.missed,
        suppliers=run.suppliers,
        planned=run.planned,
        counts={status.value: run.outcomes.get(status, 0) for status in NoticeStatus},
        problems=[
            DailySmsProblemOut(
                code=problem.code, count=problem.count, status=problem.status, supplier_id=problem.supplier_id
            )
            for problem in run.problems
        ],
    )


def _status(run: DailySmsRun) -> str:
    if run.reported_at is not None:
        return "reported"
    return "planning" if run.planned_at is None else "sending"
