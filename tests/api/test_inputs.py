"""Hostile and careless input: always a typed refusal, never a 500, never an echo of what was sent."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.calls import Json, answered, ask_body, event_body, order_body, problem_of
from tests.api.conftest import Api

Place = tuple[str | int, ...]

AMOUNTS: list[Place] = [
    ("freight_fen",),
    ("version",),
    ("payment", "tenders", 0, "amount_fen"),
    ("payment", "tenders", 0, "transaction_total_fen"),
    ("discounts", 0, "amount_fen"),
    ("lines", 0, "unit_price_fen"),
    ("lines", 0, "quantity"),
]
IDS: list[Place] = [
    ("order_no",),
    ("supplier_id",),
    ("customer", "customer_id"),
    ("payment", "tenders", 0, "transaction_id"),
    ("discounts", 0, "discount_id"),
    ("lines", 0, "line_id"),
]
TEXTS: list[Place] = [
    ("customer", "name"),
    ("customer", "phone"),
    ("customer", "openid"),
    ("lines", 0, "sku"),
    ("lines", 0, "title"),
    ("ship_to", "name"),
    ("ship_to", "phone"),
    ("ship_to", "address"),
    ("ship_to", "city"),
]
INSTANTS: list[Place] = [("placed_at",), ("paid_at",)]
HUGE = 10**30

BAD: list[tuple[Place, object]] = [
    *(
        (place, value)
        for place in AMOUNTS
        for value in (1.0, 0.5, "1", True, -1, HUGE, [], None, {})
        if not (value is None and place[-1] == "transaction_total_fen")
    ),
    *((place, value) for place in IDS for value in ("", "a b", "x" * 65, "a\x00", "é", "#freight", "a\n", 7)),
    *((place, value) for place in TEXTS for value in ("", "a\x00b", "x" * 300, "\ud800", 7)),
    *(
        (place, value)
        for place in INSTANTS
        for value in (
            0,
            1.5,
            "0",
            "2026-03-01",
            "2026-03-01T00:00:00",
            "1999-12-31T23:59:59Z",
            "2100-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "0001-01-01T00:00:00+23:59",
            "2026-02-30T00:00:00Z",
            "2026-03-01T24:00:00Z",
            "٢٠٢٦-03-01T00:00:00Z",
        )
    ),
    (("payment", "tenders", 0, "provider"), "alipay"),
    (("payment", "tenders", 0, "tender"), "gold"),
    (("channel",), "pirate"),
    (("lines", 0, "returnable"), "yes"),
    (("lines", 0, "returnable"), 1),
    (("lines",), []),
    (("lines",), [order_body()["lines"][0]] * 201),
    (("lines",), {"0": 1}),
    (("lines", 0, "quantity"), 10_001),
    (("lines", 0, "quantity"), 0),
    (("customer",), None),
]


def with_value(body: Json, place: Place, value: object) -> Json:
    """A copy of `body` with one value changed."""
    changed: Any = copy.deepcopy(body)
    inner = changed
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    return changed


async def test_no_bad_value_of_an_order_passes(api: Api) -> None:
    """Each of some two hundred: 422, with the place of the fault and without the value."""
    for place, value in BAD:
        body = json.dumps(with_value(order_body(), place, value)).encode()
        response = await api.mall("PUT", "/v1/orders/O-1", content=body)
        facts = problem_of(response, 422, "invalid")
        pointers = [error["pointer"] for error in facts.get("errors", [])]
        expected = "/" + "/".join(map(str, place))
        assert any(pointer.startswith(expected) for pointer in pointers), (place, value, facts)
    problem_of(await api.mall.get("/v1/orders/O-1"), 404, "not_found")


async def test_a_refusal_never_repeats_personal_data(api: Api) -> None:
    """Not the value that was wrong, nor its neighbours, nor names of unknown members."""
    body = order_body(ship_to={"name": "秘密先生", "phone": "13912345678" * 20, "address": "\x00"})
    response = await api.mall("PUT", "/v1/orders/O-1", body)
    problem_of(response, 422, "invalid")
    assert "秘密" not in response.text
    assert "13912345678" not in response.text


async def test_too_many_units_are_refused(api: Api) -> None:
    """Every unit can become a row: an order has at most twenty thousand."""
    line = order_body()["lines"][0]
    lines = [{**line, "line_id": str(i), "quantity": 10_000, "unit_price_fen": 0} for i in range(3)]
    problem_of(await api.mall.put_order(lines=lines), 422, "invalid")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"{'a': 1}",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b"1" * 5_000,
        b'{"order_no": NaN}',
        '{"\ud800": 1}'.encode("utf-8", "surrogatepass"),
    ],
    ids=lambda content: repr(content[:12]),
)
async def test_a_body_that_is_no_object_is_refused(api: Api, content: bytes) -> None:
    """Malformed, too deep, not UTF-8, of another type: 422 like any other fault."""
    for method, path in (
        ("PUT", "/v1/orders/O-1"),
        ("POST", "/v1/orders:batch"),
        ("POST", "/v1/orders/O-1/events"),
        ("POST", "/v1/after-sales"),
        ("POST", "/v1/after-sales/AS1/approve"),
    ):
        headers = {"Idempotency-Key": "k"}
        problem_of(await api.mall(method, path, content=content, headers=headers), 422, "invalid")


async def test_a_body_of_another_media_type_is_refused(api: Api) -> None:
    """Text that happens to be JSON is not taken for it."""
    sent = json.dumps(order_body()).encode()
    response = await api.mall("PUT", "/v1/orders/O-1", content=sent, headers={"Content-Type": "text/plain"})
    problem_of(response, 422, "invalid")


async def test_a_body_has_an_end(api: Api) -> None:
    """Sixteen MiB, told by Content-Length or found out while reading."""
    big = b'{"orders": "' + b"x" * (16 * 1024 * 1024) + b'"}'
    problem_of(await api.mall("POST", "/v1/orders:batch", content=big), 413, "too_large")

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(big), 1 << 20):
            yield big[start : start + (1 << 20)]

    headers = {**api.mall.headers, "Content-Type": "application/json"}
    untold = await api.client.post("/v1/orders:batch", content=in_pieces(), headers=headers)
    problem_of(untold, 413, "too_large")


@pytest.mark.parametrize(
    "detail",
    [
        {"a": "b\x00"},
        {"a\x00": 1},
        {"a": "\ud800"},
        {"\udfff": 1},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": 10**400},
        {"a": "x" * 9_000},
        {"a": [0] * 9_000},
        {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
        {"lines": [{"line_id": "1", "quantity": 0}]},
        {"lines": [{"line_id": "1", "quantity": 1}] * 2},
        {"lines": "1"},
        "text",
        7,
        [1],
    ],
    ids=lambda detail: repr(detail)[:30],
)
async def test_a_detail_is_kept_small_and_storable(api: Api, detail: object) -> None:
    """What PostgreSQL or a reader could choke on is refused; so is a line named twice."""
    body = json.dumps(event_body(type="refunded", detail=detail)).encode()
    problem_of(await api.mall("POST", "/v1/orders/O-1/events", content=body), 422, "invalid")


async def test_a_detail_may_hold_anything_else(api: Api) -> None:
    """Nested, Chinese, numbers, nothing: stored as it is."""
    detail = {"备注": "放门口", "n": 1.5, "deep": {"a": [1, None, {"b": [True]}]}}
    answered(await api.mall("POST", "/v1/orders/O-1/events", event_body(detail=detail)))


PATHS = ["a b", "%00", "%ff", "x" * 65, "é", "..%2f..", "'; DROP TABLE orders; --", "%F0%9F%92%A9", "a%0A"]


@pytest.mark.parametrize("part", PATHS)
async def test_a_strange_path_is_refused(api: Api, part: str) -> None:
    """404 or 422, whatever is put where a number belongs."""
    for path in (f"/v1/orders/{part}", f"/v1/after-sales/{part}", f"/v1/after-sales/{part}/events"):
        response = await api.mall.get(path)
        assert response.status_code in (404, 422), response.text
        assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1e3",
        "limit=" + "9" * 5_000,
        "state=UNKNOWN",
        "kind=",
        "overdue=maybe",
        "order_no=%00",
        "supplier_id=" + "x" * 65,
        "cursor=",
        "cursor=%00",
        "cursor=AAAA",
        "cursor=W10",
        "cursor=" + "A" * 513,
        "cursor=eyJhIjoxfQ",
    ],
)
async def test_a_strange_query_is_refused(api: Api, query: str) -> None:
    """422, and a cursor nobody gave out opens nothing."""
    problem_of(await api.mall.get(f"/v1/after-sales?{query}"), 422, "invalid")


async def test_a_forged_cursor_with_unstorable_text_is_refused(api: Api) -> None:
    """The name of a list is no secret: what a cursor carries is checked all the same."""
    import base64

    for index in range(2):
        await api.opened(f"O-{index}")
    page = answered(await api.mall.get("/v1/after-sales?limit=1"))
    cursor: str = page["next_cursor"]
    name, at, _ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for number in ("\ud800", "\x00", 7, None, ["a"]):
        forged = base64.urlsafe_b64encode(json.dumps([name, at, number]).encode()).decode().rstrip("=")
        problem_of(await api.mall.get(f"/v1/after-sales?limit=1&cursor={forged}"), 422, "invalid")
    for when in (-(10**30), 10**30, 1.5, "0", True):
        forged = base64.urlsafe_b64encode(json.dumps([name, when, "AS1"]).encode()).decode().rstrip("=")
        problem_of(await api.mall.get(f"/v1/after-sales?limit=1&cursor={forged}"), 422, "invalid")


@pytest.mark.parametrize(
    "changes",
    [
        {"command_id": ""},
        {"command_id": "a b"},
        {"command_id": None},
        {"expected_version": 0},
        {"expected_version": 1.0},
        {"expected_version": "1"},
        {"expected_version": 2**31},
        {"surprise": 1},
    ],
    ids=repr,
)
async def test_a_strange_command_is_refused(api: Api, changes: Json) -> None:
    """Unknown members too: one of them may be a mistyped guard."""
    no = (await api.opened())["after_sales_no"]
    body = {"command_id": "c", **changes}
    problem_of(await api.supplier("POST", f"/v1/after-sales/{no}/approve", body), 422, "invalid")
    assert answered(await api.mall.get(f"/v1/after-sales/{no}"))["version"] == 1


@pytest.mark.parametrize(
    "until", ["2026-03-01T10:00:00Z", "2026-03-03T10:00:00Z", "2099-12-31T23:59:59+14:00"]
)
async def test_a_deadline_moves_forward_only(api: Api, until: str) -> None:
    """Earlier than now or than the present one is refused; far away is the operator's affair."""
    no = (await api.opened())["after_sales_no"]
    response = await api.operations.command(no, "extend-deadline", until=until, reason="x")
    if until.startswith("2099"):
        assert answered(response)["deadline_at"] == "2099-12-31T09:59:59Z"
    else:
        problem_of(response, 422, "invalid")


@pytest.mark.parametrize(
    "changes",
    [
        {"reason_code": ""},
        {"reason_code": "a b"},
        {"description": "\x00"},
        {"description": ""},
        {"lines": [{"line_id": "1", "quantity": 1.0}]},
        {"lines": [{"line_id": "1", "quantity": True}]},
        {"lines": [{"line_id": "1", "quantity": -1}]},
        {"lines": [{"line_id": "#freight", "quantity": 1}]},
        {"lines": []},
        {"evidence": ["https://x.example/\x00"]},
        {"evidence": ["javascript:alert(1)"]},
        {"evidence": ["https://" + "x" * 3_000]},
        {"kind": "refund"},
        {"whole_order": "true", "lines": None},
    ],
    ids=repr,
)
async def test_a_strange_request_is_refused(api: Api, changes: Json) -> None:
    """And nothing is held."""
    answered(await api.mall.put_order())
    problem_of(await api.mall.ask(ask_body(**changes)), 422, "invalid")
