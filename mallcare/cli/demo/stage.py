"""What a scene is given: callers, vendors, clocks, its orders, and a voice to tell of them."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from mallcare.cli import formats
from mallcare.cli.demo.callers import Callers
from mallcare.cli.demo.clocks import CaseClocks
from mallcare.cli.demo.promises import expect
from mallcare.cli.demo.vendors import PaidOut, Vendors
from mallcare.cli.formats import Json


@dataclass(frozen=True, slots=True)
class Ending:
    """How a scene ended, for the table of all of them."""

    subject: str
    state: str
    refunded_fen: int = 0

    @classmethod
    def of(cls, case: Json) -> Ending:
        """Of a scene that is about one request."""
        refunded = sum(leg["amount_fen"] for leg in case["refunds"] if leg["status"] == "SUCCEEDED")
        return cls(case["after_sales_no"], formats.state(case["state"]), refunded)


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

    def order(self, order: Json, text: str) -> None:
        """One line of telling, after an order and how it was paid."""
        tenders = order["payment"]["tenders"]
        paid = " + ".join(f"{formats.yuan(tender['amount_fen'])} {tender['tender']}" for tender in tenders)
        self.console.print(f"Order {order['order_no']}, paid {paid}. {text}")

    def say(self, text: str) -> None:
        """One line of telling."""
        self.console.print(text)

    def show(self, case: Json, record: list[Json], books: list[PaidOut]) -> None:
        """The timeline of a case, what its vendors' books say, and where to look."""
        self.console.print(formats.record_table(case, record))
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
    return_addresses: dict[str, Json]

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
