"""Many different orders refunded whole: the customers have back exactly what they paid, tender by tender."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tests.e2e.books import completed, recorded_once, refunded_once
from tests.e2e.callers import Api, supplier
from tests.e2e.goods import SENT_BACK, returned_whole, sold
from tests.e2e.live import LivePlatform
from tests.e2e.orders import Json, drawn, order, paid_fen, parcel_event

pytestmark = [pytest.mark.rule("A1"), pytest.mark.rule("A4")]
COOLING_OFF = timedelta(minutes=3)
SHIPPED = timedelta(days=3)


def tender_amounts(legs: Iterable[Json]) -> list[tuple[str, int]]:
    """Amounts by tender, those of nothing left out."""
    return sorted((leg["tender"], leg["amount_fen"]) for leg in legs if leg["amount_fen"])


async def refund_whole(api: Api, bought: Json, reason_code: str) -> Json:
    """The case of a whole order, decided by whoever has to."""
    case = await api.submit(bought, reason_code=reason_code)
    if case["state"] == "PENDING_REVIEW":
        case = await api.command(supplier(bought), case, "approve")
    return case


async def test_what_was_paid_comes_back_to_the_fen(platform: LivePlatform) -> None:
    """Forty orders, some in their cooling-off, some shipped and the supplier's fault, two of one payment."""
    api, random = platform.api, Random(20_260_301)
    fresh = [drawn(random, age=COOLING_OFF) for _ in range(13)]
    reviewed = [drawn(random, age=timedelta(hours=5)) for _ in range(12)]
    shipped = [drawn(random, age=SHIPPED) for _ in range(13)]
    shared = [order(price, transaction=(f"S{shipped[0]['order_no']}", 5_000)) for price in (1_999, 3_001)]
    orders = [*fresh, *reviewed, *shipped, *shared]
    await api.put(*orders)
    for bought in shipped:
        event = parcel_event(bought, "collected", datetime.now(UTC) - SHIPPED / 2)
        await api.report(bought, event)
    reasons = ["changed_mind"] * 25 + ["not_received"] * 13 + ["changed_mind"] * 2
    cases = await asyncio.gather(
        *(refund_whole(api, bought, reason) for bought, reason in zip(orders, reasons, strict=True))
    )
    done = await completed(api, cases)
    for bought, case in zip(orders, done, strict=True):
        assert case["cooling_off"] is (bought in fresh)
        assert tender_amounts(case["refunds"]) == tender_amounts(bought["payment"]["tenders"])
        assert case["quote"]["total_fen"] == paid_fen(bought)
    await refunded_once(platform.vendors, orders, done)
    await recorded_once(api, orders, done)


async def test_what_was_paid_comes_back_to_the_fen_for_goods_sent_back(platform: LivePlatform) -> None:
    """The same for orders returned whole by the supplier's fault: goods and freight, tender by tender."""
    api, random = platform.api, Random(20_261_122)
    orders = [drawn(random, age=SHIPPED) for _ in range(8)]
    await sold(api, *orders)
    cases = await asyncio.gather(*(returned_whole(api, paid, reason_code="quality") for paid in orders))
    done = await completed(api, cases)
    for paid, case in zip(orders, done, strict=True):
        assert tender_amounts(case["refunds"]) == tender_amounts(paid["payment"]["tenders"])
        assert case["quote"]["total_fen"] == paid_fen(paid)
    await refunded_once(platform.vendors, orders, done)
    await recorded_once(api, orders, done, (*SENT_BACK, "accepted"))
