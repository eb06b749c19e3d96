"""Returned goods from the request to the vendors' books, over the public API and real processes."""

from __future__ import annotations

import pytest

from tests.e2e.books import recorded_once, refunded_once, told_in_order
from tests.e2e.callers import customer, eventually, supplier
from tests.e2e.goods import (
    CARRIER,
    SENT_BACK,
    accepted,
    approved,
    delivered,
    received,
    sent_back,
    sold,
    waybill,
)
from tests.e2e.live import LivePlatform
from tests.e2e.orders import Json, order

pytestmark = [pytest.mark.rule("A4"), pytest.mark.rule("P3")]


async def told_of(platform: LivePlatform, case: Json, name: str) -> Json:
    """What the mall was told of one event of a case."""

    async def heard() -> list[Json]:
        told = [webhook["payload"] for webhook in await platform.vendors.webhooks()]
        named = [payload["data"] for payload in told if payload["type"] == f"after_sales.{name}"]
        return [data for data in named if data["after_sales_no"] == case["after_sales_no"]]

    return (await eventually(heard, bool))[0]


@pytest.mark.rule("A2")
async def test_one_unit_is_missing_and_one_is_refused(platform: LivePlatform) -> None:
    """Two of four units are refunded by cash and points; the refused one goes back; both others are free.

    The mall hears of each step in order, and of what became of every unit.
    """
    api, vendors = platform.api, platform.vendors
    ours = order(2_995, quantity=4, freight_fen=800, points_fen=501)
    await sold(api, ours)
    quoted = await api.must(
        customer(ours),
        "POST",
        "/v1/after-sales/quotes",
        {
            "order_no": ours["order_no"],
            "kind": "return_refund",
            "whole_order": True,
            "reason_code": "quality",
        },
    )
    case = await sent_back(api, ours, await approved(api, ours, "return_refund", reason_code="quality"))
    number = case["after_sales_no"]
    late = await api.call(
        customer(ours), "POST", f"/v1/after-sales/{number}/cancel", {"command_id": f"late-{number}"}
    )
    assert (late.status_code, late.json()["current_state"]) == (409, "RETURN_IN_TRANSIT")
    case = await delivered(api, ours, case, "return")
    assert case["state"] == "INSPECTING"
    await received(api, ours, case, [{"line_id": "1", "good": 2, "damaged": 1, "missing": 1}])
    await accepted(api, ours, case, [{"line_id": "1", "quantity": 2}])

    going_back = await api.until(case, "RETURNING_TO_CUSTOMER")
    worth = [unit["amount_fen"] for unit in quoted["lines"][0]["units"][:2]]
    assert going_back["quote"]["total_fen"] == going_back["quote"]["goods_fen"] == sum(worth)
    assert going_back["deadline_effect"] == "escalate"
    assert await api.left_of(ours) == [1]
    await refunded_once(vendors, [ours], [going_back])
    await api.command(supplier(ours), case, "ship-back", carrier=CARRIER, waybill=waybill(case, "ship_back"))
    assert (await delivered(api, ours, case, "ship_back"))["state"] == "RETURNING_TO_CUSTOMER"
    done = await api.command(customer(ours), case, "confirm")
    assert done["state"] == "COMPLETED"
    assert await api.left_of(ours) == [2]
    await refunded_once(vendors, [ours], [done])

    names = [event["name"] for event in await api.record(done) if not event["refused_code"]]
    assert names == [
        *SENT_BACK,
        "accepted",
        *("refund_succeeded", "refund_succeeded", "goods_going_back"),
        *("shipped_back", "ship_back_delivered", "goods_back_with_customer"),
    ]
    await told_in_order(api, vendors, [done])
    fate = (await told_of(platform, done, "inspected"))["facts"]["lines"]
    counted = {"good": 2, "damaged": 1, "wrong": 0, "missing": 1}
    became = {"accepted": 2, "refused": 1, "restock": 2, "scrap": 0}
    assert fate == [{"line_id": "1", "sku": "SKU-1", **counted, **became}]


async def test_goods_that_are_refused_go_back_without_a_refund(platform: LivePlatform) -> None:
    """REJECTED once they are with the customer again; the mall puts nothing on its shelves."""
    api, ours = platform.api, order(4_200, points_fen=100)
    await sold(api, ours)
    case = await sent_back(api, ours, await approved(api, ours, "return_refund"))
    await received(api, ours, case, [{"line_id": "1", "wrong": 1}])
    refused = await api.command(
        supplier(ours),
        case,
        "refuse",
        reason="寄回的不是本店商品",
        evidence=["https://img.example.com/3.jpg"],
    )
    assert (refused["state"], refused["refunds"]) == ("RETURNING_TO_CUSTOMER", [])
    await api.command(supplier(ours), case, "ship-back", carrier=CARRIER, waybill=waybill(case, "ship_back"))
    done = await api.command(customer(ours), case, "confirm")
    assert done["state"] == "REJECTED"
    assert await api.left_of(ours) == [1]
    await told_in_order(api, platform.vendors, [done])
    (fate,) = (await told_of(platform, done, "inspected"))["facts"]["lines"]
    assert (fate["refused"], fate["restock"], fate["scrap"]) == (1, 0, 0)
    await refunded_once(platform.vendors, [ours], [])


async def test_counted_again_before_it_is_accepted(platform: LivePlatform) -> None:
    """A unit that turns up after the first count is refunded with the others, freight and all."""
    api, ours = platform.api, order(1_999, quantity=2, freight_fen=600, voucher_fen=300)
    await sold(api, ours)
    case = await sent_back(api, ours, await approved(api, ours, "return_refund", reason_code="damaged"))
    await delivered(api, ours, case, "return")
    await received(api, ours, case, [{"line_id": "1", "damaged": 1}])
    again = [{"line_id": "1", "damaged": 2}]
    await api.command(supplier(ours), case, "receive", command_id="again", lines=again)
    deciding = await accepted(api, ours, case, [{"line_id": "1", "quantity": 2}], reason="as it was reported")
    done = await api.until(deciding, "COMPLETED")
    assert done["quote"]["total_fen"] == 2 * 1_999 + 600
    await refunded_once(platform.vendors, [ours], [done])
    await recorded_once(api, [ours], [done], (*SENT_BACK[:5], "received", "inspected", "accepted"))
    (fate,) = (await told_of(platform, done, "inspected"))["facts"]["lines"]
    assert (fate["restock"], fate["scrap"]) == (0, 2)
