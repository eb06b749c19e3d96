"""Refunded goods that travel, over HTTP: from refund or parcel to their list, their task, their end."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mallcare.application.caller import Caller
from mallcare.domain.vocabulary import Role
from mallcare.ports import MessageFilter
from tests.api.calls import Calls, Json, answered, event_body, order_body, problem_of
from tests.api.conftest import Api
from tests.api.test_tenancy import AN_INTERCEPT, BOTH, INTERCEPTS, MISSING_CASE, ROLES, Route

LIST = "/v1/operations/intercepts"
READER = Caller(Role.OPERATIONS, "operations-1")
WAYBILL = "SF1000000001"
BEFORE, DECIDED, AFTER = "2026-03-01T17:00:00+08:00", "2026-03-01T18:00:00+08:00", "2026-03-02T10:00:00+08:00"
"""The API's clock stands at `DECIDED`."""


async def reported(api: Api, event_id: str, type: str, at: str = AFTER, **more: object) -> str:
    """What became of the mall's report about the parcel of O-1."""
    body = event_body(event_id, type, occurred_at=at, waybill=WAYBILL, carrier="shunfeng", **more)
    return answered(await api.mall("POST", "/v1/orders/O-1/events", body))["status"]


async def approved(api: Api, quantity: int = 1, **order: object) -> str:
    """The number of a request that is refunded from now on."""
    case = await api.opened("O-1", quantity, **order)
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    return case["after_sales_no"]


async def travelling(api: Api) -> str:
    """A request approved while its goods were under way."""
    answered(await api.mall.put_order("O-1"))
    await reported(api, "E-1", "in_transit", BEFORE)
    return await approved(api)


async def intercept(api: Api, no: str) -> Json:
    return answered(await api.operations.get(f"{LIST}/{no}"))


async def say(caller: Calls, no: str, word: str, note: str = "done") -> Json:
    return answered(await caller("POST", f"{LIST}/{no}/{word}", {"note": note}))


async def tasks(api: Api) -> list[Json]:
    """Calls for a person, newest first."""
    return answered(await api.operations.get("/v1/operations/tasks?kind=intercept"))["items"]


async def messages(api: Api, no: str) -> list[Json]:
    """What the mall is told of intercepts, oldest first."""
    page = answered(await api.mall.get(f"/v1/webhooks/messages?subject={no}"))
    return [m for m in reversed(page["items"]) if m["type"].startswith("intercept.")]


async def test_refunded_under_way_then_delivered_then_recovered(api: Api) -> None:
    """Each calls for a person, first to stop them; that the goods are back is the end of the call too."""
    no = await travelling(api)
    wanted = await intercept(api, no)
    assert (wanted["status"], wanted["closed"], wanted["waybills"]) == ("wanted", False, [WAYBILL])
    assert wanted["lines"] == [{"line_id": "1", "quantity": 1, "delivered_at": None}]
    assert wanted["refunded_fen"] == 2995
    assert wanted["began_at"] == wanted["refund_decided_at"] == "2026-03-01T10:00:00Z"
    assert wanted["allowed_actions"] == ["charged", "intercepted", "recovered", "written-off"]
    (called,) = await tasks(api)
    assert (called["subject"], called["status"], called["facts"]["status"]) == (no, "open", "wanted")
    assert (called["facts"]["waybills"], called["opened_at"]) == ([WAYBILL], "2026-03-01T10:00:00Z")

    assert await reported(api, "E-2", "delivered") == "applied"
    delivered = await intercept(api, no)
    assert (delivered["status"], delivered["version"]) == ("delivered", 2)
    assert delivered["lines"][0]["delivered_at"] == "2026-03-02T02:00:00Z"
    task, before = await tasks(api)
    assert (before["task_id"], before["resolved_by"]) == (called["task_id"], "system:mallcare")
    assert (task["subject"], task["status"]) == (no, "open")
    assert task["facts"] == {
        "order_no": "O-1",
        "supplier_id": "supplier-1",
        "status": "delivered",
        "lines": [{"line_id": "1", "quantity": 1, "delivered_at": "2026-03-02T02:00:00+00:00"}],
        "quantity": 1,
        "waybills": [WAYBILL],
        "refunded_fen": 2995,
    }

    recovered = await say(api.operations, no, "recovered", "the customer handed it to the courier")
    assert (recovered["status"], recovered["closed"], recovered["allowed_actions"]) == ("recovered", True, [])
    task, _ = await tasks(api)
    assert (task["status"], task["resolved_by"]) == ("resolved", "operations:operations-subject")
    assert task["note"] == "the customer handed it to the courier"
    told = await messages(api, no)
    assert [m["type"] for m in told] == ["intercept.wanted", "intercept.delivered", "intercept.recovered"]


