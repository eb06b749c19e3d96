"""A book kept in memory the way storage keeps it: the truth that the domain's decisions are made from.

Holdings are the units of cases as they are now, spendings the legs that did not fail and the mall's
own refunds; beside them the carriers' reports by waybill, the units that were exchanged, and what was
asked of operations. Nothing else is remembered, so whatever holds here holds for any storage that
keeps it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase, CaseEvent, Circumstances, Decision
from mallcare.domain.book import Holding, OrderBook, Transaction, Unit
from mallcare.domain.commands import Actor, Command, WaybillCommand
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.deciding import decide
from mallcare.domain.fulfilment import OrderEvent, fold
from mallcare.domain.mall_refunds import MallRefund, mall_refund
from mallcare.domain.orders import Order, TransactionKey, freeze
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome, RefundLeg
from mallcare.domain.stages import StageChange, stage_changes
from mallcare.domain.submission import Request, submit
from mallcare.domain.tasks import TaskWanted
from mallcare.domain.tracking import hear_of_parcel
from mallcare.domain.vocabulary import LegStatus, OrderEventType
from mallcare.domain.voiding import refunded_lines, void
from tests.domain.builders import CUSTOMER, POLICY, UNUSED, Mint


class Ledger:
    """One order, its cases and everything that happened to them."""

    def __init__(self, order: Order, policy: AfterSalesPolicy = POLICY) -> None:
        self.order = order
        self.cells = freeze(order)
        self.policy = policy
        self.usage: AutoRefundUsage = UNUSED
        self.return_address_known = True
        self.parcels: list[OrderEvent] = []
        """The mall's reports on the order itself."""
        self.reports: list[OrderEvent] = []
        """Reports that name a waybill; of a request's parcel once one of them has it."""
        self.exchanged_at: dict[Unit, datetime] = {}
        self.tasks: list[tuple[str, TaskWanted]] = []
        self.cases: dict[str, AfterSalesCase] = {}
        self.events: list[tuple[str, CaseEvent]] = []
        self.stage_changes: list[tuple[AfterSalesCase, StageChange]] = []
        """What each decision did to the clocks of stages, with the request as it was decided."""
        self.mall_units: list[Unit] = []
        self.lost_units: set[tuple[str | None, Unit]] = set()
        self.reported_refunded: frozenset[str] = frozenset()
        """Lines of the mall's latest report of its own refund, until the requests are looked at."""
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
            holding
            for no, case in self.cases.items()
            for holding in case.holdings
            if (no, holding.unit) not in self.lost_units
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
            exchanged_at=dict(self.exchanged_at),
        )

    def at(self, now: datetime) -> Circumstances:
        """What a decision depends on now."""
        return Circumstances(self.book(), self.policy, now, self.mint, self.usage, self.return_address_known)

    def submit(self, request: Request, now: datetime, actor: Actor = CUSTOMER) -> AfterSalesCase:
        """Open a request and keep it."""
        no = f"AS{len(self.cases) + 1}"
        return self._keep(submit(request, no, actor, self.at(now))).case

    def decide(
        self, no: str, command: Command, actor: Actor, now: datetime, expected_version: int | None = None
    ) -> Decision:
        """Apply a command to a kept case; what was already heard of a waybill it brings comes with it."""
        decided = decide(self.cases[no], command, actor, self.at(now), expected_version)
        if isinstance(command, WaybillCommand):
            known = [event for event in self.reports if event.waybill == command.waybill]
            decided = decided.then(hear_of_parcel(decided.case, command.waybill, known, self.policy, now))
        return self._keep(decided)

    def fire(self, no: str, deadline_at: datetime, now: datetime) -> Decision:
        """Let an alarm for `deadline_at` ring."""
        return self._keep(fire_deadline(self.cases[no], deadline_at, self.at(now)))

    def ring(self, no: str) -> Decision:
        """Let the case's present alarm ring in time."""
        due = self.cases[no].deadline_at
        assert due is not None, "no clock runs"
        return self.fire(no, due, due)

    def hear(self, no: str, report: OrderEvent, now: datetime) -> Decision:
        """A carrier's report on a parcel of the case, kept as the mall passed it on."""
        assert report.waybill is not None, "a report on a parcel names it"
        self.reports.append(report)
        return self._keep(hear_of_parcel(self.cases[no], report.waybill, [report], self.policy, now))

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
        self.reported_refunded |= refunded_lines(self.order, report)
        taken_over = set(taken.taken_over)
        self.lost_units |= {(h.holder, h.unit) for h in self.holdings() if h.unit in taken_over}
        self.mall_units += (*taken.units, *taken.taken_over)
        self.mall_spent = [a + b for a, b in zip(self.mall_spent, taken.by_tender, strict=True)]
        return taken

    def mall_closes(self, now: datetime) -> None:
        """The mall closes the order by itself."""
        self.parcels.append(OrderEvent(f"C{len(self.parcels)}", OrderEventType.CLOSED, now))

    def void_all(self, now: datetime) -> dict[str, Decision]:
        """Look at every live request after the mall acted, as it is done with each such report."""
        refunded, self.reported_refunded = self.reported_refunded, frozenset()
        return {
            no: self._keep(void(case, self.at(now), refunded))
            for no, case in sorted(self.cases.items())
            if not case.state.final
        }

    def task_kinds(self, no: str = "AS1") -> list[str]:
        """What was asked of operations about a case, in order."""
        return [task.kind.value for subject, task in self.tasks if subject == no]

    def _keep(self, decision: Decision) -> Decision:
        case = decision.case
        if decision.events:
            known, because = self.cases.get(case.after_sales_no), decision.events[-1].name
            self.stage_changes += [(case, change) for change in stage_changes(known, case, because)]
        self.cases[case.after_sales_no] = case
        self.events += [(case.after_sales_no, event) for event in decision.events]
        self.tasks += [(case.after_sales_no, task) for task in decision.tasks]
        if case.exchanged_at is not None and decision.events:
            self.exchanged_at |= dict.fromkeys(case.accepted_units, case.exchanged_at)
        return decision
