"""What routes say of themselves in the OpenAPI page: their refusals, and the words of introduction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, cast

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.errors import MEDIA_TYPE, PROBLEMS, problem_body
from api.schemas.problems import Problem

JsonObject = dict[str, Any]

PROBLEM = {"$ref": "#/components/schemas/Problem"}

INTRODUCTION = """
After-sales of a mall of many suppliers: refunds, deadlines, records. Every request is durable: once a
call answered, what it said will happen, whatever is restarted.

**The first call.** Get a bearer token for the role `mall` (the embedded stack prints one), then send an
order and ask for a refund of one of its units:

```sh
curl -X PUT $API/v1/orders/MO20260301-0001 -H "Authorization: Bearer $TOKEN" \\
     -H 'Content-Type: application/json' -d @order.json
curl -X POST $API/v1/after-sales -H "Authorization: Bearer $TOKEN" -H 'Idempotency-Key: ask-1' \\
     -H 'Content-Type: application/json' -d '{"order_no": "MO20260301-0001", "kind": "refund_only",
     "lines": [{"line_id": "1", "quantity": 1}], "reason_code": "damaged"}'
curl $API/v1/after-sales/$NO -H "Authorization: Bearer $TOKEN"
```

Each answer about a request shows its `state`, the `deadline_at` it waits for with the
`deadline_effect` of letting it pass, and the `allowed_actions` of your token.

**Who sees what.** A supplier and a customer see their own orders and requests; what is another's looks
exactly like what does not exist (404). `mall` acts for its customers and suppliers; `operations`,
`finance` and `auditor` see everything. Names, telephone numbers and addresses are shown in full to
`mall` and `operations` and masked for everybody else, but for whoever sends goods there: see the
`addresses` of a request. They never appear in errors.

**Money** is whole fen in members named `*_fen`. **Times** are ISO 8601 with an offset; answers are in
UTC. **Lists** take `limit` and `cursor` and answer `items` and `next_cursor`.

**Refusals** are RFC 9457 problems (`application/problem+json`): branch on `code`, show `detail`. After
503 wait for `Retry-After` seconds and send the same again: creations carry an `Idempotency-Key`,
commands a `command_id`, orders a `version`, events an `event_id`, so nothing happens twice.