@pytest.mark.parametrize("collected_at", [BEFORE, AFTER])
async def test_refunded_before_it_was_sent_then_sent_and_delivered(api: Api, collected_at: str) -> None:
    """The parcel begins the intercept, whether it left before the refund or after it."""
    no = await approved(api)
    problem_of(await api.operations.get(f"{LIST}/{no}"), 404, "not_found")
    await reported(api, "E-1", "collected", collected_at)
    assert (await intercept(api, no))["status"] == "wanted"
    await reported(api, "E-2", "delivered")
    assert (await intercept(api, no))["status"] == "delivered"
    assert [task["status"] for task in await tasks(api)] == ["open", "resolved"]


@pytest.mark.parametrize(("at", "status"), [(BEFORE, None), (DECIDED, "delivered"), (AFTER, "delivered")])
async def test_a_delivery_counts_from_the_decision_on(api: Api, at: str, status: str | None) -> None:
    """By when it happened, though both are reported after it."""
    no = await approved(api)
    await reported(api, "E-1", "delivered", at)
    response = await api.operations.get(f"{LIST}/{no}")
    assert response.json().get("status") == (status or 404)
    assert len(await tasks(api)) == (1 if status else 0)


async def test_what_was_reported_as_delivered_before_the_decision_is_the_customer_s(api: Api) -> None:
    """Even if the request was made while the parcel travelled."""
    answered(await api.mall.put_order("O-1"))
    await reported(api, "E-1", "in_transit", BEFORE)
    case = await api.opened("O-1")
    assert case["intercept"] is True
    await reported(api, "E-2", "delivered", BEFORE)
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    await reported(api, "E-3", "in_transit", AFTER)
    assert answered(await api.operations.get(LIST))["items"] == []
    assert await tasks(api) == []


async def test_reports_and_words_repeated_change_nothing_twice(api: Api) -> None:
    """One task and one message for each thing said, whatever is sent again and in which order."""
    no = await travelling(api)
    for event_id, type in (("E-2", "delivered"), ("E-2", "delivered"), ("E-3", "delivered")):
        await reported(api, event_id, type)
    for event_id, type in (("E-1", "in_transit"), ("E-4", "collected"), ("E-5", "exception")):
        await reported(api, event_id, type)
    delivered = await intercept(api, no)
    assert (delivered["status"], delivered["version"]) == ("delivered", 2)
    first = await say(api.operations, no, "written-off", "cheaper than asking")
    assert await say(api.operations, no, "written-off", "cheaper than asking") == first
    refused = await api.operations("POST", f"{LIST}/{no}/recovered", {"note": "after all"})
    assert problem_of(refused, 409, "illegal_transition")["current_state"] == "written_off"
    await reported(api, "E-6", "delivered", line_ids=["1"])
    assert await intercept(api, no) == first
    assert [task["facts"]["status"] for task in await tasks(api)] == ["delivered", "wanted"]
    assert {task["status"] for task in await tasks(api)} == {"resolved"}
    told = [m["type"] for m in await messages(api, no)]
    assert told == ["intercept.wanted", "intercept.delivered", "intercept.written_off"]


