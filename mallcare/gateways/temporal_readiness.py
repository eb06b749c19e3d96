"""Whether Temporal answers, and whether a worker is there to do what cases ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from mallcare.contracts.names import Queue

PATIENCE = timedelta(seconds=3)
POLLED_WITHIN = timedelta(seconds=90)
"""A poll waits for a minute on an idle queue, so a living worker was seen more lately than this."""


WORK = (
    (Queue.AFTER_SALES, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW),
    (Queue.PAYMENTS, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY),
)
"""Without either of them no refund is made."""


async def temporal_readiness(client: Client) -> dict[str, bool]:
    """`temporal`: the frontend answers; `worker`: somebody polls for cases, and somebody for refunds."""
    try:
        polled = [await _polled(client, queue, kind) for queue, kind in WORK]
    except (RPCError, RuntimeError):  # RuntimeError: a lazy client that cannot connect
        return {"temporal": False, "worker": False}
    return {"temporal": True, "worker": all(polled)}


async def _polled(client: Client, queue: Queue, kind: TaskQueueType.ValueType) -> bool:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue.value), task_queue_type=kind
    )
    described = await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)
    since = datetime.now(UTC) - POLLED_WITHIN
    return any(poller.last_access_time.ToDatetime(UTC) > since for poller in described.pollers)
