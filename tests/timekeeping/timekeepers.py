"""Timekeepers on a real Temporal that can skip time, and what their looks were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper

from mallcare.application.keeping import KeepTime, Kept
from mallcare.contracts.names import TIMEKEEPER_WAKE, Queue, WorkflowName
from mallcare.contracts.timekeeping import TimekeeperInput
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.system import TimeOrderedIds
from tests.timekeeping.orders import SHARD, Shop
from workers import timekeeping
from workers.process import build_worker

SUGGESTED_AFTER = 60


class ShortMemory(EmbeddedTemporal):
    """Suggests to continue as new after a few events instead of thousands."""

    def command(self) -> list[str]:
        """As ever, and one limit."""
        limit = f"limit.historyCount.suggestContinueAsNew={SUGGESTED_AFTER}"
        return [*super().command(), "--dynamic-config-value", limit]


@dataclass
class Looks:
    """The use case, with the instant of each of its looks; fails as often as it is told to."""

    keep_time: KeepTime
    at: list[datetime] = field(default_factory=list[datetime])
    kept: list[Kept] = field(default_factory=list[Kept])
    failures: list[Exception] = field(default_factory=list[Exception])

    async def __call__(self, shard: int, now: datetime) -> Kept:
        self.at.append(now)
        if self.failures:
            raise self.failures.pop(0)
        self.kept.append(await self.keep_time(shard, now))
        return self.kept[-1]


@dataclass
class Timekeeper:
    """A running timekeeper of a test's own."""

    client: Client
    handle: WorkflowHandle[Any, Any]
    looks: Looks

    async def skip(self, by: timedelta) -> None:
        """Let the timekeeper's time pass."""
        async with asyncio.timeout(30):
            await TimeSkipper(self.client).fast_forward(self.handle, by)

    async def looked(self, times: int) -> None:
        """Until so many looks are over and the timekeeper sleeps."""
        await until(lambda: len(self.looks.kept) >= times)

    async def wake(self) -> None:
        """Somebody says that something falls due."""
        await self.handle.signal(TIMEKEEPER_WAKE)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what other tasks do."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - tasks of the product do it
            await asyncio.sleep(0.005)


@asynccontextmanager
async def timekeeper(
    client: Client,
    shop: Shop,
    *failures: Exception,
    longest: timedelta = timedelta(minutes=5),
    page: int = 500,
) -> AsyncGenerator[Timekeeper]:
    """A timekeeper of the usual shard with its worker, on a queue nobody else polls."""
    looks = Looks(KeepTime(shop.uow, TimeOrderedIds(), page=page), failures=list(failures))
    queue = cast(Queue, f"timekeeping-{uuid4().hex}")
    plan = replace(timekeeping.plan(cast(KeepTime, looks), shop.here), queue=queue)
    async with build_worker(client, plan, "test"):
        handle = await client.start_workflow(
            WorkflowName.TIMEKEEPER,
            TimekeeperInput(shard=SHARD, longest_sleep_seconds=int(longest.total_seconds())),
            id=f"timekeeper/{uuid4().hex}",
            task_queue=queue,
        )
        yield Timekeeper(client, handle, looks)
        await client.get_workflow_handle(handle.id).terminate("the test is over")
