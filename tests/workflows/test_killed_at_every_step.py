"""Everything dies after every single step of a refund, and starts again: nothing is lost or paid twice.

A step is anything that reaches the world: a commit, a call to the vendor, a call to the engine; death
comes just before it or just after it, and from then on the old process does nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import RPCError

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.names import Signal
from mallcare.domain.commands import Approve
from mallcare.domain.vocabulary import State
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_client import add_search_attributes, prepare_namespace
from mallcare.gateways.temporal_engine import TemporalCaseEngine
from mallcare.persistence.engine import create_engine
from mallcare.persistence.unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from mallcare.ports import RefundReport, RefundRequest
from tests.database import TEMPLATE
from tests.vendor import ScriptedVendor
from tests.world import World

STEPS = 16
"""Steps of the lifecycle below; a test makes sure that no step lies behind the last of them."""


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


@pytest.fixture(scope="module")
async def ground(
    temporal_server: EmbeddedTemporal,
    postgres: EmbeddedPostgres,
    administrator: psycopg.Connection,
    database_url: str,
) -> AsyncGenerator[Ground]:
    """A namespace and a database that no other worker touches."""
    administrator.execute(f"CREATE DATABASE mortal TEMPLATE {TEMPLATE}")
    client = await Client.connect(temporal_server.address, namespace="mortal", data_converter=DATA_CONVERTER)
    await prepare_namespace(client, timedelta(days=1))
    await _when_known(client)
    database = create_engine(postgres.url_of("mortal"))
    yield Ground(database, client, ScriptedVendor())
    await database.dispose()


async def _when_known(client: Client) -> None:
    """A new namespace is known to every part of the server within moments."""
    async with asyncio.timeout(20):
        while True:
            try:
                return await add_search_attributes(client)
            except RPCError:
                await asyncio.sleep(0.1)


@dataclass
class Mall:
    """The mall's backend: repeats a call with the same key until somebody living answers."""

    ground: Ground
    life: Life
    stack: AsyncExitStack
    world: World
    witness: World
    restarted: bool = False

    async def until_answered(self, call: Any) -> Any:
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


@pytest.mark.rule("P2")
@pytest.mark.parametrize("ends_at", range(1, STEPS + 2))
async def test_a_refund_survives_death_at_any_step(ground: Ground, ends_at: int) -> None:
    """Submit, approve, refund over two tenders, with everything dying once: completed, each leg paid once."""
    life = Life()
    world = ground.born(life)
    order = await world.take_in(world.new_order(points=400))
    life.steps, life.ends_at = 0, ends_at
    key, command_id = uuid4().hex, uuid4().hex
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.working())
        mall = Mall(ground, life, stack, world, witness=ground.born(Life()))
        no: str = await mall.until_answered(lambda w: w.submit(order, key=key))
        await mall.until_answered(lambda w: w.command(no, Approve(), command_id=command_id))
        await _completed(mall, no)
        case, events = await mall.witness.case(no), await mall.witness.events(no)
    assert case.state is State.COMPLETED
    assert [ground.vendor.paid[leg.refund_no] for leg in case.legs] == [1, 1]
    assert [ground.vendor.ledger[leg.refund_no] for leg in case.legs] == [600, 400]
    told = [name for name in events if name != "refund_unclear"]
    assert told == ["submitted", "approved", "refund_succeeded", "refund_succeeded", "completed"]
    assert life.over == (ends_at <= STEPS), f"the lifecycle has {life.steps} steps: STEPS is wrong"


async def _completed(mall: Mall, no: str) -> None:
    """Wait for the end, starting again what died and sweeping like the schedule does.

    A task that the engine handed to a dying worker is found lost by its heartbeat, in real seconds.
    """
    async with asyncio.timeout(60):
        while (await mall.witness.case(no)).state is not State.COMPLETED:
            if mall.life.over and not mall.restarted:
                await mall.restart()
            if mall.restarted:
                await mall.witness.sweep(mall.witness.clock.now())
                with suppress(RPCError):  # it ended in the meantime
                    await mall.witness.skipper.fast_forward(mall.witness.handle(no), timedelta(seconds=3))
            await asyncio.sleep(0.02)
        if mall.life.over and not mall.restarted:
            await mall.restart()
        await mall.witness.finished(no)
