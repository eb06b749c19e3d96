"""Operations tasks in PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, Text, and_, bindparam, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.errors import InvalidInput
from mallcare.domain.tasks import ABOUT_A_SUPPLIER, OperationsTask, TaskKind, TaskStatus
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.operations_tables import ONE_AT_A_TIME, UNRESOLVED
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import operations_tasks
from mallcare.ports.queries import Page
from mallcare.ports.tasks import TaskFilter

T = operations_tasks.c
CURSOR = re.compile(r"[A-Z0-9]{1,32}", re.ASCII)
OPEN = (
    insert_rows(operations_tasks, ["task_id", "kind", "subject", "facts", "opened_at"])
    .on_conflict_do_nothing(index_elements=[T.kind, T.subject], index_where=text(ONE_AT_A_TIME))
    .returning(T.task_id)
)
LOCK = select(operations_tasks).where(T.task_id == bindparam("which", type_=Text())).with_for_update()
RESOLVE = update(operations_tasks).where(
    T.subject == bindparam("about", type_=Text()),
    T.kind == bindparam("of_kind", type_=Text()),
    text(UNRESOLVED),
)
IN_STATUS = {
    TaskStatus.OPEN: (text(UNRESOLVED), T.claimed_at.is_(None)),
    TaskStatus.CLAIMED: (text(UNRESOLVED), T.claimed_at.is_not(None)),
    TaskStatus.RESOLVED: (T.resolved_at.is_not(None),),
}


class SqlTasks:
    """See `ports.tasks.Tasks`. Ids are ordered by time, so the list is ordered by them alone."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def open(self, tasks: Sequence[OperationsTask]) -> int:
        """In one statement, however many."""
        rows = [
            {
                "task_id": task.task_id,
                "kind": task.kind.value,
                "subject": task.subject,
                "facts": dict(task.facts),
                "opened_at": task.opened_at,
            }
            for task in tasks
        ]
        if not rows:
            return 0
        return len((await self._connection.execute(OPEN, {"rows": rows})).all())

    async def resolve_for(self, subject: str, kind: TaskKind, who: str, note: str, now: datetime) -> None:
        """Claimed or not; whoever has it locked is waited for."""
        done = RESOLVE.values(resolved_by=who, resolved_at=now, note=note)
        await self._connection.execute(done, {"about": subject, "of_kind": kind.value})

    async def lock(self, task_id: str) -> OperationsTask | None:
        """Waits for whoever has it."""
        row = (await self._connection.execute(LOCK, {"which": task_id})).one_or_none()
        return None if row is None else _task(row)

    async def save(self, task: OperationsTask) -> None:
        """All that can change."""
        changed = (
            update(operations_tasks)
            .where(T.task_id == task.task_id)
            .values(
                claimed_by=task.claimed_by,
                claimed_at=task.claimed_at,
                resolved_by=task.resolved_by,
                resolved_at=task.resolved_at,
                note=task.note,
            )
        )
        await self._connection.execute(changed)

    async def page(self, where: TaskFilter, limit: int, cursor: str | None) -> Page[OperationsTask]:
        """The cursor is the id of the last task of its page."""
        statement = list_tasks(where, limit + 1, cursor)
        rows = (await self._connection.execute(statement)).all()
        items = tuple(_task(row) for row in rows[:limit])
        return Page(items, items[-1].task_id if len(rows) > limit else None)


def list_tasks(where: TaskFilter, limit: int, cursor: str | None) -> Select[Any]:
    """The statement of a page.

    Raises:
        InvalidInput: see `Tasks.page`.
    """
    statement = select(operations_tasks).order_by(T.task_id.desc()).limit(limit)
    if where.kind is not None:
        statement = statement.where(T.kind == where.kind.value)
    if where.subject is not None:
        statement = statement.where(T.subject == where.subject)
    if where.supplier_id is not None:
        subjects = and_(T.subject == where.supplier_id, T.kind.in_(sorted(ABOUT_A_SUPPLIER)))
        statement = statement.where(or_(T.facts["supplier_id"].astext == where.supplier_id, subjects))
    if where.status is not None:
        statement = statement.where(*IN_STATUS[where.status])
    if cursor is not None:
        if CURSOR.fullmatch(cursor) is None:
            raise InvalidInput("the cursor was not made by this list")
        statement = statement.where(T.task_id < cursor)
    return statement


def _task(row: Row[*tuple[Any, ...]]) -> OperationsTask:
    return OperationsTask(
        task_id=row.task_id,
        kind=TaskKind(row.kind),
        subject=row.subject,
        opened_at=instant(row.opened_at),
        facts=row.facts,
        claimed_by=row.claimed_by,
        claimed_at=utc(row.claimed_at),
        resolved_by=row.resolved_by,
        resolved_at=utc(row.resolved_at),
        note=row.note,
    )
