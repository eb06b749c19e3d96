"""Short words for calls: bodies of orders and requests, tokens, one client for each role."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import count
from typing import Any

import httpx
import jwt

KEY = "a key for tests of thirty-two bytes"
ISSUER = "mallcare"
AUDIENCE = "mallcare-api"
NUMBERS = count(1)

Json = dict[str, Any]


def claims(role: str, **more: object) -> Json:
    """Claims of a good token."""
    known: Json = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 3600,
        "sub": f"{role}-subject",
        "role": role,
    }
    return {**known, **more}


def token(role: str, **more: object) -> str:
    """A good token."""
    return jwt.encode(claims(role, **more), KEY, algorithm="HS256")


def order_body(order_no: str = "O-1", **changes: object) -> Json:
    """The contract's example: two units, freight, cash and points."""
    known: Json = {
        "order_no": order_no,
        "version": 1,
        "supplier_id": "supplier-1",
        "channel": "consumer",
        "customer": {
            "customer_id": "customer-1",
            "name": "王小明",
            "phone": "13800001234",
            "openid": "oAbC-1234567",
        },
        "placed_at": "2026-03-01T16:00:00+08:00",
        "paid_at": "2026-03-01T16:01:00+08:00",
        "payment": {
            "tenders": [
                {
                    "tender": "cash",
                    "provider": "wechat_pay",
                    "transaction_id": f"T-{order_no}",
                    "transaction_total_fen": 7334,
                    "amount_fen": 6834,
                },
                {"tender": "points", "provider": "mall", "amount_fen": 500},
            ]
        },
        "freight_fen": 1344,
        "discounts": [{"discount_id": "D0", "amount_fen": 0, "line_ids": None}],
        "lines": [
            {
                "line_id": "1",
                "sku": "MUG",
                "title": "马克杯",
                "quantity": 2,
                "unit_price_fen": 2995,
                "freight_insured": False,
                "returnable": True,
            }
        ],
        "ship_to": {
            "name": "李小红",
            "phone": "13900005678",
            "province": "广东省",
            "city": "深圳市",
            "district": "南山区",
            "address": "科技园路 1 号",
        },
    }
    return {**known, **changes}


def event_body(event_id: str = "E-1", type: str = "delivered", **changes: object) -> Json:
    """A delivery of the whole order."""
    known: Json = {"event_id": event_id, "type": type, "occurred_at": "2026-03-02T10:00:00+08:00"}
    return {**known, **changes}


def ask_body(order_no: str = "O-1", quantity: int = 1, **changes: object) -> Json:
    """A refund-only request for units of line 1."""
    known: Json = {
        "order_no": order_no,
        "kind": "refund_only",
        "lines": [{"line_id": "1", "quantity": quantity}],
        "reason_code": "changed_mind",
    }
    return {**known, **changes}


def whole_body(order_no: str = "O-1", **changes: object) -> Json:
    """A refund-only request for the whole order."""
    return {"order_no": order_no, "kind": "refund_only", "whole_order": True, "reason_code": "x", **changes}


def command_body(**more: object) -> Json:
    """A command with an id of its own."""
    return {"command_id": f"cmd-{next(NUMBERS)}", **more}


class Calls:
    """One role's calls."""

    def __init__(self, client: httpx.AsyncClient, bearer: str | None) -> None:
        self._client = client
        self.headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        sent = {**self.headers, **(headers or {})}
        if content is not None:
            sent.setdefault("Content-Type", "application/json")
            return await self._client.request(method, path, content=content, headers=sent)
        if body is None:
            return await self._client.request(method, path, headers=sent)
        return await self._client.request(method, path, json=body, headers=sent)

    async def get(self, path: str) -> httpx.Response:
        return await self("GET", path)

    async def put_order(self, order_no: str = "O-1", **changes: object) -> httpx.Response:
        return await self("PUT", f"/v1/orders/{order_no}", order_body(order_no, **changes))

    async def ask(self, body: Json, key: str | None = None) -> httpx.Response:
        """Submit, under a key of its own unless one is given."""
        given = key or f"key-{next(NUMBERS)}"
        return await self("POST", "/v1/after-sales", body, headers={"Idempotency-Key": given})

    async def command(self, no: str, name: str, **more: object) -> httpx.Response:
        return await self("POST", f"/v1/after-sales/{no}/{name}", command_body(**more))


def problem_of(response: httpx.Response, status: int, code: str) -> Json:
    """The problem of a refusal, after checking that it is one."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Json = response.json()
    assert body["code"] == code, body
    assert body["status"] == status
    assert body["type"] == f"urn:mallcare:problem:{code}"
    assert body["title"]
    assert isinstance(body["detail"], str)
    return body


def answered(response: httpx.Response, status: int = 200) -> Json:
    """The body of a call that went well."""
    assert response.status_code == status, response.text
    body: Json = response.json()
    return body
