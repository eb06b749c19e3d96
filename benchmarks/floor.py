"""The floor's worker, in a process of its own like the product's; and driving bare workflows."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from uuid import uuid4

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import Worker, WorkerDeploymentConfig

from benchmarks.bare import QUEUE, WORKFLOWS, Due, Signalled, Timer, Updated, nothing
from benchmarks.shape import event_counts
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.embedded.exit import leave
from workers.process import workflow_runner

READY = "ready"


@dataclass(frozen=True)
class Floor:
    """A running bare worker and a client to drive it."""

    client: Client
    pid: int

    async def lifecycle(self) -> tuple[float, float, float]:
        """Start, signal, wait for the end; seconds of the start, of the signal, and of all."""
        begun = perf_counter()
        handle = await self.client.start_workflow(Signalled.run, id=_new_id(), task_queue=QUEUE)
        started = perf_counter()
        await handle.signal(Signalled.go)
        told = perf_counter()
        await handle.result()
        return started - begun, told - started, perf_counter() - begun

    async def peer_of_histories(self) -> dict[str, int]:
        """Event counts of start, update, timer, one activity."""
        handle = await self.client.start_workflow(Updated.run, id=_new_id(), task_queue=QUEUE)
        await handle.execute_update(Updated.go)  # pyright: ignore[reportUnknownMemberType] the SDK leaves a type open
        await handle.result()
        return event_counts(await handle.fetch_history())

    async def arm(self, due: Due) -> str:
        """A workflow that sleeps until an instant; its id."""
        handle = await self.client.start_workflow(Timer.run, due, id=_new_id(), task_queue=QUEUE)
        return handle.id

    async def closed_at(self, ids: list[str]) -> list[datetime]:
        """When workflows ended, by the server's clock; waits for all of them."""
        at_once = asyncio.Semaphore(50)

        async def one(workflow_id: str) -> datetime:
            async with at_once:
                handle = self.client.get_workflow_handle(workflow_id)
                await handle.result()
                closed = (await handle.describe()).close_time
            assert closed is not None
            return closed

        return await asyncio.gather(*(one(workflow_id) for workflow_id in ids))


@asynccontextmanager
async def running_floor(address: str, namespace: str) -> AsyncGenerator[Floor]:
    """The bare worker as a process, up for the length of the block."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.floor", address, namespace), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        said = (await process.stdout.readline()).decode().strip()
        if said != READY:
            raise RuntimeError("the floor's worker did not start")
        client = await Client.connect(address, namespace=namespace, data_converter=DATA_CONVERTER)
        yield Floor(client, process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def _new_id() -> str:
    return f"bench/{uuid4().hex}"


async def _work(address: str, namespace: str) -> None:
    """Work until SIGTERM, with the product's sandbox and cache."""
    client = await Client.connect(address, namespace=namespace, data_converter=DATA_CONVERTER)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=list(WORKFLOWS),
        activities=[nothing],
        workflow_runner=workflow_runner(),
        max_cached_workflows=2_000,
        max_concurrent_activities=50,
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(deployment_name="bench", build_id=str(os.getpid())),
            use_worker_versioning=False,
        ),
    )
    async with worker:
        print(READY, flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_work(*sys.argv[1:3]))
    leave(0)
