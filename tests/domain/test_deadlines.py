"""Deadlines against commands: who wins depends on the instant alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.commands import Actor, Approve, Cancel, Command, ExtendDeadline, Reject
from mallcare.domain.errors import IllegalTransition, InvalidInput
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout
from mallcare.domain.vocabulary import DeadlineEffect, OrderEventType, State
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    OPERATIONS,
    POLICY,
    SUPPLIER,
    TICK,
    asking,
    cash,
    line,
    order,
    points,
)
from tests.domain.ledger import Ledger

AUTO = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)
DUE = AFTER_COOLING_OFF + POLICY.review
ZERO = timedelta(0)
HOUR = timedelta(hours=1)
COMMANDS: list[tuple[Command, Actor, State]] = [
    (Approve(), SUPPLIER, State.REFUNDING),
    (Reject("no_evidence"), SUPPLIER, State.REJECTED),
    (Cancel(), CUSTOMER, State.CANCELLED),
    (ExtendDeadline(DUE + HOUR, "holiday"), OPERATIONS, State.PENDING_REVIEW),
]


def under_review(policy: AfterSalesPolicy = POLICY) -> tuple[Ledger, AfterSalesCase]:
    """One unit of two under review, due at `DUE`."""
    ledger = Ledger(order(line("A", 2), tenders=(cash(1_500), points(600)), freight_fen=100), policy)
    return ledger, ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF)


def telling(ledger: Ledger) -> list[str]:
    """Names of everything that happened, in order."""
    return [event.name for _, event in ledger.events]


@pytest.mark.rule("A2")
@pytest.mark.parametrize("offset", [-TICK, ZERO, TICK])
@pytest.mark.parametrize(("command", "actor", "to"), COMMANDS)
def test_a_deadline_that_only_escalates_locks_nobody_out(
    command: Command, actor: Actor, to: State, offset: timedelta
) -> None:
    """Just before, at and after it every command still works, for the clock changes no state."""
    ledger, case = under_review()
    assert ledger.decide(case.after_sales_no, command, actor, DUE + offset).case.state is to


@pytest.mark.rule("A2")
@pytest.mark.parametrize("offset", [-TICK, ZERO, TICK])
@pytest.mark.parametrize(("command", "actor", "to"), COMMANDS)
def test_from_the_instant_of_an_automatic_approval_only_the_clock_acts(
    command: Command, actor: Actor, to: State, offset: timedelta
) -> None:
    """Before the deadline the command wins; at it and after it the clock does, however late it fires."""
    ledger, case = under_review(AUTO)
    no = case.after_sales_no
    if offset < ZERO:
        assert ledger.decide(no, command, actor, DUE + offset).case.state is to
        assert ledger.fire(no, DUE, DUE + HOUR).events == () or to is State.PENDING_REVIEW
        return
    with pytest.raises(IllegalTransition) as refused:
        ledger.decide(no, command, actor, DUE + offset)
    assert refused.value.facts["deadline_effect"] == "auto_approve"
    assert ledger.fire(no, DUE, DUE + 5 * HOUR).case.state is State.REFUNDING


@pytest.mark.parametrize("policy", [POLICY, AUTO])
@pytest.mark.parametrize(("offset", "fires"), [(-TICK, False), (ZERO, True), (TICK, True)])
def test_a_deadline_is_half_open(policy: AfterSalesPolicy, offset: timedelta, fires: bool) -> None:
    """An alarm that rings early changes nothing; at the very instant the deadline has passed."""
    ledger, case = under_review(policy)
    decision = ledger.fire(case.after_sales_no, DUE, DUE + offset)
    assert bool(decision.events) is fires
    assert (decision.case != case) is fires


@pytest.mark.parametrize(("command", "actor", "to"), COMMANDS)
@pytest.mark.parametrize("policy", [POLICY, AUTO])
def test_after_a_command_the_old_alarm_is_stale(
    policy: AfterSalesPolicy, command: Command, actor: Actor, to: State
) -> None:
    """Whatever the command made of the case, the alarm set before it does nothing."""
    ledger, case = under_review(policy)
    changed = ledger.decide(case.after_sales_no, command, actor, DUE - TICK).case
    decision = ledger.fire(case.after_sales_no, DUE, DUE + 10 * HOUR)
    assert decision.case == changed
    assert decision.events == ()


@pytest.mark.parametrize(("command", "actor", "to"), COMMANDS[:3])
def test_a_call_for_a_person_ends_when_somebody_acts(command: Command, actor: Actor, to: State) -> None:
    """Whoever acts, the case calls no longer: it is not listed as overdue for what is behind it."""
    ledger, case = under_review()
    ledger.fire(case.after_sales_no, DUE, DUE)
    assert ledger.decide(case.after_sales_no, command, actor, DUE + HOUR).case.escalated_at is None


@pytest.mark.parametrize("late", [ZERO, timedelta(milliseconds=1_500)])
def test_an_escalation_calls_once_and_leaves_the_case_to_people(late: timedelta) -> None:
    """The case stays in review without a clock, marked, with how late the clock was on record."""
    ledger, case = under_review()
    decision = ledger.fire(case.after_sales_no, DUE, DUE + late)
    called = decision.case
    assert (called.state, called.escalated_at) == (State.PENDING_REVIEW, DUE + late)
    assert (called.deadline_at, called.deadline_effect, called.version) == (None, None, 2)
    assert [(e.name, e.actor, e.facts) for e in decision.events] == [
        ("escalated", SYSTEM, {"late_ms": late // timedelta(milliseconds=1)})
    ]
    assert ledger.fire(case.after_sales_no, DUE, DUE + HOUR).events == ()
    assert ledger.decide(case.after_sales_no, Approve(), SUPPLIER, DUE + HOUR).case.refund_decided


def test_an_automatic_approval_refunds_as_a_person_would() -> None:
    """Same legs, same units; the record says that no person decided it."""
    ledger, case = under_review(AUTO)
    by_person, _ = under_review(AUTO)
    automatic = ledger.fire(case.after_sales_no, DUE, DUE)
    manual = by_person.decide(case.after_sales_no, Approve(), SUPPLIER, DUE - TICK)
    assert automatic.case == replace(manual.case, updated_at=DUE, refund_decided_at=DUE)
    assert automatic.events[0].actor == SYSTEM
    assert automatic.events[0].facts == {**manual.events[0].facts, "automatic": True}


@pytest.mark.parametrize(
    ("ceiling", "usage", "refusal"),
    [
        (999, AutoRefundUsage(), "ceiling"),
        (1_000, AutoRefundUsage(stopped=True), "stopped"),
        (1_000, AutoRefundUsage(by_customer=10), "customer_velocity"),
        (1_000, AutoRefundUsage(by_supplier=1_000), "supplier_velocity"),
    ],
)
def test_beyond_the_limits_an_automatic_approval_calls_a_person(
    ceiling: int, usage: AutoRefundUsage, refusal: str
) -> None:
    """What would be paid counts (1000 of the goods); then the supplier decides, no longer locked out."""
    ledger = Ledger(order(line("A", 2), freight_fen=150), replace(AUTO, auto_refund_ceiling_fen=ceiling))
    ledger.usage = usage
    no = ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF).after_sales_no
    decision = ledger.fire(no, DUE, DUE)
    assert decision.case.state is State.PENDING_REVIEW
    assert decision.events[0].facts == {"auto_refund_refused": refusal, "late_ms": 0}
    assert ledger.decide(no, Reject("no_evidence"), SUPPLIER, DUE).case.state is State.REJECTED


def test_within_the_limits_to_the_fen_the_approval_is_automatic() -> None:
    """The ceiling itself is still allowed, freight that is due included."""
    for units, ceiling in ((1, 1_000), (2, 2_150)):
        policy = replace(AUTO, auto_refund_ceiling_fen=ceiling)
        ledger = Ledger(order(line("A", 2), freight_fen=150), policy)
        no = ledger.submit(asking(("A", units)), AFTER_COOLING_OFF).after_sales_no
        assert ledger.fire(no, DUE, DUE).case.quote.total_fen == ceiling


def test_freight_that_is_due_counts_against_the_ceiling() -> None:
    """The order's last request would pay its freight too: one fen more than allowed calls a person."""
    ledger = Ledger(order(line("A", 2), freight_fen=150), replace(AUTO, auto_refund_ceiling_fen=2_149))
    no = ledger.submit(asking(("A", 2)), AFTER_COOLING_OFF).after_sales_no
    assert ledger.fire(no, DUE, DUE).events[0].facts["auto_refund_refused"] == "ceiling"


