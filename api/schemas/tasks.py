"""How many tasks of operations there are."""

from __future__ import annotations

from pydantic import BaseModel, Field

from mallcare.domain.tasks import TaskKind


class TaskCountOut(BaseModel):
    """Unresolved tasks of a kind."""

    kind: TaskKind = Field(description="What kind of thing a person is needed for.")
    open: int = Field(description="Nobody has them.")
    claimed: int = Field(description="Somebody sees to them.")


class TaskCountsOut(BaseModel):
    """What asks for a person now."""

    open: int = Field(description="Nobody has them.")
    claimed: int = Field(description="Somebody sees to them.")
    items: list[TaskCountOut] = Field(description="Every kind, also those of which there are none.")
