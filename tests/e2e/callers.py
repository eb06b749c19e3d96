"""The public HTTP API as its clients should use it: an unanswered call is made again with the same key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from types import TracebackType
from typing import TypeVar

import httpx

from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings
from tests.e2e.orders import Json

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1
Seen = TypeVar("Seen")
COME_BACK = 503

OPERATIONS = Claims(Role.OPERATIONS, "operations-1")
FINANCE = Claims(Role.FINANCE, "finance-1")
FINANCE_TOO = Claims(Role.FINANCE, "finance-2")
MALL = Claims(Role.MALL, "mall-backend")


def customer(order: Json) -> Claims:
    """The customer of an order."""
    customer_id = order["customer"]["customer_id"]
    return Claims(Role.CUSTOMER, customer_id, customer_id=customer_id)


def supplier(order: Json) -> Claims:
    """Somebody at the supplier of an order."""
    return Claims(Role.SUPPLIER, f"{order['supplier_id']}-desk", supplier_id=order["supplier_id"])


class Api:
    """Several callers of one API. Every answer that arrives counts; silence and 503 are asked again."""

    def __init__(self, url: str, settings: Settings, key: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=10, trust_env=False)
        self._settings = settings
        self._key = key
        self._headers: dict[Claims, dict[str, str]] = {}
        self.unanswered = 0
        """Calls that were not answered, or with 503, so far."""

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def once(self, who: Claims, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """One call, whatever becomes of it."""
        return await self._http.request(method, path, json=body, headers=self._headers_of(who))

    async def call(
        self, who: Claims, method: str, path: str, body: Json | None = None, *, key: str | None = None
    ) -> httpx.Response:
        """The answer to a call, made again and again until there is one."""
        headers = self._headers_of(who) | ({"Idempotency-Key": key} if key else {})
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                reason = repr(error)
            else:
                if answer.status_code != COME_BACK:
                    return answer
                reason = answer.text
            self.unanswered += 1
            assert monotonic() < deadline, f"{method} {path} is not answered: {reason}"
            await asyncio.sleep(POLL_SECONDS)

    async def must(
        self, who: Claims, method: str, path: str, body: Json | None = None, *, key: str | None = None
    ) -> Json:
        """The body of an answer that says yes."""
        answer = await self.call(who, method, path, body, key=key)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:400]}"
        return answer.json()

    async def put(self, *orders: Json) -> None:
        """The mall sends orders; each is taken in."""
        answer = await self.must(MALL, "POST", "/v1/orders:batch", {"orders": list(orders)})
        assert {result["status"] for result in answer["results"]} <= {"applied", "unchanged"}, answer

    async def submit(self, order: Json, *, key: str = "ask", **asked: object) -> Json:
        """The customer asks for a refund, of the whole order unless lines are named; the new case.

        The same `key` for the same order is the same request.
        """
        body = {"order_no": order["order_no"], "kind": "refund_only", "reason_code": "changed_mind", **asked}
        if "lines" not in body:
            body["whole_order"] = True
        once = f"{key}-{order['order_no']}"
        return await self.must(customer(order), "POST", "/v1/after-sales", body, key=once)

    async def command(self, who: Claims, case: Json, name: str, **facts: object) -> Json:
        """A command that is accepted; the case afterwards. The same command of a case is one command."""
        number = case["after_sales_no"]
        body = {"command_id": f"{name}-{number}", **facts}
        return await self.must(who, "POST", f"/v1/after-sales/{number}/{name}", body)

    async def report(self, order: Json, event: Json) -> None:
        """The mall reports what happened to an order."""
        await self.must(MALL, "POST", f"/v1/orders/{order['order_no']}/events", event)

    async def left_of(self, order: Json) -> list[int]:
        """How many units of each line may be asked for."""
        known = await self.must(MALL, "GET", f"/v1/orders/{order['order_no']}")
        return [line["refundable_quantity"] for line in known["lines"]]

    async def case(self, case: Json) -> Json:
        """The case as it stands."""
        return await self.must(OPERATIONS, "GET", f"/v1/after-sales/{case['after_sales_no']}")

    async def record(self, case: Json) -> list[Json]:
        """The record of a case."""
        answer = await self.must(OPERATIONS, "GET", f"/v1/after-sales/{case['after_sales_no']}/events")
        return answer["items"]

    async def cases_of(self, order: Json) -> list[Json]:
        """Every case of an order."""
        answer = await self.must(OPERATIONS, "GET", f"/v1/after-sales?order_no={order['order_no']}")
        return answer["items"]

    async def until(self, case: Json, state: str, holds: Callable[[Json], bool] = lambda _case: True) -> Json:
        """The case once it is in a state, and `holds`."""
        return await eventually(lambda: self.case(case), lambda seen: seen["state"] == state and holds(seen))

    def _headers_of(self, who: Claims) -> dict[str, str]:
        if who not in self._headers:
            token = mint(self._settings, self._key, who, timedelta(hours=1))
            self._headers[who] = {"Authorization": f"Bearer {token}"}
        return self._headers[who]


async def eventually(
    look: Callable[[], Awaitable[Seen]],
    holds: Callable[[Seen], bool],
    patience_seconds: float = PATIENCE_SECONDS,
) -> Seen:
    """What is seen, once it holds.

    Raises:
        AssertionError: it does not within `patience_seconds`; names what was seen last.
    """
    deadline = monotonic() + patience_seconds
    while not holds(seen := await look()):
        assert monotonic() < deadline, f"still {seen}"
        await asyncio.sleep(POLL_SECONDS)
    return seen
