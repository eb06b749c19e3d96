"""How a path is declared, and the words paths are written with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowHandle

from mallcare.contracts.names import after_sales_workflow_id
from tests.replay.stage import Stage
from tests.world import World

Runs = WorkflowHandle[Any, Any] | tuple[WorkflowHandle[Any, Any], ...]
"""Runs of one workflow, in order; those that it continued itself in follow from their history."""


@dataclass(frozen=True, slots=True)
class Walker:
    """A path on its way: the stage it walks on, the world it sees."""

    stage: Stage
    world: World

    @property
    def client(self) -> Client:
        return self.stage.client


AFTER_FIRST_TASK = 3
"""A new run's first task may be put off for a moment: started, task scheduled, task started, completed."""

Walk = Callable[[Walker], Awaitable[Runs]]


@dataclass(frozen=True, slots=True)
class Path:
    """One way a workflow can go. `proves`: what a history of it shows, in a line."""

    name: str
    proves: str
    walk: Walk

    async def walked(self, stage: Stage) -> tuple[WorkflowHandle[Any, Any], ...]:
        """Walk it in a fresh world; raises AssertionError if it does not end as it must."""
        runs = await self.walk(Walker(stage, stage.world()))
        return runs if isinstance(runs, tuple) else (runs,)


DECLARED: dict[str, Path] = {}
"""Every path by name, filled by the modules that declare them."""


def path(workflow: str) -> Callable[[Walk], Walk]:
    """Declare a function as a path, named after it; its docstring is what it proves."""

    def declare(walk: Walk) -> Walk:
        name = f"{workflow}.{walk.__name__.replace('_', '-')}"  # type: ignore[attr-defined] # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
        assert name not in DECLARED, name
        assert walk.__doc__, name
        DECLARED[name] = Path(name, walk.__doc__.splitlines()[0], walk)
        return walk

    return declare


async def at_rest(world: World, no: str) -> None:
    """The case's workflow took in all it was told, and its activities answered or wait to be retried.

    What a path does next is then not mixed with what it did before: each walk gives the same history.
    """
    await workflow_at_rest(world.client.get_workflow_handle(after_sales_workflow_id(no)))


async def workflow_at_rest(handle: WorkflowHandle[Any, Any]) -> None:
    """The same for any workflow."""
    told = (await handle.describe()).raw_description
    try:
        async with asyncio.timeout(20):
            while not _rests(told):
                await asyncio.sleep(0.01)
                told = (await handle.describe()).raw_description
    except TimeoutError:
        raise AssertionError(f"{handle.id} finds no rest: {told}") from None


def _rests(told: DescribeWorkflowExecutionResponse) -> bool:
    busy = any(
        one.attempt == 1 or one.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        for one in told.pending_activities
    )
    begun = told.workflow_execution_info.history_length > AFTER_FIRST_TASK
    return begun and not busy and not told.HasField("pending_workflow_task")
