"""Replacements: sent, out of stock, confirmed, missing; and what an exchange leaves behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.after_sales import SYSTEM
from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import (
    Actor,
    Approve,
    ChangeAddress,
    Choose,
    Command,
    Confirm,
    OutOfStock,
    ReportMissing,
    Reship,
    ShipBack,
)
from mallcare.domain.errors import IllegalTransition, UnitsUnavailable, WaybillInUse
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout
from mallcare.domain.vocabulary import Choice, DeadlineEffect, OrderEventType, ParcelPurpose, State
from tests.domain import journeys
from tests.domain.builders import (
    CUSTOMER,
    OPERATIONS,
    POLICY,
    SUPPLIER,
    TICK,
    asking,
    mall_refunded,
    reported,
)
from tests.domain.journeys import COMING_BACK, DAY, EX, HOUR, NO, NOW, REPLACEMENT, RR, only


def test_accepted_goods_are_replaced_within_48_hours() -> None:
    """No money moves; the supplier is called when the time is up, and still may send it."""
    ledger = journeys.accepted(EX)
    case = only(ledger)
    assert (case.state, case.legs, case.refund_decided) == (State.AWAITING_RESHIPMENT, (), False)
    assert (case.deadline_at, case.deadline_effect) == (NOW + 2 * DAY, DeadlineEffect.ESCALATE)
    assert ledger.ring(NO).case.escalated_at == NOW + 2 * DAY
    sent = ledger.decide(NO, Reship("SF", REPLACEMENT), SUPPLIER, NOW + 3 * DAY).case
    assert (sent.state, sent.escalated_at) == (State.RESHIPPED, None)
    assert (sent.deadline_at, sent.deadline_effect) == (NOW + 13 * DAY, DeadlineEffect.COMPLETE)
    assert ledger.events[-1][1].facts == {
        "purpose": "reshipment",
        "carrier": "SF",
        "waybill": REPLACEMENT,
    }


@pytest.mark.rule("A4")
@pytest.mark.parametrize("actor", [CUSTOMER, OPERATIONS])
def test_a_confirmed_exchange_leaves_its_units_free(actor: Actor) -> None:
    """The units can be asked for again: the customer has goods that may fail as well."""
    ledger = journeys.reshipped()
    decision = ledger.decide(NO, Confirm(), actor, NOW + DAY)
    case = decision.case
    assert [e.name for e in decision.events] == ["replacement_confirmed", "completed"]
    assert (case.state, case.holdings, case.deadline_at) == (State.COMPLETED, (), None)
    assert case.exchanged_at == NOW + DAY
    assert ledger.exchanged_at == dict.fromkeys(journeys.A_UNITS, NOW + DAY)
    assert ledger.submit(asking(("A", 3), kind=RR), NOW + DAY).lines[0].units == (1, 2, 3)


def test_units_are_exchanged_since_they_were_signed_for() -> None:
    """The carrier's delivery counts, however late the customer confirms; nothing else was exchanged."""
    ledger = journeys.reshipped(2, good=2, damaged=1)
    assert only(ledger).exchanged_at is None
    ledger.hear(NO, reported(OrderEventType.DELIVERED, NOW + DAY, REPLACEMENT), NOW + DAY)
    ledger.decide(NO, Confirm(), CUSTOMER, NOW + 2 * DAY)
    assert (only(ledger).state, only(ledger).exchanged_at) == (State.RETURNING_TO_CUSTOMER, None)
    journeys.shipped_back(ledger)
    ledger.decide(NO, Confirm(), CUSTOMER, NOW + 3 * DAY)
    assert only(ledger).state is State.COMPLETED
    assert ledger.exchanged_at == {Unit("A", 1): NOW + DAY, Unit("A", 2): NOW + DAY}


def test_a_refund_or_a_rejection_exchanges_nothing() -> None:
    """Neither a return, nor an exchange that was refunded or refused, replaced any unit."""
    refunded = journeys.out_of_stock()
    refunded.decide(NO, Choose(Choice.REFUND), CUSTOMER, NOW)
    refunded.settle_all(NOW)
    rejected = journeys.shipped_back(journeys.refused(EX))
    rejected.decide(NO, Confirm(), CUSTOMER, NOW)
    returned = journeys.accepted(RR)
    returned.settle_all(NOW)
    for ledger in (refunded, rejected, returned):
        assert only(ledger).state.final
        assert only(ledger).exchanged_at is None
        assert ledger.exchanged_at == {}


def test_an_unconfirmed_exchange_completes_by_itself() -> None:
    """Nothing heard of the parcel: ten days after it was sent."""
    ledger = journeys.reshipped()
    assert only(ledger).deadline_at == NOW + 10 * DAY
    decision = ledger.ring(NO)
    assert [(e.name, e.actor) for e in decision.events] == [
        ("replacement_confirmed", SYSTEM),
        ("completed", SYSTEM),
    ]