def test_an_automatic_approval_beyond_the_cap_calls_a_person() -> None:
    """The clock locks everybody out, so it must never fail: money already gone makes it escalate."""
    ledger, case = under_review(AUTO)
    ledger.mall_spent = [1_500, 600]
    decision = ledger.fire(case.after_sales_no, DUE, DUE)
    assert decision.events[0].facts == {"auto_refund_refused": "refund_cap_exceeded", "late_ms": 0}
    assert ledger.mint.minted == []
    assert ledger.decide(case.after_sales_no, Cancel(), CUSTOMER, DUE).case.state is State.CANCELLED


@pytest.mark.parametrize("policy", [POLICY, AUTO])
def test_an_extension_moves_the_deadline_and_keeps_its_effect(policy: AfterSalesPolicy) -> None:
    """The old alarm does nothing any more, the new one does at its instant, and both are on record."""
    ledger, case = under_review(policy)
    until = DUE + 3 * HOUR
    no = case.after_sales_no
    decision = ledger.decide(no, ExtendDeadline(until, "holiday"), OPERATIONS, DUE - TICK)
    assert (decision.case.deadline_at, decision.case.deadline_effect) == (until, case.deadline_effect)
    assert decision.events[0].facts == {
        "until": until.isoformat(),
        "before": DUE.isoformat(),
        "reason": "holiday",
    }
    assert ledger.fire(no, DUE, DUE + HOUR).events == ()
    assert ledger.fire(no, until, until - TICK).events == ()
    assert ledger.fire(no, until, until).events != ()


