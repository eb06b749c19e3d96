"""The live board in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, TextClause, bindparam, case, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.boards import OPEN_STATES, Age, Cohort, Period
from mallcare.domain.metrics import Figure, Metric
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.timeliness import Party
from mallcare.persistence import board_counts, board_rows
from mallcare.persistence.board_conditions import age_bounds
from mallcare.persistence.board_rows import cursor_after, list_rows, record_of
from mallcare.persistence.board_tables import DAYS_LOCK
from mallcare.persistence.clocks import clock_of
from mallcare.persistence.codec import Columns, instant, utc
from mallcare.persistence.operations_tables import UNRESOLVED
from mallcare.persistence.tables import after_sales, operations_tasks
from mallcare.ports.boards import (
    KEPT_AT_ONCE,
    ClockInFull,
    ClockRecord,
    CohortDay,
    OpenClocks,
    RowFilter,
)
from mallcare.ports.clocks import PlannedReminder, StoredClock
from mallcare.ports.queries import Page

T = operations_tasks.c
MARKS_AT_ONCE = 50_000
FROZEN = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
LOCKED = select(func.pg_try_advisory_xact_lock(DAYS_LOCK))
_status = case((T.claimed_at.is_(None), TaskStatus.OPEN.value), else_=TaskStatus.CLAIMED.value)
UNRESOLVED_TASKS = select(T.kind, _status, func.count()).where(text(UNRESOLVED)).group_by(T.kind, _status)
REQUESTS = select(after_sales.c.after_sales_no).where(
    after_sales.c.order_no == bindparam("number", type_=Text())
)
BREACHES = board_counts.scoped(board_rows.BREACHES)
OF_SUBJECTS = board_counts.scoped(board_rows.OF_SUBJECTS)


class SqlBoards:
    """See `ports.boards.Boards`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def freeze(self) -> None:
        """One snapshot for the whole transaction."""
        await self._connection.execute(FROZEN)

    async def open_clocks(self, supplier_id: str | None, now: datetime, before: datetime) -> list[OpenClocks]:
        """One statement."""
        bounds = age_bounds(now)
        rows = await self._of(board_counts.OPEN_CLOCKS, supplier_id, now=now, before=before, **bounds)
        return [_open_clocks(row) for row in rows]

    async def overdue_subjects(self, supplier_id: str | None, now: datetime) -> Mapping[Figure, int]:
        """Counted once in a figure, whatever number of clocks it has."""
        rows = await self._of(board_counts.OVERDUE_SUBJECTS, supplier_id, now=now)
        return {Figure(row["figure"]): row["subjects"] for row in rows}

    async def ended_overdue(self, supplier_id: str | None, before: datetime) -> Mapping[Metric, int]:
        """By the index of late ends."""
        rows = await self._of(board_counts.ENDED_OVERDUE, supplier_id, before=before)
        return {Metric(row["metric"]): row["clocks"] for row in rows}

    async def paused_overdue(self, supplier_id: str | None, before: datetime) -> list[StoredClock]:
        """By the index of the few that were paused too late."""
        rows = await self._of(board_counts.PAUSED_OVERDUE, supplier_id, before=before)
        return [StoredClock(row["id"], clock_of(row)) for row in rows]

    async def cohorts(self, supplier_id: str | None, period: Period) -> list[CohortDay]:
        """Kept days as they are kept, all others as they are now."""
        rows = await self._of(board_counts.COHORTS, supplier_id, **_days(period))
        return [
            CohortDay(Metric(row["metric"]), row["day"], _cohort(row), row["p50"], row["p90"]) for row in rows
        ]

    async def compliance(self, period: Period) -> Mapping[tuple[str, Metric], Cohort]:
        """Sums of days, kept or not."""
        rows = (await self._connection.execute(board_counts.COMPLIANCE, _days(period))).mappings()
        return {(row["supplier_id"], Metric(row["metric"])): _cohort(row) for row in rows}

    async def open_by_day(self, supplier_id: str | None, period: Period) -> Mapping[tuple[Metric, date], int]:
        """By the index of open clocks."""
        rows = await self._of(
            board_counts.OPEN_BY_DAY, supplier_id, due_from=period.begins_at, due_until=period.ends_at
        )
        return {(Metric(row["metric"]), row["day"]): row["clocks"] for row in rows}

    async def breaches(self, supplier_id: str | None, since: datetime, limit: int) -> list[ClockRecord]:
        """From the end of the index of breaches."""
        rows = await self._of(BREACHES, supplier_id, since=since, most=limit)
        return [record_of(row) for row in rows]

    async def rows(
        self, where: RowFilter, limit: int, cursor: str | None
    ) -> tuple[Page[ClockRecord], datetime]:
        """Keyset on (deadline, id); all pages refer to the instant of the first."""
        statement, given = list_rows(where, limit + 1, cursor)
        found = (await self._connection.execute(statement, given)).mappings()
        records = [record_of(row) for row in found]
        of_first = replace(where, as_of=given["now"])
        if len(records) <= limit:
            return Page(tuple(records), None), of_first.as_of
        last = cursor_after(of_first, records[limit - 1])
        return Page(tuple(records[:limit]), last), of_first.as_of

    async def unresolved_tasks(self) -> Mapping[tuple[TaskKind, TaskStatus], int]:
        """By the index of unresolved ones."""
        rows = await self._connection.execute(UNRESOLVED_TASKS)
        return {(TaskKind(row[0]), TaskStatus(row[1])): row[2] for row in rows}

    async def clocks_of(
        self, subjects: Sequence[str], supplier_id: str | None, limit: int
    ) -> list[ClockRecord]:
        """By the unique key."""
        rows = await self._of(OF_SUBJECTS, supplier_id, subjects=list(subjects), most=limit)
        return [record_of(row) for row in rows]

    async def requests_of(self, order_no: str) -> list[str]:
        """In the order of their numbers."""
        found = await self._connection.execute(REQUESTS, {"number": order_no})
        return sorted(row[0] for row in found)

    async def clock(self, clock_id: int) -> ClockInFull | None:
        """Two statements."""
        given = {"after_id": clock_id}
        row = (await self._connection.execute(board_rows.ONE, given)).mappings().one_or_none()
        if row is None:
            return None
        reminders = (await self._connection.execute(board_rows.REMINDERS, given)).mappings()
        return ClockInFull(
            record_of(row), clock_of(row), tuple(_reminder(clock_id, each) for each in reminders)
        )

    async def days_to_keep(self, period: Period) -> int:
        """Reads kept days and marks, no clocks."""
        counted = await self._connection.execute(board_counts.DAYS_TO_KEEP, _days(period))
        return counted.scalar_one()

    async def keep_days(self, period: Period) -> None:
        """Where another process is at it already, nothing is done."""
        if (await self._connection.execute(LOCKED)).scalar_one():
            await self._connection.execute(board_counts.FORGET, _days(period))
            await self._connection.execute(board_counts.KEEP, {**_days(period), "most": KEPT_AT_ONCE})
            await self._connection.execute(board_counts.CLEAR_MARKS, {"most": MARKS_AT_ONCE})

    async def _of(
        self, statements: Sequence[TextClause], supplier_id: str | None, **given: object
    ) -> Sequence[Columns]:
        """Rows of a statement in its two scopes."""
        of_all, of_one = statements
        if supplier_id is None:
            return (await self._connection.execute(of_all, given)).mappings().all()
        return (await self._connection.execute(of_one, {**given, "supplier": supplier_id})).mappings().all()


def _days(period: Period) -> dict[str, date]:
    return {"first": period.first, "last": period.last}


def _open_clocks(row: Columns) -> OpenClocks:
    return OpenClocks(
        metric=Metric(row["metric"]),
        supplier_id=row["supplier_id"],
        states={state: row[state.value] for state in OPEN_STATES},
        ages={age: row[age.value] for age in Age},
        longest_overdue_at=utc(row["longest"]),
        overdue_before=row["overdue_before"],
    )


def _cohort(row: Columns) -> Cohort:
    return Cohort(int(row["met"]), int(row["breached"]), int(row["void"]))


def _reminder(clock_id: int, row: Mapping[Any, Any]) -> tuple[PlannedReminder, str]:
    planned = PlannedReminder(
        clock_id=clock_id,
        level=row["level"],
        party=Party(row["party"]),
        supplier_id=row["supplier_id"],
        reached_at=instant(row["reached_at"]),
        remind_at=instant(row["remind_at"]),
    )
    return planned, row["state"]
