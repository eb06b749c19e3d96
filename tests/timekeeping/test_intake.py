"""When orders are due as they are taken in, and what their later versions change of it: nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from mallcare.application.keeping import Kept
from mallcare.application.orders import IncomingOrder
from mallcare.domain.orders import Order
from mallcare.ports import PersonalData
from tests.domain.builders import PLACED_AT, TICK
from tests.timekeeping.orders import DUE_AT, MALL, SHARD, Shop, new_order

pytestmark = pytest.mark.rule("A1")
PAID_LATE = PLACED_AT + timedelta(hours=2)


def unpaid(order: Order) -> Order:
    return replace(order, paid_at=None)


def newer(order: Order, **changes: object) -> Order:
    """The next version."""
    return replace(order, version=order.version + 1, **changes)  # type: ignore[arg-type]


async def test_when_orders_are_due(shop: Shop) -> None:
    """At the later of payment and half an hour; at their payment where nothing holds them; unpaid never."""
    early, late, never = new_order(), new_order(paid_at=PAID_LATE), unpaid(new_order())
    await shop.take_in(early, late, never)
    assert [await shop.standing(order) for order in (early, late, never)] == [
        (DUE_AT, None),
        (PAID_LATE, None),
        (None, None),
    ]
    await shop.policy(hold_during_cooling_off=False)
    at_once = await shop.bought(paid_at=PLACED_AT + timedelta(minutes=1))
    assert await shop.standing(at_once) == (PLACED_AT + timedelta(minutes=1), None)
    assert (await shop.standing(early))[0] == DUE_AT, "a policy is of the orders that come after it"


async def test_an_order_is_due_once_a_newer_version_is_paid(shop: Shop) -> None:
    """The unpaid one was looked past."""
    order = await shop.bought(paid_at=None)
    assert await shop.look(PAID_LATE) == Kept()
    await shop.take_in(newer(order, paid_at=PAID_LATE))
    assert await shop.look(PAID_LATE) == Kept(released=1)
    assert await shop.standing(order) == (None, PAID_LATE)


@pytest.mark.parametrize("looked", [True, False])
async def test_an_unpaid_order_that_is_due_is_not_released(
    shop: Shop, cleaner: psycopg.Connection, looked: bool
) -> None:
    """Processes of the release before leave such rows; it is due again by its payment."""
    order = await shop.bought(paid_at=None)
    cleaner.execute("UPDATE orders SET release_due_at = placed_at")
    if looked:
        assert await shop.look(DUE_AT) == Kept(withheld=1)
        assert await shop.standing(order) == (None, None)
    await shop.take_in(newer(order, paid_at=PAID_LATE))
    assert await shop.messages(order) == []
    assert await shop.standing(order) == (PAID_LATE, None)


async def test_an_order_that_is_unpaid_after_all_is_not_due(shop: Shop) -> None:
    """Its newest version counts."""
    order = await shop.bought()
    await shop.take_in(newer(order, paid_at=None))
    assert await shop.standing(order) == (None, None)
    assert await shop.look(DUE_AT) == Kept()


async def test_newer_versions_move_nothing_that_is_due(shop: Shop) -> None:
    """Not even under a policy that would have held it otherwise."""
    order = await shop.bought()
    await shop.policy(hold_during_cooling_off=False)
    await shop.take_in(newer(order))
    assert await shop.standing(order) == (DUE_AT, None)


async def test_a_released_order_stays_released(shop: Shop) -> None:
    """Newer versions neither take it back nor release it again."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    for version in (2, 3):
        await shop.take_in(replace(order, version=version))
        assert await shop.standing(order) == (None, DUE_AT)
        assert await shop.look(DUE_AT + timedelta(days=1)) == Kept()
    assert len(await shop.messages(order)) == 1


async def test_a_newer_version_releases_nothing_that_is_withheld(shop: Shop) -> None:
    """It is looked at once more, and withheld once more."""
    shop.here.at = PLACED_AT + timedelta(minutes=5)
    order = await shop.bought()
    await shop.ask(order)
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    await shop.take_in(newer(order))
    assert await shop.look(DUE_AT) == Kept(withheld=1)
    assert await shop.standing(order) == (None, None)
    assert await shop.messages(order) == []


async def test_what_an_older_release_took_in_is_due_with_its_next_version(
    shop: Shop, cleaner: psycopg.Connection
) -> None:
    """A process of the version before knows nothing of releases and wrote neither instant."""
    order = await shop.bought()
    cleaner.execute("UPDATE orders SET release_due_at = NULL")
    assert await shop.look(DUE_AT) == Kept()
    await shop.take_in(newer(order))
    assert await shop.look(DUE_AT) == Kept(released=1)


@pytest.mark.parametrize(
    ("due_in", "wakes"),
    [
        (timedelta(minutes=-10), True),
        (timedelta(minutes=5), True),
        (timedelta(minutes=5) + TICK, False),
        (timedelta(minutes=29), False),
    ],
)
async def test_only_what_is_due_soon_wakes_anybody(shop: Shop, due_in: timedelta, wakes: bool) -> None:
    """Timekeepers look every five minutes by themselves."""
    shop.here.at = DUE_AT - due_in
    await shop.bought()
    assert shop.woken.shards == ({SHARD} if wakes else set())


async def test_nobody_is_woken_for_what_is_not_to_be_released(shop: Shop) -> None:
    """Unpaid orders, and snapshots that changed nothing or were refused."""
    await shop.bought(paid_at=None)
    order = await shop.bought()
    shop.woken.calls.clear()
    refused = replace(order, version=2, lines=())
    sent = [IncomingOrder(one, PersonalData(), f"hash-{one.version}") for one in (order, refused)]
    results = [await shop.use_cases.take_in_orders([one], MALL) for one in sent]
    assert [result.status for (result,) in results] == ["unchanged", "refused"]
    assert shop.woken.shards == set()
