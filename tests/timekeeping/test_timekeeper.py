"""The timekeeper as a workflow: sleeps as long as it may, wakes in time, and outlives what goes wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from temporalio.client import Client

from mallcare.ports import StorageUnavailable
from tests.timekeeping.orders import COOLING_OFF, Shop
from tests.timekeeping.timekeepers import SUGGESTED_AFTER, Timekeeper, timekeeper, until

pytestmark = [pytest.mark.rule("A1"), pytest.mark.rule("P2")]
MOMENT = timedelta(seconds=1)
SOON = timedelta(seconds=5)
"""A moment, on a machine that has much to do."""
LONGEST = timedelta(minutes=5)


@pytest.fixture
def shop(shop: Shop) -> Shop:
    """Its clock shows the present, in which every timekeeper starts."""
    shop.here.at = datetime.now(UTC)
    return shop


def due_in(shop: Shop, by: timedelta) -> dict[str, datetime]:
    """For an order whose cooling-off ends that much later."""
    return {"placed_at": shop.here.at + by - COOLING_OFF}


def waits(running: Timekeeper) -> list[timedelta]:
    """Times between looks."""
    at = running.looks.at
    return [later - earlier for earlier, later in pairwise(at)]


async def test_it_sleeps_until_the_earliest_is_due(shop: Shop, client: Client) -> None:
    """Two orders, two looks beside the first one, each within a moment of its order's instant."""
    first = await shop.bought(**due_in(shop, timedelta(minutes=2)))
    second = await shop.bought(**due_in(shop, timedelta(minutes=4, seconds=30)))
    dues = [order.placed_at + COOLING_OFF for order in (first, second)]
    async with timekeeper(client, shop) as running:
        await running.looked(1)
        await running.skip(timedelta(minutes=1, seconds=50))
        assert len(running.looks.at) == 1
        await running.skip(timedelta(minutes=3))
        lateness = [at - due for at, due in zip(running.looks.at[1:], dues, strict=True)]
    assert all(timedelta(0) <= late < SOON for late in lateness), lateness
    assert [(await shop.standing(order))[1] for order in (first, second)] == dues


async def test_it_looks_every_five_minutes_at_the_least(shop: Shop, client: Client) -> None:
    """With nothing to do, and with something due in an hour."""
    order = await shop.bought(**due_in(shop, timedelta(hours=1)))
    async with timekeeper(client, shop) as running:
        await running.looked(1)
        await running.skip(timedelta(minutes=21))
        assert len(running.looks.at) == 5
        assert all(LONGEST <= wait < LONGEST + SOON for wait in waits(running)), waits(running)
    assert (await shop.standing(order))[1] is None


async def test_a_wake_makes_it_look_at_once(shop: Shop, client: Client) -> None:
    """It was going to sleep for minutes, and then sleeps until what it found is due."""
    async with timekeeper(client, shop) as running:
        await running.looked(1)
        await running.skip(MOMENT)
        order = await shop.bought(**due_in(shop, timedelta(minutes=1)))
        await running.wake()
        await running.looked(2)
        assert waits(running)[0] < LONGEST / 5
        assert running.looks.kept[1].next_due_at == order.placed_at + COOLING_OFF
        await running.skip(timedelta(minutes=1))
        await running.looked(3)
        late = running.looks.at[2] - order.placed_at - COOLING_OFF
        assert timedelta(0) <= late < SOON
    assert (await shop.standing(order))[1] == order.placed_at + COOLING_OFF


async def test_a_wake_that_was_lost_costs_five_minutes_at_most(shop: Shop, client: Client) -> None:
    """The order came while it slept, and nobody told it; the supplier sees the order on time all the same."""
    async with timekeeper(client, shop) as running:
        await running.looked(1)
        order = await shop.bought(**due_in(shop, timedelta(seconds=5)))
        await running.skip(LONGEST + MOMENT)
        await running.looked(2)
        late = running.looks.at[1] - order.placed_at - COOLING_OFF
        assert late <= LONGEST
    assert (await shop.standing(order))[1] == order.placed_at + COOLING_OFF


async def test_many_wakes_are_one_look_a_second(shop: Shop, client: Client) -> None:
    """However often it is woken, it breathes."""
    async with timekeeper(client, shop) as running:
        await running.looked(1)
        for _ in range(20):
            await running.wake()
        await running.looked(2)
        assert len(running.looks.at) == 2
        assert waits(running)[0] >= MOMENT


async def test_what_is_locked_is_looked_at_again_after_a_breath(shop: Shop, client: Client) -> None:
    """A look that leaves a due order behind is followed by another one within a moment."""
    order = await shop.bought(**due_in(shop, timedelta(0)))
    async with shop.uow() as holder:
        await holder.orders.lock(order.order_no)
        async with timekeeper(client, shop) as running:
            await running.looked(1)
            assert running.looks.kept[0].released == 0
            await holder.commit()
            await running.skip(timedelta(seconds=2))
            await running.looked(2)
            assert running.looks.kept[1].released == 1
            assert waits(running)[0] < SOON


async def test_a_failing_look_is_tried_again(shop: Shop, client: Client) -> None:
    """The database is away for a moment: the order is released by the next attempt."""
    order = await shop.bought(**due_in(shop, timedelta(0)))
    async with timekeeper(client, shop, StorageUnavailable("away")) as running:
        await running.looked(1)
        assert len(running.looks.at) == 2
    assert (await shop.standing(order))[1] == order.placed_at + COOLING_OFF


async def test_it_continues_as_new(shop: Shop, client: Client) -> None:
    """When the server says that its history is long: the next run looks first, and sleeps as the first did.

    A server that skips time skips once more what a run had skipped when the next one begins, so that the
    timekeeper of this test sleeps for seconds.
    """
    short = timedelta(seconds=2)
    async with timekeeper(client, shop, longest=short) as running:
        await running.looked(1)
        await running.skip(timedelta(seconds=60))
        description = await client.get_workflow_handle(running.handle.id).describe()
        assert description.run_id != running.handle.first_execution_run_id
        assert description.history_length < 2 * SUGGESTED_AFTER
        assert sum(wait > short + SOON for wait in waits(running)) <= 3, "more than a gap for each run"
        order = await shop.bought(**due_in(shop, timedelta(0)))
        await running.wake()
        await until(lambda: running.looks.kept[-1].released == 1)
    assert (await shop.standing(order))[1] == order.placed_at + COOLING_OFF
