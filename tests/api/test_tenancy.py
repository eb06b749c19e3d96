"""Tenancy, route by route: what is another's looks exactly like what does not exist.

Every route of the app must be named here; a new route without a word on its tenancy fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api.app import create_app
from api.security import SignedInRoute
from tests.api.calls import Calls, Json, answered, ask_body, command_body, event_body, order_body, problem_of
from tests.api.conftest import VERIFIER, Api
from tests.api.journeys import STEPS

ORDER, CASE = "O-1", "{case}"
A_TASK = "OT00000000000000000000000001"
MISSING_ORDER, MISSING_CASE = "O-404", "AS00000000000000000000000404"


@dataclass(frozen=True)
class Probe:
    """How a route is asked for an order or a case: its body, and who of the tenants may call at all."""

    body: Json | None = None
    roles: frozenset[str] = frozenset({"supplier", "customer"})
    query: str = ""


BOTH = frozenset({"supplier", "customer"})
NONE_OF_THEM = frozenset[str]()
"""Neither suppliers nor customers may call, whatever it is about: 403 for all alike."""

Route = tuple[str, str]
REASON: Json = {"reason": "because"}
SUPPLIER, MISSING_SUPPLIER = "supplier-1", "supplier-404"
RETURN_ADDRESS = "/v1/suppliers/{supplier_id}/return-address"
TIMELINESS = "/v1/operations/timeliness-policies"
CALENDARS = "/v1/operations/service-calendars"
A_CALENDAR: Json = {
    "calendar_id": "desk",
    "plans": [{"effective_from": "2026-01-01", "days": [["09:00-18:00"]] * 7}],
}
COMMANDS: Mapping[str, str] = {
    "approve": "mall supplier operations",
    "reject": "mall supplier operations",
    "propose": "mall supplier operations",
    "request-evidence": "mall supplier operations",
    "accept-proposal": "mall customer",
    "decline-proposal": "mall customer",
    "submit-evidence": "mall customer",
    "cancel": "mall customer",
    "set-return-address": "mall supplier operations",
    "submit-waybill": "mall customer",
    "correct-waybill": "mall customer",
    "change-address": "mall customer operations",
    "receive": "mall supplier operations",
    "accept": "mall supplier operations",
    "refuse": "mall supplier operations",
    "ship-back": "mall supplier operations",
    "reship": "mall supplier operations",
    "out-of-stock": "mall supplier operations",
    "choose": "mall customer operations",
    "confirm": "mall customer operations",
    "report-missing": "mall customer",
    "retry-refund": "finance",
    "settle-offline": "finance",
    "extend-deadline": "operations",
    "close": "operations",
    "resume": "operations",
}
"""Who may give each command at all."""


def command_route(name: str) -> Route:
    """The route of a command."""
    return "POST", f"/v1/after-sales/{{after_sales_no}}/{name}"


OWNED: Mapping[Route, Probe] = {
    ("GET", "/v1/orders/{order_no}"): Probe(),
    ("POST", "/v1/after-sales/quotes"): Probe(
        {k: v for k, v in ask_body(ORDER).items() if k != "reason_code"}
    ),
    ("POST", "/v1/after-sales"): Probe(ask_body(ORDER), frozenset({"customer"})),
    ("GET", "/v1/after-sales/{after_sales_no}"): Probe(),
    ("GET", "/v1/after-sales/{after_sales_no}/request"): Probe(),
    ("GET", "/v1/after-sales/{after_sales_no}/events"): Probe(),
    ("GET", "/v1/after-sales/{after_sales_no}/addresses"): Probe(),
    ("GET", "/v1/after-sales/{after_sales_no}/evidence"): Probe(),
    **{command_route(name): Probe(STEPS[name][1]) for name in COMMANDS},
    ("GET", RETURN_ADDRESS): Probe(None, frozenset({"supplier"})),
    ("PUT", RETURN_ADDRESS): Probe(order_body()["ship_to"], frozenset({"supplier"})),
    ("PUT", "/v1/orders/{order_no}"): Probe(order_body(ORDER), NONE_OF_THEM),
    ("POST", "/v1/orders/{order_no}/events"): Probe(event_body(), NONE_OF_THEM),
    ("POST", "/v1/orders:batch"): Probe({"orders": [order_body(ORDER)]}, NONE_OF_THEM),
    ("POST", "/v1/orders/{order_no}/after-sales-window-extensions"): Probe(REASON, NONE_OF_THEM),
    ("GET", "/v1/policies"): Probe(None, NONE_OF_THEM),
    ("POST", "/v1/policies"): Probe({}, NONE_OF_THEM),
    ("GET", "/v1/switches/automatic-refunds"): Probe(None, NONE_OF_THEM),
    ("PUT", "/v1/switches/automatic-refunds"): Probe({"stopped": True, **REASON}, NONE_OF_THEM),
    ("GET", "/v1/webhooks/messages"): Probe(None, NONE_OF_THEM),
    ("POST", "/v1/webhooks/replays"): Probe({"message_ids": ["msg_404"]}, NONE_OF_THEM),
    ("POST", "/v1/reconciliations"): Probe({"day": "2026-03-01"}, NONE_OF_THEM),
    ("GET", "/v1/reconciliations"): Probe(None, NONE_OF_THEM, "?day=2026-03-01"),
    ("GET", "/v1/operations/tasks"): Probe(None, NONE_OF_THEM),
    ("GET", "/v1/operations/tasks/counts"): Probe(None, NONE_OF_THEM),
    ("GET", "/v1/operations/daily-sms"): Probe(None, NONE_OF_THEM),
    ("GET", "/v1/operations/daily-sms/{day}"): Probe(None, NONE_OF_THEM),
    ("POST", "/v1/operations/tasks/{task_id}/claim"): Probe(None, NONE_OF_THEM),
    ("POST", "/v1/operations/tasks/{task_id}/resolve"): Probe({"note": "done"}, NONE_OF_THEM),
    ("GET", TIMELINESS): Probe(None, NONE_OF_THEM),
    ("POST", TIMELINESS): Probe({}, NONE_OF_THEM),
    ("GET", f"{TIMELINESS}/{{version}}"): Probe(None, NONE_OF_THEM),
    ("GET", CALENDARS): Probe(None, NONE_OF_THEM),
    ("POST", CALENDARS): Probe(A_CALENDAR, NONE_OF_THEM),
    ("GET", f"{CALENDARS}/{{calendar_id}}"): Probe(None, NONE_OF_THEM),
    ("GET", f"{CALENDARS}/{{calendar_id}}/versions/{{version}}"): Probe(None, NONE_OF_THEM),
    ("PUT", f"{CALENDARS}/{{calendar_id}}/special-days"): Probe({"special": {}}, NONE_OF_THEM),
}
"""Routes about one order or case, and routes that suppliers and customers may not call."""
LISTS = frozenset({("GET", "/v1/after-sales")})
"""Routes that answer several: each caller's own."""
AN_INTERCEPT = "/v1/operations/intercepts/{after_sales_no}"
INTERCEPTS: Mapping[Route, str] = {
    ("GET", "/v1/operations/intercepts"): "mall supplier operations finance auditor",
    ("GET", AN_INTERCEPT): "mall supplier operations finance auditor",
    ("POST", f"{AN_INTERCEPT}/intercepted"): "mall supplier operations",
    ("POST", f"{AN_INTERCEPT}/recovered"): "operations",
    ("POST", f"{AN_INTERCEPT}/charged"): "operations",
    ("POST", f"{AN_INTERCEPT}/written-off"): "operations",
}
"""Routes about goods that travel, each with who may call; `test_intercepts` keeps their tenants apart."""
A_SUPPLIER = "/v1/suppliers/{supplier_id}"
CONTACTS: Mapping[Route, str] = {
    ("GET", f"{A_SUPPLIER}/contacts"): "mall supplier operations auditor",
    ("GET", f"{A_SUPPLIER}/contacts/{{contact_id}}"): "mall supplier operations auditor",
    ("PUT", f"{A_SUPPLIER}/contacts/{{contact_id}}"): "supplier operations",
    ("DELETE", f"{A_SUPPLIER}/contacts/{{contact_id}}"): "supplier operations",
    ("GET", f"{A_SUPPLIER}/channels"): "mall supplier operations auditor",
    ("PUT", f"{A_SUPPLIER}/channels"): "supplier operations",
}
"""Routes about whom to reach at a supplier; `test_contacts` keeps their tenants apart."""
NOTIFICATIONS: Mapping[Route, str] = {
    ("GET", "/v1/notifications"): "mall supplier customer",
    ("GET", "/v1/notifications/unread-count"): "mall supplier customer",
    ("POST", "/v1/notifications/{notification_id}/read"): "mall supplier customer",
    ("POST", "/v1/notifications:read"): "mall supplier customer",
}
"""Routes about the caller's own messages; `test_notifications` keeps readers apart."""
BOARDS: Mapping[Route, str] = {
    ("GET", "/v1/boards/timeliness"): "mall supplier operations auditor",
    ("GET", "/v1/boards/timeliness/rows"): "mall supplier operations auditor",
    ("GET", "/v1/boards/timeliness/stream"): "mall supplier operations auditor",
    ("GET", "/v1/clocks"): "mall supplier operations auditor",
    ("GET", "/v1/clocks/{clock_id}"): "mall supplier operations auditor",
}
"""Routes of boards and clocks, each with who may call; `test_boards` keeps their tenants apart."""
NOTICES: Mapping[Route, str] = {
    ("GET", "/v1/operations/notices"): "operations auditor",
    ("GET", "/v1/operations/notices/{notice_id}"): "operations auditor",
}
"""Routes about messages to all suppliers' people; `test_notices` keeps everybody else out."""
ELSEWHERE = frozenset({*INTERCEPTS, *CONTACTS, *NOTIFICATIONS, *BOARDS, *NOTICES})
OPEN = frozenset(
    {
        ("POST", "/v1/callbacks/wechat_pay/refunds"),
        ("POST", "/v1/callbacks/aliyun_sms/receipts/{token}"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    }
)
"""Routes without a bearer token: signed by a vendor, or kept inside; none shows a tenant's data."""
MANUAL = frozenset({"/openapi.json", "/docs", "/docs/oauth2-redirect", "/static-offline-docs"})


def an_app() -> FastAPI:
    """An app that is looked at, not run."""
    return create_app(lambda: pytest.fail("not opened"), VERIFIER)


def routes_of(app: FastAPI) -> dict[Route, APIRoute]:
    """Every route by method and path."""
    found: dict[Route, APIRoute] = {}
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if path in MANUAL:
            continue
        route = context.original_route
        assert isinstance(route, APIRoute), (
            f"{path} is no ordinary route: say here how tenants are kept apart"
        )
        found.update({(method, path): route for method in route.methods})
    return found


def test_every_route_says_how_tenants_are_kept_apart() -> None:
    """No route is missing in this file, none is here that is gone, and only open ones go without a token."""
    routes = routes_of(an_app())
    assert set(routes) == set(OWNED) | LISTS | ELSEWHERE | OPEN
    for key, route in routes.items():
        assert isinstance(route, SignedInRoute) == (key not in OPEN), key


@pytest.mark.parametrize("route", sorted(set(OWNED) | LISTS | ELSEWHERE), ids=" ".join)
async def test_nobody_gets_in_without_a_token(api: Api, route: Route) -> None:
    """401, before anything else is looked at."""
    method, path = route
    problem_of(await api.nobody(method, path), 401, "unauthenticated")


async def ask(
    caller: Calls,
    route: Route,
    probe: Probe,
    order_no: str,
    case: str,
    task: str = A_TASK,
    supplier: str = SUPPLIER,
) -> tuple[int, Json]:
    """Ask about one order, case or supplier; the answer with the asked-for numbers blotted out."""
    method, template = route
    path = template.replace("{order_no}", order_no).replace("{after_sales_no}", case) + probe.query
    path = path.replace("{task_id}", task).replace("{supplier_id}", supplier)
    path = path.replace("{calendar_id}", "24x7").replace("{version}", "1").replace("{day}", "2026-03-01")
    body = probe.body
    if body is not None and "order_no" in body:
        body = {**body, "order_no": order_no}
    if body is not None and "{after_sales_no}" in template:
        body = {**body, **command_body()}
    creations = {
        ("POST", "/v1/after-sales"),
        ("POST", "/v1/policies"),
        ("POST", TIMELINESS),
        ("POST", CALENDARS),
        ("POST", "/v1/orders/{order_no}/after-sales-window-extensions"),
    }
    headers = {"Idempotency-Key": "a-key"} if route in creations else None
    response = await caller(method, path, body, headers=headers)
    text = response.text.replace(order_no, "NO").replace(case, "NO").replace(supplier, "NO")
    return response.status_code, {"headers": sorted(response.headers), "text": text}


@pytest.mark.parametrize("role", sorted(BOTH))
@pytest.mark.parametrize("route", sorted(OWNED), ids=" ".join)
async def test_what_is_another_s_looks_like_what_does_not_exist(api: Api, route: Route, role: str) -> None:
    """Byte for byte the same refusal for another tenant's number and for one that was never given."""
    case = (await api.opened(ORDER))["after_sales_no"]
    probe = OWNED[route]
    other: Calls = getattr(api, f"other_{role}")
    theirs = await ask(other, route, probe, ORDER, case)
    missing = await ask(other, route, probe, MISSING_ORDER, MISSING_CASE, supplier=MISSING_SUPPLIER)
    if theirs[1]["text"].count("text/html"):
        pytest.fail("not a problem")
    assert theirs == missing
    assert theirs[0] == (404 if role in probe.roles else 403), theirs
    unchanged = answered(await api.mall.get(f"/v1/after-sales/{case}"))
    assert (unchanged["state"], unchanged["version"]) == ("PENDING_REVIEW", 1)
    record = answered(await api.mall.get(f"/v1/after-sales/{case}/events"))
    assert len(record["items"]) == 1, "another tenant left a trace in the record"


@pytest.mark.parametrize("role", sorted(BOTH))
@pytest.mark.parametrize("route", sorted(OWNED), ids=" ".join)
async def test_a_role_s_own_is_found(api: Api, route: Route, role: str) -> None:
    """The same call by the owner is never 404: the test above would prove nothing otherwise."""
    case = (await api.opened(ORDER))["after_sales_no"]
    status, _ = await ask(getattr(api, role), route, OWNED[route], ORDER, case)
    assert status != 404
    assert (status != 403) or role not in OWNED[route].roles or "/v1/after-sales/{" in route[1]


async def test_lists_hold_the_caller_s_own_only(api: Api) -> None:
    """Whatever the filter; asking for another's list by name is 404, not an empty list."""
    mine = (await api.opened("O-1"))["after_sales_no"]
    theirs = (await api.opened("O-2", supplier_id="supplier-2", customer={"customer_id": "customer-2"}))[
        "after_sales_no"
    ]

    async def numbers(caller: Calls, query: str = "") -> set[str]:
        page = answered(await caller.get(f"/v1/after-sales{query}"))
        return {case["after_sales_no"] for case in page["items"]}

    assert await numbers(api.supplier) == await numbers(api.customer) == {mine}
    assert await numbers(api.other_supplier) == await numbers(api.other_customer) == {theirs}
    for caller in (api.supplier, api.customer):
        assert await numbers(caller, "?order_no=O-2") == set()
    assert await numbers(api.supplier, "?supplier_id=supplier-1") == {mine}
    problem_of(await api.supplier.get("/v1/after-sales?supplier_id=supplier-2"), 404, "not_found")
    assert await numbers(api.customer, "?supplier_id=supplier-2") == set()
    for caller in (api.mall, api.operations, api.finance, api.auditor):
        assert await numbers(caller) == {mine, theirs}


async def test_a_cursor_of_another_tenant_opens_nothing(api: Api) -> None:
    """It is refused: a cursor belongs to the list it was made by."""
    for index in range(3):
        await api.opened(f"O-{index}")
    page = answered(await api.supplier.get("/v1/after-sales?limit=1"))
    stolen = await api.other_supplier.get(f"/v1/after-sales?limit=1&cursor={page['next_cursor']}")
    problem_of(stolen, 422, "invalid")


EVERYBODY = "mall supplier customer operations finance auditor"
ALLOWED: Mapping[Route, str] = {
    ("GET", "/v1/orders/{order_no}"): EVERYBODY,
    ("POST", "/v1/after-sales/quotes"): "mall supplier customer operations",
    ("POST", "/v1/after-sales"): "mall customer",
    ("GET", "/v1/after-sales/{after_sales_no}"): EVERYBODY,
    ("GET", "/v1/after-sales/{after_sales_no}/request"): EVERYBODY,
    ("GET", "/v1/after-sales/{after_sales_no}/events"): EVERYBODY,
    ("GET", "/v1/after-sales/{after_sales_no}/addresses"): EVERYBODY,
    ("GET", "/v1/after-sales/{after_sales_no}/evidence"): EVERYBODY,
    **{command_route(name): roles for name, roles in COMMANDS.items()},
    ("GET", RETURN_ADDRESS): "mall supplier operations",
    ("PUT", RETURN_ADDRESS): "mall supplier operations",
    ("PUT", "/v1/orders/{order_no}"): "mall",
    ("POST", "/v1/orders/{order_no}/events"): "mall",
    ("POST", "/v1/orders:batch"): "mall",
    ("POST", "/v1/orders/{order_no}/after-sales-window-extensions"): "operations",
    ("GET", "/v1/policies"): "mall operations finance auditor",
    ("POST", "/v1/policies"): "operations",
    ("GET", "/v1/switches/automatic-refunds"): "operations finance auditor",
    ("PUT", "/v1/switches/automatic-refunds"): "operations finance",
    ("GET", "/v1/webhooks/messages"): "mall operations auditor",
    ("POST", "/v1/webhooks/replays"): "mall operations",
    ("POST", "/v1/reconciliations"): "operations finance",
    ("GET", "/v1/reconciliations"): "operations finance auditor",
    ("GET", "/v1/operations/tasks"): "operations finance auditor",
    ("GET", "/v1/operations/tasks/counts"): "operations finance auditor",
    ("GET", "/v1/operations/daily-sms"): "operations finance auditor",
    ("GET", "/v1/operations/daily-sms/{day}"): "operations finance auditor",
    ("POST", "/v1/operations/tasks/{task_id}/claim"): "operations finance",
    ("POST", "/v1/operations/tasks/{task_id}/resolve"): "operations finance",
    ("GET", TIMELINESS): "operations auditor",
    ("POST", TIMELINESS): "operations",
    ("GET", f"{TIMELINESS}/{{version}}"): "operations auditor",
    ("GET", CALENDARS): "operations auditor",
    ("POST", CALENDARS): "operations",
    ("GET", f"{CALENDARS}/{{calendar_id}}"): "operations auditor",
    ("GET", f"{CALENDARS}/{{calendar_id}}/versions/{{version}}"): "operations auditor",
    ("PUT", f"{CALENDARS}/{{calendar_id}}/special-days"): "operations",
}
ROLES = ("mall", "supplier", "customer", "operations", "finance", "auditor")


@pytest.mark.parametrize("route", sorted(OWNED), ids=" ".join)
async def test_each_role_may_what_is_written_here(api: Api, route: Route) -> None:
    """Everybody else gets 403, and only 403."""
    case = (await api.opened(ORDER))["after_sales_no"]
    await api.platform.use_cases.reconcile_day.give_up("wechat_pay", date(2026, 3, 1))
    await api.platform.use_cases.send_daily_sms.plan(date(2026, 3, 1), api.clock.now())
    task = answered(await api.auditor.get("/v1/operations/tasks"))["items"][0]["task_id"]
    refused: list[str] = []
    for role in ROLES:
        status, answer = await ask(getattr(api, role), route, OWNED[route], ORDER, case, task)
        assert status in (200, 201, 202, 403, 409), answer
        if status == 403:
            refused.append(role)
    assert [role for role in ROLES if role not in refused] == ALLOWED[route].split()
