"""Requests over HTTP: quotes, cooling-off, idempotency, commands and races, lists, the record."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import State
from tests.api.calls import answered, ask_body, command_body, order_body, problem_of, whole_body
from tests.api.conftest import PLACED_AT, Api

CASE_MEMBERS = {
    "after_sales_no",
    "order_no",
    "supplier_id",
    "kind",
    "state",
    "version",
    "disputed",
    "cooling_off",
    "intercept",
    "return_address_set",
    "proposal",
    "lines",
    "quote",
    "refunds",
    "parcels",
    "deadline_at",
    "deadline_effect",
    "allowed_actions",
    "policy_version",
    "created_at",
    "updated_at",
}


@pytest.mark.rule("A4")
async def test_part_of_a_line_can_be_asked_for(api: Api) -> None:
    """One of two units is quoted, held, and leaves one; the body is the contract's, member by member."""
    answered(await api.mall.put_order())
    case = answered(
        await api.mall.ask(ask_body(description="坏了", evidence=["https://x.example/1.jpg"])), 201
    )
    assert set(case) == CASE_MEMBERS
    assert case["state"] == "PENDING_REVIEW"
    assert case["lines"] == [
        {
            "line_id": "1",
            "quantity": 1,
            "units": [1],
            "accepted_quantity": None,
            "received": None,
            "refused_quantity": 0,
        }
    ]
    assert case["quote"]["total_fen"] == 2995
    assert case["quote"]["freight_if_last_fen"] == 1344
    assert sum(t["amount_fen"] for t in case["quote"]["tenders"]) == 2995
    assert case["refunds"] == []
    assert case["deadline_at"] == "2026-03-03T10:00:00Z"
    assert case["deadline_effect"] == "escalate"
    assert case["allowed_actions"] == ["approve", "reject", "propose", "request-evidence", "cancel"]
    order = answered(await api.mall.get("/v1/orders/O-1"))
    assert order["lines"][0]["refundable_quantity"] == 1
    words = answered(await api.supplier.get(f"/v1/after-sales/{case['after_sales_no']}/request"))
    assert words["description"] == "坏了"
    assert words["evidence"] == ["https://x.example/1.jpg"]


@pytest.mark.rule("A4")
async def test_a_quote_goes_unit_by_unit_and_holds_nothing(api: Api) -> None:
    """Its units add up to the goods; asking twice answers the same."""
    answered(await api.mall.put_order())
    asked = {"order_no": "O-1", "kind": "refund_only", "lines": [{"line_id": "1", "quantity": 2}]}
    quote = answered(await api.customer("POST", "/v1/after-sales/quotes", asked))
    [line] = quote["lines"]
    assert [unit["unit"] for unit in line["units"]] == [1, 2]
    assert sum(unit["amount_fen"] for unit in line["units"]) == quote["quote"]["goods_fen"] == 5990
    assert all(sum(t["amount_fen"] for t in u["tenders"]) == u["amount_fen"] for u in line["units"])
    assert answered(await api.supplier("POST", "/v1/after-sales/quotes", asked)) == quote
    assert answered(await api.mall.get("/v1/orders/O-1"))["lines"][0]["refundable_quantity"] == 2


@pytest.mark.rule("A1")
async def test_a_whole_order_in_cooling_off_is_refunded_by_the_system(api: Api) -> None:
    """No review: the answer is REFUNDING already, freight and all; at 30 minutes it is a review."""
    answered(await api.mall.put_order("O-1"))
    answered(await api.mall.put_order("O-2"))
    api.clock.at = PLACED_AT + timedelta(minutes=30) - timedelta(microseconds=1)
    case = answered(await api.customer.ask(whole_body("O-1")), 201)
    assert (case["state"], case["cooling_off"]) == ("REFUNDING", True)
    assert case["quote"]["total_fen"] == 7334
    assert [(r["tender"], r["amount_fen"], r["status"]) for r in case["refunds"]] == [
        ("cash", 6834, "PENDING"),
        ("points", 500, "PENDING"),
    ]
    api.clock.at = PLACED_AT + timedelta(minutes=30)
    late = answered(await api.customer.ask(whole_body("O-2")), 201)
    assert (late["state"], late["cooling_off"]) == ("PENDING_REVIEW", False)


