"""The ways goods take: to the customer, back to the supplier, and once more to the customer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.callers import Api, customer, supplier
from tests.e2e.orders import Json, parcel_event

CARRIER = "shunfeng"
RETURNS_TO: Json = {
    "name": "售后仓",
    "phone": "075512345678",
    "province": "广东省",
    "city": "深圳市",
    "district": "宝安区",
    "address": "物流园路 8 号 3 栋",
}
SENT_BACK = ("submitted", "approved", "waybill_submitted", "return_delivered", "received", "inspected")
"""Steps of a request whose return was followed by its carrier, up to the inspection."""


def waybill(case: Json, purpose: str) -> str:
    """The waybill of a case's parcel; another one for each purpose."""
    return f"{purpose[:3].upper()}{case['after_sales_no']}"


async def sold(api: Api, *orders: Json) -> None:
    """Orders that were taken in and delivered yesterday, by suppliers that take returns."""
    for supplier_id in {order["supplier_id"] for order in orders}:
        desk = supplier({"supplier_id": supplier_id})
        await api.must(desk, "PUT", f"/v1/suppliers/{supplier_id}/return-address", RETURNS_TO)
    await api.put(*orders)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for order in orders:
        for kind, at in (("collected", yesterday - timedelta(days=1)), ("delivered", yesterday)):
            await api.report(order, parcel_event(order, kind, at))


async def approved(api: Api, order: Json, kind: str, **asked: Any) -> Json:
    """A request whose goods have to come back, approved by its supplier."""
    case = await api.submit(order, kind=kind, **asked)
    case = await api.command(supplier(order), case, "approve")
    assert (case["state"], case["deadline_effect"]) == ("AWAITING_RETURN", "expire")
    return case


async def sent_back(api: Api, order: Json, case: Json) -> Json:
    """The customer names the waybill of the return."""
    case = await api.command(
        customer(order), case, "submit-waybill", carrier=CARRIER, waybill=waybill(case, "return")
    )
    assert case["state"] == "RETURN_IN_TRANSIT"
    return case


async def delivered(api: Api, order: Json, case: Json, purpose: str) -> Json:
    """The mall reports that a parcel of the case was signed for; the case afterwards."""
    await api.report(order, parcel_event(order, "delivered", datetime.now(UTC), waybill(case, purpose)))
    return await api.case(case)


async def received(api: Api, order: Json, case: Json, lines: Iterable[Json]) -> Json:
    """The supplier counts what arrived."""
    case = await api.command(supplier(order), case, "receive", lines=list(lines))
    assert case["state"] == "INSPECTING"
    return case


async def accepted(api: Api, order: Json, case: Json, lines: Iterable[Json], **facts: object) -> Json:
    """The supplier goes on with that many units of each line."""
    return await api.command(supplier(order), case, "accept", lines=list(lines), **facts)


async def returned_whole(api: Api, order: Json, **asked: Any) -> Json:
    """A return-refund of everything, all of it good and accepted; its refund is decided."""
    case = await sent_back(api, order, await approved(api, order, "return_refund", **asked))
    case = await delivered(api, order, case, "return")
    assert case["state"] == "INSPECTING"
    counted = [(line["line_id"], line["quantity"]) for line in case["lines"]]
    await received(api, order, case, ({"line_id": no, "good": units} for no, units in counted))
    return await accepted(api, order, case, ({"line_id": no, "quantity": units} for no, units in counted))
