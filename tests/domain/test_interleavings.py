"""Any interleaving of requests, people, clocks, carriers, vendors and the mall on one order keeps it right.

The ledger remembers only what storage remembers, so each step decides from what is stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import (
    Actor,
)
from mallcare.domain.errors import (
    FourEyes,
    IllegalTransition,
    InvalidInput,
    NotAllowed,
    OrderClosed,
    UnitsUnavailable,
    VersionConflict,
    WindowClosed,
)
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.submission import Request
from mallcare.domain.transitions import allowed_actions
from mallcare.domain.vocabulary import Action, Kind, LegStatus, OrderEventType, Role, State
from tests.domain.builders import AFTER_COOLING_OFF, PLACED_AT, TICK, asking, mall_refunded, reported
from tests.domain.invariants import AlwaysTrue
from tests.domain.ledger import Ledger
from tests.domain.moves import BY_THE_WAY, USUAL, command_for
from tests.domain.strategies import orders

PARCELS = [OrderEventType.COLLECTED, OrderEventType.DELIVERED]
REPORTS = [OrderEventType.IN_TRANSIT, OrderEventType.EXCEPTION, OrderEventType.DELIVERED]
REASONS = st.sampled_from(["no_longer_wanted", "damaged"])
POLICIES = st.builds(
    AfterSalesPolicy,
    review_timeout=st.sampled_from(ReviewTimeout),
    auto_refund_ceiling_fen=st.sampled_from([1_000, 100_000_000]),
)
STEPS = st.sampled_from([TICK, timedelta(minutes=29), timedelta(hours=1), timedelta(hours=25)])
PICK = st.integers(0, 100)
DETAIL = st.integers(0, 10_000)
PARTS = st.lists(st.integers(0, 4), min_size=1, max_size=3)
"""How many units of the order's first lines a request asks for."""
ASKED = st.lists(
    st.tuples(PARTS, st.sampled_from(Kind), st.lists(st.integers(0, 10_000), max_size=9)), max_size=3
)
"""Requests an order begins with, and how each goes on from there."""


