"""An engine that is away for a while: what is answered meanwhile, and that all heals when it is back."""

from __future__ import annotations

import pytest

from tests.e2e.books import completed, recorded_once, refunded_once
from tests.e2e.callers import COME_BACK, MALL, OPERATIONS, customer, eventually, supplier
from tests.e2e.live import LivePlatform
from tests.e2e.orders import order

pytestmark = [pytest.mark.rule("P2")]


@pytest.mark.rule("P1")
@pytest.mark.rule("A2")
async def test_temporal_is_away(platform: LivePlatform) -> None:
    """Orders, requests and commands are answered without it; when it is back, refunds are made."""
    api, asked_before = platform.api, order(990, points_fen=90)
    await api.put(asked_before)
    waiting = await api.submit(asked_before)
    orders = [order(1_500, points_fen=10 * place) for place in range(4)]
    unanswered = api.unanswered
    async with platform.down("temporal"):
        await eventually(platform.readiness, lambda status: status == COME_BACK)
        await api.put(*orders)
        cases = [await api.submit(bought) for bought in orders]
        approved = [
            await api.command(supplier(bought), case, "approve")
            for bought, case in zip(orders[:3], cases[:3], strict=True)
        ]
        withdrawn = await api.command(customer(orders[3]), cases[3], "cancel")
        approved.append(await api.command(supplier(asked_before), waiting, "approve"))
    assert api.unanswered == unanswered
    assert {case["state"] for case in approved} == {"REFUNDING"}
    assert withdrawn["state"] == "CANCELLED"
    done = await completed(api, approved)
    await refunded_once(platform.vendors, [*orders, asked_before], done)
    await recorded_once(api, [*orders[:3], asked_before], done)


async def test_the_database_is_away(platform: LivePlatform) -> None:
    """Everything says 503 and when to come back, and nothing half done is left: the same call works later."""
    api, bought = platform.api, order(1_500)
    await api.put(bought)
    case = await api.submit(bought)
    approve = f"/v1/after-sales/{case['after_sales_no']}/approve"
    calls = [
        ("GET", f"/v1/orders/{bought['order_no']}", None),
        ("PUT", f"/v1/orders/{bought['order_no']}", bought),
        ("POST", approve, {"command_id": f"approve-{case['after_sales_no']}"}),
        ("GET", "/v1/after-sales", None),
    ]
    async with platform.down("postgres"):
        for method, path, body in calls:
            refusal = await api.once(OPERATIONS if "after-sales" in path else MALL, method, path, body)
            assert refusal.status_code == COME_BACK, f"{method} {path} {refusal.text}"
            assert refusal.headers["content-type"] == "application/problem+json"
            assert refusal.headers["retry-after"] == "2"
            assert refusal.json()["code"] == "engine_unavailable"
        assert await platform.readiness() == COME_BACK
    assert (await api.case(case))["state"] == "PENDING_REVIEW"
    done = await completed(api, [await api.command(OPERATIONS, case, "approve")])
    await refunded_once(platform.vendors, [bought], done)
    await recorded_once(api, [bought], done)
