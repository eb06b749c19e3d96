"""Readiness against a real Temporal: the frontend, and a worker that polls."""

from __future__ import annotations

import asyncio
from pathlib import Path

from temporalio import activity, workflow
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.worker import Worker

from mallcare.contracts.names import Queue
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_client import connect
from mallcare.gateways.temporal_readiness import temporal_readiness


@workflow.defn(sandboxed=False)
class Idle:
    """Never started: it gives a worker something to poll for."""

    @workflow.run
    async def run(self) -> None:
        return


@activity.defn
async def idle() -> None:
    """Never called."""


async def polled(client: Client) -> dict[str, bool]:
    """What readiness says once a worker was seen, or after five seconds."""
    found: dict[str, bool] = {}
    for _ in range(100):
        found = await temporal_readiness(client)
        if found["worker"]:
            break
        await asyncio.sleep(0.05)
    return found


async def seen(client: Client, queue: Queue, kind: TaskQueueType.ValueType) -> None:
    """Wait until the server knows a poller."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue.value), task_queue_type=kind
    )
    async with asyncio.timeout(5):
        while not (await client.workflow_service.describe_task_queue(request)).pollers:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.05)


async def test_ready_means_that_somebody_polls(tmp_path: Path) -> None:
    """A server alone is not enough, nor are cases without refunds; a server that is gone is nothing."""
    with EmbeddedTemporal(tmp_path, ui=False).running() as server:
        client = await connect(server.address, server.namespace, lazy=True)
        assert await temporal_readiness(client) == {"temporal": True, "worker": False}
        eager = await connect(server.address, server.namespace)
        async with Worker(eager, task_queue=Queue.PAYMENTS.value, activities=[idle]):
            await seen(client, Queue.PAYMENTS, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)
            assert await temporal_readiness(client) == {"temporal": True, "worker": False}
            async with Worker(eager, task_queue=Queue.AFTER_SALES.value, workflows=[Idle]):
                assert await polled(client) == {"temporal": True, "worker": True}
    assert await temporal_readiness(client) == {"temporal": False, "worker": False}