@pytest.mark.parametrize(
    ("until", "now"), [(DUE, DUE - HOUR), (DUE - TICK, DUE - HOUR), (DUE + TICK, DUE + TICK)]
)
def test_an_extension_only_moves_forward(until: datetime, now: datetime) -> None:
    """Neither a deadline that is not later than the present one nor one in the past is accepted."""
    ledger, case = under_review()
    with pytest.raises(InvalidInput) as refused:
        ledger.decide(case.after_sales_no, ExtendDeadline(until, "mistake"), OPERATIONS, now)
    assert refused.value.facts == {"deadline_at": DUE.isoformat()}


def test_an_escalated_review_can_get_a_new_deadline() -> None:
    """After its clock rang a case may be given another one, which calls for a person again."""
    ledger, case = under_review(AUTO)
    ledger.usage = AutoRefundUsage(stopped=True)
    no = case.after_sales_no
    ledger.fire(no, DUE, DUE)
    with pytest.raises(InvalidInput) as refused:
        ledger.decide(no, ExtendDeadline(DUE, "mistake"), OPERATIONS, DUE)
    assert refused.value.facts == {"deadline_at": None}
    again = ledger.decide(no, ExtendDeadline(DUE + HOUR, "asked"), OPERATIONS, DUE).case
    assert again.deadline_effect is DeadlineEffect.ESCALATE
    ledger.fire(no, DUE + HOUR, DUE + HOUR)
    assert telling(ledger) == ["submitted", "escalated", "deadline_extended", "escalated"]


def test_an_automatic_approval_of_a_closed_order_calls_a_person() -> None:
    """What the mall closed by itself is not refunded unseen; the supplier still may decide."""
    ledger, case = under_review(AUTO)
    ledger.parcels.append(OrderEvent("C1", OrderEventType.CLOSED, DUE - HOUR))
    decision = ledger.fire(case.after_sales_no, DUE, DUE)
    assert decision.events[0].facts == {"auto_refund_refused": "order_closed", "late_ms": 0}
    assert ledger.decide(case.after_sales_no, Approve(), SUPPLIER, DUE).case.refund_decided