@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
@pytest.mark.parametrize(("command", "actor"), [(ReportMissing(), CUSTOMER), (Confirm(), CUSTOMER)])
def test_a_replacement_is_reported_missing_in_time_or_counts_as_arrived(
    command: Command, actor: Actor, offset: timedelta
) -> None:
    """To the last microsecond the customer's word counts; from the instant on the clock has decided."""
    ledger = journeys.reshipped()
    due = only(ledger).deadline_at
    assert due is not None
    if offset < timedelta(0):
        assert ledger.decide(NO, command, actor, due + offset).events
        assert ledger.fire(NO, due, due).events == ()
        return
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, command, actor, due + offset)
    assert ledger.fire(NO, due, due + HOUR).case.state is State.COMPLETED


def test_a_missing_replacement_is_never_completed_by_a_clock() -> None:
    """Operations is asked at once and called again after 48 hours; a delivery changes nothing by itself."""
    ledger = journeys.reported_missing()
    case = only(ledger)
    assert (case.state, case.missing_reported) == (State.RESHIPPED, True)
    assert (case.deadline_at, case.deadline_effect) == (NOW + 2 * DAY, DeadlineEffect.ESCALATE)
    heard = ledger.hear(NO, reported(OrderEventType.DELIVERED, NOW, REPLACEMENT), NOW).case
    assert (heard.deadline_at, heard.deadline_effect) == (case.deadline_at, DeadlineEffect.ESCALATE)
    rung = ledger.ring(NO).case
    assert (rung.state, rung.deadline_at, rung.escalated_at) == (State.RESHIPPED, None, NOW + 2 * DAY)
    assert ledger.task_kinds() == ["reshipment_missing", "reshipment_overdue"]


def test_a_missing_replacement_turns_up_and_is_confirmed() -> None:
    """The customer has it after all: the exchange completes, and nobody is called any more."""
    case = journeys.reported_missing().decide(NO, Confirm(), CUSTOMER, NOW).case
    assert (case.state, case.missing_reported, case.escalated_at) == (State.COMPLETED, False, None)


def test_a_missing_replacement_is_sent_again_under_another_waybill() -> None:
    """The second parcel takes the place of the first, with ten days of its own, and may go missing too."""
    ledger = journeys.reported_missing()
    with pytest.raises(WaybillInUse):
        ledger.decide(NO, Reship("SF", REPLACEMENT), SUPPLIER, NOW + DAY)
    case = ledger.decide(NO, Reship("SF", "SF-SECOND"), SUPPLIER, NOW + DAY).case
    assert (case.missing_reported, case.deadline_at) == (False, NOW + 11 * DAY)
    assert [p.waybills for p in case.parcels] == [(COMING_BACK,), (REPLACEMENT, "SF-SECOND")]
    late = reported(OrderEventType.DELIVERED, NOW + DAY, REPLACEMENT)
    assert ledger.hear(NO, late, NOW + DAY).events == ()
    assert ledger.decide(NO, ReportMissing(), CUSTOMER, NOW + DAY).case.missing_reported
    for used in (REPLACEMENT, "SF-SECOND"):
        with pytest.raises(WaybillInUse):
            ledger.decide(NO, Reship("SF", used), SUPPLIER, NOW + DAY)
    third = ledger.decide(NO, Reship("SF", "SF-THIRD"), SUPPLIER, NOW + DAY).case
    assert third.parcels[-1].waybills == (REPLACEMENT, "SF-SECOND", "SF-THIRD")


def test_a_missing_replacement_can_be_out_of_stock() -> None:
    """There is no second one: the customer chooses, and nothing is missing any more."""
    case = journeys.reported_missing().decide(NO, OutOfStock(), SUPPLIER, NOW).case
    assert (case.state, case.missing_reported) == (State.OUT_OF_STOCK, False)


@pytest.mark.parametrize("purpose", [ParcelPurpose.RETURN, ParcelPurpose.SHIP_BACK])
def test_a_replacement_needs_a_waybill_of_its_own(purpose: ParcelPurpose) -> None:
    """What is heard of another parcel of the request must not complete the exchange."""
    ledger = journeys.shipped_back(journeys.accepted(EX, 2, good=2, damaged=1))
    other = only(ledger).parcel(purpose)
    assert other is not None
    with pytest.raises(WaybillInUse):
        ledger.decide(NO, Reship("SF", other.waybill), SUPPLIER, NOW)


