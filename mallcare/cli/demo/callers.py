"""The public HTTP API, as everybody who speaks in a scene calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx

from mallcare.cli.demo.promises import DemoFailed, expect
from mallcare.cli.formats import Json
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.1
CARRIER = "shunfeng"
ENDED = ("COMPLETED", "REFUND_FAILED")


class Callers:
    """The public HTTP API, called with the token of whoever a scene lets speak."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._settings = settings
        assert settings.jwt_key is not None
        self._key = settings.jwt_key.get_secret_value()
        self._commands = 0

    def customer(self, order: Json) -> Claims:
        """The customer of an order."""
        customer_id = order["customer"]["customer_id"]
        return Claims(Role.CUSTOMER, customer_id, customer_id=customer_id)

    def supplier(self, order: Json) -> Claims:
        """Somebody at the supplier of an order."""
        return Claims(Role.SUPPLIER, f"{order['supplier_id']}-desk", supplier_id=order["supplier_id"])

    @property
    def operations(self) -> Claims:
        """Somebody of the platform."""
        return Claims(Role.OPERATIONS, "operations-1")

    @property
    def mall(self) -> Claims:
        """The mall's own backend."""
        return Claims(Role.MALL, "mall-backend")

    async def get(self, who: Claims, path: str, **query: str) -> Json:
        """Read something that must be there."""
        return self._sound(await self._http.get(path, params=query, headers=self._headers(who)))

    async def submit(self, order: Json, **asked: Any) -> Json:
        """The customer asks, for a refund unless another kind is named; the new case."""
        body = {"order_no": order["order_no"], "kind": "refund_only", **asked}
        headers = self._headers(self.customer(order)) | {"Idempotency-Key": f"demo-{order['order_no']}"}
        return self._sound(await self._http.post("/v1/after-sales", json=body, headers=headers))

    async def quote(self, order: Json, **asked: Any) -> Json:
        """What the customer would get back."""
        body = {"order_no": order["order_no"], "kind": "refund_only", **asked}
        headers = self._headers(self.customer(order))
        return self._sound(await self._http.post("/v1/after-sales/quotes", json=body, headers=headers))

    async def command(self, who: Claims, case: Json, name: str, **facts: Any) -> httpx.Response:
        """Send a command; the answer may be a refusal."""
        self._commands += 1
        number = case["after_sales_no"]
        body = {"command_id": f"demo-{self._commands}-{name}", **facts}
        return await self._http.post(
            f"/v1/after-sales/{number}/{name}", json=body, headers=self._headers(who)
        )

    async def must(self, who: Claims, case: Json, name: str, **facts: Any) -> Json:
        """Send a command that is accepted; the case afterwards."""
        return self._sound(await self.command(who, case, name, **facts))

    async def completed(self, case: Json, promise: str) -> Json:
        """The case once its money is through, as promised.

        Raises:
            DemoFailed: a refund failed, or the case does not end within 20 s.
        """
        done = await self.until(case, "complete", lambda seen: seen["state"] in ENDED)
        expect(done["state"] == "COMPLETED", promise)
        return done

    async def until(self, case: Json, what: str, holds: Callable[[Json], bool]) -> Json:
        """Read a case again and again until `holds`.

        Raises:
            DemoFailed: it does not within 20 s.
        """
        deadline = monotonic() + PATIENCE_SECONDS
        while not holds(seen := await self.case(case)):
            if monotonic() > deadline:
                raise DemoFailed(f"{case['after_sales_no']} should {what}, but stays {seen['state']}")
            await asyncio.sleep(POLL_SECONDS)
        return seen

    async def case(self, case: Json) -> Json:
        """The case as it stands."""
        return await self.get(self.operations, f"/v1/after-sales/{case['after_sales_no']}")

    async def record(self, case: Json) -> list[Json]:
        """The case's record."""
        answer = await self.get(self.operations, f"/v1/after-sales/{case['after_sales_no']}/events")
        return answer["items"]

    async def order(self, order: Json) -> Json:
        """The order as it stands."""
        return await self.get(self.operations, f"/v1/orders/{order['order_no']}")

    async def left_to_ask_for(self, order: Json) -> list[int]:
        """How many units of each line are free."""
        return [line["refundable_quantity"] for line in (await self.order(order))["lines"]]

    async def addresses(self, who: Claims, case: Json) -> Json:
        """Where the goods of a case go, as far as `who` may know."""
        return await self.get(who, f"/v1/after-sales/{case['after_sales_no']}/addresses")

    async def take_returns_at(self, supplier_id: str, address: Json) -> None:
        """A supplier names where it takes returns."""
        desk = Claims(Role.SUPPLIER, f"{supplier_id}-desk", supplier_id=supplier_id)
        path = f"/v1/suppliers/{supplier_id}/return-address"
        self._sound(await self._http.put(path, json=address, headers=self._headers(desk)))

    async def tell(self, who: Claims, method: str, path: str, body: Json) -> Json:
        """Change something of the platform itself: a policy, a contact."""
        headers = self._headers(who) | {"Idempotency-Key": uuid4().hex}
        return self._sound(await self._http.request(method, path, json=body, headers=headers))

    async def deliver(self, order: Json, waybill: str) -> None:
        """The mall reports that a carrier delivered a parcel."""
        event = {
            "event_id": f"{order['order_no']}:{waybill}:delivered",
            "type": "delivered",
            "occurred_at": datetime.now(UTC).isoformat(),
            "waybill": waybill,
            "carrier": CARRIER,
        }
        path = f"/v1/orders/{order['order_no']}/events"
        self._sound(await self._http.post(path, json=event, headers=self._headers(self.mall)))

    def _headers(self, who: Claims) -> dict[str, str]:
        return {"Authorization": f"Bearer {mint(self._settings, self._key, who, timedelta(minutes=5))}"}

    @staticmethod
    def _sound(answer: httpx.Response) -> Json:
        request = answer.request
        expect(
            answer.is_success,
            f"{request.method} {request.url.path} answered {answer.status_code}: {answer.text[:300]}",
        )
        return answer.json()
