"""A process that dies at a step of its life, and what survives it.

A step is anything that reaches the world: a commit, a call to the vendor, a call to the engine; death
comes just before it or just after it, and from then on the old process does nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import State
from mallcare.gateways.temporal_engine import TemporalCaseEngine
from mallcare.persistence.unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from mallcare.ports import RefundReport, RefundRequest
from tests.vendor import ScriptedVendor
from tests.world import World

Answer = TypeVar("Answer")


class Killed(Exception):
    """This process is dead."""


@dataclass
class Life:
    """Counts steps and ends at one of them."""

    ends_at: int | None = None
    steps: int = 0
    over: bool = False

    def step(self) -> None:
        if self.over:
            raise Killed
        self.steps += 1
        if self.steps == self.ends_at:
            self.over = True
            raise Killed


class MortalUnitOfWork:
    """A unit of work whose process may die around its commit."""

    def __init__(self, unit: SqlUnitOfWork, life: Life) -> None:
        self._unit = unit
        self._life = life

    def __getattr__(self, name: str) -> Any:
        return getattr(self._unit, name)

    async def __aenter__(self) -> MortalUnitOfWork:
        if self._life.over:
            raise Killed
        await self._unit.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._unit.__aexit__(*exc)

    async def commit(self) -> None:
        self._life.step()
        await self._unit.commit()
        self._life.step()


@dataclass
class MortalVendor:
    """A vendor that lives on while its caller dies around the call."""

    vendor: ScriptedVendor
    life: Life

    def for_provider(self, provider: str) -> MortalVendor:
        return self

    async def submit(self, request: RefundRequest) -> RefundReport:
        self.life.step()
        report = await self.vendor.submit(request)
        self.life.step()
        return report

    async def query(self, request: RefundRequest) -> RefundReport:
        self.life.step()
        return await self.vendor.query(request)


@dataclass
class MortalEngine:
    """An engine that lives on while its caller dies around the call."""

    engine: TemporalCaseEngine
    life: Life

    async def start(self, snapshot: CaseSnapshot) -> bool:
        self.life.step()
        started = await self.engine.start(snapshot)
        self.life.step()
        return started

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        self.life.step()
        await self.engine.tell(snapshot, signal)
        self.life.step()

    async def broken(self, since: datetime, limit: int) -> list[str]:
        if self.life.over:
            raise Killed
        return await self.engine.broken(since, limit)


@dataclass
class Ground:
    """What survives every death: the database, the engine, the vendor's ledger."""

    database: AsyncEngine
    client: Client
    vendor: ScriptedVendor

    def born(self, life: Life) -> World:
        units = SqlUnitOfWorkFactory(self.database)
        world = World(
            self.database,
            self.client,
            uow=lambda: MortalUnitOfWork(units(), life),  # type: ignore[arg-type, return-value]
            vendor=MortalVendor(self.vendor, life),
            engine=MortalEngine(TemporalCaseEngine(self.client), life),
        )
        world.vendor = self.vendor
        return world


@dataclass
class Mall:
    """The mall's backend: repeats a call with the same key until somebody living answers."""

    ground: Ground
    life: Life
    stack: AsyncExitStack
    world: World
    witness: World
    restarted: bool = False

    async def until_answered(self, call: Callable[[World], Awaitable[Answer]]) -> Answer:
        try:
            return await call(self.world)
        except Killed:
            await self.restart()
            return await call(self.world)

    async def restart(self) -> None:
        self.restarted = True
        await self.stack.aclose()
        self.world = self.ground.born(Life())
        await self.stack.enter_async_context(self.world.working())


async def completed(mall: Mall, no: str) -> None:
    """Wait for the end, starting again what died and sweeping like the schedule does.

    A task that the engine handed to a dying worker is found lost by its heartbeat, in real seconds.
    """
    async with asyncio.timeout(60):
        while not await _over(mall, no):
            if mall.life.over and not mall.restarted:
                await mall.restart()
            if mall.restarted:
                await mall.witness.sweep(mall.witness.clock.now())
                with suppress(RPCError):  # it ended in the meantime
                    await mall.witness.skipper.fast_forward(mall.witness.handle(no), timedelta(seconds=3))
            await asyncio.sleep(0.02)


async def _over(mall: Mall, no: str) -> bool:
    """The case is completed, and so is its workflow."""
    if (await mall.witness.case(no)).state is not State.COMPLETED:
        return False
    try:
        status = (await mall.witness.handle(no).describe()).status
    except RPCError:  # its start was lost
        return False
    return status is WorkflowExecutionStatus.COMPLETED
