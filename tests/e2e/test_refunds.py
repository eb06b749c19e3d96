"""Refunds from the order to the vendors' books, over the public API and real processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.books import cash_of, completed, recorded_once, refunded_once, told_in_order
from tests.e2e.callers import FINANCE, MALL, eventually, supplier
from tests.e2e.live import LivePlatform
from tests.e2e.orders import Json, order, paid_fen

pytestmark = [pytest.mark.rule("P3")]


async def approved(platform: LivePlatform, of: Json, **asked: Any) -> Json:
    """A request of an order's customer, approved by its supplier."""
    await platform.api.put(of)
    case = await platform.api.submit(of, **asked)
    assert case["state"] == "PENDING_REVIEW"
    return await platform.api.command(supplier(of), case, "approve")


async def ends_well(platform: LivePlatform, of: Json, case: Json) -> Json:
    """The case completes, with each of its refunds in the vendors' books once."""
    done = (await completed(platform.api, [case]))[0]
    await refunded_once(platform.vendors, [of], [done])
    return done


@pytest.mark.rule("A4")
async def test_part_of_an_order_paid_by_cash_and_points(platform: LivePlatform) -> None:
    """From PUT to COMPLETED: two of three units come back over both tenders, the mall hears each step."""
    api, bought = platform.api, order(2_995, quantity=3, freight_fen=800, points_fen=500)
    await api.must(MALL, "PUT", f"/v1/orders/{bought['order_no']}", bought)
    case = await api.submit(bought, lines=[{"line_id": "1", "quantity": 2}])
    assert [(line["line_id"], line["units"]) for line in case["lines"]] == [("1", [1, 2])]
    assert case["deadline_effect"] == "escalate"
    await api.command(supplier(bought), case, "approve")
    done = await ends_well(platform, bought, case)
    assert done["quote"]["total_fen"] == 2 * 2_995
    assert {leg["tender"] for leg in done["refunds"]} == {"cash", "points"}
    assert await api.left_of(bought) == [1]
    await recorded_once(api, [bought], [done])
    await told_in_order(api, platform.vendors, [done])


@pytest.mark.rule("A1")
async def test_a_whole_order_within_the_cooling_off(platform: LivePlatform) -> None:
    """Refunded by the system at once, freight included, and nobody reviews it."""
    api = platform.api
    bought = order(1_999, 350, freight_fen=600, points_fen=100, age=timedelta(minutes=5))
    await api.put(bought)
    case = await api.submit(bought)
    assert (case["cooling_off"], case["state"]) == (True, "REFUNDING")
    done = await ends_well(platform, bought, case)
    assert done["quote"]["total_fen"] == paid_fen(bought)
    record = await api.record(done)
    assert [event["actor"]["role"] for event in record[:2]] == ["customer", "system"]
    await recorded_once(api, [bought], [done])
    await told_in_order(api, platform.vendors, [done])


@pytest.mark.parametrize("fault", ["timeout_after_commit", "timeout_before", "error_500", "bad_signature"])
async def test_an_unclear_answer_of_the_payment_vendor_is_asked_for(
    platform: LivePlatform, fault: str
) -> None:
    """Whether it had paid or not: in the end it paid once."""
    bought = order(4_200, points_fen=200)
    await platform.vendors.strike_cash(fault, bought)
    await ends_well(platform, bought, await approved(platform, bought))


@pytest.mark.parametrize("fault", ["timeout_after_commit", "error_500", "processing"])
async def test_an_unclear_answer_of_the_mall_is_asked_for(platform: LivePlatform, fault: str) -> None:
    """The same for points and vouchers."""
    bought = order(4_200, points_fen=200)
    await platform.vendors.strike_mall(fault)
    await ends_well(platform, bought, await approved(platform, bought))


async def test_a_merchant_without_money_is_retried_by_finance(platform: LivePlatform) -> None:
    """NOT_ENOUGH fails the refund and the points stay paid; a retry under the same number pays the rest."""
    api, bought = platform.api, order(4_200, points_fen=200)
    await platform.vendors.strike_cash("not_enough", bought)
    case = await approved(platform, bought)
    failed = await api.until(case, "REFUND_FAILED")
    legs = {leg["tender"]: leg for leg in failed["refunds"]}
    assert legs["cash"]["failure_code"] == "NOT_ENOUGH"
    retried = await api.command(FINANCE, failed, "retry-refund")
    done = await ends_well(platform, bought, retried)
    assert {leg["refund_no"] for leg in done["refunds"]} == {leg["refund_no"] for leg in legs.values()}


@pytest.mark.parametrize("retried", [True, False])
async def test_an_abnormal_refund_is_resolved_on_the_vendors_side(
    platform: LivePlatform, retried: bool
) -> None:
    """Sent to another account there, it completes here: by the callback, or asked for by finance."""
    api, bought = platform.api, order(4_200)
    await platform.vendors.strike_cash("abnormal", bought)
    failed = await api.until(await approved(platform, bought), "REFUND_FAILED")
    assert failed["refunds"][0]["failure_code"] == "ABNORMAL"
    await platform.resolve_abnormal(cash_of(bought)["transaction_id"])
    if retried:
        await api.command(FINANCE, failed, "retry-refund")
    await ends_well(platform, bought, failed)


async def test_callbacks_come_late_and_twice(platform: LivePlatform) -> None:
    """Both copies are taken in, and the refund is recorded once."""
    bought = order(4_200)
    case = await approved(platform, bought)
    done = await ends_well(platform, bought, case)
    number = done["refunds"][0]["refund_no"]

    async def copies() -> list[str]:
        log = await platform.vendors.callbacks()
        return [callback["state"] for callback in log if callback["out_refund_no"] == number]

    await eventually(copies, lambda states: states == ["delivered", "delivered"])
    await recorded_once(platform.api, [bought], [done])
