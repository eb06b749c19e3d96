from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from mallcare.domain.errors import InvalidInput
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus, claim, resolve
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TaskFilter
from tests.domain.builders import PLACED_AT

MISSING = TaskKind.RESHIPMENT_MISSING
FAILED, DIFFERENCE = TaskKind.RECONCILIATION_FAILED, TaskKind.RECONCILIATION_DIFFERENCE


def a_task(number: int, kind: TaskKind = DIFFERENCE, subject: str | None = None) -> OperationsTask:
    """A task with facts of every kind."""
    facts = {"refund_no": f"RF{number}", "our_fen": number, "billed_fen": [1, 2], "our_status": None}
    return OperationsTask(f"OT{number:04d}", kind, subject or f"subject-{number}", PLACED_AT, facts)


async def opened(uow: SqlUnitOfWorkFactory, *tasks: OperationsTask) -> int:
    """Committed; answers how many were new."""
    async with uow() as work:
        count = await work.tasks.open(tasks)
        await work.commit()
    return count


async def listed(uow: SqlUnitOfWorkFactory, where: TaskFilter, limit: int = 50) -> list[str]:
    """Ids of all pages."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        async with uow() as work:
            page = await work.tasks.page(where, limit, cursor)
        found += [task.task_id for task in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_a_task_is_stored_as_it_is(uow: SqlUnitOfWorkFactory) -> None:
    """And changes are, once; an unknown id is nothing."""
    task = a_task(1)
    assert await opened(uow, task) == 1
    done = resolve(claim(task, "finance:ann", PLACED_AT), "finance:bob", "done", PLACED_AT + timedelta(1))
    async with uow() as work:
        assert await work.tasks.lock("OT404") is None
        assert await work.tasks.lock(task.task_id) == task
        await work.tasks.save(done)
        await work.commit()
    async with uow() as work:
        assert await work.tasks.lock(task.task_id) == done


async def test_some_kinds_are_opened_once_for_a_subject(uow: SqlUnitOfWorkFactory) -> None:
    """Even twice in one batch, and when it is resolved; another kind of the same subject is another task."""
    first = a_task(1)
    assert await opened(uow) == 0
    assert await opened(uow, first, a_task(2, subject=first.subject)) == 1
    async with uow() as work:
        await work.tasks.save(resolve(first, "finance:ann", "done", PLACED_AT))
        await work.commit()
    assert await opened(uow, a_task(3, subject=first.subject), a_task(4, FAILED, first.subject)) == 1
    assert await listed(uow, TaskFilter()) == ["OT0004", "OT0001"]


@pytest.mark.parametrize("kind", TaskKind)
async def test_a_resolved_task_is_opened_again_unless_its_kind_is_opened_once(
    uow: SqlUnitOfWorkFactory, kind: TaskKind
) -> None:
    """One at a time of a kind and subject; what happens again after it was seen to asks again."""
    assert await opened(uow, a_task(1, kind, "AS1"), a_task(2, kind, "AS1"), a_task(3, kind, "AS2")) == 2
    assert await opened(uow, a_task(4, kind, "AS1")) == 0
    async with uow() as work:
        await work.tasks.save(resolve(a_task(1, kind, "AS1"), "operations:ann", "done", PLACED_AT))
        await work.commit()
    assert await opened(uow, a_task(5, kind, "AS1")) == (0 if kind.once else 1)
    assert await opened(uow, a_task(6, kind, "AS1"), a_task(7, kind, "AS2")) == 0


async def test_what_asks_no_more_is_resolved_for_its_subject(uow: SqlUnitOfWorkFactory) -> None:
    """Claimed or not; other kinds, other subjects, and what was resolved before stay as they are."""
    mine, other_kind, other = a_task(1, MISSING, "AS1"), a_task(2, FAILED, "AS1"), a_task(3, MISSING, "AS2")
    await opened(uow, mine, other_kind, other)
    claimed, later = claim(mine, "operations:ann", PLACED_AT), PLACED_AT + timedelta(hours=1)
    async with uow() as work:
        await work.tasks.save(claimed)
        await work.tasks.resolve_for("AS1", MISSING, "system:mallcare", "it arrived", later)
        await work.tasks.resolve_for("AS1", MISSING, "somebody", "too late", later + timedelta(hours=1))
        await work.tasks.resolve_for("nobody's", MISSING, "somebody", "nothing there", later)
        await work.commit()
    async with uow() as work:
        assert await work.tasks.lock(mine.task_id) == resolve(claimed, "system:mallcare", "it arrived", later)
        assert await work.tasks.lock(other_kind.task_id) == other_kind
        assert await work.tasks.lock(other.task_id) == other


async def test_the_list_is_filtered_and_paged_newest_first(uow: SqlUnitOfWorkFactory) -> None:
    """Pages neither lose nor repeat a task, whatever the filter."""
    tasks = [a_task(n, FAILED if n % 3 == 0 else DIFFERENCE) for n in range(1, 10)]
    await opened(uow, *tasks)
    async with uow() as work:
        await work.tasks.save(claim(tasks[0], "finance:ann", PLACED_AT))
        await work.tasks.save(resolve(tasks[1], "finance:ann", "done", PLACED_AT))
        await work.commit()
    assert await listed(uow, TaskFilter(), 2) == [f"OT{n:04d}" for n in range(9, 0, -1)]
    assert await listed(uow, TaskFilter(FAILED), 1) == ["OT0009", "OT0006", "OT0003"]
    assert await listed(uow, TaskFilter(status=TaskStatus.CLAIMED)) == ["OT0001"]
    assert await listed(uow, TaskFilter(status=TaskStatus.RESOLVED)) == ["OT0002"]
    assert await listed(uow, TaskFilter(DIFFERENCE, TaskStatus.OPEN), 3) == [
        f"OT{n:04d}" for n in (8, 7, 5, 4)
    ]
    assert await listed(uow, TaskFilter(subject="subject-3"), 1) == ["OT0003"]
    assert await listed(uow, TaskFilter(DIFFERENCE, subject="subject-3")) == []
    async with uow() as work:
        with pytest.raises(InvalidInput):
            await work.tasks.page(TaskFilter(), 1, "ot-4")


async def test_half_a_claim_cannot_be_stored(uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection) -> None:
    """Who and when go together, and nothing is resolved without a note."""
    await opened(uow, a_task(1))
    for column in ("claimed_by = 'x'", "resolved_by = 'x'", "note = 'x'", "kind = 'other'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            cleaner.execute(f"UPDATE operations_tasks SET {column}".encode())