async def test_the_supplier_says_that_its_carrier_stopped_the_goods(api: Api) -> None:
    """Nobody is called any more; operations says that they are back. A supplier does not read who said it."""
    no = await travelling(api)
    stopped = await say(api.supplier, no, "intercepted", "turned round at the depot")
    assert (stopped["status"], stopped["allowed_actions"]) == ("intercepted", [])
    (called,) = await tasks(api)
    assert (called["status"], called["resolved_by"]) == ("resolved", "system:mallcare")
    refused = await api.operations("POST", f"{LIST}/{no}/charged", {"note": "no"})
    assert problem_of(refused, 409, "illegal_transition")["current_state"] == "intercepted"
    await say(api.operations, no, "recovered", "in the warehouse")
    steps = answered(await api.supplier.get(f"{LIST}/{no}"))["steps"]
    assert [step["actor"] for step in steps] == [
        {"role": "system", "subject": None},
        {"role": "supplier", "subject": "supplier-subject"},
        {"role": "operations", "subject": None},
    ]
    assert await tasks(api) == [called]


async def test_goods_said_to_be_stopped_that_arrive_call_for_a_person(api: Api) -> None:
    """What the carrier reports is believed over what it promised."""
    no = await travelling(api)
    await say(api.mall, no, "intercepted")
    await reported(api, "E-2", "delivered")
    assert (await intercept(api, no))["status"] == "delivered"
    assert [(task["subject"], task["status"]) for task in await tasks(api)] == [
        (no, "open"),
        (no, "resolved"),
    ]


async def test_only_refunded_units_are_concerned(api: Api) -> None:
    """Of two units one is refunded: the other may rightly arrive; another line does not matter at all."""
    lines = order_body()["lines"]
    other = {**lines[0], "line_id": "2", "sku": "CUP", "quantity": 1, "unit_price_fen": 1}
    payment = order_body()["payment"]
    payment["tenders"][0] |= {"transaction_total_fen": 7335, "amount_fen": 6835}
    no = await approved(api, lines=[*lines, other], payment=payment)
    await reported(api, "E-1", "delivered", line_ids=["2"])
    assert answered(await api.operations.get(LIST))["items"] == []
    await reported(api, "E-2", "delivered", line_ids=["1"])
    assert [(x["line_id"], x["quantity"]) for x in (await intercept(api, no))["lines"]] == [("1", 1)]


@pytest.mark.parametrize("kind", ["return_refund", "exchange"])
async def test_other_kinds_are_never_intercepted(api: Api, kind: str) -> None:
    """Their goods come back by themselves."""
    answered(await api.mall.put_order("O-1"))
    await reported(api, "E-1", "in_transit", BEFORE)
    body: Json = {"order_no": "O-1", "kind": kind, "whole_order": True, "reason_code": "broken"}
    case = answered(await api.mall.ask(body), 201)
    answered(await api.supplier.command(case["after_sales_no"], "approve"))
    await reported(api, "E-2", "delivered")
    assert answered(await api.operations.get(LIST))["items"] == []
    assert await tasks(api) == []


async def test_messages_tell_what_was_said_without_a_person_s_words(api: Api) -> None:
    """In order with those of the request; notes and names stay here."""
    no = await travelling(api)
    await say(api.operations, no, "written-off", "王小明 keeps it")
    page = await api.platform.use_cases.list_webhooks(MessageFilter(subject=no), 50, None, READER)
    last = page.items[0].message
    assert (last.type, last.data["intercept_version"], last.data["actor"]) == (
        "intercept.written_off",
        2,
        "operations",
    )
    assert "王小明" not in str(page.items)


