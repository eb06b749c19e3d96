"""There is a timekeeper for every shard, whatever became of the ones before; wakes reach them or are lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from mallcare.application.sweep import Sweep
from mallcare.application.wakes import BackgroundWakes
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.names import timekeeper_workflow_id
from mallcare.embedded.data_folder import free_port
from mallcare.gateways.system import SystemClock
from mallcare.gateways.temporal_timekeepers import TemporalTimekeepers
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TIMEKEEPERS, EngineUnavailable
from tests.application.engines import AT, ScriptedEngine
from tests.timekeeping.orders import SHARD, Shop
from tests.timekeeping.timekeepers import until

pytestmark = [pytest.mark.rule("A1"), pytest.mark.rule("P2")]
ALL = range(TIMEKEEPERS)


@dataclass
class Remembered:
    """Timekeepers in memory; the first calls may fail, and a gate may hold them."""

    woken: list[Sequence[int]] = field(default_factory=list[Sequence[int]])
    started: int = 0
    failures: list[Exception] = field(default_factory=list[Exception])
    asked: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> None:
        self.started += 1
        if self.failures:
            raise self.failures.pop(0)

    async def wake(self, shards: Collection[int]) -> None:
        self.asked += 1
        await self.gate.wait()
        self.woken.append([*shards])
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture
async def timekeepers(client: Client) -> AsyncGenerator[TemporalTimekeepers]:
    """None is running, before and after."""

    async def nobody() -> None:
        for shard in ALL:
            with suppress(RPCError):  # it never ran
                await client.get_workflow_handle(timekeeper_workflow_id(shard)).terminate()

    await nobody()
    yield TemporalTimekeepers(client)
    await nobody()


async def runs(client: Client, shards: Collection[int] = ALL) -> list[str | None]:
    """The running runs of all shards."""
    seen = [await client.get_workflow_handle(timekeeper_workflow_id(shard)).describe() for shard in shards]
    assert {one.status for one in seen} == {WorkflowExecutionStatus.RUNNING}
    return [one.run_id for one in seen]


async def signals(client: Client, shard: int) -> int:
    """How often a timekeeper was woken."""
    history = await client.get_workflow_handle(timekeeper_workflow_id(shard)).fetch_history()
    woken = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    return sum(event.event_type == woken for event in history.events)


async def test_one_runs_for_each_shard(client: Client, timekeepers: TemporalTimekeepers) -> None:
    """Sixteen of them; to start them again changes nothing, and a terminated one runs again."""
    await timekeepers.start()
    first = await runs(client)
    await timekeepers.start()
    assert await runs(client) == first
    await client.get_workflow_handle(timekeeper_workflow_id(5)).terminate()
    await timekeepers.start()
    again = await runs(client)
    assert [shard for shard in ALL if again[shard] != first[shard]] == [5]


async def test_a_wake_reaches_the_one_it_is_for(client: Client, timekeepers: TemporalTimekeepers) -> None:
    """And starts it where it is missing."""
    await timekeepers.start()
    await timekeepers.wake([3, 7])
    assert [await signals(client, shard) for shard in (2, 3, 7)] == [0, 1, 1]
    await client.get_workflow_handle(timekeeper_workflow_id(3)).terminate()
    await timekeepers.wake([3])
    assert len(await runs(client, [3])) == 1


async def test_without_an_engine_they_say_so() -> None:
    """By the port's own error, so that a sweep or a wake can go on."""
    away = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True, data_converter=DATA_CONVERTER)
    for call in (TemporalTimekeepers(away).start(), TemporalTimekeepers(away).wake([1])):
        with pytest.raises(EngineUnavailable):
            await call


async def test_every_sweep_starts_them(uow: SqlUnitOfWorkFactory) -> None:
    """Whether or not they could be started the last time."""
    remembered = Remembered(failures=[EngineUnavailable("away")])
    sweep = Sweep(ScriptedEngine(), uow, timekeepers=remembered)
    with pytest.raises(EngineUnavailable):
        await sweep(AT)
    await sweep(AT)
    assert remembered.started == 2


@pytest.mark.parametrize("pause", [timedelta(0), timedelta(milliseconds=20)], ids=str)
async def test_wakes_that_wait_become_one(pause: timedelta) -> None:
    """What is offered while a round is under way is one round after it, each shard once."""
    remembered = Remembered()
    async with BackgroundWakes(remembered, SystemClock(), pause=pause) as wakes:
        wakes.offer({4})
        await until(lambda: remembered.asked == 1)
        for shards in ({9, 1}, set[int](), {1, 2}, {9}):
            wakes.offer(shards)
        remembered.gate.set()
        await until(lambda: len(remembered.woken) == 2)
    assert remembered.woken == [[4], [1, 2, 9]]


@pytest.mark.parametrize(
    "failure", [EngineUnavailable("away"), TypeError("a mistake")], ids=lambda failure: type(failure).__name__
)
async def test_a_wake_that_fails_is_lost_and_the_next_one_is_not(failure: Exception) -> None:
    """Whatever the engine raises, the task behind the wakes lives on."""
    remembered = Remembered(failures=[failure])
    remembered.gate.set()
    async with BackgroundWakes(remembered, SystemClock(), pause=timedelta(0)) as wakes:
        wakes.offer({4})
        await until(lambda: len(remembered.woken) == 1)
        wakes.offer({5})
        await until(lambda: len(remembered.woken) == 2)
    assert remembered.woken == [[4], [5]]


async def test_intake_wakes_through_the_background(shop: Shop) -> None:
    """An order that is due reaches its timekeeper's wake, and the answer to the mall does not wait for it."""
    remembered = Remembered()
    async with BackgroundWakes(remembered, SystemClock(), pause=timedelta(0)) as wakes:
        await Shop(shop.engine, wakes=wakes).bought()
        assert remembered.woken == []
        remembered.gate.set()
        await until(lambda: remembered.woken == [[SHARD]])
