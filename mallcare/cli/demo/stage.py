"""What a scene may use: the public API as several callers, the vendors' ledgers, a case's clock, a voice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

import httpx
from rich.console import Console
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from mallcare.cli import formats
from mallcare.cli.formats import Json
from mallcare.cli.tokens import Claims, mint
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings

PATIENCE_SECONDS = 20.0
POLL_SECONDS = 0.1
CONFLICT = 409


class DemoFailed(Exception):
    """The tour saw something else than it promised; the message says what."""


def expect(holds: bool, promise: str) -> None:
    """Go on only if the promise holds.

    Raises:
        DemoFailed
    """
    if not holds:
        raise DemoFailed(promise)


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

    async def get(self, who: Claims, path: str, **query: str) -> Json:
        """Read something that must be there."""
        return self._sound(await self._http.get(path, params=query, headers=self._headers(who)))

    async def submit(self, order: Json, **asked: Any) -> Json:
        """The customer asks for a refund; the new case."""
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


@dataclass(frozen=True, slots=True)
class PaidOut:
    """One refund in a vendor's own books."""

    refund_no: str
    tender: str
    amount_fen: int
    asked: int
    paid: int


class Vendors:
    """The simulated vendors' doors for demos: faults, and the ledgers that say who was paid how often."""

    def __init__(self, http: httpx.AsyncClient, wechat_pay_url: str, mall_url: str) -> None:
        self._http = http
        self._wechat_pay = wechat_pay_url
        self._mall = mall_url

    async def time_out_after_paying(self, transaction_id: str) -> None:
        """WeChat Pay will pay the next refund of this payment and then never answer."""
        fault = {
            "kind": "timeout_after_commit",
            "match": {"operation": "submit", "transaction_id": transaction_id},
        }
        (await self._http.post(f"{self._wechat_pay}/admin/faults", json=fault)).raise_for_status()

    async def books_of(self, case: Json) -> list[PaidOut]:
        """What the vendors' ledgers hold about the refunds of a case, in the case's order."""
        cash = (await self._http.get(f"{self._wechat_pay}/admin/ledger")).raise_for_status().json()
        other = (await self._http.get(f"{self._mall}/admin/ledger")).raise_for_status().json()
        rows = [(row["out_refund_no"], "cash", row) for row in cash]
        rows += [(row["refund_no"], row["tender"], row) for row in other]
        found = {no: (tender, row) for no, tender, row in rows}
        return [
            PaidOut(no, tender, row["amount_fen"], row["requests"], row["paid_count"])
            for no, (tender, row) in found.items()
            if no in {refund["refund_no"] for refund in case["refunds"]}
        ]


class CaseClocks:
    """Fast-forwards the clock of one live case; its neighbours and the wall clock stay where they are."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal
        self._skipper = TimeSkipper(temporal)

    async def forward(self, case: Json, by: timedelta) -> None:
        """Let `by` pass for this case.

        Raises:
            DemoFailed: its workflow was not started in time.
        """
        handle = self._temporal.get_workflow_handle(after_sales_workflow_id(case["after_sales_no"]))
        deadline = monotonic() + PATIENCE_SECONDS
        while True:
            try:
                await handle.describe()
                break
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND or monotonic() > deadline:
                    raise DemoFailed(f"no workflow runs for {case['after_sales_no']}") from error
            await asyncio.sleep(POLL_SECONDS)
        await self._skipper.fast_forward(handle, by)


@dataclass(frozen=True, slots=True)
class Voice:
    """What the audience hears and sees."""

    console: Console
    api_url: str
    ui_url: str
    namespace: str

    def scene(self, number: int, title: str) -> None:
        """A new scene begins."""
        self.console.print()
        self.console.rule(f"[bold]{number}  {title}[/]", align="left")

    def say(self, text: str) -> None:
        """One line of telling."""
        self.console.print(text)

    def show(self, case: Json, record: list[Json], books: list[PaidOut]) -> None:
        """The timeline of a case, what its vendors' books say, and where to look."""
        self.console.print(formats.record_table(record, case["quote"]["total_fen"]))
        for paid in books:
            times = "once" if paid.paid == 1 else f"{paid.paid} times"
            amount = formats.yuan(paid.amount_fen)
            self.console.print(f"  vendor's ledger: {paid.refund_no} {paid.tender} {amount} paid {times}")
        self.console.print(f"  [dim]Temporal UI[/] {self.link(case)}", soft_wrap=True)

    def link(self, case: Json) -> str:
        """The case in the Temporal UI."""
        return formats.workflow_link(self.ui_url, self.namespace, case["after_sales_no"])


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a scene is given."""

    callers: Callers
    vendors: Vendors
    clocks: CaseClocks
    voice: Voice
    orders: dict[str, Json]

    async def show(self, case: Json) -> list[PaidOut]:
        """Show a case; every refund that succeeded must stand in its vendor's books, paid exactly once.

        Raises:
            DemoFailed: a refund was paid twice, not at all, or with another amount.
        """
        books = await self.vendors.books_of(case)
        self.voice.show(case, await self.callers.record(case), books)
        told = sorted(
            (r["refund_no"], r["amount_fen"]) for r in case["refunds"] if r["status"] == "SUCCEEDED"
        )
        paid = sorted((row.refund_no, row.amount_fen) for row in books if row.paid == 1)
        expect(told == paid, f"each refund of {case['after_sales_no']} is paid exactly once: {books}")
        return books