**Members you do not know** may appear in answers at any time; ignore them. In orders and events,
members this version does not know are ignored; in requests and commands they are refused.
"""

TAGS = [
    {"name": "orders", "description": "What the mall sends: snapshots of orders, and what happens to them."},
    {"name": "after-sales", "description": "Requests of customers, from quote to refund or replacement."},
    {"name": "suppliers", "description": "What suppliers tell about themselves."},
    {"name": "notifications", "description": "What customers and people at suppliers are told (站内信)."},
    {"name": "operations", "description": "Policies, the stop switch, tasks, daily reconciliation."},
    {"name": "boards", "description": "What is late and what is about to be; clocks and their arithmetic."},
    {"name": "webhooks", "description": "What is sent to the mall: see it, have it sent again."},
    {"name": "callbacks", "description": "Vendors' calls, verified by the vendor's own signature."},
    {"name": "health", "description": "For the platform that runs this API; not to be exposed outside."},
]

_EXAMPLES: dict[str, tuple[str, dict[str, object]]] = {
    "not_found": ("there is no such after-sales request", {"after_sales_no": "AS01JNQ2W8Y5V3K7"}),
    "not_allowed": ("supplier may not retry-refund", {"action": "retry-refund", "role": "supplier"}),
    "illegal_transition": (
        "cancel is not possible in REFUNDING",
        {"action": "cancel", "current_state": "REFUNDING"},
    ),
    "version_conflict": (
        "the request is at version 3, not 2",
        {"current_version": 3, "current_state": "REFUNDING"},
    ),
    "idempotency_mismatch": ("this Idempotency-Key was used with another body", {}),
    "order_frozen": (
        "units of the order are reserved or refunded, so its amounts and parties may not change",
        {"current_version": 2},
    ),
    "units_unavailable": (
        "line 1 has 0 units left to ask for, not 1",
        {"line_id": "1", "available": 0, "requested": 1},
    ),
    "window_closed": (
        "the after-sales window of the order has passed; operations can reopen it",
        {"after_sales_until": "2026-03-11T02:30:00+00:00"},
    ),
    "window_open": (
        "the after-sales window is still open, so there is nothing to extend",
        {"after_sales_until": "2026-03-11T02:30:00+00:00"},
    ),
    "order_closed": ("the mall closed the order", {"closed_at": "2026-03-02T02:30:00+00:00"}),
    "order_not_paid": ("the order is not paid, so there is nothing to refund", {}),
    "refund_cap_exceeded": (
        "cash would be refunded beyond what it paid",
        {"tender": "cash", "left_fen": 100, "asked_fen": 2791},
    ),
    "waybill_in_use": (
        "the waybill belongs to another parcel",
        {"waybill": "SF1234567890"},
    ),
    "four_eyes": ("another person of finance has to confirm the settlement", {}),
    "invalid": (
        "1 fields cannot be accepted",
        {
            "errors": [
                {
                    "location": "body",
                    "pointer": "/lines/0/quantity",
                    "code": "int_type",
                    "message": "Input should be a valid integer",
                }
            ]
        },
    ),
    "money_does_not_add_up": (
        "sum of tenders must be sum of lines + freight - discounts",
        {"tenders_fen": 7000, "expected_fen": 7334},
    ),
    "line_not_returnable": ("line 1 is sold as not returnable", {"line_id": "1"}),
    "unauthenticated": ("the token is not valid: it has expired", {}),
    "too_large": ("the body is larger than this API reads", {}),
    "engine_unavailable": ("an engine cannot be reached; nothing was changed, try again", {}),
}

_HEADERS: dict[int, dict[str, Any]] = {
    401: {
        "WWW-Authenticate": {
            "description": "The Bearer challenge.",
            "required": True,
            "schema": {"type": "string"},
        }
    },
    503: {
        "Retry-After": {
            "description": "Seconds to wait before sending the same again.",
            "required": True,
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        }
    },
}

READING = ("unauthenticated", "not_found", "invalid", "engine_unavailable")
WRITING = ("unauthenticated", "not_allowed", "invalid", "too_large", "engine_unavailable")
COMMANDING = (*WRITING, "not_found", "illegal_transition", "version_conflict", "idempotency_mismatch")


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The documented refusals of a route, one response for each status, one example for each code."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[PROBLEMS[code].status].append(code)
    return {status: _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, codes: list[str]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": "; ".join(f"`{code}`: {PROBLEMS[code].title}" for code in codes),
        "content": {
            MEDIA_TYPE: {"schema": PROBLEM, "examples": {code: {"value": _example(code)} for code in codes}}
        },
    }
    if status in _HEADERS:
        response["headers"] = _HEADERS[status]
    return response


def _example(code: str) -> dict[str, object]:
    detail, facts = _EXAMPLES[code]
    return problem_body(code, detail, facts)


def operation_id(route: APIRoute) -> str:
    """The function's name: short, and a good name for a generated client's method."""
    return route.name


def describe(app: FastAPI) -> None:
    """Let `app.openapi()` answer the complete document, made once."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            app.openapi_schema = _complete(
                get_openapi(
                    title=app.title,
                    version=app.version,
                    summary=app.summary,
                    description=app.description,
                    routes=app.routes,
                    tags=app.openapi_tags,
                    license_info=app.license_info,
                )
            )
        return app.openapi_schema

    app.openapi = document


def _complete(document: JsonObject) -> JsonObject:
    """Add the schema that every refusal refers to; drop what FastAPI adds for its own refusals."""
    schemas = cast("JsonObject", document["components"]["schemas"])
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(cast("Mapping[str, Any]", problem.pop("$defs", {})))
    schemas["Problem"] = problem
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document
