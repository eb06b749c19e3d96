"""Goods on their way back to the supplier, and refused ones on their way back to the customer."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.after_sales import SYSTEM
from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    Cancel,
    Confirm,
    CorrectWaybill,
    ExtendDeadline,
    SetReturnAddress,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.errors import IllegalTransition, WaybillInUse
from mallcare.domain.vocabulary import DeadlineEffect, Kind, OrderEventType, ParcelPurpose, State
from tests.domain import journeys
from tests.domain.builders import (
    CUSTOMER,
    OPERATIONS,
    POLICY,
    SUPPLIER,
    TICK,
    asking,
    reported,
)
from tests.domain.journeys import COMING_BACK, DAY, EX, HOUR, NO, NOW, RR, WITH_GOODS, only

# sending it back (A3)


@pytest.mark.rule("A3")
@pytest.mark.parametrize("kind", WITH_GOODS)
@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
def test_goods_not_sent_back_in_seven_days_expire(kind: Kind, offset: timedelta) -> None:
    """To the last microsecond a waybill is in time; at the instant of seven days the request has expired."""
    ledger = journeys.approved(kind)
    due = NOW + timedelta(days=7)
    if offset < timedelta(0):
        case = ledger.decide(NO, SubmitWaybill("SF", COMING_BACK), CUSTOMER, due + offset).case
        assert case.state is State.RETURN_IN_TRANSIT
        assert ledger.fire(NO, due, due + DAY).events == ()
        return
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, SubmitWaybill("SF", COMING_BACK), CUSTOMER, due + offset)
    gone = ledger.fire(NO, due, due + offset).case
    assert (gone.state, gone.holdings, gone.deadline_at) == (State.EXPIRED, (), None)
    assert ledger.submit(asking(("A", 3), kind=kind), NOW).lines[0].units == (1, 2, 3)


def test_a_waybill_starts_the_ten_days_of_the_journey() -> None:
    """The parcel is known by carrier and waybill, sent when it was told."""
    case = only(journeys.sent(RR))
    parcel = case.parcel(ParcelPurpose.RETURN)
    assert parcel is not None
    assert (parcel.carrier, parcel.waybill, parcel.sent_at) == ("SF", COMING_BACK, NOW)
    assert (case.deadline_at, case.deadline_effect) == (NOW + 10 * DAY, DeadlineEffect.ESCALATE)


@pytest.mark.rule("A3")
def test_an_address_named_late_gives_the_customer_the_full_time() -> None:
    """The seven days begin anew when the customer can know where to send the goods; only once."""
    ledger = journeys.requested(RR)
    ledger.return_address_known = False
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    case = ledger.decide(NO, SetReturnAddress(), SUPPLIER, NOW + 5 * DAY).case
    assert (case.return_address_set, case.deadline_at) == (True, NOW + 12 * DAY)
    assert case.deadline_effect is DeadlineEffect.EXPIRE
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, SetReturnAddress(), SUPPLIER, NOW + 5 * DAY)


def test_an_address_named_late_takes_no_granted_time_away() -> None:
    """What operations gave is kept where it ends later than the new seven days."""
    ledger = journeys.requested(RR)
    ledger.return_address_known = False
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    until = NOW + 30 * DAY
    ledger.decide(NO, ExtendDeadline(until, "no address"), OPERATIONS, NOW)
    assert ledger.decide(NO, SetReturnAddress(), SUPPLIER, NOW + DAY).case.deadline_at == until
    late = ledger.decide(NO, SubmitWaybill("SF", COMING_BACK), CUSTOMER, until - TICK).case
    assert (late.state, late.extended_until) == (State.RETURN_IN_TRANSIT, None)


def test_a_corrected_waybill_forgets_what_the_wrong_one_said_and_wins_no_time() -> None:
    """The clock is that of the parcel's own sending; the record names the waybill before."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, reported(OrderEventType.IN_TRANSIT, NOW + DAY, COMING_BACK), NOW + DAY)
    assert only(ledger).deadline_at == NOW + DAY + POLICY.return_silence
    decision = ledger.decide(NO, CorrectWaybill("SF", "SF-RIGHT"), CUSTOMER, NOW + 2 * DAY)
    parcel = decision.case.parcel(ParcelPurpose.RETURN)
    assert parcel is not None
    assert (parcel.waybill, parcel.sent_at, parcel.heard_at) == ("SF-RIGHT", NOW, None)
    assert decision.case.deadline_at == NOW + 10 * DAY
    assert decision.events[0].facts["before"] == COMING_BACK
    wrong = reported(OrderEventType.DELIVERED, NOW + 2 * DAY, COMING_BACK)
    assert ledger.hear(NO, wrong, NOW + 2 * DAY).events == ()


def test_a_waybill_corrected_after_all_its_time_gives_none_back() -> None:
    """After the ten days the request keeps calling for a person, whatever waybill it has."""
    ledger = journeys.sent(RR)
    ledger.ring(NO)
    case = ledger.decide(NO, CorrectWaybill("SF", "SF-RIGHT"), CUSTOMER, NOW + 11 * DAY).case
    assert (case.deadline_at, case.escalated_at) == (None, NOW + 10 * DAY)


