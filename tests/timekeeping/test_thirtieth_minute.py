"""The race at the thirtieth minute, between real transactions: who holds the order's row lock goes first."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from mallcare.application.keeping import Kept
from mallcare.domain.commands import Cancel
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import State
from tests.domain.builders import PLACED_AT, TICK
from tests.timekeeping.orders import CUSTOMER, DUE_AT, HeldFactory, Shop, new_order

pytestmark = pytest.mark.rule("A1")
JUST_BEFORE = DUE_AT - TICK


async def waiting_for_a_lock(cleaner: psycopg.Connection) -> None:
    """Until a transaction of this database waits for another one."""
    asked = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5):
        while cleaner.execute(asked).fetchone() == (0,):  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.005)


async def test_a_request_that_came_first_keeps_the_order(shop: Shop) -> None:
    """Its transaction is not over: the look leaves the order, and the next one, at once, withholds it."""
    shop.here.at = JUST_BEFORE
    order, other = await shop.bought(), await shop.bought()
    async with HeldFactory(shop.engine) as held:
        asking = asyncio.create_task(shop.beside(held).ask(order))
        await held.arrived.wait()
        assert await shop.look(DUE_AT) == Kept(released=1, next_due_at=DUE_AT)
        assert await shop.standing(order) == (DUE_AT, None)
        assert (await shop.standing(other))[1] == DUE_AT
        held.let_go.set()
        no = await asking
    assert (await shop.case(no)).state is State.REFUNDING
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    assert await shop.standing(order) == (None, None)
    assert await shop.messages(order) == []


async def test_a_request_that_failed_keeps_nothing(shop: Shop) -> None:
    """It held the lock when the look came, and was never committed: the next look releases the order."""
    shop.here.at = JUST_BEFORE
    order = await shop.bought()
    async with HeldFactory(shop.engine) as held:
        asking = asyncio.create_task(shop.beside(held).ask(order))
        await held.arrived.wait()
        assert (await shop.look(DUE_AT)).released == 0
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    assert await shop.look(DUE_AT) == Kept(released=1)


@pytest.mark.parametrize("behind", [timedelta(0), TICK, timedelta(minutes=5)], ids=str)
async def test_a_look_that_came_first_has_released_the_order(
    shop: Shop, cleaner: psycopg.Connection, behind: timedelta
) -> None:
    """The request waits for the look, then goes to review, even where its own clock says there is time."""
    shop.here.at = PLACED_AT
    order = await shop.bought()
    async with HeldFactory(shop.engine) as held:
        looking = asyncio.create_task(shop.beside(held).look(DUE_AT))
        await held.arrived.wait()
        asking = asyncio.create_task(shop.beside(at=DUE_AT - behind).ask(order))
        await waiting_for_a_lock(cleaner)
        assert not asking.done()
        held.let_go.set()
        assert await looking == Kept(released=1)
        case = await shop.case(await asking)
    assert case.state is State.PENDING_REVIEW
    assert not case.refund_decided
    assert await shop.standing(order) == (None, DUE_AT)
    assert len(await shop.messages(order)) == 1


async def test_what_the_lock_guards_is_read_once_it_is_held(shop: Shop, cleaner: psycopg.Connection) -> None:
    """A request that committed while the look was still locking is seen by it: locking and reading are two.

    The request comes to life right behind the statement that locks, which is the last moment it could have.
    """
    shop.here.at = PLACED_AT
    await shop.stop_automatic_refunds()
    order = await shop.bought()
    await shop.command(await shop.ask(order), Cancel(), CUSTOMER)

    def asked_meanwhile(*executed: Any) -> None:
        if "SKIP LOCKED" in executed[2]:
            cleaner.execute("UPDATE after_sales SET state = 'PENDING_REVIEW'")

    event.listen(shop.engine.sync_engine, "after_cursor_execute", asked_meanwhile)
    try:
        assert await shop.look(DUE_AT) == Kept(withheld=1)
    finally:
        event.remove(shop.engine.sync_engine, "after_cursor_execute", asked_meanwhile)


async def test_a_newer_version_waits_for_the_look(shop: Shop, cleaner: psycopg.Connection) -> None:
    """And does not undo what it did."""
    order = await shop.bought()
    async with HeldFactory(shop.engine) as held:
        looking = asyncio.create_task(shop.beside(held).look(DUE_AT))
        await held.arrived.wait()
        sending = asyncio.create_task(shop.take_in(replace(order, version=2)))
        await waiting_for_a_lock(cleaner)
        held.let_go.set()
        await asyncio.gather(looking, sending)
    assert await shop.standing(order) == (None, DUE_AT)
    assert (await shop.stored(order)).order.version == 2


async def test_a_look_that_dies_releases_nothing(shop: Shop) -> None:
    """Neither the order nor a message; the next look does both."""
    order = await shop.bought()
    async with HeldFactory(shop.engine) as held:
        looking = asyncio.create_task(shop.beside(held).look(DUE_AT))
        await held.arrived.wait()
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert await shop.standing(order) == (DUE_AT, None)
    assert await shop.messages(order) == []
    assert await shop.look(DUE_AT) == Kept(released=1)


@pytest.mark.parametrize("seed", range(3))
async def test_no_order_is_both_refunded_at_once_and_released(shop: Shop, seed: int) -> None:
    """Sixty customers ask in the last moment while orders fall due: each order has one fate or the other.

    A case that committed between a look's locking and its reading would show here as an order with both.
    """
    dice = random.Random(seed)
    await shop.policy(auto_refunds_per_customer=1_000)
    orders = [new_order(placed_at=PLACED_AT + timedelta(seconds=second)) for second in range(60)]
    await shop.take_in(*orders)
    late = shop.beside(at=JUST_BEFORE)

    async def asked(order: Order) -> str:
        await asyncio.sleep(dice.random() * 0.3)
        return await late.ask(order)

    async def everybody() -> list[str]:
        return [*await asyncio.gather(*map(asked, orders))]

    async def looks() -> None:
        for second in range(5, 65, 5):
            await asyncio.sleep(dice.random() * 0.05)
            await shop.look(DUE_AT + timedelta(seconds=second), page=dice.choice((1, 3, 500)))

    numbers, _ = await asyncio.gather(everybody(), asyncio.gather(*(looks() for _ in range(3))))
    await shop.look(DUE_AT + timedelta(seconds=60))
    fates = set[tuple[State, bool]]()
    for order, no in zip(orders, numbers, strict=True):
        due_at, released_at = await shop.standing(order)
        assert due_at is None
        assert len(await shop.messages(order)) == (released_at is not None)
        fates.add(((await shop.case(no)).state, released_at is not None))
    assert fates == {(State.REFUNDING, False), (State.PENDING_REVIEW, True)}