async def test_the_list_is_filtered_and_paged(api: Api) -> None:
    """Newest first, by status and supplier; a mistyped cursor or status is refused."""
    numbers: list[str] = []
    for index in range(3):
        answered(await api.mall.put_order(f"P-{index}"))
        case = await api.opened(f"P-{index}")
        answered(await api.supplier.command(case["after_sales_no"], "approve"))
        event = event_body(f"P-{index}", "collected", occurred_at=AFTER)
        answered(await api.mall("POST", f"/v1/orders/P-{index}/events", event))
        numbers.append(case["after_sales_no"])
    await say(api.operations, numbers[1], "intercepted")

    async def listed(query: str) -> list[str]:
        found: list[str] = []
        cursor = ""
        while True:
            page = answered(await api.auditor.get(f"{LIST}?limit=1{query}{cursor}"))
            found += [item["after_sales_no"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = f"&cursor={page['next_cursor']}"

    assert await listed("") == numbers[::-1]
    assert await listed("&status=wanted") == [numbers[2], numbers[0]]
    assert await listed("&supplier_id=supplier-1&status=intercepted") == [numbers[1]]
    assert await listed("&supplier_id=supplier-2") == []
    for wrong in ("cursor=x", "cursor=1-", "status=lost", "limit=0"):
        problem_of(await api.operations.get(f"{LIST}?{wrong}"), 422, "invalid")


async def test_a_note_is_needed(api: Api) -> None:
    """And nothing beside it is taken."""
    no = await travelling(api)
    for body in ({}, {"note": ""}, {"note": "x", "status": "charged"}):
        problem_of(await api.operations("POST", f"{LIST}/{no}/recovered", body), 422, "invalid")


# --- tenancy -------------------------------------------------------------------------------------


async def ask(caller: Calls, route: Route, no: str) -> tuple[int, Json]:
    """The answer about a request's intercept, its number blotted out."""
    method, template = route
    body: Mapping[str, str] | None = {"note": "because"} if method == "POST" else None
    response = await caller(method, template.replace("{after_sales_no}", no), body)
    text = response.text.replace(no, "NO")
    return response.status_code, {"headers": sorted(response.headers), "text": text}


@pytest.mark.parametrize("role", sorted(BOTH))
@pytest.mark.parametrize("route", sorted(r for r in INTERCEPTS if r[1] != LIST), ids=" ".join)
async def test_what_is_another_s_looks_like_what_does_not_exist(api: Api, route: Route, role: str) -> None:
    """Byte for byte; nothing is written, and the owner's own call is not 404."""
    no = await travelling(api)
    theirs = await ask(getattr(api, f"other_{role}"), route, no)
    assert theirs == await ask(getattr(api, f"other_{role}"), route, MISSING_CASE)
    assert theirs[0] == (404 if role in INTERCEPTS[route].split() else 403)
    assert (await intercept(api, no))["version"] == 1
    assert (await ask(getattr(api, role), route, no))[0] != 404


@pytest.mark.parametrize("route", sorted(INTERCEPTS), ids=" ".join)
async def test_each_role_may_what_is_written(api: Api, route: Route) -> None:
    """Everybody else gets 403, and only 403."""
    no = await travelling(api)
    answers = {role: (await ask(getattr(api, role), route, no))[0] for role in ROLES}
    assert set(answers.values()) <= {200, 403, 409}
    assert [role for role in ROLES if answers[role] != 403] == INTERCEPTS[route].split()


async def test_a_supplier_s_list_is_its_own(api: Api) -> None:
    """Whatever the filter and the cursor; another's by name is 404, and a request without one is too."""
    no = await travelling(api)
    place = f"9999999999999999-{no}"
    for query in ("", "?supplier_id=supplier-1", f"?cursor={place}"):
        own = answered(await api.supplier.get(LIST + query))["items"]
        assert [item["after_sales_no"] for item in own] == [no]
    for query in ("", "?supplier_id=supplier-2", f"?cursor={place}"):
        assert answered(await api.other_supplier.get(LIST + query))["items"] == []
    problem_of(await api.supplier.get(f"{LIST}?supplier_id=supplier-2"), 404, "not_found")
    assert AN_INTERCEPT.startswith(LIST)
