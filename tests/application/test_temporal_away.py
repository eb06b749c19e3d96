"""Processes that start before Temporal, or find workflows and pumps gone: nothing stays behind for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from temporalio.client import Client, WorkflowExecutionStatus

from activities.maintenance import MaintenanceActivities
from mallcare.bootstrap import open_platform
from mallcare.contracts.names import (
    Queue,
    Signal,
    WorkflowName,
    after_sales_workflow_id,
    webhook_delivery_workflow_id,
)
from mallcare.domain.commands import Cancel
from mallcare.domain.vocabulary import State
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_client import add_search_attributes, connect
from mallcare.gateways.temporal_delivery import TemporalPumps
from mallcare.gateways.temporal_engine import TemporalCaseEngine
from mallcare.ports import EngineUnavailable, UnitOfWorkFactory
from mallcare.settings import Settings
from tests.application.engines import AT, snapshot
from tests.world import CUSTOMER, World
from workers.process import WorkerPlan, build_worker
from workflows.sweep import SweepWorkflow

pytestmark = pytest.mark.rule("P2")
MORE_THAN_TELLERS = 10


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedTemporal]:
    with EmbeddedTemporal(
        tmp_path_factory.mktemp("temporal"), time_skipping=True, ui=False
    ).running() as server:
        yield server


@pytest.fixture
async def client(temporal: EmbeddedTemporal) -> Client:
    client = await connect(temporal.address, temporal.namespace)
    await add_search_attributes(client)
    return client


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(15):
        while not await true():  # noqa: ASYNC110 - servers and tasks of the product do it
            await asyncio.sleep(0.02)


async def status_of(client: Client, workflow_id: str) -> WorkflowExecutionStatus | None:
    return (await client.get_workflow_handle(workflow_id).describe()).status


async def untold(uow: UnitOfWorkFactory, world: World) -> set[str]:
    async with uow() as work:
        later = world.clock.now() + timedelta(minutes=1)
        return {case.after_sales_no for case in await work.cases.untold(later, 1_000)}


async def test_a_client_that_cannot_connect_says_unavailable(tmp_path: Path) -> None:
    """Every call of the engine and of the pumps, the signal to a final case included."""
    nobody = EmbeddedTemporal(tmp_path, ui=False)
    client = await connect(nobody.address, nobody.namespace, lazy=True)
    engine = TemporalCaseEngine(client)
    for call in (
        engine.start(snapshot("AS1")),
        engine.tell(snapshot("AS1"), Signal.APPROVE),
        engine.tell(snapshot("AS1", 2, State.REJECTED), Signal.REJECT),
        engine.broken(AT, 10),
        TemporalPumps(client).start(),
    ):
        with pytest.raises(EngineUnavailable):
            await call


async def test_hints_flow_once_temporal_comes_up(new_database: Callable[[bool], str], tmp_path: Path) -> None:
    """A process that began without Temporal tells it of the first case after it came, without a sweep.

    Before, more cases ended than the process has tellers; a sweep heals what they missed.
    """
    server = EmbeddedTemporal(tmp_path, time_skipping=True, ui=False)
    settings = Settings(
        database_url=SecretStr(new_database(True)),
        temporal_address=server.address,
        temporal_namespace=server.namespace,
    )
    async with open_platform(settings) as platform:
        world = World(platform.database, platform.temporal)
        world.use_cases = platform.use_cases
        waiting = await world.opened()
        for _ in range(MORE_THAN_TELLERS):
            await world.command(await world.opened(), Cancel(), CUSTOMER)
        assert len(await untold(world.uow, world)) == MORE_THAN_TELLERS + 1
        with server.running():
            client = await connect(server.address, server.namespace)
            await add_search_attributes(client)

            async def told() -> bool:
                no = await world.opened()
                await asyncio.sleep(0.2)
                return no not in await untold(world.uow, world)

            await until(told)
            await platform.sweep(world.clock.now() + timedelta(minutes=1))
            assert await untold(world.uow, world) == set()
            running = await status_of(client, after_sales_workflow_id(waiting))
            assert running is WorkflowExecutionStatus.RUNNING


async def test_a_start_tells_whether_the_workflow_was_missing(client: Client) -> None:
    """Missing, running, terminated; a signal that finds one running says nothing new."""
    engine, case = TemporalCaseEngine(client), snapshot("AS-START")
    assert await engine.start(case)
    assert not await engine.start(case)
    await engine.tell(case, Signal.RESYNC)
    await client.get_workflow_handle(after_sales_workflow_id(case.after_sales_no)).terminate()
    assert await engine.start(case)
    assert not await engine.start(case)


async def test_what_runs_again_is_not_broken(client: Client) -> None:
    """Terminated workflows are listed until they run again; the newest do not hide the others."""
    engine = TemporalCaseEngine(client)
    cases = [snapshot(f"AS-BROKEN-{number}") for number in range(4)]
    for case in cases:
        await engine.start(case)
        await client.get_workflow_handle(after_sales_workflow_id(case.after_sales_no)).terminate()

    async def broken(limit: int = 1_000) -> set[str]:
        found = await engine.broken(AT - timedelta(days=365), limit)
        assert len(found) == len(set(found)) <= limit
        return {number for number in found if number.startswith("AS-BROKEN")}

    async def listed(wanted: set[str]) -> None:
        async def seen() -> bool:
            return await broken() == wanted

        await until(seen)

    numbers = [case.after_sales_no for case in cases]
    await listed(set(numbers))
    for case in cases[1:]:
        await engine.start(case)
    await listed({numbers[0]})
    assert await broken(1) == {numbers[0]}


async def test_a_sweep_whose_worker_died_is_not_waited_for_long(client: Client) -> None:
    """Its activity counts as lost when it was not heard of for half a minute, and may take minutes else."""

    class Nothing:
        async def __call__(self, now: datetime) -> dict[str, int]:
            return {"told": 1}

    sweeping = MaintenanceActivities(Nothing())  # type: ignore[arg-type]
    worker = build_worker(client, WorkerPlan(Queue.MAINTENANCE, [SweepWorkflow], [sweeping.sweep]), "test")
    async with worker:
        handle = await client.start_workflow(
            WorkflowName.SWEEP, id="sweep/once", task_queue=Queue.MAINTENANCE
        )
        assert (await handle.result())["told"] == 1
    (scheduled,) = [
        event.activity_task_scheduled_event_attributes
        for event in (await handle.fetch_history()).events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert scheduled.heartbeat_timeout.ToTimedelta() == timedelta(seconds=30)
    assert scheduled.start_to_close_timeout.ToTimedelta() >= timedelta(minutes=4)


async def test_a_terminated_pump_is_started_again(client: Client) -> None:
    """Each call leaves running pumps alone and replaces those that somebody ended."""
    pumps = TemporalPumps(client)
    await pumps.start()
    handles = [client.get_workflow_handle(webhook_delivery_workflow_id(shard)) for shard in (0, 1)]
    kept = (await handles[1].describe()).run_id
    await handles[0].terminate("by mistake")
    await pumps.start()
    assert await status_of(client, handles[0].id) is WorkflowExecutionStatus.RUNNING
    assert (await handles[1].describe()).run_id == kept
