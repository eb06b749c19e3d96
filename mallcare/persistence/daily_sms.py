"""The daily SMS in PostgreSQL: counts of what is overdue, page by page, and what is kept of each day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Date,
    DateTime,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from mallcare.domain.daily_sms import DailyProblem, DailySmsRun, NoticeOutcome
from mallcare.domain.metrics import STAGES, Metric
from mallcare.domain.notices import NoticeKind, NoticeStatus
from mallcare.persistence.clock_tables import RUNS
from mallcare.persistence.codec import Values, instant, utc
from mallcare.persistence.tables import clocks, contacts, daily_sms_runs, notices
from mallcare.ports.daily_sms import SupplierOverdue

C, N, R = clocks.c, notices.c, daily_sms_runs.c
COUNTED = (Metric.SHIPMENT, *STAGES)
ON_DAY = R.day == bindparam("of_day", type_=Date())


def _supplier_after(last: ColumnElement[str]) -> ColumnElement[str | None]:
    """The first supplier after another one, by the head of one index for each metric, and of contacts."""
    with_clocks = (
        select(func.min(C.supplier_id))
        .where(C.metric == metric.value, text(RUNS), C.supplier_id > last)
        .scalar_subquery()
        for metric in Metric
    )
    with_contacts = contacts.c.supplier_id
    reachable = select(func.min(with_contacts)).where(with_contacts > last).scalar_subquery()
    return func.least(*with_clocks, reachable, type_=Text())


def _overdue() -> Select[*tuple[Any, ...]]:
    """Walks from supplier to supplier, so that a page costs the same however many clocks there are."""
    first = _supplier_after(bindparam("after", type_=Text()))
    walk = select(first.label("supplier_id"), literal(1).label("nth")).cte("walk", recursive=True)
    walk = walk.union_all(
        select(_supplier_after(walk.c.supplier_id), walk.c.nth + 1).where(
            walk.c.supplier_id.is_not(None), walk.c.nth < bindparam("most", type_=Integer())
        )
    )
    subjects = func.count(C.subject.distinct())
    counts = (
        select(
            subjects.filter(C.metric == Metric.SHIPMENT.value).label("orders"),
            subjects.filter(C.metric.in_([metric.value for metric in STAGES])).label("after_sales"),
        )
        .where(
            C.supplier_id == walk.c.supplier_id,
            C.metric.in_([metric.value for metric in COUNTED]),
            text(RUNS),
            C.due_at < bindparam("now", type_=DateTime(timezone=True)),
        )
        .lateral("counts")
    )
    return (
        select(walk.c.supplier_id, counts.c.orders, counts.c.after_sales)
        .select_from(walk.join(counts, true()))
        .where(walk.c.supplier_id.is_not(None))
        .order_by(walk.c.supplier_id)
    )


OVERDUE = _overdue()
LAST_SEQ = select(func.coalesce(func.max(N.seq), 0))
BEGIN = insert(daily_sms_runs).on_conflict_do_nothing(index_elements=[R.day])
LOCK = select(daily_sms_runs).where(ON_DAY).with_for_update()
GET = select(daily_sms_runs).where(ON_DAY)
NEWEST = select(daily_sms_runs).order_by(R.day.desc()).limit(bindparam("most", type_=Integer()))
OUTCOMES = (
    select(N.status, N.error_code, func.count())
    .where(
        N.seq > bindparam("after_seq"),
        N.kind == NoticeKind.DAILY_SMS.value,
        N.facts["day"].astext == bindparam("of_day", type_=Text()),
    )
    .group_by(N.status, N.error_code)
)


class SqlDailySmsRuns:
    """See `ports.daily_sms.DailySmsRuns`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def overdue(self, now: datetime, after: str, limit: int) -> list[SupplierOverdue]:
        """One statement for a page."""
        rows = await self._connection.execute(OVERDUE, {"now": now, "after": after, "most": limit})
        return [SupplierOverdue(*row) for row in rows]

    async def begin(self, day: date, now: datetime) -> DailySmsRun:
        """Remembers the last notice there was: the day's are counted without looking at older ones."""
        counts = _counts(DailySmsRun(day, now, after_seq=await self._last_seq()))
        await self._connection.execute(BEGIN, {"day": day, "started_at": now, "counts": counts})
        run = await self.lock(day)
        assert run is not None
        return run

    async def lock(self, day: date) -> DailySmsRun | None:
        """Waits for whoever has it."""
        return _run_or_none((await self._connection.execute(LOCK, {"of_day": day})).one_or_none())

    async def save(self, run: DailySmsRun) -> None:
        """All of it but its key and its begin."""
        changed = (
            update(daily_sms_runs)
            .where(R.day == run.day)
            .values(
                planned_at=run.planned_at,
                reported_at=run.reported_at,
                counts=_counts(run),
                problems=[_problem_json(problem) for problem in run.problems],
            )
        )
        await self._connection.execute(changed)

    async def outcomes(self, run: DailySmsRun) -> list[NoticeOutcome]:
        """From the numbers of the day's notices on."""
        given = {"after_seq": run.after_seq, "of_day": run.day.isoformat()}
        rows = await self._connection.execute(OUTCOMES, given)
        return [NoticeOutcome(NoticeStatus(row[0]), row[1], row[2]) for row in rows]

    async def newest(self) -> DailySmsRun | None:
        """By the head of the key."""
        return _run_or_none((await self._connection.execute(NEWEST, {"most": 1})).one_or_none())

    async def get(self, day: date) -> DailySmsRun | None:
        """Without a lock."""
        return _run_or_none((await self._connection.execute(GET, {"of_day": day})).one_or_none())

    async def before(self, day: date | None, limit: int) -> Sequence[DailySmsRun]:
        """By the key, backwards."""
        statement = NEWEST if day is None else NEWEST.where(R.day < day)
        return [_run(row) for row in await self._connection.execute(statement, {"most": limit})]

    async def _last_seq(self) -> int:
        return (await self._connection.execute(LAST_SEQ)).scalar_one()


def _counts(run: DailySmsRun) -> Values:
    return {
        "suppliers": run.suppliers,
        "planned": run.planned,
        "outcomes": {status.value: count for status, count in run.outcomes.items()},
        "cursor": run.cursor,
        "after_seq": run.after_seq,
    }


def _problem_json(problem: DailyProblem) -> Values:
    told = {
        "code": problem.code,
        "count": problem.count,
        "supplier_id": problem.supplier_id,
        "status": problem.status,
    }
    return {name: value for name, value in told.items() if value is not None}


def _run_or_none(row: Row[*tuple[Any, ...]] | None) -> DailySmsRun | None:
    return None if row is None else _run(row)


def _run(row: Row[*tuple[Any, ...]]) -> DailySmsRun:
    counts = row.counts
    return DailySmsRun(
        day=row.day,
        started_at=instant(row.started_at),
        planned_at=utc(row.planned_at),
        reported_at=utc(row.reported_at),
        suppliers=counts["suppliers"],
        planned=counts["planned"],
        outcomes={NoticeStatus(status): count for status, count in counts["outcomes"].items()},
        problems=tuple(DailyProblem(**problem) for problem in row.problems),
        cursor=counts["cursor"],
        after_seq=counts["after_seq"],
    )
