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


async def temporal_readiness(client: Client) -> dict[str, bool]:
    """`temporal`: the frontend answers; `worker`: somebody polls the queue of after-sales workflows."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=Queue.AFTER_SALES.value),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        queue = await client.workflow_service.describe_task_queue(request, timeout=PATIENCE)
    except (RPCError, RuntimeError):  # RuntimeError: a lazy client that cannot connect
        return {"temporal": False, "worker": False}
    since = datetime.now(UTC) - POLLED_WITHIN
    polled = any(poller.last_access_time.ToDatetime(UTC) > since for poller in queue.pollers)
    return {"temporal": True, "worker": polled}