@pytest.mark.rule("A2")
async def test_a_customer_cancels_until_the_supplier_has_handled_it(api: Api) -> None:
    """Before: cancelled, and the units are free. After the approval: 409 with the state."""
    first = await api.opened("O-1")
    cancelled = answered(await api.customer.command(first["after_sales_no"], "cancel"))
    assert (cancelled["state"], cancelled["allowed_actions"]) == ("CANCELLED", [])
    assert answered(await api.mall.get("/v1/orders/O-1"))["lines"][0]["refundable_quantity"] == 2
    second = await api.opened("O-2")
    answered(await api.supplier.command(second["after_sales_no"], "approve"))
    refusal = await api.customer.command(second["after_sales_no"], "cancel")
    assert problem_of(refusal, 409, "illegal_transition")["current_state"] == "REFUNDING"


async def test_a_repeated_creation_answers_its_first_body(api: Api) -> None:
    """Even after the request went on; another body under the key is 409, another caller's key is its own."""
    answered(await api.mall.put_order())
    first = await api.mall.ask(ask_body(), "key-1")
    no = answered(first, 201)["after_sales_no"]
    assert first.headers["location"] == f"/v1/after-sales/{no}"
    answered(await api.supplier.command(no, "reject", reason="no"))
    again = await api.mall.ask(ask_body(), "key-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    problem_of(await api.mall.ask(ask_body(quantity=2), "key-1"), 409, "idempotency_mismatch")
    other = answered(await api.customer.ask(ask_body(), "key-1"), 201)
    assert other["after_sales_no"] != no


async def test_two_customers_behind_one_subject_have_keys_of_their_own(api: Api) -> None:
    """A key never answers with another customer's request, whatever the tokens' subject."""
    from tests.api.calls import Calls, token

    answered(await api.mall.put_order("O-1"))
    answered(await api.mall.put_order("O-2", customer={"customer_id": "customer-2"}))
    one = Calls(api.client, token("customer", customer_id="customer-1", sub="app"))
    two = Calls(api.client, token("customer", customer_id="customer-2", sub="app"))
    mine = answered(await one.ask(ask_body("O-1"), "key"), 201)
    theirs = answered(await two.ask(ask_body("O-2"), "key"), 201)
    assert mine["after_sales_no"] != theirs["after_sales_no"]


async def test_twenty_equal_creations_at_once_make_one_request(api: Api) -> None:
    """A double click, a proxy's repetition: all answer the same body."""
    answered(await api.mall.put_order())
    answers = await asyncio.gather(*(api.mall.ask(ask_body(), "double-click") for _ in range(20)))
    bodies = [answered(answer, 201) for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    assert len(answered(await api.mall.get("/v1/after-sales?order_no=O-1"))["items"]) == 1
    assert api.hints.signals == [None]


async def test_twenty_creations_under_their_own_keys_never_oversell(api: Api) -> None:
    """Two units: two requests, eighteen typed refusals."""
    answered(await api.mall.put_order())
    answers = await asyncio.gather(*(api.mall.ask(ask_body()) for _ in range(20)))
    assert sorted(a.status_code for a in answers) == [201] * 2 + [409] * 18
    for answer in answers:
        if answer.status_code == 409:
            problem_of(answer, 409, "units_unavailable")


@pytest.mark.rule("P1")
async def test_a_creation_and_a_command_hint_their_workflow(api: Api) -> None:
    """One use case each: the start after a creation, the signal of its name after a command."""
    case = await api.opened()
    answered(
        await api.operations.command(
            case["after_sales_no"], "extend-deadline", until="2026-03-10T00:00:00Z", reason="holiday"
        )
    )
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    assert api.hints.signals == [None, Signal.EXTEND_DEADLINE, Signal.APPROVE]
    assert [snapshot.version for snapshot, _ in api.hints.offered] == [1, 2, 3]


@pytest.mark.parametrize("round", range(4))
async def test_approve_and_cancel_at_once_have_one_winner(api: Api, round: int) -> None:
    """The loser gets a typed 409 that names the state it lost to."""
    case = await api.opened()
    no = case["after_sales_no"]
    approve, cancel = await asyncio.gather(
        api.supplier.command(no, "approve"), api.customer.command(no, "cancel")
    )
    assert sorted([approve.status_code, cancel.status_code]) == [200, 409]
    won, lost = (approve, cancel) if approve.status_code == 200 else (cancel, approve)
    facts = problem_of(lost, 409, "illegal_transition")
    now = answered(await api.mall.get(f"/v1/after-sales/{no}"))
    assert facts["current_state"] == now["state"] == answered(won)["state"]


async def test_a_command_sent_again_answers_its_outcome(api: Api) -> None:
    """Accepted or refused, once decided it stays decided; the id is not good for anything else."""
    case = await api.opened()
    path = f"/v1/after-sales/{case['after_sales_no']}"
    approve = command_body()
    first = answered(await api.supplier("POST", f"{path}/approve", approve))
    assert answered(await api.supplier("POST", f"{path}/approve", approve)) == first
    cancel = command_body()
    lost = problem_of(await api.customer("POST", f"{path}/cancel", cancel), 409, "illegal_transition")
    again = problem_of(await api.customer("POST", f"{path}/cancel", cancel), 409, "illegal_transition")
    assert again == lost
    other_name = await api.supplier("POST", f"{path}/reject", {**approve, "reason": "x"})
    problem_of(other_name, 409, "idempotency_mismatch")
    other_body = await api.supplier("POST", f"{path}/approve", {**approve, "expected_version": 1})
    problem_of(other_body, 409, "idempotency_mismatch")


async def test_ten_equal_commands_at_once_happen_once(api: Api) -> None:
    """All answer the approved request, and its record shows one approval."""
    case = await api.opened()
    path = f"/v1/after-sales/{case['after_sales_no']}"
    body = command_body()
    answers = await asyncio.gather(*(api.supplier("POST", f"{path}/approve", body) for _ in range(10)))
    assert {answered(answer)["version"] for answer in answers} == {2}
    record = answered(await api.mall.get(f"{path}/events"))["items"]
    assert [line["name"] for line in record] == ["submitted", "approved"]


async def test_an_expected_version_guards_a_command(api: Api) -> None:
    """Another version: 409 with the version and the state that are stored."""
    case = await api.opened()
    refusal = await api.supplier.command(case["after_sales_no"], "approve", expected_version=7)
    facts = problem_of(refusal, 409, "version_conflict")
    assert (facts["current_version"], facts["current_state"]) == (1, "PENDING_REVIEW")
    answered(await api.supplier.command(case["after_sales_no"], "approve", expected_version=1))


async def test_the_record_tells_who_did_what(api: Api) -> None:
    """Refused commands too; subjects of another side are hidden from suppliers and customers."""
    case = await api.opened()
    no = case["after_sales_no"]
    problem_of(await api.customer.command(no, "approve"), 403, "not_allowed")
    answered(await api.supplier.command(no, "reject", reason="不符合"))
    record = answered(await api.auditor.get(f"/v1/after-sales/{no}/events"))
    assert record["next_cursor"] is None
    assert [
        (e["name"], e["actor"]["role"], e["from_state"], e["to_state"], e["refused_code"])
        for e in record["items"]
    ] == [
        ("submitted", "mall", None, "PENDING_REVIEW", None),
        ("approve", "customer", "PENDING_REVIEW", None, "not_allowed"),
        ("rejected", "supplier", "PENDING_REVIEW", "REJECTED", None),
    ]
    assert record["items"][2]["facts"] == {"reason": "不符合"}
    assert record["items"][0]["actor"]["subject"] == "mall-subject"
    seen = answered(await api.supplier.get(f"/v1/after-sales/{no}/events"))["items"]
    assert [e["actor"]["subject"] for e in seen] == [None, None, "supplier-subject"]


async def test_a_long_record_comes_in_pages(api: Api) -> None:
    """Each line once, in order, while new ones are written; a page never holds more than asked for."""
    no = (await api.opened())["after_sales_no"]
    for _ in range(4):
        problem_of(await api.customer.command(no, "approve"), 403, "not_allowed")
    first = answered(await api.mall.get(f"/v1/after-sales/{no}/events?limit=2"))
    answered(await api.supplier.command(no, "reject", reason="late"))
    pages = [first]
    while pages[-1]["next_cursor"] is not None:
        more = f"/v1/after-sales/{no}/events?limit=2&cursor={pages[-1]['next_cursor']}"
        pages.append(answered(await api.mall.get(more)))
    assert [len(page["items"]) for page in pages] == [2, 2, 2]
    lines = [line for page in pages for line in page["items"]]
    assert lines == answered(await api.mall.get(f"/v1/after-sales/{no}/events"))["items"]
    assert [line["name"] for line in lines] == ["submitted", *["approve"] * 4, "rejected"]
    for wrong in ("limit=0", "limit=201", "cursor=", "cursor=x", "cursor=-1", "cursor=" + "9" * 19):
        problem_of(await api.mall.get(f"/v1/after-sales/{no}/events?{wrong}"), 422, "invalid")
    beyond = answered(await api.mall.get(f"/v1/after-sales/{no}/events?cursor={'9' * 18}"))
    assert beyond == {"items": [], "next_cursor": None}


async def test_allowed_actions_are_the_caller_s(api: Api) -> None:
    """Each role sees what it may do itself."""
    path = f"/v1/after-sales/{(await api.opened())['after_sales_no']}"
    seen = {
        role: answered(await getattr(api, role).get(path))["allowed_actions"]
        for role in ("mall", "supplier", "customer", "operations", "finance", "auditor")
    }
    assert seen == {
        "mall": ["approve", "reject", "propose", "request-evidence", "cancel"],
        "supplier": ["approve", "reject", "propose", "request-evidence"],
        "customer": ["cancel"],
        "operations": ["approve", "reject", "propose", "request-evidence", "extend-deadline"],
        "finance": [],
        "auditor": [],
    }


async def test_pages_neither_lose_nor_repeat(api: Api) -> None:
    """Newest first; a request that arrives between pages is not in the older ones."""
    numbers: list[str] = []
    for index in range(5):
        api.clock.at += timedelta(seconds=1)
        numbers.append((await api.opened(f"O-{index}"))["after_sales_no"])
    first = answered(await api.mall.get("/v1/after-sales?limit=2"))
    api.clock.at += timedelta(seconds=1)
    await api.opened("O-9")
    second = answered(await api.mall.get(f"/v1/after-sales?limit=2&cursor={first['next_cursor']}"))
    third = answered(await api.mall.get(f"/v1/after-sales?limit=2&cursor={second['next_cursor']}"))
    seen = [case["after_sales_no"] for page in (first, second, third) for case in page["items"]]
    assert seen == numbers[::-1]
    assert third["next_cursor"] is None
    other_list = await api.mall.get(f"/v1/after-sales?state=CLOSED&cursor={first['next_cursor']}")
    problem_of(other_list, 422, "invalid")


async def test_filters_narrow_a_list(api: Api) -> None:
    """By order, supplier, state, kind, and what is overdue now."""
    first = (await api.opened("O-1"))["after_sales_no"]
    second = (await api.opened("O-2", supplier_id="supplier-2"))["after_sales_no"]
    answered(await api.mall.command(second, "approve"))

    async def numbers(query: str) -> list[str]:
        page = answered(await api.mall.get(f"/v1/after-sales?{query}"))
        return sorted(case["after_sales_no"] for case in page["items"])

    assert await numbers("order_no=O-1") == [first]
    assert await numbers("supplier_id=supplier-2") == [second]
    assert await numbers("state=PENDING_REVIEW") == [first]
    assert await numbers("kind=refund_only") == sorted([first, second])
    assert await numbers("kind=exchange") == []
    assert await numbers("overdue=true") == []
    api.clock.at += timedelta(hours=48)
    assert await numbers("overdue=true") == [first]
    for state in State:
        assert (await api.mall.get(f"/v1/after-sales?state={state.value}")).status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"kind": "exchange", "ship_to": {"name": "x"}}, 422, "invalid"),
        ({"kind": "repair"}, 422, "invalid"),
        ({"ship_to": order_body()["ship_to"]}, 422, "invalid"),
        ({"lines": None}, 422, "invalid"),
        ({"whole_order": True}, 422, "invalid"),
        ({"whole_order": False, "lines": None}, 422, "invalid"),
        ({"lines": [{"line_id": "9", "quantity": 1}]}, 422, "invalid"),
        ({"lines": [{"line_id": "1", "quantity": 1}] * 2}, 422, "invalid"),
        ({"lines": [{"line_id": "1", "quantity": 3}]}, 409, "units_unavailable"),
        ({"order_no": "O-404"}, 404, "not_found"),
        ({"mistyped": 1}, 422, "invalid"),
        ({"evidence": ["ftp://x.example/1"]}, 422, "invalid"),
        ({"evidence": ["https://x.example/1"] * 21}, 422, "invalid"),
        ({"description": "x" * 2001}, 422, "invalid"),
    ],
)
async def test_a_request_that_cannot_be_is_refused(
    api: Api, changes: dict[str, Any], status: int, code: str
) -> None:
    """Each with its own code, and nothing is held afterwards."""
    answered(await api.mall.put_order())
    problem_of(await api.mall.ask(ask_body(**changes)), status, code)
    assert answered(await api.mall.get("/v1/orders/O-1"))["lines"][0]["refundable_quantity"] == 2


