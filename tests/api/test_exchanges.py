"""Exchanges over HTTP: to a new address to their end, out of stock, missing, and who sees which address."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.calls import Json, answered, ask_body, problem_of
from tests.api.conftest import Api
from tests.api.journeys import (
    ANEW,
    BACK,
    HOME,
    NEW_HOME,
    PICTURES,
    STEPS,
    TO_INSPECTION,
    TO_RESHIPMENT,
    WAREHOUSE,
    asked,
    go,
    report,
    settle,
)


def masked(address: Json) -> Json:
    """An address as whoever has no need of it sees it."""
    phone: str = address["phone"]
    return {
        **address,
        "name": f"{address['name'][:1]}**",
        "phone": f"{phone[:3]}****{phone[-4:]}",
        "address": "***",
    }


@pytest.mark.rule("A4")
async def test_an_exchange_to_a_new_address_to_its_end(api: Api) -> None:
    """Part of a line comes back and is replaced at another address; then its units may be asked for again."""
    no = await asked(api, "exchange", quantity=1)
    path = f"/v1/after-sales/{no}"
    await go(api, no, "approve", "change-address", "submit-waybill")
    await report(api, "delivered", BACK)
    answered(await api.supplier.command(no, "receive", lines=[{"line_id": "1", "good": 1}]))
    accepted = answered(await api.supplier.command(no, "accept", lines=[{"line_id": "1", "quantity": 1}]))
    assert (accepted["state"], accepted["refunds"]) == ("AWAITING_RESHIPMENT", [])
    assert answered(await api.supplier.get(f"{path}/addresses"))["ship_to"] == NEW_HOME
    sent = await go(api, no, "reship")
    assert (sent["state"], sent["deadline_effect"]) == ("RESHIPPED", "complete")
    api.clock.at += timedelta(days=1)
    await report(api, "delivered", ANEW)
    arrived = answered(await api.customer.get(path))
    assert [p["purpose"] for p in arrived["parcels"]] == ["return", "reshipment"]
    assert arrived["parcels"][1]["signed_at"] is not None
    assert arrived["allowed_actions"] == ["confirm", "report-missing"]
    done = await go(api, no, "confirm")
    assert (done["state"], done["allowed_actions"], done["deadline_at"]) == ("COMPLETED", [], None)
    assert answered(await api.mall.get("/v1/orders/O-1"))["lines"][0]["refundable_quantity"] == 2
    again = answered(await api.customer.ask(ask_body(quantity=2, kind="return_refund")), 201)
    assert again["lines"][0]["units"] == [1, 2]


async def test_out_of_stock_the_customer_takes_the_money(api: Api) -> None:
    """The accepted units are refunded after all."""
    no = await asked(api, "exchange")
    asked_for = await go(api, no, *TO_RESHIPMENT, "out-of-stock")
    assert asked_for["deadline_effect"] == "refund"
    case = answered(await api.customer.command(no, "choose", choice="refund"))
    assert (case["state"], case["kind"]) == ("REFUNDING", "exchange")
    assert case["quote"]["goods_fen"] == 5990
    assert (await settle(api, no))["state"] == "COMPLETED"


async def test_a_replacement_that_never_arrived_is_sent_anew(api: Api) -> None:
    """The customer says so, operations looks, the supplier sends another parcel under a new waybill."""
    no = await asked(api, "exchange")
    missing = await go(api, no, *TO_RESHIPMENT, "reship", "report-missing")
    assert missing["deadline_effect"] == "escalate"
    [task] = answered(await api.operations.get(f"/v1/operations/tasks?subject={no}"))["items"]
    assert task["kind"] == "reshipment_missing"
    same = await api.supplier.command(no, "reship", carrier="shunfeng", waybill=ANEW)
    problem_of(same, 409, "waybill_in_use")
    anew = await api.supplier.command(no, "reship", carrier="shunfeng", waybill="SF2999999999")
    assert answered(anew)["state"] == "RESHIPPED"
    assert (await go(api, no, "confirm"))["state"] == "COMPLETED"


async def test_an_exchange_may_name_its_address_at_once(api: Api) -> None:
    """Only an exchange may; without one the replacement goes where the order went."""
    named = await asked(api, "exchange", 1, "O-1", ship_to=NEW_HOME)
    usual = await asked(api, "exchange", 1, "O-2")
    for no, home in ((named, NEW_HOME), (usual, HOME)):
        seen = answered(await api.customer.get(f"/v1/after-sales/{no}/addresses"))
        assert seen == {"after_sales_no": no, "return_address": None, "ship_to": home}
    problem_of(await api.customer.ask(ask_body(ship_to=NEW_HOME)), 422, "invalid")


FULL = ("mall", "operations", "customer", "supplier")


@pytest.mark.parametrize(
    ("way", "supplier_reads"),
    [
        (("approve",), False),
        (TO_INSPECTION, False),
        (TO_RESHIPMENT, True),
        ((*TO_RESHIPMENT, "out-of-stock"), False),
        ((*TO_RESHIPMENT, "reship"), True),
        ((*TO_RESHIPMENT, "reship", "confirm"), False),
    ],
    ids=str,
)
async def test_an_address_is_read_by_whoever_sends_something_there(
    api: Api, way: tuple[str, ...], supplier_reads: bool
) -> None:
    """In full; everybody else recognises it at most, and the supplier only as long as it needs to."""
    no = await asked(api, "exchange")
    await go(api, no, *way)
    for role in (*FULL, "finance", "auditor"):
        seen = answered(await getattr(api, role).get(f"/v1/after-sales/{no}/addresses"))
        assert seen["return_address"] == (WAREHOUSE if role in FULL else masked(WAREHOUSE)), role
        reads = role in FULL and (supplier_reads or role != "supplier")
        assert seen["ship_to"] == (HOME if reads else masked(HOME)), role


async def test_a_return_has_no_delivery_address_unless_goods_are_refused(api: Api) -> None:
    """While nothing is sent to the customer nobody is shown where they live."""
    no = await asked(api)
    await go(api, no, "approve")
    seen = answered(await api.supplier.get(f"/v1/after-sales/{no}/addresses"))
    assert (seen["return_address"], seen["ship_to"]) == (WAREHOUSE, None)
    await go(api, no, "submit-waybill", "receive", "refuse")
    seen = answered(await api.supplier.get(f"/v1/after-sales/{no}/addresses"))
    assert seen["ship_to"] == HOME


async def test_a_return_address_is_frozen_at_the_approval(api: Api) -> None:
    """The supplier's own counts where none is given, and a later one changes no approved request."""
    own = "/v1/suppliers/supplier-1/return-address"
    assert answered(await api.supplier.get(own)) == {"supplier_id": "supplier-1", "return_address": None}
    first = await asked(api, order_no="O-1")
    assert (await go(api, first, "approve-without-address"))["return_address_set"] is False
    [task] = answered(await api.operations.get(f"/v1/operations/tasks?subject={first}"))["items"]
    assert task["kind"] == "return_address_missing"
    kept = {"supplier_id": "supplier-1", "return_address": WAREHOUSE}
    assert answered(await api.supplier("PUT", own, WAREHOUSE)) == kept
    second = await asked(api, order_no="O-2")
    assert (await go(api, second, "approve-without-address"))["return_address_set"] is True
    assert answered(await api.operations("PUT", own, NEW_HOME))["return_address"] == NEW_HOME
    assert answered(await api.mall.get(own))["return_address"] == NEW_HOME
    third = await asked(api, order_no="O-3")
    await go(api, third, "approve")
    for no, address in ((first, None), (second, WAREHOUSE), (third, WAREHOUSE)):
        seen = answered(await api.customer.get(f"/v1/after-sales/{no}/addresses"))
        assert seen["return_address"] == address
    await go(api, first, "set-return-address")
    seen = answered(await api.customer.get(f"/v1/after-sales/{first}/addresses"))
    assert seen["return_address"] == WAREHOUSE
    [task] = answered(await api.operations.get(f"/v1/operations/tasks?subject={first}"))["items"]
    assert task["status"] == "resolved"


