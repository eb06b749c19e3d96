"""Returns over HTTP, from the request to the money: waybills, what arrived, what was accepted."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.calls import Calls, answered, ask_body, problem_of, token
from tests.api.conftest import Api
from tests.api.journeys import (
    BACK,
    REFUSED,
    STEPS,
    TO_INSPECTION,
    asked,
    go,
    report,
    settle,
)


@pytest.mark.rule("A3")
@pytest.mark.rule("A4")
async def test_a_return_with_one_unit_missing(api: Api) -> None:
    """Asked for two, one came: one is refunded, the other is free again, and both are told apart."""
    no = await asked(api)
    path = f"/v1/after-sales/{no}"
    approved = await go(api, no, "approve")
    assert (approved["state"], approved["return_address_set"]) == ("AWAITING_RETURN", True)
    assert approved["deadline_effect"] == "expire"
    sent = await go(api, no, "submit-waybill")
    assert [(p["purpose"], p["waybill"], p["signed_at"]) for p in sent["parcels"]] == [("return", BACK, None)]
    signed = api.clock.at + timedelta(days=1)
    api.clock.at = signed + timedelta(hours=1)
    await report(api, "delivered", BACK, signed)
    here = answered(await api.supplier.get(path))
    assert (here["state"], here["deadline_effect"]) == ("INSPECTING", "escalate")
    assert here["parcels"][0]["signed_at"] == here["parcels"][0]["moved_at"] == "2026-03-02T11:02:00Z"
    assert here["deadline_at"] == "2026-03-04T11:02:00Z"
    counted = await api.supplier.command(no, "receive", lines=[{"line_id": "1", "good": 1}])
    [line] = answered(counted)["lines"]
    assert line["received"] == {"good": 1, "damaged": 0, "wrong": 0, "missing": 1}
    accepted = answered(await api.supplier.command(no, "accept", lines=[{"line_id": "1", "quantity": 1}]))
    assert accepted["state"] == "REFUNDING"
    assert (accepted["lines"][0]["accepted_quantity"], accepted["lines"][0]["refused_quantity"]) == (1, 0)
    assert accepted["quote"]["total_fen"] == sum(r["amount_fen"] for r in accepted["refunds"]) == 2995
    done = await settle(api, no)
    assert (done["state"], done["allowed_actions"]) == ("COMPLETED", [])
    order = answered(await api.mall.get("/v1/orders/O-1"))
    assert order["lines"][0]["refundable_quantity"] == 1
    names = [e["name"] for e in answered(await api.mall.get(f"{path}/events"))["items"]]
    assert names == [
        "submitted",
        "approved",
        "waybill_submitted",
        "return_delivered",
        "received",
        "inspected",
        "accepted",
        "refund_succeeded",
        "refund_succeeded",
        "completed",
    ]


@pytest.mark.rule("A4")
async def test_refused_units_find_their_way_back(api: Api) -> None:
    """One of two is accepted and refunded, the other goes back; only then the request is over."""
    no = await asked(api)
    await go(api, no, *TO_INSPECTION)
    accepted = answered(await api.supplier.command(no, "accept", lines=[{"line_id": "1", "quantity": 1}]))
    assert accepted["lines"][0]["refused_quantity"] == 1
    paid = await settle(api, no)
    assert (paid["state"], paid["deadline_effect"]) == ("RETURNING_TO_CUSTOMER", "escalate")
    back = await go(api, no, "ship-back")
    assert [p["purpose"] for p in back["parcels"]] == ["return", "ship_back"]
    assert back["parcels"][1]["waybill"] == REFUSED
    assert (await go(api, no, "confirm"))["state"] == "COMPLETED"
    assert answered(await api.mall.get("/v1/orders/O-1"))["lines"][0]["refundable_quantity"] == 1


async def test_an_accepted_offer_is_what_is_paid(api: Api) -> None:
    """Ten yuan instead of a return: the kind and the amount of the offer, not a fen more."""
    no = await asked(api)
    offer = {"goods_fen": 1000, "kind": "refund_only", "message": "不用寄回"}
    offered = answered(await api.supplier.command(no, "propose", **offer))
    assert offered["proposal"] == {"kind": "refund_only", "goods_fen": 1000}
    assert (offered["kind"], offered["deadline_effect"]) == ("return_refund", "decline")
    agreed = await go(api, no, "accept-proposal")
    assert (agreed["kind"], agreed["state"], agreed["proposal"]) == ("refund_only", "REFUNDING", None)
    assert agreed["quote"]["goods_fen"] == 1000
    assert sum(refund["amount_fen"] for refund in agreed["refunds"]) == 1000


@pytest.mark.parametrize(
    ("offer", "code"),
    [
        ({"goods_fen": 5991, "kind": "refund_only"}, "invalid"),
        ({"kind": "return_refund"}, "invalid"),
        ({"goods_fen": 1, "kind": "exchange"}, "invalid"),
    ],
    ids=str,
)
async def test_an_offer_that_offers_nothing_sound_is_refused(
    api: Api, offer: dict[str, object], code: str
) -> None:
    """More than the goods are worth, the same as was asked for, money for an exchange."""
    no = await asked(api)
    problem_of(await api.supplier.command(no, "propose", message="x", **offer), 422, code)
    assert answered(await api.mall.get(f"/v1/after-sales/{no}"))["state"] == "PENDING_REVIEW"


async def test_what_may_not_come_back_is_not_asked_back(api: Api) -> None:
    """Neither by a request nor by an offer."""
    fresh = [{"line_id": "1", "sku": "FISH", "title": "鱼", "quantity": 2, "unit_price_fen": 2995}]
    fresh[0]["returnable"] = False
    answered(await api.mall.put_order("O-1", lines=fresh))
    problem_of(await api.customer.ask(ask_body(kind="return_refund")), 422, "line_not_returnable")
    quoted = {"order_no": "O-1", "kind": "exchange", "lines": [{"line_id": "1", "quantity": 1}]}
    problem_of(await api.customer("POST", "/v1/after-sales/quotes", quoted), 422, "line_not_returnable")
    no = answered(await api.customer.ask(ask_body()), 201)["after_sales_no"]
    offer = await api.supplier.command(no, "propose", kind="return_refund", message="x")
    problem_of(offer, 422, "line_not_returnable")


@pytest.mark.parametrize(
    ("command", "lines", "fact"),
    [
        ("receive", [{"line_id": "9", "good": 1}], {"line_ids": ["9"]}),
        ("receive", [{"line_id": "1", "good": 1}, {"line_id": "1", "missing": 1}], {"line_ids": ["1"]}),
        ("receive", [{"line_id": "1", "good": 1, "damaged": 1, "wrong": 1}], {"requested": 2, "counted": 3}),
        ("accept", [{"line_id": "9", "quantity": 1}], {"line_ids": ["9"]}),
        ("accept", [{"line_id": "1", "quantity": 1}] * 2, {"line_ids": ["1"]}),
        ("accept", [{"line_id": "1", "quantity": 3}], {"requested": 2}),
        ("accept", [{"line_id": "1", "quantity": 0}], {}),
    ],
    ids=str,
)
async def test_lines_and_counts_are_those_of_the_request(
    api: Api, command: str, lines: list[object], fact: dict[str, object]
) -> None:
    """Unknown, named twice, more than was asked for, nothing at all: 422 with the fact, nothing changes."""
    no = await asked(api)
    before = await go(api, no, *TO_INSPECTION)
    refused = problem_of(await api.supplier.command(no, command, lines=lines), 422, "invalid")
    assert fact.items() <= refused.items()
    assert answered(await api.supplier.get(f"/v1/after-sales/{no}")) == before


async def test_accepting_more_than_arrived_good_needs_a_reason(api: Api) -> None:
    """Without one 422; with it the refund is made."""
    no = await asked(api)
    await go(api, no, "approve", "submit-waybill")
    counted = [{"line_id": "1", "good": 1, "damaged": 1}]
    answered(await api.supplier.command(no, "receive", lines=counted))
    both = [{"line_id": "1", "quantity": 2}]
    assert problem_of(await api.supplier.command(no, "accept", lines=both), 422, "invalid")["good"] == 1
    kind = await api.supplier.command(no, "accept", lines=both, reason="carrier's fault")
    assert answered(kind)["state"] == "REFUNDING"


async def test_nothing_arrived_is_a_task_of_operations(api: Api) -> None:
    """An empty count is a count; the list of tasks finds it by the number of the request."""
    no = await asked(api)
    await go(api, no, "approve", "submit-waybill")
    case = answered(await api.supplier.command(no, "receive", lines=[]))
    assert case["lines"][0]["received"] == {"good": 0, "damaged": 0, "wrong": 0, "missing": 2}
    [task] = answered(await api.operations.get(f"/v1/operations/tasks?subject={no}"))["items"]
    assert (task["kind"], task["subject"]) == ("return_not_arrived", no)
    assert answered(await api.operations.get("/v1/operations/tasks?subject=AS404"))["items"] == []
    for bad in ("", "%00", "x" * 201):
        problem_of(await api.operations.get(f"/v1/operations/tasks?subject={bad}"), 422, "invalid")


async def test_a_waybill_is_compared_however_it_is_written(api: Api) -> None:
    """Blanks and small letters are the same waybill: for the command, its repetition, and reports."""
    no = await asked(api)
    await go(api, no, "approve")
    path = f"/v1/after-sales/{no}/submit-waybill"
    body = {"command_id": "w-1", "carrier": "ShunFeng", "waybill": " sf-1000 000 001\t"}
    sent = answered(await api.customer("POST", path, body))
    assert (sent["parcels"][0]["carrier"], sent["parcels"][0]["waybill"]) == ("shunfeng", "SF-1000000001")
    again = {**body, "carrier": "shunfeng", "waybill": "SF-1000000001"}
    assert answered(await api.customer("POST", path, again)) == sent
    await report(api, "in_transit", " sf-1000000 001 ")
    [parcel] = answered(await api.customer.get(f"/v1/after-sales/{no}"))["parcels"]
    assert parcel["moved_at"] is not None
    assert parcel["abnormal"] is False
    api.clock.at += timedelta(minutes=1)
    await report(api, "exception", "SF-1000000001")
    [parcel] = answered(await api.customer.get(f"/v1/after-sales/{no}"))["parcels"]
    assert parcel["abnormal"] is True


@pytest.mark.parametrize("odd", [" ", "ß" * 64, "\u3000x\u3000"], ids=["blank", "longer in capitals", "wide"])
async def test_an_odd_waybill_of_an_event_is_kept(api: Api, odd: str) -> None:
    """Whatever carriers write: an event is never lost for it."""
    answered(await api.mall.put_order())
    await report(api, "in_transit", odd)


async def test_a_waybill_of_somebody_else_is_refused(api: Api) -> None:
    """Another customer's return has it, or it is the order's own parcel; the first keeps it."""
    first = await asked(api)
    await go(api, first, "approve", "submit-waybill")
    other = Calls(api.client, token("customer", customer_id="customer-2"))
    answered(await api.mall.put_order("O-2", customer={"customer_id": "customer-2"}))
    second = answered(await other.ask(ask_body("O-2", kind="return_refund")), 201)["after_sales_no"]
    await go(api, second, "approve")
    taken = await other.command(second, "submit-waybill", **STEPS["submit-waybill"][1])
    assert problem_of(taken, 409, "waybill_in_use")["waybill"] == BACK
    third = await asked(api, order_no="O-3")
    await go(api, third, "approve")
    own = await api.customer.command(third, "submit-waybill", carrier="x", waybill="OUT-O-3")
    problem_of(own, 409, "waybill_in_use")


@pytest.mark.rule("A2")
async def test_the_seven_days_are_the_customer_s(api: Api) -> None:
    """At their very end neither a waybill nor a cancellation is taken any more: the clock has it."""
    no = await asked(api)
    approved = await go(api, no, "approve")
    assert approved["deadline_at"] == (api.clock.at + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    api.clock.at += timedelta(days=7)
    late = await api.customer.command(no, "submit-waybill", **STEPS["submit-waybill"][1])
    assert problem_of(late, 409, "illegal_transition")["deadline_effect"] == "expire"
    problem_of(await api.customer.command(no, "cancel"), 409, "illegal_transition")


async def test_a_failed_refund_is_settled_by_two_people(api: Api) -> None:
    """The maker cannot be the checker; the second of finance ends it, and the leg says how it was paid."""
    no = await asked(api, "refund_only")
    await go(api, no, "approve", "failed")
    for refund in answered(await api.finance.get(f"/v1/after-sales/{no}"))["refunds"][1:]:
        from mallcare.domain.refunds import LegOutcome

        outcome = LegOutcome(refund["refund_no"], succeeded=True)
        await api.platform.use_cases.settle_refund(no, outcome, api.clock.now(), told=True)
    first = await go(api, no, "settle-offline")
    assert (first["state"], first["refunds"][0]["settled_offline"]) == ("REFUND_FAILED", False)
    proof = STEPS["settle-offline"][1]
    problem_of(await api.finance.command(no, "settle-offline", **proof), 409, "four_eyes")
    second = Calls(api.client, token("finance", sub="another-of-finance"))
    done = answered(await second.command(no, "settle-offline", **proof))
    assert done["state"] == "COMPLETED"
    assert [(r["status"], r["settled_offline"]) for r in done["refunds"]] == [
        ("SUCCEEDED", True),
        ("SUCCEEDED", False),
    ]


async def test_a_refund_under_way_to_the_customer_says_so(api: Api) -> None:
    """`intercept`: the parcel has to be stopped."""
    answered(await api.mall.put_order())
    await report(api, "collected", "OUT-1")
    case = answered(await api.customer.ask(ask_body()), 201)
    assert case["intercept"] is True
    other = await api.opened("O-2")
    assert other["intercept"] is False
