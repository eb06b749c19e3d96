"""Any interleaving of requests, people, clocks, vendors and the mall on one order keeps the money right.

The ledger remembers only what storage remembers, so each step decides from what is stored.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
from mallcare.domain.commands import Actor, Approve, Cancel, Command, ExtendDeadline, Reject, RetryRefund
from mallcare.domain.errors import (
    IllegalTransition,
    NotAllowed,
    UnitsUnavailable,
    VersionConflict,
    WindowClosed,
)
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import FREIGHT_LINE, Order
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.transitions import CLOCKS
from mallcare.domain.vocabulary import Kind, LegStatus, OrderEventType, Role, State
from tests.domain.builders import AFTER_COOLING_OFF, PLACED_AT, TICK, asking, mall_refunded
from tests.domain.ledger import Ledger
from tests.domain.strategies import orders

PARCELS = [OrderEventType.COLLECTED, OrderEventType.DELIVERED]
REASONS = st.sampled_from(["no_longer_wanted", "damaged"])
POLICIES = st.builds(
    AfterSalesPolicy,
    review_timeout=st.sampled_from(ReviewTimeout),
    auto_refund_ceiling_fen=st.sampled_from([1_000, 100_000_000]),
)
STEPS = st.sampled_from([TICK, timedelta(minutes=29), timedelta(hours=1), timedelta(hours=25)])
PICK = st.integers(0, 100)
PARTS = st.lists(st.integers(0, 4), min_size=1, max_size=3)
"""How many units of the order's first lines a request asks for."""