class OneOrder(AlwaysTrue):
    """Everything that may happen to one order, in any sequence."""

    @initialize(bought=orders(most_lines=3), policy=POLICIES, asked=ASKED)
    def place(
        self, bought: Order, policy: AfterSalesPolicy, asked: list[tuple[list[int], Kind, list[int]]]
    ) -> None:
        """An order, perhaps with some of its units asked for already, and on their way."""
        self.ledger = Ledger(bought, policy)
        self.now = PLACED_AT
        self.waybills = 0
        for wanted, kind, details in asked:
            self.submit_parts(wanted, "no_longer_wanted", kind)
            for detail in details:
                self.go_the_usual_way(len(self.ledger.cases) - 1, detail)

    def pick(self, number: int, *states: State) -> AfterSalesCase | None:
        """Some case in one of the states, None if there is none."""
        found = [case for case in self.ledger.cases.values() if not states or case.state in states]
        return found[number % len(found)] if found else None

    # what people do

    @rule(wanted=PARTS, reason=REASONS, kind=st.sampled_from(Kind))
    def submit_parts(self, wanted: list[int], reason: str, kind: Kind) -> None:
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
            self.ledger.submit(Request(kind, reason, lines), self.now)
            assert all(x.quantity <= left for x, left in zip(lines, available, strict=True))
        except UnitsUnavailable:
            assert any(x.quantity > left for x, left in zip(lines, available, strict=True))
        except (WindowClosed, OrderClosed) as refused:
            self.entry_is_shut(refused)

    def entry_is_shut(self, refused: WindowClosed | OrderClosed) -> None:
        """Only an order that was delivered or closed refuses the customer's entry."""
        cause = OrderEventType.CLOSED if isinstance(refused, OrderClosed) else OrderEventType.DELIVERED
        assert any(event.type is cause for event in self.ledger.parcels)

    @precondition(lambda self: self.now < AFTER_COOLING_OFF or self.ledger.cases)
    @rule(reason=REASONS, kind=st.sampled_from(Kind))
    def submit_all_that_is_left(self, reason: str, kind: Kind) -> None:
        """Only an untouched order in its cooling-off is refunded at once, and then all that was paid."""
        try:
            case = self.ledger.submit(asking(reason=reason, kind=kind), self.now)
        except UnitsUnavailable:
            return
        except (WindowClosed, OrderClosed) as refused:
            self.entry_is_shut(refused)
            return
        if case.cooling_off:
            assert (case.kind, self.ledger.parcels) == (Kind.REFUND_ONLY, [])
            assert self.now < PLACED_AT + timedelta(minutes=30)
            assert case.quote.total_fen == self.ledger.order.paid_fen

    @precondition(lambda self: self.ledger.cases)
    @rule(number=PICK, action=st.sampled_from(Action), role=st.sampled_from(Role), detail=DETAIL)
    def try_anything(self, number: int, action: Action, role: Role, detail: int) -> None:
        """Anybody may try anything: what is refused was not offered, or came too late or too early."""
        case = self.pick(number)
        assert case is not None
        expected = case.version - (1 if detail % 7 == 0 else 0)
        self.give(case, action, Actor(role, f"somebody-{detail % 2}"), detail, expected)

    @precondition(lambda self: self.live())
    @rule(number=PICK, choice=PICK, detail=DETAIL, by_the_way=st.booleans())
    def go_on(self, number: int, choice: int, detail: int, by_the_way: bool) -> None:
        """One of those who may do something does it."""
        cases = self.live()
        case = cases[number % len(cases)]
        offers = [(role, action) for role in Role for action in allowed_actions(case, role)]
        moves = [
            x for x in offers if x[1] not in BY_THE_WAY or (x[1] is Action.RECEIVE and not case.received)
        ]
        offers = offers if by_the_way or not moves else moves
        if offers:
            role, action = offers[choice % len(offers)]
            self.give(case, action, Actor(role, f"somebody-{detail % 2}"), detail, case.version)

    @precondition(lambda self: self.ledger.cases)
    @rule(number=PICK, detail=DETAIL)
    def go_the_usual_way(self, number: int, detail: int) -> None:
        """A request comes one step nearer to one of its ends."""
        case = self.pick(number)
        if case is None:
            return
        open_leg = next((leg for leg in case.legs if leg.status.open), None)
        if open_leg is not None and detail % 2:
            no, paid = case.after_sales_no, detail % 8 != 7
            self.ledger.settle(no, open_leg.refund_no, self.now, succeeded=paid)
            return
        for turn in range(4):
            usual = USUAL.get(case.state, ())
            action = usual[(detail + turn) % len(usual)] if usual else Action.SHIP_BACK
            role = next((role for role in Role if action in allowed_actions(case, role)), None)
            if role is not None:
                self.give(case, action, Actor(role, f"somebody-{detail % 2}"), detail // 2, case.version)
                return

    def give(self, case: AfterSalesCase, action: Action, actor: Actor, detail: int, expected: int) -> None:
        """Give a command; a refusal must have the reason it names."""
        command = command_for(case, action, self.now, f"W{self.waybills + detail % 2}", detail)
        self.waybills += 1
        may = action in allowed_actions(case, actor.role)
        try:
            self.ledger.decide(case.after_sales_no, command, actor, self.now, expected)
            assert may
        except VersionConflict:
            assert expected != case.version
        except UnitsUnavailable:
            assert any(no == case.after_sales_no for no, _ in self.ledger.lost_units)
        except FourEyes:
            assert case.settlement is not None
            assert (case.settlement.maker == actor.subject) is (action is Action.SETTLE_OFFLINE)
        except InvalidInput:
            assert may
            assert action in {Action.PROPOSE, Action.ACCEPT, Action.SETTLE_OFFLINE}
        except (IllegalTransition, NotAllowed):
            late = case.deadline_at is not None and self.now >= case.deadline_at
            assert late or not may

    # what clocks do

    @rule(step=STEPS)
    def wait(self, step: timedelta) -> None:
        """Nothing happens for a while."""
        self.now += step

    @precondition(lambda self: any(case.deadline_at for case in self.ledger.cases.values()))
    @rule(number=PICK, offset=st.sampled_from([-TICK, timedelta(0), TICK]))
    def ring(self, number: int, offset: timedelta) -> None:
        """A clock always rings without an error, acts once, and never before its instant."""
        armed = [case for case in self.ledger.cases.values() if case.deadline_at is not None]
        case = armed[number % len(armed)]
        due = case.deadline_at
        assert due is not None
        self.now = max(self.now, due + offset)
        decision = self.ledger.fire(case.after_sales_no, due, self.now)
        assert bool(decision.events) is (self.now >= due)
        if decision.case.deadline_at != due or not decision.events:
            assert self.ledger.fire(case.after_sales_no, due, self.now).events == ()

    @rule(stopped=st.booleans())
    def switch(self, stopped: bool) -> None:
        """Operations stop automatic refunds, or let them go on."""
        self.ledger.usage = AutoRefundUsage(stopped=stopped)

    @rule(known=st.booleans())
    def move_the_supplier(self, known: bool) -> None:
        """The supplier has an address for returns, or has none."""
        self.ledger.return_address_known = known

    # what vendors and carriers do

    @precondition(lambda self: any(True for _ in self.ledger.legs()))
    @rule(number=PICK, word=st.sampled_from(["paid", "paid", "refused", "unclear"]))
    def hear_of_a_leg(self, number: int, word: str) -> None:
        """A vendor's word, new, repeated or contradicting what it said before."""
        legs = list(self.ledger.legs())
        no, leg = legs[number % len(legs)]
        if word == "unclear":
            self.ledger.mark_unclear(no, leg.refund_no)
            return
        twice = leg.settled_offline or may_be_paid_otherwise(self.ledger.cases[no], leg)
        decision = self.ledger.settle(no, leg.refund_no, self.now, succeeded=word == "paid")
        assert bool(decision.tasks) is (twice and word == "paid")

    @precondition(lambda self: any(case.parcels for case in self.ledger.cases.values()))
    @rule(number=PICK, type_=st.sampled_from(REPORTS), hours=st.integers(0, 100), again=st.booleans())
    def hear_of_a_parcel(self, number: int, type_: OrderEventType, hours: int, again: bool) -> None:
        """A carrier's report, late or not, perhaps twice: the repetition says nothing new."""
        parcels = [(no, parcel) for no, case in self.ledger.cases.items() for parcel in case.parcels]
        no, parcel = parcels[number % len(parcels)]
        report = reported(type_, self.now - timedelta(hours=hours), parcel.waybill)
        self.ledger.hear(no, report, self.now)
        assert not again or self.ledger.hear(no, report, self.now).events == ()

    @rule(type_=st.sampled_from(REPORTS))
    def hear_of_a_parcel_early(self, type_: OrderEventType) -> None:
        """A carrier's report on a parcel whose waybill nobody named yet."""
        self.ledger.reports.append(reported(type_, self.now, f"W{self.waybills + 1}"))

    # what the mall does

    @precondition(lambda self: len(self.ledger.parcels) < 2)
    @rule(type_=st.sampled_from(PARCELS))
    def report_a_parcel(self, type_: OrderEventType) -> None:
        """A parcel moves, which ends the cooling-off and the claim to the freight."""
        self.ledger.parcels.append(OrderEvent(f"E{len(self.ledger.parcels)}", type_, self.now))

    @precondition(lambda self: len(self.ledger.cases) > 1)
    @rule(number=PICK, quantity=st.integers(1, 3))
    def refund_by_the_mall(self, number: int, quantity: int) -> None:
        """The mall refunds some units, or the whole order, by itself; not too often, to let others act."""
        line = self.ledger.order.lines[number % len(self.ledger.order.lines)]
        if number % 3:
            return
        everything = number % 10 == 0
        book = self.ledger.book()
        taken = self.ledger.mall_refunds(mall_refunded(None if everything else {line.line_id: quantity}))
        assert taken.by_tender == book.value(taken.units + taken.taken_over)
        self.after_the_mall_acted(self.now)

    @precondition(lambda self: len(self.ledger.cases) > 1)
    @rule(number=PICK)
    def close_by_the_mall(self, number: int) -> None:
        """The mall closes the order, rarely, as it ends most of what else could happen."""
        if number % 8 == 0:
            self.ledger.mall_closes(self.now)
            self.after_the_mall_acted(self.now)

    def after_the_mall_acted(self, now: datetime) -> None:
        """Every live request is looked at: it ends, or nobody is late any more and operations is asked."""
        for decision in self.ledger.void_all(now).values():
            case = decision.case
            if decision.tasks and not case.refund_decided:
                assert (case.deadline_at, case.taken_over) == (None, True)
            if case.refund_decided:
                assert not decision.events or case.state is State.REFUND_FAILED
            assert not decision.events or case.state is State.CLOSED or decision.tasks
        lost = {no for no, _ in self.ledger.lost_units}
        for case in self.live():
            if case.after_sales_no in lost and not case.refund_decided and case.accepted_units:
                assert case.kind is not Kind.REFUND_ONLY


def may_be_paid_otherwise(case: AfterSalesCase, leg: RefundLeg) -> bool:
    """One person says so, or the mall does."""
    if leg.status is LegStatus.SUCCEEDED:
        return False
    return case.taken_over or (case.settlement is not None and leg.status is LegStatus.FAILED)


@pytest.mark.rule("A4")
@pytest.mark.rule("T2")
def test_no_interleaving_breaks_units_money_or_clocks() -> None:
    """Requests, decisions, alarms, parcels, vendors and the mall in any sequence: every invariant holds."""
    run_state_machine_as_test(OneOrder, settings=settings(max_examples=300, stateful_step_count=50))
