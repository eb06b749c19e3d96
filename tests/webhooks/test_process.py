"""The pump as a workflow on a real Temporal: started once, killed, taken over, cheap in history."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.maintenance import DeliveryInput
from mallcare.contracts.names import Queue, WorkflowName, webhook_delivery_workflow_id
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_delivery import start_delivery
from mallcare.ports import MessageStatus
from tests.webhooks.conftest import Mall, eventually, message
from tests.webhooks.receiver import Arrival
from tests.webhooks.worker import delivery_worker

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedTemporal]:
    with EmbeddedTemporal(tmp_path_factory.mktemp("temporal"), ui=False).running() as server:
        yield server


@pytest.fixture
async def client(temporal: EmbeddedTemporal) -> AsyncGenerator[Client]:
    """A client; every pump is gone after the test."""
    client = await Client.connect(
        temporal.address, namespace=temporal.namespace, data_converter=DATA_CONVERTER
    )
    yield client
    for shard in (0, 1):
        with suppress(RPCError):  # not every test starts both
            await client.get_workflow_handle(webhook_delivery_workflow_id(shard)).terminate()


async def test_started_twice_it_runs_once_and_messages_leave_no_history(
    mall: Mall, client: Client, http: httpx.AsyncClient
) -> None:
    """Both shards' pumps deliver; a hundred messages cost as many events as none."""
    await start_delivery(client)
    handles = [client.get_workflow_handle(webhook_delivery_workflow_id(shard)) for shard in (0, 1)]
    first = [(await handle.describe()).run_id for handle in handles]
    await start_delivery(client)
    assert [(await handle.describe()).run_id for handle in handles] == first
    async with delivery_worker(client, mall.uow, mall.url, http):
        await mall.write(*(message(f"AS{number}", version) for version in (1, 2) for number in range(50)))
        await eventually(lambda: len(mall.receiver.accepted()) == 100)
        events = [event.event_type for event in (await handles[0].fetch_history()).events]
    assert len(events) <= 6
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED in events
    assert {one.status for one in await mall.stored()} == {MessageStatus.DELIVERED}


async def test_a_worker_that_shuts_down_hands_over(
    mall: Mall, client: Client, http: httpx.AsyncClient
) -> None:
    """The pump ends by itself when its worker stops, not by being cut off, and the next worker goes on."""
    for shard in range(2):
        await client.start_workflow(
            WorkflowName.WEBHOOK_DELIVERY,
            DeliveryInput(shard=shard, shards=2, heartbeat_seconds=5),
            id=webhook_delivery_workflow_id(shard),
            task_queue=Queue.DELIVERY,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
    loop = asyncio.get_running_loop()
    async with delivery_worker(client, mall.uow, mall.url, http):
        await mall.write(message("AS1", 1), message("AS2", 1))
        await eventually(lambda: len(mall.receiver.arrivals) == 2)
        asked_to_stop = loop.time()
    assert loop.time() - asked_to_stop < 5, "the pump was cut off after the worker's grace of 10 s"
    async with delivery_worker(client, mall.uow, mall.url, http):
        await mall.write(message("AS1", 2), message("AS2", 2))
        await eventually(lambda: len(mall.receiver.arrivals) == 4, seconds=25)


async def test_a_killed_worker_is_replaced_and_nothing_is_lost_or_overtaken(
    mall: Mall, client: Client, http: httpx.AsyncClient, temporal: EmbeddedTemporal, empty_database: str
) -> None:
    """kill -9 while a message is on its way: after the heartbeat's patience it is sent again, in order."""

    async def slow_at_first(_: Arrival) -> int:
        await asyncio.sleep(0 if mall.receiver.arrivals else 0.6)
        return 204

    mall.receiver.answer = slow_at_first
    await client.start_workflow(
        WorkflowName.WEBHOOK_DELIVERY,
        DeliveryInput(shard=0, shards=1, heartbeat_seconds=1),
        id=webhook_delivery_workflow_id(0),
        task_queue=Queue.DELIVERY,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    await mall.write(*(message("AS1", version) for version in (1, 2, 3)))
    arguments = ("-m", "tests.webhooks.worker", empty_database, temporal.address, mall.url)
    doomed = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT)
    try:
        await eventually(lambda: mall.receiver.most_at_once["AS1"] == 1)
    finally:
        doomed.kill()
        await doomed.wait()
    async with delivery_worker(client, mall.uow, mall.url, http):
        await eventually(lambda: mall.receiver.versions("AS1")[-1:] == [3])
    versions = mall.receiver.versions("AS1")
    assert versions == [1, 1, 2, 3]
    assert [one.status for one in await mall.stored()] == [MessageStatus.DELIVERED] * 3
