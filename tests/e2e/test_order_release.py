"""An order's way to its supplier on the whole platform: hidden, due, released, and told to the mall."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.callers import eventually, supplier
from tests.e2e.live import LivePlatform
from tests.e2e.orders import Json, order

pytestmark = [pytest.mark.rule("A1")]
COOLING_OFF = timedelta(minutes=30)
AGE = COOLING_OFF - timedelta(seconds=3)
HIDDEN, SHOWN = 404, 200
LATEST = timedelta(seconds=15)
"""Far beyond what is usual, for a machine that has other things to do as well."""


def due_at(of: Json) -> datetime:
    """The end of its cooling-off."""
    return datetime.fromisoformat(of["placed_at"]) + COOLING_OFF


async def first_shown(platform: LivePlatform, of: Json) -> tuple[int, datetime]:
    """How often its supplier was told that there is no such order, and when it first saw it."""
    hidden = 0
    async with asyncio.timeout(60):
        while True:
            asked_at = datetime.now(UTC)
            answer = await platform.api.call(supplier(of), "GET", f"/v1/orders/{of['order_no']}")
            if answer.status_code == SHOWN:
                assert datetime.now(UTC) >= due_at(of)
                assert answer.json()["released_at"] is not None
                return hidden, asked_at
            assert answer.status_code == HIDDEN, answer.text
            hidden += 1
            await asyncio.sleep(0.05)


async def releases(platform: LivePlatform, *orders: Json) -> list[Json]:
    """What the mall was told of the release of these orders, in order of arrival."""
    numbers = {of["order_no"] for of in orders}
    return [
        webhook
        for webhook in await platform.vendors.webhooks()
        if webhook["payload"]["type"] == "order.released"
        and webhook["payload"]["data"]["order_no"] in numbers
    ]


async def test_an_order_is_released_within_moments_of_its_instant(platform: LivePlatform) -> None:
    """Its supplier sees it from its instant on, the mall hears of it; one asked back in time stays hidden."""
    api = platform.api
    kept, asked_back = order(1_999, age=AGE), order(350, age=AGE)
    await api.put(kept, asked_back)
    case = await api.submit(asked_back)
    hidden, seen_at = await first_shown(platform, kept)
    assert hidden > 0
    (told,) = await eventually(lambda: releases(platform, kept), bool)
    late = datetime.fromisoformat(told["received_at"]) - due_at(kept)
    print(f"released to the mall {late} after the instant")
    assert seen_at - due_at(kept) < LATEST
    assert timedelta(0) <= late < LATEST
    assert told["payload"]["data"] == {
        "order_no": kept["order_no"],
        "supplier_id": kept["supplier_id"],
        "released_at": due_at(kept).isoformat(),
    }
    assert case["cooling_off"]
    answer = await api.call(supplier(asked_back), "GET", f"/v1/orders/{asked_back['order_no']}")
    assert answer.status_code == HIDDEN
    assert len(await releases(platform, kept, asked_back)) == 1


async def test_an_order_falls_due_while_the_worker_is_dead(platform: LivePlatform) -> None:
    """Its supplier sees it on time all the same; the mall hears of it once, when a worker is back."""
    bought = order(1_999, age=AGE)
    async with platform.down("worker"):
        await platform.api.put(bought)
        _, seen_at = await first_shown(platform, bought)
        assert seen_at - due_at(bought) < LATEST
        assert await releases(platform, bought) == []
    (told,) = await eventually(lambda: releases(platform, bought), bool)
    assert told["payload"]["data"]["released_at"] == due_at(bought).isoformat()
    shown = await platform.api.must(supplier(bought), "GET", f"/v1/orders/{bought['order_no']}")
    assert datetime.fromisoformat(shown["released_at"]) == due_at(bought)
