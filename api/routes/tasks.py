"""The one list of what asks for a person of operations."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.deps import Cases
from api.documentation import READING, problems
from api.schemas.fields import NO_NUL, Id
from api.schemas.reconciliation import ResolveTaskIn, TaskListOut, TaskOut
from api.schemas.tasks import TaskCountOut, TaskCountsOut
from api.security import SignedIn, SignedInRoute
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from mallcare.ports import TaskFilter

router = APIRouter(tags=["operations"], route_class=SignedInRoute)

TaskId = Annotated[Id, Path(description="Id of the task.")]
CLAIMING = (*READING, "not_allowed", "illegal_transition")


@router.get(
    "/v1/operations/tasks",
    summary="List tasks of operations",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def list_tasks(
    caller: SignedIn,
    cases: Cases,
    kind: Annotated[TaskKind | None, Query(description="Only of this kind.")] = None,
    status: Annotated[TaskStatus | None, Query(description="Only in this status.")] = None,
    subject: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=200,
            pattern=NO_NUL,
            description="Only about this: the number of a request, for the tasks of requests.",
        ),
    ] = None,
    supplier_id: Annotated[
        Id | None,
        Query(
            description="Only about this supplier or its orders; tasks about no one supplier are left out."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most tasks of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9_-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> TaskListOut:
    """What asks for a person, newest first (operations, finance, auditor)."""
    page = await cases.tasks.page(TaskFilter(kind, status, subject, supplier_id), limit, cursor, caller)
    return TaskListOut(items=[_task_out(task) for task in page.items], next_cursor=page.next_cursor)


@router.get(
    "/v1/operations/tasks/counts",
    summary="Count tasks of operations",
    responses=problems("unauthenticated", "not_allowed", "engine_unavailable"),
)
async def count_tasks(caller: SignedIn, cases: Cases) -> TaskCountsOut:
    """What asks for a person now, by kind (operations, finance, auditor)."""
    counts = await cases.tasks.counts(caller)
    items = [
        TaskCountOut(
            kind=kind,
            open=counts.get((kind, TaskStatus.OPEN), 0),
            claimed=counts.get((kind, TaskStatus.CLAIMED), 0),
        )
        for kind in TaskKind
    ]
    return TaskCountsOut(
        open=sum(item.open for item in items), claimed=sum(item.claimed for item in items), items=items
    )


@router.post(
    "/v1/operations/tasks/{task_id}/claim",
    summary="Claim a task",
    responses=problems(*CLAIMING),
)
async def claim_task(task_id: TaskId, caller: SignedIn, cases: Cases) -> TaskOut:
    """Take a task, so that nobody else does (operations, finance). Taking it again changes nothing."""
    return _task_out(await cases.tasks.claim(task_id, caller))


@router.post(
    "/v1/operations/tasks/{task_id}/resolve",
    summary="Resolve a task",
    responses=problems(*CLAIMING, "too_large"),
)
async def resolve_task(task_id: TaskId, body: ResolveTaskIn, caller: SignedIn, cases: Cases) -> TaskOut:
    """Say what was done (operations, finance), claimed or not. The same note again changes nothing."""
    return _task_out(await cases.tasks.resolve(task_id, body.note, caller))


def _task_out(task: OperationsTask) -> TaskOut:
    return TaskOut(
        task_id=task.task_id,
        kind=task.kind,
        status=task.status,
        subject=task.subject,
        facts=dict(task.facts),
        opened_at=task.opened_at,
        claimed_by=task.claimed_by,
        claimed_at=task.claimed_at,
        resolved_by=task.resolved_by,
        resolved_at=task.resolved_at,
        note=task.note,
    )