@pytest.mark.parametrize("corrected", [False, True])
def test_what_was_already_heard_of_a_waybill_counts(corrected: bool) -> None:
    """A parcel delivered before its waybill was named: the supplier's 48 hours begin once both are so."""
    ledger = journeys.sent(RR) if corrected else journeys.approved(RR)
    ledger.reports.append(reported(OrderEventType.DELIVERED, NOW + HOUR, "SF-EARLY"))
    command = CorrectWaybill("SF", "SF-EARLY") if corrected else SubmitWaybill("SF", "SF-EARLY")
    decision = ledger.decide(NO, command, CUSTOMER, NOW + DAY)
    assert decision.case.state is State.INSPECTING
    since = NOW + HOUR if corrected else NOW + DAY
    assert decision.case.deadline_at == since + POLICY.inspection
    assert [e.name for e in decision.events][1:] == ["return_delivered"]


# refusing, and the way back


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_refused_goods_go_back_to_their_customer(kind: Kind) -> None:
    """The supplier has 48 hours to ship them; then the customer confirms, and the request is rejected."""
    ledger = journeys.refused(kind, good=2, damaged=1)
    case = only(ledger)
    assert (case.state, case.legs, case.accepted_units) == (State.RETURNING_TO_CUSTOMER, (), ())
    assert case.refused_units == journeys.A_UNITS
    assert (case.deadline_at, case.deadline_effect) == (NOW + 2 * DAY, DeadlineEffect.ESCALATE)
    assert ledger.events[-1][1].facts == {"reason": "worn", "items": 2}
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, Confirm(), CUSTOMER, NOW)
    sent = ledger.decide(NO, ShipBack("SF", "SF-BACK"), SUPPLIER, NOW + DAY).case
    assert (sent.deadline_at, sent.deadline_effect) == (NOW + 11 * DAY, DeadlineEffect.COMPLETE)
    gone = ledger.decide(NO, Confirm(), CUSTOMER, NOW + 2 * DAY).case
    assert (gone.state, gone.holdings, gone.deadline_at) == (State.REJECTED, (), None)


def test_goods_on_their_way_back_count_as_arrived_after_ten_days() -> None:
    """A silent customer does not keep the request open for ever."""
    ledger = journeys.shipped_back(journeys.refused(RR))
    decision = ledger.ring(NO)
    assert [(e.name, e.actor) for e in decision.events] == [("goods_back_with_customer", SYSTEM)]
    assert decision.case.state is State.REJECTED


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_refusing_where_nothing_arrived_ends_the_request(kind: Kind) -> None:
    """There is nothing to send back: rejected at once, the units are free."""
    ledger = journeys.refused(kind, good=0)
    case = only(ledger)
    assert (case.state, case.holdings, case.deadline_at) == (State.REJECTED, (), None)
    assert [event.name for _, event in ledger.events][-2:] == ["inspected", "refused"]


def test_a_partly_refused_return_ends_when_its_goods_are_back() -> None:
    """The money is through first; then the supplier ships, within 48 hours of the inspection."""
    ledger = journeys.accepted(RR, 2, good=2, damaged=1)
    ledger.settle_all(NOW + DAY)
    case = only(ledger)
    assert (case.state, case.deadline_at) == (State.RETURNING_TO_CUSTOMER, NOW + POLICY.ship_back)
    assert case.deadline_effect is DeadlineEffect.ESCALATE
    journeys.shipped_back(ledger)
    done = ledger.decide(NO, Confirm(), CUSTOMER, NOW + 2 * DAY).case
    assert done.state is State.COMPLETED
    assert done.holdings == (Holding(Unit("A", 1), NO, True), Holding(Unit("A", 2), NO, True))
    assert ledger.book().free("A") == (3,)


def test_goods_shipped_back_early_wait_for_the_money_alone() -> None:
    """While the refund is under way nothing is confirmed; then ten days count from sent."""
    ledger = journeys.shipped_back(journeys.accepted(RR, 2, good=2, damaged=1))
    assert (only(ledger).state, only(ledger).deadline_at) == (State.REFUNDING, None)
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, ShipBack("SF", "SF-AGAIN"), SUPPLIER, NOW)
    ledger.settle_all(NOW + DAY)
    assert only(ledger).deadline_at == NOW + POLICY.ship_back_confirm
    assert ledger.ring(NO).case.state is State.COMPLETED


def test_goods_shipped_back_while_a_refund_failed_leave_its_reminder_alone() -> None:
    """Two waits, two records: the failed leg still reminds on its day."""
    ledger = journeys.failed(2, good=2, damaged=1)
    due = only(ledger).deadline_at
    assert only(journeys.shipped_back(ledger)).deadline_at == due


def test_a_return_worth_nothing_still_sends_refused_goods_back() -> None:
    """No leg to wait for: from acceptance straight to the way back."""
    ledger = journeys.counted(RR, good=2, damaged=1)
    ledger.cells = type(ledger.cells)({"A": (0, 0), "B": (350, 350)}, (150, 150))
    case = ledger.decide(NO, Accept((AcceptedLine("A", 2),)), SUPPLIER, NOW).case
    assert (case.state, case.legs) == (State.RETURNING_TO_CUSTOMER, ())


def test_a_parcel_back_needs_a_waybill_of_its_own() -> None:
    """What was heard of the return is not of the parcel that goes the other way."""
    ledger = journeys.refused(EX)
    with pytest.raises(WaybillInUse) as refused:
        ledger.decide(NO, ShipBack("SF", COMING_BACK), SUPPLIER, NOW)
    assert refused.value.facts == {"waybill": COMING_BACK}


@pytest.mark.rule("A2")
def test_refused_goods_cannot_be_cancelled_away() -> None:
    """Once handled, there is nothing left to withdraw."""
    with pytest.raises(IllegalTransition):
        journeys.refused(RR).decide(NO, Cancel(), CUSTOMER, NOW)
