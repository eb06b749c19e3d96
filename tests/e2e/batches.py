"""A batch of customers and suppliers at work at the same time, while something may be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from tests.e2e.callers import Api, supplier
from tests.e2e.orders import Json, order

AT_ONCE = 6


def mixed_orders(count: int) -> list[Json]:
    """Orders of two tenders; every third one is still in its cooling-off."""
    return [
        order(
            1_000 + 37 * place,
            899,
            quantity=1 + place % 3,
            freight_fen=600,
            points_fen=100 + place,
            voucher_fen=55 * (place % 2),
            age=timedelta(minutes=2) if place % 3 == 0 else timedelta(hours=2),
        )
        for place in range(count)
    ]


async def refund_all(
    api: Api, orders: Sequence[Json], *, when_answered: int, then: Callable[[], Awaitable[None]]
) -> list[Json]:
    """Every order's customer asks and its supplier approves, a few at a time; answers their cases.

    Once `when_answered` requests were answered to the end, `then` runs beside the others. Some ask for
    the whole order and some for a unit of each line.
    """
    turns = asyncio.Semaphore(AT_ONCE)
    answered = 0
    enough = asyncio.Event()

    async def one(place: int, bought: Json) -> Json:
        nonlocal answered
        lines = [{"line_id": line["line_id"], "quantity": 1} for line in bought["lines"]]
        asked: Json = {"lines": lines} if place % 3 == 1 else {}
        async with turns:
            case = await api.submit(bought, **asked)
            if case["state"] == "PENDING_REVIEW":
                case = await api.command(supplier(bought), case, "approve")
        answered += 1
        if answered >= when_answered:
            enough.set()
        return case

    async def disturb() -> None:
        await enough.wait()
        await then()

    cases, _ = await asyncio.gather(
        asyncio.gather(*(one(place, bought) for place, bought in enumerate(orders))), disturb()
    )
    return cases
