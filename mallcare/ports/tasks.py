"""Operations tasks, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus

if TYPE_CHECKING:
    from mallcare.ports.queries import Page


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; None does not restrict."""

    kind: TaskKind | None = None
    status: TaskStatus | None = None
    subject: str | None = None
    supplier_id: str | None = None
    """Only about this supplier or its orders; tasks about no one supplier are left out."""


class Tasks(Protocol):
    """What asks for a person of operations."""

    async def open(self, tasks: Sequence[OperationsTask]) -> int:
        """Insert tasks; one that still asks under its kind and subject stays. Answers how many are new.

        Of a kind that is opened `once`, a resolved one stays too.
        """
        ...

    async def resolve_for(self, subject: str, kind: TaskKind, who: str, note: str, now: datetime) -> None:
        """Resolve what still asks under a kind and subject, if anything does."""
        ...

    async def lock(self, task_id: str) -> OperationsTask | None:
        """The task under its row lock."""
        ...

    async def save(self, task: OperationsTask) -> None:
        """Write who claimed and who resolved a locked task."""
        ...

    async def page(self, where: TaskFilter, limit: int, cursor: str | None) -> Page[OperationsTask]:
        """Newest first, by keyset.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...
