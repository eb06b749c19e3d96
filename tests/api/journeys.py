"""Requests led from command to command over HTTP, each command by the role it belongs to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from mallcare.domain.refunds import LegOutcome
from tests.api.calls import NUMBERS, Json, answered, ask_body, event_body, order_body
from tests.api.conftest import LATER, Api

WAREHOUSE = {
    "name": "退货专员",
    "phone": "13700002222",
    "province": "浙江省",
    "city": "杭州市",
    "district": "余杭区",
    "address": "仓库路 9 号",
}
NEW_HOME = {
    "name": "赵新居",
    "phone": "13600003333",
    "province": "四川省",
    "city": "成都市",
    "district": "锦江区",
    "address": "新家巷 7 号",
}
HOME = order_body()["ship_to"]
BACK, ANEW, REFUSED = "SF1000000001", "SF2000000002", "SF3000000003"
"""Waybills of the return, of the replacement, of refused goods."""
PICTURES = ["https://img.example/1.jpg", "https://img.example/2.jpg"]

STEPS: dict[str, tuple[str, Json]] = {
    "approve": ("supplier", {"return_address": WAREHOUSE}),
    "approve-without-address": ("supplier", {}),
    "reject": ("supplier", {"reason": "no"}),
    "propose": ("supplier", {"goods_fen": 1000, "message": "10 元可以吗"}),
    "request-evidence": ("supplier", {"message": "请补充照片"}),
    "accept-proposal": ("customer", {}),
    "decline-proposal": ("customer", {}),
    "submit-evidence": ("customer", {"evidence": PICTURES, "message": "见照片"}),
    "cancel": ("customer", {}),
    "set-return-address": ("supplier", {"return_address": WAREHOUSE}),
    "submit-waybill": ("customer", {"carrier": "shunfeng", "waybill": BACK}),
    "correct-waybill": ("customer", {"carrier": "yuantong", "waybill": "YT7777777777"}),
    "change-address": ("customer", {"ship_to": NEW_HOME}),
    "receive": ("supplier", {"lines": [{"line_id": "1", "good": 2}]}),
    "accept": ("supplier", {"lines": [{"line_id": "1", "quantity": 2}]}),
    "refuse": ("supplier", {"reason": "不是本店商品", "evidence": PICTURES[:1]}),
    "ship-back": ("supplier", {"carrier": "shunfeng", "waybill": REFUSED}),
    "reship": ("supplier", {"carrier": "shunfeng", "waybill": ANEW}),
    "out-of-stock": ("supplier", {}),
    "choose": ("customer", {"choice": "wait"}),
    "confirm": ("customer", {}),
    "report-missing": ("customer", {}),
    "retry-refund": ("finance", {}),
    "settle-offline": ("finance", {"evidence": PICTURES[:1], "note": "bank transfer"}),
    "extend-deadline": ("operations", {"until": "2026-04-01T00:00:00Z", "reason": "holiday"}),
    "close": ("operations", {"reason": "settled with the mall"}),
    "resume": ("operations", {"reason": "the mall refunded another unit"}),
}
"""Each command as its usual caller gives it, for a request of two units of line 1."""

BY_THE_MALL = {"closed-by-mall": "closed", "refunded-by-mall": "refunded"}
TO_INSPECTION = ("approve", "submit-waybill", "receive")
TO_RESHIPMENT = (*TO_INSPECTION, "accept")


async def asked(
    api: Api, kind: str = "return_refund", quantity: int = 2, order_no: str = "O-1", **more: object
) -> str:
    """A request under review, of an order that was sent and delivered; answers its number."""
    answered(await api.mall.put_order(order_no))
    delivered = event_body(f"{order_no}-delivered", occurred_at=LATER.isoformat(), waybill=f"OUT-{order_no}")
    answered(await api.mall("POST", f"/v1/orders/{order_no}/events", delivered))
    api.clock.at = max(api.clock.at, LATER + timedelta(hours=1))
    body = ask_body(order_no, quantity, kind=kind, **more)
    return str(answered(await api.customer.ask(body), 201)["after_sales_no"])


def command_of(step: str) -> str:
    """The command that a step gives."""
    return "approve" if step == "approve-without-address" else step


async def go(api: Api, no: str, *steps: str) -> Json:
    """Give commands one after the other, a minute apart; `failed` lets the first refund fail.

    `closed-by-mall` and `refunded-by-mall` are what the mall does to the order by itself.

    Answers the request as its last caller saw it.
    """
    case: Json = {}
    for step in steps:
        api.clock.at += timedelta(minutes=1)
        if step == "failed":
            await settle(api, no, succeeded=False)
            continue
        if step in BY_THE_MALL:
            event = event_body(f"{step}-{next(NUMBERS)}", BY_THE_MALL[step])
            answered(await api.mall("POST", "/v1/orders/O-1/events", event))
            continue
        role, body = STEPS[step]
        case = answered(await getattr(api, role).command(no, command_of(step), **body))
    return case


async def settle(api: Api, no: str, *, succeeded: bool = True) -> Json:
    """Let the vendors pay every refund of a request, or refuse the first."""
    refunds = answered(await api.mall.get(f"/v1/after-sales/{no}"))["refunds"]
    for refund in refunds if succeeded else refunds[:1]:
        outcome = LegOutcome(refund["refund_no"], succeeded, None if succeeded else "ABNORMAL")
        await api.platform.use_cases.settle_refund(no, outcome, api.clock.now(), told=True)
    return answered(await api.mall.get(f"/v1/after-sales/{no}"))


async def report(api: Api, type: str, waybill: str, at: datetime | None = None, order_no: str = "O-1") -> Any:
    """Let the mall report something of a parcel."""
    happened = at or api.clock.at
    body = event_body(f"report-{next(NUMBERS)}", type, occurred_at=happened.isoformat())
    return answered(await api.mall("POST", f"/v1/orders/{order_no}/events", {**body, "waybill": waybill}))
