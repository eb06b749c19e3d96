"""Exchanges from the request to their ends, over the public API and real processes."""

from __future__ import annotations

import pytest

from mallcare.cli.tokens import Claims
from tests.e2e.books import refunded_once, told_in_order
from tests.e2e.callers import FINANCE, FINANCE_TOO, customer, supplier
from tests.e2e.goods import (
    CARRIER,
    RETURNS_TO,
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

pytestmark = [pytest.mark.rule("A4")]
ONE = [{"line_id": "1", "quantity": 1}]
EVIDENCE = ["https://files.example.com/transfer-20261122.pdf"]


async def to_reshipment(platform: LivePlatform, of: Json) -> Json:
    """An exchange of one unit whose faulty one is back: the replacement is due."""
    api = platform.api
    await sold(api, of)
    case = await approved(api, of, "exchange", lines=ONE, reason_code="quality")
    case = await delivered(api, of, await sent_back(api, of, case), "return")
    await received(api, of, case, [{"line_id": "1", "damaged": 1}])
    case = await accepted(api, of, case, ONE, reason="the fault that was reported")
    assert case["state"] == "AWAITING_RESHIPMENT"
    return case


async def test_an_exchange_goes_to_another_address_and_to_its_end(platform: LivePlatform) -> None:
    """No money moves, the supplier sends to where the customer is now, and the new unit may be asked for."""
    api, ours = platform.api, order(7_900, quantity=2, points_fen=300)
    case = await to_reshipment(platform, ours)
    moved = RETURNS_TO | {"name": "林晓禾", "address": "新居路 9 号"}
    await api.command(customer(ours), case, "change-address", ship_to=moved)
    where = await api.must(supplier(ours), "GET", f"/v1/after-sales/{case['after_sales_no']}/addresses")
    assert where["ship_to"] == moved
    sent = await api.command(
        supplier(ours), case, "reship", carrier=CARRIER, waybill=waybill(case, "reshipment")
    )
    assert (sent["state"], sent["deadline_effect"]) == ("RESHIPPED", "complete")
    signed = await delivered(api, ours, case, "reshipment")
    assert signed["deadline_at"] < sent["deadline_at"]
    assert await api.left_of(ours) == [1]
    done = await api.command(customer(ours), case, "confirm")
    assert (done["state"], done["refunds"]) == ("COMPLETED", [])
    assert await api.left_of(ours) == [2]
    names = [event["name"] for event in await api.record(done)]
    steps = ("accepted", "address_changed", "reshipped", "reshipment_delivered", "replacement_confirmed")
    assert names == [*SENT_BACK, *steps, "completed"]
    await told_in_order(api, platform.vendors, [done])
    again = await api.submit(ours, key="again", lines=[{"line_id": "1", "quantity": 2}])
    assert again["lines"][0]["units"] == [1, 2]
    await refunded_once(platform.vendors, [ours], [])


@pytest.mark.rule("P3")
async def test_out_of_stock_the_money_comes_back_and_a_failed_part_is_settled_offline(
    platform: LivePlatform,
) -> None:
    """Points are paid back, cash fails; two people of finance settle it by other means, never one alone."""
    api, vendors, ours = platform.api, platform.vendors, order(9_900, quantity=2, points_fen=990)
    case = await to_reshipment(platform, ours)
    await vendors.strike_cash("not_enough", ours)
    waiting = await api.command(supplier(ours), case, "out-of-stock")
    assert (waiting["state"], waiting["deadline_effect"]) == ("OUT_OF_STOCK", "refund")
    await api.command(customer(ours), case, "choose", choice="refund")

    def one_failed_one_paid(seen: Json) -> bool:
        return sorted(leg["status"] for leg in seen["refunds"]) == ["FAILED", "SUCCEEDED"]

    failed = await api.until(case, "REFUND_FAILED", one_failed_one_paid)
    legs = {leg["tender"]: leg for leg in failed["refunds"]}
    assert legs["cash"]["failure_code"] == "NOT_ENOUGH"
    assert legs["cash"]["amount_fen"] + legs["points"]["amount_fen"] == 9_900

    said = await settle(platform, case, FINANCE, "said")
    assert said["state"] == "REFUND_FAILED"
    path = f"/v1/after-sales/{case['after_sales_no']}/settle-offline"
    alone = await api.call(FINANCE, "POST", path, {"command_id": "alone", "evidence": EVIDENCE})
    assert (alone.status_code, alone.json()["code"]) == (409, "four_eyes")
    done = await settle(platform, case, FINANCE_TOO, "confirmed")
    assert done["state"] == "COMPLETED"
    settled = {leg["tender"]: (leg["status"], leg["settled_offline"]) for leg in done["refunds"]}
    assert settled == {"cash": ("SUCCEEDED", True), "points": ("SUCCEEDED", False)}
    cash = [row for row in await vendors.cash() if row["out_refund_no"] == legs["cash"]["refund_no"]]
    assert sum(row["paid_count"] for row in cash) == 0
    points = [row for row in await vendors.tenders() if row["refund_no"] == legs["points"]["refund_no"]]
    assert [(row["amount_fen"], row["paid_count"]) for row in points] == [(legs["points"]["amount_fen"], 1)]
    assert await api.left_of(ours) == [1]
    await told_in_order(api, vendors, [done])


async def settle(platform: LivePlatform, case: Json, who: Claims, command_id: str) -> Json:
    """Somebody of finance says that the failed refunds were paid by a transfer."""
    return await platform.api.command(
        who, case, "settle-offline", command_id=command_id, evidence=EVIDENCE, note="bank transfer"
    )
