"""A book kept in memory the way storage keeps it: the truth that the domain's decisions are made from.

Holdings are the units of cases as they are now, spendings the legs that did not fail and the mall's
own refunds. Nothing else is remembered, so whatever holds here holds for any storage that keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent, Decision
from mallcare.domain.book import Holding, OrderBook, Transaction, Unit
from mallcare.domain.commands import Actor, Command
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.deciding import decide
from mallcare.domain.fulfilment import OrderEvent, fold
from mallcare.domain.mall_refunds import MallRefund, mall_refund
from mallcare.domain.orders import Order, TransactionKey, freeze
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome, RefundLeg
from mallcare.domain.submission import Request, submit
from mallcare.domain.vocabulary import LegStatus
from tests.domain.builders import CUSTOMER, POLICY, UNUSED, Mint


class Ledger:
    """One order, its cases and everything that happened to them."""

    def __init__(self, order: Order, policy: AfterSalesPolicy = POLICY) -> None:
        self.order = order
        self.cells = freeze(order)
        self.policy = policy
        self.usage: AutoRefundUsage = UNUSED
        self.parcels: list[OrderEvent] = []
        self.cases: dict[str, AfterSalesCase] = {}
        self.events: list[tuple[str, CaseEvent]] = []
        self.mall_units: list[Unit] = []
        self.lost_units: set[tuple[str | None, Unit]] = set()
        self.mall_spent: list[int] = [0] * len(order.tenders)
        self.mint = Mint()

    def legs(self) -> Iterator[tuple[str, RefundLeg]]:
        """Every refund leg of every case, with the number of its case."""
        return ((no, leg) for no, case in self.cases.items() for leg in case.legs)

    def spent(self) -> tuple[int, ...]:
        """Per tender: what is paid, promised or unclear, the mall's own refunds included."""
        spent = list(self.mall_spent)
        for _, leg in self.legs():
            if leg.status is not LegStatus.FAILED:
                spent[leg.tender_seq] += leg.amount_fen
        return tuple(spent)

    def holdings(self) -> tuple[Holding, ...]:
        """Every unit that is not free, once for each that holds it."""
        by_cases = [
            Holding(unit, no, case.refund_decided)
            for no, case in self.cases.items()
            for unit in case.held_units
            if (no, unit) not in self.lost_units
        ]
        return (*by_cases, *(Holding(unit, None, True) for unit in self.mall_units))

    def book(self) -> OrderBook:
        """The order's book as its next transaction would read it."""
        spent = self.spent()
        transactions: dict[TransactionKey, Transaction] = {}
        for tender, amount in zip(self.order.tenders, spent, strict=True):
            if tender.transaction is not None:
                total = tender.transaction_total_fen or tender.amount_fen
                transactions[tender.transaction] = Transaction(total, amount)
        return OrderBook(
            order=self.order,
            cells=self.cells,
            fulfilment=fold(self.parcels, [line.line_id for line in self.order.lines]),
            holdings=self.holdings(),
            spent_fen=spent,
            transactions=transactions,
        )

    def submit(self, request: Request, now: datetime, actor: Actor = CUSTOMER) -> AfterSalesCase:
        """Open a request and keep it."""
        no = f"AS{len(self.cases) + 1}"
        return self._keep(
            submit(self.book(), request, no, actor, self.policy, self.usage, now, self.mint)
        ).case

    def decide(
        self, no: str, command: Command, actor: Actor, now: datetime, expected_version: int | None = None
    ) -> Decision:
        """Apply a command to a kept case."""
        return self._keep(
            decide(self.cases[no], command, actor, self.book(), self.policy, now, self.mint, expected_version)
        )

    def fire(self, no: str, deadline_at: datetime, now: datetime) -> Decision:
        """Let an alarm for `deadline_at` ring."""
        return self._keep(
            fire_deadline(self.cases[no], deadline_at, self.book(), self.policy, self.usage, now, self.mint)
        )

    def settle(self, no: str, refund_no: str, now: datetime, *, succeeded: bool) -> Decision:
        """Pass on the vendor's final word on one leg."""
        code = None if succeeded else "NOT_ENOUGH"
        outcome = LegOutcome(refund_no, succeeded, code, f"V-{refund_no}")
        return self._keep(settle_refund(self.cases[no], outcome, self.policy, now))

    def settle_all(self, now: datetime) -> None:
        """Every open leg succeeds."""
        for no, leg in list(self.legs()):
            if leg.status.open:
                self.settle(no, leg.refund_no, now, succeeded=True)

    def mark_unclear(self, no: str, refund_no: str) -> None:
        """The vendor did not answer clearly: storage keeps the leg as UNKNOWN."""
        case = self.cases[no]
        legs = tuple(
            replace(leg, status=LegStatus.UNKNOWN)
            if leg.refund_no == refund_no and leg.status is LegStatus.PENDING
            else leg
            for leg in case.legs
        )
        self.cases[no] = replace(case, legs=legs)

    def mall_refunds(self, report: OrderEvent) -> MallRefund:
        """Keep what the mall says it refunded by itself."""
        taken = mall_refund(self.book(), report)
        taken_over = set(taken.taken_over)
        self.lost_units |= {(h.holder, h.unit) for h in self.holdings() if h.unit in taken_over}
        self.mall_units += (*taken.units, *taken.taken_over)
        self.mall_spent = [a + b for a, b in zip(self.mall_spent, taken.by_tender, strict=True)]
        return taken

    def _keep(self, decision: Decision) -> Decision:
        self.cases[decision.case.after_sales_no] = decision.case
        self.events += [(decision.case.after_sales_no, event) for event in decision.events]
        return decision
