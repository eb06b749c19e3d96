"""What every worker process needs: a client, Temporal's worker options, metrics, an orderly end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from mallcare.contracts.names import Queue

PASSED_THROUGH = (
    "mallcare.domain",
    "mallcare.contracts",
    "activities",
    "pydantic",
    "pydantic_core",
    "annotated_types",
)


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What one task queue runs."""

    queue: Queue
    workflows: Sequence[type] = ()
    activities: Sequence[Callable[..., Any]] = field(default_factory=tuple[Callable[..., Any], ...])
    max_concurrent_activities: int = 50
    max_activities_per_second: float | None = None
    """Rate of the whole queue over all workers, kept by the server."""


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox workflows run in, the same for workers and for replaying histories."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )


def build_worker(
    client: Client, plan: WorkerPlan, version: str, *, max_cached_workflows: int = 2_000
) -> Worker:
    """A worker for one plan. Stops taking work at once and lets running activities finish for 10 s."""
    return Worker(
        client,
        task_queue=plan.queue,
        workflows=list(plan.workflows),
        activities=list(plan.activities),
        workflow_runner=workflow_runner(),
        max_cached_workflows=max_cached_workflows,
        max_concurrent_activities=plan.max_concurrent_activities,
        max_task_queue_activities_per_second=plan.max_activities_per_second,
        graceful_shutdown_timeout=timedelta(seconds=10),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="mallcare", build_id=version),
            use_worker_versioning=False,
        ),
    )