class OneOrder(RuleBasedStateMachine):
    """Everything that may happen to one order, in any sequence."""

    @initialize(bought=orders(most_lines=3), policy=POLICIES, asked=st.lists(PARTS, max_size=4))
    def place(self, bought: Order, policy: AfterSalesPolicy, asked: list[list[int]]) -> None:
        """An order, perhaps with some of its units asked for already."""
        self.ledger = Ledger(bought, policy)
        self.now = PLACED_AT
        self.amounts: dict[str, tuple[str, int, int]] = {}
        for wanted in asked:
            self.submit_parts(wanted, "no_longer_wanted")

    def pick(self, number: int, *states: State) -> AfterSalesCase | None:
        """Some case in one of the states, None if there is none."""
        found = [case for case in self.ledger.cases.values() if not states or case.state in states]
        return found[number % len(found)] if found else None

    # what people do

    @rule(wanted=PARTS, reason=REASONS)
    def submit_parts(self, wanted: list[int], reason: str) -> None:
        """A request for named units gets them exactly when so many are free."""
        lines = tuple(
            RequestedLine(line.line_id, quantity)
            for line, quantity in zip(self.ledger.order.lines, wanted, strict=False)
            if quantity
        )
        if not lines:
            return
        available = [self.ledger.book().refundable_quantity(x.line_id) for x in lines]
        try:
            self.ledger.submit(Request(Kind.REFUND_ONLY, reason, lines), self.now)
            assert all(x.quantity <= left for x, left in zip(lines, available, strict=True))
        except UnitsUnavailable:
            assert any(x.quantity > left for x, left in zip(lines, available, strict=True))
        except WindowClosed:
            assert any(event.type is OrderEventType.DELIVERED for event in self.ledger.parcels)

    @precondition(lambda self: self.now < AFTER_COOLING_OFF or self.ledger.cases)
    @rule(reason=REASONS)
    def submit_all_that_is_left(self, reason: str) -> None:
        """Only an untouched order in its cooling-off is refunded at once, and then all that was paid."""
        try:
            case = self.ledger.submit(asking(reason=reason), self.now)
        except (UnitsUnavailable, WindowClosed):
            return
        if case.cooling_off:
            assert self.now < PLACED_AT + timedelta(minutes=30)
            assert self.ledger.parcels == []
            assert case.quote.total_fen == self.ledger.order.paid_fen

    @precondition(lambda self: self.ledger.cases)
    @rule(
        number=PICK,
        command=st.sampled_from([Approve(), Approve(), Reject("no_evidence"), Cancel(), RetryRefund()]),
        role=st.sampled_from([Role.SUPPLIER, Role.CUSTOMER, Role.MALL, Role.FINANCE]),
        stale=st.booleans(),
    )
    def command_somebody(self, number: int, command: Command, role: Role, stale: bool) -> None:
        """Anybody may try anything: what is refused was not offered, came too late, or lost its units."""
        case = self.pick(number)
        assert case is not None
        expected = case.version - 1 if stale and number % 5 == 0 else case.version
        try:
            self.ledger.decide(case.after_sales_no, command, Actor(role, "somebody"), self.now, expected)
            assert command.action in case.allowed_actions(role)
        except VersionConflict:
            assert expected != case.version
        except UnitsUnavailable:
            assert any(no == case.after_sales_no for no, _ in self.ledger.lost_units)
        except (IllegalTransition, NotAllowed):
            late = case.deadline_at is not None and self.now >= case.deadline_at
            assert late or command.action not in case.allowed_actions(role)

    @precondition(lambda self: self.pick(0, State.PENDING_REVIEW))
    @rule(number=PICK)
    def approve(self, number: int) -> None:
        """The supplier agrees to a request under review."""
        self.command_by_right(self.pick(number, State.PENDING_REVIEW), Approve(), Role.SUPPLIER)

    @precondition(lambda self: self.pick(0, State.PENDING_REVIEW))
    @rule(number=PICK)
    def extend(self, number: int) -> None:
        """Operations give a review more time."""
        case = self.pick(number, State.PENDING_REVIEW)
        assert case is not None
        until = max(case.deadline_at or self.now, self.now) + timedelta(hours=1)
        self.command_by_right(case, ExtendDeadline(until, "holiday"), Role.OPERATIONS)

    @precondition(lambda self: self.pick(0, State.REFUND_FAILED))
    @rule(number=PICK)
    def retry(self, number: int) -> None:
        """Finance asks for failed legs once more."""
        self.command_by_right(self.pick(number, State.REFUND_FAILED), RetryRefund(), Role.FINANCE)

    def command_by_right(self, case: AfterSalesCase | None, command: Command, role: Role) -> None:
        """A command of the right role in the right state: its clock and lost units alone stop it."""
        assert case is not None
        try:
            self.ledger.decide(case.after_sales_no, command, Actor(role, "somebody"), self.now)
        except IllegalTransition:
            assert case.deadline_at is not None
            assert self.now >= case.deadline_at
        except UnitsUnavailable:
            assert any(no == case.after_sales_no for no, _ in self.ledger.lost_units)

    # what clocks do

    @rule(step=STEPS)
    def pass_time(self, step: timedelta) -> None:
        """Nothing happens for a while."""
        self.now += step

    @precondition(lambda self: any(case.deadline_at for case in self.ledger.cases.values()))
    @rule(number=PICK, offset=st.sampled_from([-TICK, timedelta(0), TICK]))
    def ring(self, number: int, offset: timedelta) -> None:
        """A clock always rings without an error, acts once, and never before its instant."""
        armed = [case for case in self.ledger.cases.values() if case.deadline_at is not None]
        case = armed[number % len(armed)]
        assert case.deadline_at is not None
        self.now = max(self.now, case.deadline_at + offset)
        decision = self.ledger.fire(case.after_sales_no, case.deadline_at, self.now)
        assert bool(decision.events) is (self.now >= case.deadline_at)
        assert self.ledger.fire(case.after_sales_no, case.deadline_at, self.now).events == ()

    @rule(stopped=st.booleans())
    def switch(self, stopped: bool) -> None:
        """Operations stop automatic refunds, or let them go on."""
        self.ledger.usage = AutoRefundUsage(stopped=stopped)

    # what vendors do

    @precondition(lambda self: any(True for _ in self.ledger.legs()))
    @rule(number=PICK, word=st.sampled_from(["paid", "paid", "refused", "unclear"]))
    def hear_of_a_leg(self, number: int, word: str) -> None:
        """A vendor's word, new, repeated or contradicting what it said before."""
        legs = list(self.ledger.legs())
        no, leg = legs[number % len(legs)]
        if word == "unclear":
            self.ledger.mark_unclear(no, leg.refund_no)
        else:
            self.ledger.settle(no, leg.refund_no, self.now, succeeded=word == "paid")

    # what the mall does

    @precondition(lambda self: len(self.ledger.parcels) < 2)
    @rule(type_=st.sampled_from(PARCELS))
    def report_a_parcel(self, type_: OrderEventType) -> None:
        """A parcel moves, which ends the cooling-off and the claim to the freight."""
        self.ledger.parcels.append(OrderEvent(f"E{len(self.ledger.parcels)}", type_, self.now))

    @precondition(lambda self: len(self.ledger.cases) > 1)
    @rule(number=PICK, quantity=st.integers(1, 3))
    def refund_by_the_mall(self, number: int, quantity: int) -> None:
        """The mall refunds some units, or the whole order, by itself."""
        line = self.ledger.order.lines[number % len(self.ledger.order.lines)]
        everything = number % 10 == 0
        book = self.ledger.book()
        taken = self.ledger.mall_refunds(mall_refunded(None if everything else {line.line_id: quantity}))
        assert taken.by_tender == book.value(taken.units + taken.taken_over)

    # what must always be so

    @invariant()
    def every_unit_is_in_one_hand_at_most(self) -> None:
        """Reserved + refunded never exceeds bought, and no ordinal is held twice."""
        hands = Counter(holding.unit for holding in self.ledger.holdings())
        assert all(count == 1 for count in hands.values())
        bought = {x.line_id: x.quantity for x in self.ledger.order.lines} | {FREIGHT_LINE: 1}
        assert all(1 <= unit.ordinal <= bought[unit.line_id] for unit in hands)

    @invariant()
    def no_tender_pays_back_more_than_it_paid(self) -> None:
        """Succeeded + pending + unknown + the mall's own stays within each tender."""
        for spent, tender in zip(self.ledger.spent(), self.ledger.order.tenders, strict=True):
            assert 0 <= spent <= tender.amount_fen

    @invariant()
    def a_refund_number_is_one_amount_and_pays_once(self) -> None:
        """A number belongs to one leg of one case for ever, and succeeded at most once."""
        for no, leg in self.ledger.legs():
            known = (no, leg.tender_seq, leg.amount_fen)
            assert self.amounts.setdefault(leg.refund_no, known) == known
        assert set(self.amounts) == set(self.ledger.mint.minted)
        paid = [e.facts["refund_no"] for _, e in self.ledger.events if e.name == "refund_succeeded"]
        assert len(set(paid)) == len(paid)

    @invariant()
    def an_end_is_an_end_and_everything_else_can_go_on(self) -> None:
        """Final cases hold nothing (but the refunded) and run no clock; others have somebody to act."""
        for case in self.ledger.cases.values():
            assert (case.deadline_at is None) == (case.deadline_effect is None)
            if case.state.final:
                assert case.deadline_at is None
                assert case.held_units == () or case.state is State.COMPLETED
                continue
            assert case.deadline_effect is None or (case.state, case.deadline_effect) in CLOCKS
            open_legs = any(leg.status.open for leg in case.legs)
            person = any(case.allowed_actions(role) for role in Role)
            assert open_legs if case.state is State.REFUNDING else person
            if case.state is State.REFUND_FAILED:
                assert case.deadline_at is not None
                assert any(leg.status is LegStatus.FAILED for leg in case.legs)

    @invariant()
    def legs_are_the_executed_quote(self) -> None:
        """A decided case pays its quote to the fen; an undecided one has promised nothing."""
        for case in self.ledger.cases.values():
            promised = tuple(
                sum(leg.amount_fen for leg in case.legs if leg.tender_seq == i)
                for i in range(len(self.ledger.order.tenders))
            )
            assert promised == (case.quote.by_tender if case.refund_decided else tuple(0 for _ in promised))
            if case.state is State.COMPLETED:
                assert all(leg.status is LegStatus.SUCCEEDED for leg in case.legs)

    @invariant()
    def versions_count_the_events(self) -> None:
        """Each event is the next version of its case, and the last one tells its state."""
        told: dict[str, list[int]] = {}
        states: dict[str, State] = {}
        for no, event in self.ledger.events:
            told.setdefault(no, []).append(event.version)
            assert event.from_state == states.get(no, event.from_state)
            states[no] = event.to_state
        for no, case in self.ledger.cases.items():
            assert told[no] == list(range(1, case.version + 1))
            assert states[no] is case.state

    @invariant()
    def when_all_is_refunded_the_sums_are_what_was_paid(self) -> None:
        """All units gone: the goods to the fen; and with the freight everything that was paid."""
        decided = {holding.unit for holding in self.ledger.holdings() if holding.decided}
        units = {Unit(x.line_id, j) for x in self.ledger.order.lines for j in range(1, x.quantity + 1)}
        failed = any(leg.status is LegStatus.FAILED for _, leg in self.ledger.legs())
        if not units <= decided or failed:
            return
        paid = tuple(tender.amount_fen for tender in self.ledger.order.tenders)
        freight = self.ledger.cells.freight
        goods = tuple(a - b for a, b in zip(paid, freight, strict=True))
        assert self.ledger.spent() == (paid if Unit(FREIGHT_LINE, 1) in decided else goods)
        if not self.ledger.parcels and not self.ledger.mall_units:
            assert self.ledger.spent() == paid


@pytest.mark.rule("A4")
def test_no_interleaving_breaks_units_money_or_clocks() -> None:
    """Requests, decisions, alarms, vendors and the mall in any sequence: every invariant above holds."""
    run_state_machine_as_test(OneOrder, settings=settings(max_examples=300, stateful_step_count=40))