@pytest.mark.parametrize(
    "bad", [{}, {**WAREHOUSE, "name": ""}, {**WAREHOUSE, "phone": 7}, [], "here"], ids=str
)
async def test_an_address_is_whole(api: Api, bad: object) -> None:
    """422, without a word of what was sent."""
    refusal = await api.supplier("PUT", "/v1/suppliers/supplier-1/return-address", bad)
    problem_of(refusal, 422, "invalid")
    assert WAREHOUSE["phone"] not in refusal.text


async def test_evidence_tells_who_showed_what(api: Api) -> None:
    """Oldest first, with the command it came with; who of the other side did is theirs to know."""
    no = await asked(api)
    await go(api, no, "request-evidence", "submit-evidence", *TO_INSPECTION, "refuse")
    shown = answered(await api.auditor.get(f"/v1/after-sales/{no}/evidence"))["items"]
    assert [(x["about"], x["actor"]["role"], x["evidence"], x["text"]) for x in shown] == [
        ("submit-evidence", "customer", PICTURES, "见照片"),
        ("refuse", "supplier", PICTURES[:1], None),
    ]
    assert [x["actor"]["subject"] for x in shown] == ["customer-subject", "supplier-subject"]
    assert shown[0]["at"] < shown[1]["at"]
    mine = answered(await api.customer.get(f"/v1/after-sales/{no}/evidence"))["items"]
    assert [x["actor"]["subject"] for x in mine] == ["customer-subject", None]


async def test_a_refused_command_shows_nothing(api: Api) -> None:
    """Evidence and addresses of a command that came too late are not kept."""
    no = await asked(api, "exchange")
    await go(api, no, "cancel")
    for step in ("submit-evidence", "change-address", "refuse"):
        role, more = STEPS[step]
        problem_of(await getattr(api, role).command(no, step, **more), 409, "illegal_transition")
    assert answered(await api.mall.get(f"/v1/after-sales/{no}/evidence"))["items"] == []
    assert answered(await api.mall.get(f"/v1/after-sales/{no}/addresses"))["ship_to"] == HOME


async def test_proof_of_a_payment_is_not_for_everybody(api: Api) -> None:
    """It shows accounts: those who settle and check see it, supplier and customer do not."""
    no = await asked(api, "refund_only")
    await go(api, no, "approve", "failed", "settle-offline")
    seen = {
        role: len(answered(await getattr(api, role).get(f"/v1/after-sales/{no}/evidence"))["items"])
        for role in ("mall", "operations", "finance", "auditor", "supplier", "customer")
    }
    assert seen == {"mall": 1, "operations": 1, "finance": 1, "auditor": 1, "supplier": 0, "customer": 0}
