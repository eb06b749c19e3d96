"""Reconciliation with payment vendors: have a day compared, see its report."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cases
from api.documentation import WRITING, problems
from api.schemas.reconciliation import (
    Day,
    DifferenceOut,
    ReconciliationIn,
    ReconciliationListOut,
    ReconciliationOut,
    ReconciliationStarted,
)
from api.security import SignedIn, SignedInRoute
from mallcare.ports import ReconciledDay, ReconciliationRun

router = APIRouter(tags=["operations"], route_class=SignedInRoute)


@router.post(
    "/v1/reconciliations",
    summary="Reconcile a day",
    status_code=202,
    responses=problems(*WRITING),
)
async def start_reconciliation(
    body: ReconciliationIn, caller: SignedIn, cases: Cases
) -> ReconciliationStarted:
    """Compare each vendor's bill of a day with our refunds, in the background (operations, finance).

    Yesterday's is done each morning by itself. Any day may be repeated: no difference becomes a task
    twice.
    """
    started = await cases.reconciliations.start(body.day, caller)
    return ReconciliationStarted(day=body.day, asked_at=started.asked_at, providers=list(started.providers))


@router.get(
    "/v1/reconciliations",
    summary="The reconciliation of a day",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def list_reconciliations(
    caller: SignedIn, cases: Cases, day: Annotated[Day, Query(description="The day of the bill, in Beijing.")]
) -> ReconciliationListOut:
    """What came of a day, merchant by merchant (operations, finance, auditor)."""
    return ReconciliationListOut(
        items=[_run_out(run) for run in await cases.reconciliations.of_day(day, caller)]
    )


def _run_out(run: ReconciliationRun) -> ReconciliationOut:
    result = run.result or ReconciledDay(0, 0)
    return ReconciliationOut(
        provider=run.provider,
        merchant=run.merchant,
        day=run.day,
        started_at=run.started_at,
        finished_at=run.finished_at,
        failure_code=run.failure_code,
        billed=result.billed,
        due=result.due,
        different=result.different,
        by_kind=dict(result.by_kind),
        differences=[
            DifferenceOut(
                kind=one.kind,
                refund_no=one.refund_no,
                after_sales_no=one.after_sales_no,
                our_fen=one.our_fen,
                our_status=one.our_status,
                billed_fen=list(one.billed_fen),
                billed_status=list(one.billed_status),
            )
            for one in result.differences
        ],
    )