async def test_an_order_that_is_not_paid_has_nothing_to_refund(api: Api) -> None:
    """Neither a quote nor a request."""
    answered(await api.mall.put_order(paid_at=None, payment={"tenders": []}))
    problem_of(await api.mall.ask(ask_body()), 409, "order_not_paid")


async def test_a_creation_needs_its_key(api: Api) -> None:
    """Without `Idempotency-Key`, or with an unreadable one, nothing is created."""
    answered(await api.mall.put_order())
    bare = problem_of(await api.mall("POST", "/v1/after-sales", ask_body()), 422, "invalid")
    assert bare["errors"][0]["location"] == "header"
    for key in ("", "a b", "x" * 256):
        problem_of(
            await api.mall("POST", "/v1/after-sales", ask_body(), headers={"Idempotency-Key": key}),
            422,
            "invalid",
        )


async def test_a_failed_refund_is_retried_by_finance(api: Api) -> None:
    """retry-refund asks again under the same numbers; `failure_code` shows why."""
    from mallcare.domain.refunds import LegOutcome

    case = await api.opened()
    no = case["after_sales_no"]
    approved = answered(await api.supplier.command(no, "approve"))
    numbers = [refund["refund_no"] for refund in approved["refunds"]]
    outcome = LegOutcome(numbers[0], succeeded=False, failure_code="ABNORMAL")
    await api.platform.use_cases.settle_refund(no, outcome, api.clock.now(), told=True)
    failed = answered(await api.finance.get(f"/v1/after-sales/{no}"))
    assert (failed["state"], failed["allowed_actions"]) == (
        "REFUND_FAILED",
        ["retry-refund", "settle-offline"],
    )
    assert failed["refunds"][0]["failure_code"] == "ABNORMAL"
    problem_of(await api.mall.command(no, "retry-refund"), 403, "not_allowed")
    retried = answered(await api.finance.command(no, "retry-refund"))
    assert retried["state"] == "REFUNDING"
    assert [refund["refund_no"] for refund in retried["refunds"]] == numbers


async def test_nobody_can_use_up_the_command_id_of_another(api: Api) -> None:
    """A customer tries the id that the supplier will choose: it stays the supplier's."""
    no = (await api.opened())["after_sales_no"]
    problem_of(await api.customer.command(no, "approve", command_id="approve-1"), 403, "not_allowed")
    problem_of(await api.customer.command(no, "approve", command_id="approve-1"), 403, "not_allowed")
    answered(await api.supplier.command(no, "approve", command_id="approve-1"))
