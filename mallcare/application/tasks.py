"""Use cases: the one list of what asks for a person of operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from mallcare.application.caller import Caller
from mallcare.domain import tasks as rules
from mallcare.domain.errors import NotFound
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, Page, TaskFilter, UnitOfWorkFactory

log = structlog.get_logger()


class OperationsTasks:
    """List tasks, take one, say that it is done. Repeating a word of one's own changes nothing."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def page(
        self, where: TaskFilter, limit: int, cursor: str | None, caller: Caller
    ) -> Page[OperationsTask]:
        """Newest first.

        Raises:
            NotAllowed: the caller is none of operations, finance, auditor.
            InvalidInput: a cursor that was not made by this list.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.tasks.page(where, limit, cursor)

    async def counts(self, caller: Caller) -> Mapping[tuple[TaskKind, TaskStatus], int]:
        """How many are not resolved, by kind and status; what is not named is 0.

        Raises:
            NotAllowed: the caller is none of operations, finance, auditor.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.boards.unresolved_tasks()

    async def claim(self, task_id: str, caller: Caller) -> OperationsTask:
        """Take a task.

        Raises:
            NotAllowed: only operations and finance.
            NotFound: no such task.
            IllegalTransition: another one has it, or it is resolved.
        """
        return await self._change(task_id, caller, rules.claim)

    async def resolve(self, task_id: str, note: str, caller: Caller) -> OperationsTask:
        """Say what was done about a task.

        Raises:
            NotAllowed: only operations and finance.
            NotFound: no such task.
            IllegalTransition: it is resolved, and not with this word.
        """
        return await self._change(task_id, caller, lambda task, who, now: rules.resolve(task, who, note, now))

    async def _change(
        self,
        task_id: str,
        caller: Caller,
        rule: Callable[[OperationsTask, str, datetime], OperationsTask],
    ) -> OperationsTask:
        caller.require_role(Role.OPERATIONS, Role.FINANCE)
        async with self._uow() as uow:
            task = await uow.tasks.lock(task_id)
            if task is None:
                raise NotFound("there is no such task", task_id=task_id)
            changed = rule(task, f"{caller.role.value}:{caller.subject}", self._clock.now())
            if changed != task:
                await uow.tasks.save(changed)
                await uow.commit()
                log.info("task.changed", task_id=task_id, kind=task.kind.value, status=changed.status.value)
        return changed
