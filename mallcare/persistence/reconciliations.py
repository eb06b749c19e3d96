"""Refund legs as reconciliation sees them, and what was found, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from sqlalchemy import DateTime, Row, Text, and_, bindparam, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.reconciliation import BillDay, BookedRefund, Difference, DifferenceKind
from mallcare.domain.vocabulary import LegStatus
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.tables import reconciliation_runs, refund_legs
from mallcare.ports.reconciliation import ReconciledDay, ReconciliationRun

L = refund_legs.c
KEY = ("provider", "merchant", "day")
RESULT = ("finished_at", "billed_count", "due_count", "difference_count", "report")

LEGS = select(
    L.refund_no, L.after_sales_no, L.amount_fen, L.status, L.created_at, L.settled_at, L.settled_offline
).where(
    L.provider == bindparam("of_provider", type_=Text()),
    or_(
        L.refund_no == func.any(bindparam("numbers", type_=ARRAY(Text()))),
        and_(
            L.settled_at >= bindparam("since", type_=DateTime(timezone=True)),
            L.settled_at < bindparam("until", type_=DateTime(timezone=True)),
            L.status == LegStatus.SUCCEEDED.value,
            ~L.settled_offline,
        ),
    ),
)
_new = insert(reconciliation_runs)
FINISHED = _new.on_conflict_do_update(
    index_elements=list(KEY),
    set_={name: _new.excluded[name] for name in ("started_at", "failure_code", *RESULT)},
)
FAILED = _new.on_conflict_do_update(
    index_elements=list(KEY), set_={name: _new.excluded[name] for name in ("started_at", "failure_code")}
)


class SqlReconciliations:
    """See `ports.reconciliation.Reconciliations`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def legs(self, provider: str, refund_nos: Collection[str], day: BillDay) -> list[BookedRefund]:
        """One statement for a bill of any length."""
        given = {
            "of_provider": provider,
            "numbers": list(refund_nos),
            "since": day.starts_at,
            "until": day.ends_at,
        }
        return [_leg(row) for row in await self._connection.execute(LEGS, given)]

    async def finished(self, run: ReconciliationRun) -> None:
        """The row's lock lets two runs of one day write one after the other."""
        assert run.result is not None
        values = {
            **_key(run),
            "finished_at": run.finished_at,
            "failure_code": None,
            "billed_count": run.result.billed,
            "due_count": run.result.due,
            "difference_count": run.result.different,
            "report": _report(run.result),
        }
        await self._connection.execute(FINISHED, values)

    async def failed(self, run: ReconciliationRun) -> None:
        """Only what is known of the attempt."""
        await self._connection.execute(FAILED, {**_key(run), "failure_code": run.failure_code})

    async def of_day(self, day: date) -> list[ReconciliationRun]:
        """By provider and merchant."""
        runs = (
            select(reconciliation_runs)
            .where(reconciliation_runs.c.day == day)
            .order_by(reconciliation_runs.c.provider, reconciliation_runs.c.merchant)
        )
        return [_run(row) for row in await self._connection.execute(runs)]


def _key(run: ReconciliationRun) -> dict[str, object]:
    return {
        "provider": run.provider,
        "merchant": run.merchant,
        "day": run.day,
        "started_at": run.started_at,
    }


def _leg(row: Row[*tuple[Any, ...]]) -> BookedRefund:
    """Of its vendor a leg settled offline got a refusal: no bill owes it, and one that has it paid twice."""
    return BookedRefund(
        refund_no=row.refund_no,
        after_sales_no=row.after_sales_no,
        amount_fen=row.amount_fen,
        status=LegStatus.FAILED if row.settled_offline else LegStatus(row.status),
        created_at=instant(row.created_at),
        settled_at=utc(row.settled_at),
    )


def _report(result: ReconciledDay) -> dict[str, object]:
    return {
        "by_kind": dict(result.by_kind),
        "differences": [
            {
                "kind": one.kind.value,
                "refund_no": one.refund_no,
                "after_sales_no": one.after_sales_no,
                "our_fen": one.our_fen,
                "our_status": one.our_status,
                "billed_fen": list(one.billed_fen),
                "billed_status": list(one.billed_status),
            }
            for one in result.differences
        ],
    }


def _run(row: Row[*tuple[Any, ...]]) -> ReconciliationRun:
    result = None
    if row.report is not None:
        differences = tuple(_difference(item) for item in row.report["differences"])
        result = ReconciledDay(row.billed_count, row.due_count, row.report["by_kind"], differences)
    return ReconciliationRun(
        provider=row.provider,
        merchant=row.merchant,
        day=row.day,
        started_at=instant(row.started_at),
        finished_at=utc(row.finished_at),
        failure_code=row.failure_code,
        result=result,
    )


def _difference(item: Mapping[str, Any]) -> Difference:
    return Difference(
        kind=DifferenceKind(item["kind"]),
        refund_no=item["refund_no"],
        after_sales_no=item["after_sales_no"],
        our_fen=item["our_fen"],
        our_status=item["our_status"],
        billed_fen=tuple(item["billed_fen"]),
        billed_status=tuple(item["billed_status"]),
    )