def test_the_customer_waits_or_takes_the_money() -> None:
    """Seven days to choose; waiting calls on the supplier again, money is the accepted units' worth."""
    waiting = journeys.out_of_stock()
    case = only(waiting)
    assert (case.deadline_at, case.deadline_effect) == (NOW + 7 * DAY, DeadlineEffect.REFUND)
    case = waiting.decide(NO, Choose(Choice.WAIT), CUSTOMER, NOW + DAY).case
    assert (case.state, case.deadline_at) == (State.AWAITING_RESHIPMENT, NOW + 3 * DAY)
    refunded = journeys.out_of_stock(2, good=2).decide(NO, Choose(Choice.REFUND), CUSTOMER, NOW).case
    assert (refunded.state, refunded.kind) == (State.REFUNDING, EX)
    assert sum(leg.amount_fen for leg in refunded.legs) == 2_000
    assert refunded.holdings == tuple(Holding(Unit("A", j), NO, True) for j in (1, 2))


def test_who_does_not_choose_gets_the_money() -> None:
    """After seven days the refund is the platform's own, and on record as such."""
    decision = journeys.out_of_stock().ring(NO)
    assert (decision.case.state, decision.events[0].name) == (State.REFUNDING, "refund_by_default")
    assert decision.events[0].actor == SYSTEM
    assert decision.events[0].facts["automatic"] is True


def test_beyond_the_limits_nobody_is_paid_by_default() -> None:
    """The stop switch holds here too: a person is called, and the customer can still choose."""
    ledger = journeys.out_of_stock()
    ledger.usage = AutoRefundUsage(stopped=True)
    decision = ledger.ring(NO)
    assert (decision.case.state, decision.case.deadline_at) == (State.OUT_OF_STOCK, None)
    assert decision.events[0].facts == {"auto_refund_refused": "stopped", "late_ms": 0}
    assert ledger.decide(NO, Choose(Choice.REFUND), CUSTOMER, NOW + 8 * DAY).case.refund_decided


def test_units_the_mall_refunded_are_not_paid_by_default() -> None:
    """The clock must not fail on it: a person is called; the customer's own choice is told why not."""
    ledger = journeys.out_of_stock()
    ledger.mall_refunds(mall_refunded({"A": 1}))
    with pytest.raises(UnitsUnavailable):
        ledger.decide(NO, Choose(Choice.REFUND), CUSTOMER, NOW)
    assert ledger.ring(NO).events[0].facts["auto_refund_refused"] == "units_unavailable"


def test_an_automatic_approval_of_an_exchange_asks_for_the_goods() -> None:
    """Nothing is paid without a person; if its units are gone, a person is called instead."""
    policy = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)
    decision = journeys.requested(EX, policy=policy).ring(NO)
    assert decision.case.state is State.AWAITING_RETURN
    assert (decision.events[0].name, decision.events[0].facts) == ("approved", {"automatic": True})
    lost = journeys.requested(EX, policy=policy)
    lost.mall_refunds(mall_refunded({"A": 1}))
    called = lost.ring(NO)
    assert called.case.state is State.PENDING_REVIEW
    assert called.events[0].facts == {"approval_refused": "units_unavailable", "late_ms": 0}


def test_an_exchange_with_refused_goods_ends_when_they_are_back() -> None:
    """Confirming the replacement leaves the refused goods to come; their 48 hours ran since inspection."""
    ledger = journeys.reshipped(2, good=2, damaged=1)
    decision = ledger.decide(NO, Confirm(), CUSTOMER, NOW + 5 * DAY)
    assert [e.name for e in decision.events] == ["replacement_confirmed", "goods_going_back"]
    assert decision.case.deadline_at == NOW + POLICY.ship_back
    assert ledger.book().free("A") == ()
    ledger.decide(NO, ShipBack("SF", "SF-BACK"), SUPPLIER, NOW + 6 * DAY)
    assert ledger.ring(NO).case.state is State.COMPLETED
    assert ledger.book().free("A") == (1, 2, 3)


@pytest.mark.rule("A4")
def test_the_address_is_changed_until_the_replacement_is_sent() -> None:
    """Kept with who changed it, without the address itself; no clock and no state moves."""
    for ledger in (journeys.requested(EX), journeys.accepted(EX), journeys.out_of_stock()):
        before = only(ledger)
        decision = ledger.decide(NO, ChangeAddress(), CUSTOMER, NOW)
        assert (decision.events[0].name, decision.events[0].facts) == ("address_changed", {})
        assert (decision.case.state, decision.case.deadline_at) == (before.state, before.deadline_at)
    with pytest.raises(IllegalTransition):
        journeys.reshipped().decide(NO, ChangeAddress(), CUSTOMER, NOW)


@pytest.mark.rule("A4")
def test_part_of_a_line_is_exchanged_while_another_part_is_refunded() -> None:
    """Two requests of one line hold different units to their ends."""
    ledger = journeys.requested(EX, ("A", 2))
    ledger.submit(asking(("A", 1)), NOW)
    ledger.decide("AS2", Approve(), SUPPLIER, NOW)
    ledger.settle_all(NOW)
    assert [h.unit.ordinal for h in ledger.holdings()] == [1, 2, 3]
    assert only(ledger).state is State.PENDING_REVIEW
