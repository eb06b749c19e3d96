"""Everything dies after every single step of a case, and starts again: nothing is lost or paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from mallcare.application.caller import Caller
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.domain.commands import Approve, Confirm, Reship, SubmitWaybill
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_client import add_search_attributes, prepare_namespace
from mallcare.persistence.engine import create_engine
from tests.database import TEMPLATE
from tests.travels import Say, accepted, received, waybill
from tests.vendor import ScriptedVendor
from tests.workflows.mortality import Ground, Life, Mall, completed
from tests.world import CUSTOMER, SUPPLIER, World

pytestmark = pytest.mark.rule("P2")


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


@dataclass(frozen=True)
class Lifecycle:
    """What the mall does from opening a case to its end, and what must have come of it.

    `steps`: of one life in which nobody dies; a test makes sure that none lies behind the last of them.
    """

    kind: Kind
    units: int
    steps: int
    go_on: Callable[[Mall, str], Awaitable[None]]
    paid: tuple[int, ...]
    told: tuple[str, ...]


async def say(mall: Mall, no: str, command: Say, caller: Caller = SUPPLIER) -> None:
    """Give a command until it is answered, under one id."""
    command_id, said = uuid4().hex, command(await mall.witness.case(no))
    await mall.until_answered(lambda w: w.command(no, said, caller, command_id=command_id))


async def report(mall: Mall, no: str, event: OrderEventType, purpose: str) -> None:
    """Report of a parcel until it is answered, under one id."""
    case, event_id = await mall.witness.case(no), uuid4().hex
    facts: dict[str, Any] = {"event_id": event_id, "occurred_at": mall.witness.clock.now()}
    number = waybill(case, purpose)
    await mall.until_answered(lambda w: w.report(case.order_no, event, number, **facts))


async def refund_only(mall: Mall, no: str) -> None:
    await say(mall, no, lambda _: Approve())


async def goods_back(mall: Mall, no: str, *, missing: int = 0) -> None:
    await say(mall, no, lambda _: Approve())
    await say(mall, no, lambda case: SubmitWaybill("sf", waybill(case)), CUSTOMER)
    await say(mall, no, lambda case: received(case, missing=missing))
    await say(mall, no, accepted)


async def return_refund(mall: Mall, no: str) -> None:
    await goods_back(mall, no, missing=1)


async def exchange(mall: Mall, no: str) -> None:
    await goods_back(mall, no)
    await say(mall, no, lambda case: Reship("sf", waybill(case, "X")))
    await report(mall, no, OrderEventType.DELIVERED, "X")
    await say(mall, no, lambda _: Confirm(), CUSTOMER)


GOODS_BACK = ("submitted", "approved", "waybill_submitted", "received", "inspected", "accepted")
REFUNDED = ("refund_succeeded", "refund_succeeded", "completed")

LIFECYCLES = (
    Lifecycle(Kind.REFUND_ONLY, 1, 16, refund_only, (600, 400), ("submitted", "approved", *REFUNDED)),
    Lifecycle(Kind.RETURN_REFUND, 2, 28, return_refund, (800, 200), (*GOODS_BACK, *REFUNDED)),
    Lifecycle(
        Kind.EXCHANGE,
        1,
        32,
        exchange,
        (),
        (*GOODS_BACK, "reshipped", "reshipment_delivered", "replacement_confirmed", "completed"),
    ),
)


@pytest.mark.parametrize(
    ("lifecycle", "ends_at"),
    [
        pytest.param(lifecycle, ends_at, id=f"{lifecycle.kind}-{ends_at}")
        for lifecycle in LIFECYCLES
        for ends_at in range(1, lifecycle.steps + 2)
    ],
)
async def test_a_case_survives_death_at_any_step(ground: Ground, lifecycle: Lifecycle, ends_at: int) -> None:
    """From submit to the end with everything dying once: completed, each leg paid once, each event once."""
    life = Life()
    world: World = ground.born(life)
    await world.return_address()
    order = await world.take_in(world.new_order(quantity=lifecycle.units, points=400))
    life.steps, life.ends_at = 0, ends_at
    key, lines = uuid4().hex, (("1", lifecycle.units),)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(world.working())
        mall = Mall(ground, life, stack, world, witness=ground.born(Life()))
        no: str = await mall.until_answered(lambda w: w.submit(order, lines, kind=lifecycle.kind, key=key))
        await lifecycle.go_on(mall, no)
        await completed(mall, no)
        case, events = await mall.witness.case(no), await mall.witness.events(no)
    assert case.state is State.COMPLETED
    assert [ground.vendor.paid[leg.refund_no] for leg in case.legs] == [1] * len(lifecycle.paid)
    assert tuple(ground.vendor.ledger[leg.refund_no] for leg in case.legs) == lifecycle.paid
    assert tuple(name for name in events if name != "refund_unclear") == lifecycle.told
    assert life.over == (ends_at <= lifecycle.steps), f"it has {life.steps} steps: `steps` is wrong"
