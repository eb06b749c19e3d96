"""Carriers' reports: any order and repetition tells the same, and clocks follow what happened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Confirm, ExtendDeadline, Receive, ReceivedLine
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.parcels import Parcel, track
from mallcare.domain.vocabulary import DeadlineEffect, OrderEventType, ParcelPurpose, State
from tests.domain import journeys
from tests.domain.builders import CUSTOMER, OPERATIONS, POLICY, SUPPLIER, TICK, reported
from tests.domain.journeys import COMING_BACK, DAY, EX, HOUR, NO, NOW, REPLACEMENT, RR, WAY_BACK, only
from tests.domain.ledger import Ledger

MOVED, ABNORMAL, DELIVERED = (
    OrderEventType.IN_TRANSIT,
    OrderEventType.EXCEPTION,
    OrderEventType.DELIVERED,
)
SILENCE = timedelta(hours=72)


def after_hours(drawn: tuple[OrderEventType, int]) -> OrderEvent:
    """A report of what happened some hours after the parcel was sent."""
    return reported(drawn[0], NOW + drawn[1] * HOUR)


def reports(*types: OrderEventType) -> st.SearchStrategy[list[OrderEvent]]:
    """Reports of the first five days of a parcel, by the hour they happened."""
    one = st.tuples(st.sampled_from(types), st.integers(0, 120)).map(after_hours)
    return st.lists(one, max_size=6)


def said(type_: OrderEventType, at: datetime, waybill: str = COMING_BACK) -> OrderEvent:
    """One report on a parcel of the request."""
    return reported(type_, at, waybill)


def hearing(begin: Callable[[], Ledger], events: list[OrderEvent], waybill: str) -> AfterSalesCase:
    """A request after its parcel's reports, all of them told on the sixth day."""
    ledger = begin()
    for event in events:
        ledger.hear(NO, reported(event.type, event.occurred_at, waybill), NOW + 120 * HOUR)
    return only(ledger)


@given(reports(*OrderEventType), st.data())
def test_a_parcel_is_the_same_for_any_order_and_repetition(
    events: list[OrderEvent], data: st.DataObject
) -> None:
    """Only carriers' reports count, each by the time it happened, however often it is told."""
    parcel = Parcel(ParcelPurpose.RETURN, "SF", COMING_BACK, NOW)
    told = data.draw(st.permutations(events + events[:2]))
    once = track(parcel, events)
    assert track(parcel, told) == once == track(once, told)
    deliveries = [e.occurred_at for e in events if e.type is DELIVERED]
    exceptions = [e.occurred_at for e in events if e.type is ABNORMAL]
    assert once.signed_at == min(deliveries, default=None)
    assert once.abnormal_at == max(exceptions, default=None)
    assert once.tracked is (once.heard_at is not None)


@given(reports(MOVED, ABNORMAL), st.integers(0, 120), st.booleans(), st.data())
def test_a_return_waits_the_same_for_any_order_and_repetition(
    events: list[OrderEvent], hour: int, delivered: bool, data: st.DataObject
) -> None:
    """State, clock and parcel follow from what happened, not from when it was told."""
    events += [reported(DELIVERED, NOW + hour * HOUR)] if delivered else []
    told = data.draw(st.permutations(events + events[:2]))
    one = hearing(lambda: journeys.sent(RR), events, COMING_BACK)
    other = hearing(lambda: journeys.sent(RR), told, COMING_BACK)
    assert (one.state, one.deadline_at, one.deadline_effect, one.parcels) == (
        other.state,
        other.deadline_at,
        other.deadline_effect,
        other.parcels,
    )
    if delivered:
        assert (one.state, one.deadline_at) == (State.INSPECTING, NOW + hour * HOUR + POLICY.inspection)


@given(reports(MOVED, ABNORMAL, DELIVERED), st.data())
def test_a_replacement_waits_the_same_for_any_order_and_repetition(
    events: list[OrderEvent], data: st.DataObject
) -> None:
    """Seven days from the first delivery; tracked but not delivered, a person is called after ten."""
    told = data.draw(st.permutations(events + events[:2]))
    one = hearing(journeys.reshipped, events, REPLACEMENT)
    other = hearing(journeys.reshipped, told, REPLACEMENT)
    assert one.deadline_at == other.deadline_at
    assert (one.deadline_effect, one.parcels) == (other.deadline_effect, other.parcels)
    deliveries = [e.occurred_at for e in events if e.type is DELIVERED]
    if deliveries:
        assert (one.deadline_at, one.deadline_effect) == (min(deliveries) + 7 * DAY, DeadlineEffect.COMPLETE)
    else:
        effect = DeadlineEffect.ESCALATE if events else DeadlineEffect.COMPLETE
        assert (one.deadline_at, one.deadline_effect) == (NOW + 10 * DAY, effect)


@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
def test_72_hours_of_silence_call_operations_and_the_ten_days_once_more(offset: timedelta) -> None:
    """Each word of the carrier starts the silence anew; both calls ask operations to look for the parcel."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, said(MOVED, NOW + DAY), NOW + DAY)
    ledger.hear(NO, said(ABNORMAL, NOW + 2 * DAY), NOW + 2 * DAY)
    due = NOW + 2 * DAY + SILENCE
    assert only(ledger).deadline_at == due
    fired = ledger.fire(NO, due, due + offset)
    if offset < timedelta(0):
        assert fired.events == ()
        return
    assert (fired.case.state, fired.case.deadline_at) == (State.RETURN_IN_TRANSIT, NOW + 10 * DAY)
    last = ledger.ring(NO).case
    assert (last.deadline_at, last.escalated_at) == (None, NOW + 10 * DAY)
    assert ledger.task_kinds() == ["parcel_abnormal", "return_overdue", "return_overdue"]


def test_silence_near_the_end_calls_once() -> None:
    """The ten days are the latest: no word moves the call beyond them."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, said(MOVED, NOW + 9 * DAY), NOW + 9 * DAY)
    assert only(ledger).deadline_at == NOW + 10 * DAY
    assert ledger.ring(NO).case.deadline_at is None


def test_a_parcel_that_moves_again_ends_the_call() -> None:
    """After the silence a movement is news: nobody is overdue, and the silence counts anew."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, said(MOVED, NOW), NOW)
    ledger.ring(NO)
    assert only(ledger).escalated_at == NOW + SILENCE
    moved = ledger.hear(NO, said(MOVED, NOW + 4 * DAY), NOW + 4 * DAY).case
    assert (moved.deadline_at, moved.escalated_at) == (NOW + 7 * DAY, None)


def test_old_news_moves_no_clock() -> None:
    """A movement told after its own silence has passed neither calls at once nor gives time."""
    ledger = journeys.sent(RR)
    before = only(ledger).deadline_at
    old = ledger.hear(NO, said(MOVED, NOW + HOUR), NOW + 5 * DAY).case
    assert old.deadline_at == before == NOW + 10 * DAY
    replaced = journeys.reshipped()
    replaced.decide(NO, ExtendDeadline(NOW + 20 * DAY, "asked"), OPERATIONS, NOW)
    moved = replaced.hear(NO, said(MOVED, NOW + 9 * DAY, REPLACEMENT), NOW + 12 * DAY).case
    assert (moved.deadline_at, moved.deadline_effect) == (NOW + 20 * DAY, DeadlineEffect.ESCALATE)


def test_a_replacement_heard_of_after_its_clock_rang_gets_no_new_one() -> None:
    """Tracked, never delivered, ten days over: a person is on it until the parcel arrives."""
    ledger = journeys.reshipped()
    ledger.hear(NO, said(MOVED, NOW + DAY, REPLACEMENT), NOW + DAY)
    ledger.ring(NO)
    assert ledger.task_kinds() == ["reshipment_overdue"]
    moved = ledger.hear(NO, said(MOVED, NOW + 11 * DAY, REPLACEMENT), NOW + 11 * DAY).case
    assert (moved.deadline_at, moved.escalated_at) == (None, NOW + 10 * DAY)
    arrived = ledger.hear(NO, said(DELIVERED, NOW + 12 * DAY, REPLACEMENT), NOW + 12 * DAY).case
    assert (arrived.deadline_at, arrived.deadline_effect) == (NOW + 19 * DAY, DeadlineEffect.COMPLETE)


@pytest.mark.parametrize("type_", [MOVED, ABNORMAL])
def test_an_extension_is_never_shortened_by_a_report(type_: OrderEventType) -> None:
    """Time that operations granted a return is kept, whatever its carrier says."""
    ledger = journeys.sent(RR)
    until = NOW + 14 * DAY
    ledger.decide(NO, ExtendDeadline(until, "strike"), OPERATIONS, NOW)
    case = ledger.hear(NO, said(type_, NOW + DAY), NOW + DAY).case
    assert (case.deadline_at, case.extended_until) == (until, until)
    again = ledger.hear(NO, said(MOVED, NOW + 8 * DAY), NOW + 8 * DAY).case
    assert again.deadline_at == until


def test_an_extension_of_a_replacement_outlasts_its_delivery() -> None:
    """Seven days from the delivery would be earlier; what was granted holds. Later, the seven days do."""
    ledger = journeys.reshipped()
    until = NOW + 14 * DAY
    ledger.decide(NO, ExtendDeadline(until, "customer abroad"), OPERATIONS, NOW)
    case = ledger.hear(NO, said(DELIVERED, NOW + DAY, REPLACEMENT), NOW + DAY).case
    assert (case.deadline_at, case.deadline_effect) == (until, DeadlineEffect.COMPLETE)
    other = journeys.reshipped()
    other.decide(NO, ExtendDeadline(NOW + 11 * DAY, "customer abroad"), OPERATIONS, NOW)
    late = other.hear(NO, said(DELIVERED, NOW + 6 * DAY, REPLACEMENT), NOW + 6 * DAY).case
    assert late.deadline_at == NOW + 13 * DAY


@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
@pytest.mark.parametrize("type_", [MOVED, DELIVERED])
def test_a_clock_that_has_run_out_is_not_moved_by_a_report(type_: OrderEventType, offset: timedelta) -> None:
    """Just before, a report gives new time; from the instant on the replacement counts as arrived."""
    ledger = journeys.reshipped()
    due = only(ledger).deadline_at
    assert due is not None
    ledger.decide(NO, ExtendDeadline(due + HOUR, "asked"), OPERATIONS, NOW)
    due += HOUR
    heard = ledger.hear(NO, said(type_, due - HOUR, REPLACEMENT), due + offset).case
    if offset < timedelta(0):
        assert heard.deadline_at is not None
        assert heard.deadline_at > due or heard.deadline_effect is DeadlineEffect.ESCALATE
        return
    assert (heard.deadline_at, heard.deadline_effect) == (due, DeadlineEffect.COMPLETE)
    assert ledger.fire(NO, due, due + DAY).case.state is State.COMPLETED


@pytest.mark.parametrize("hours", [-200, -1, 0, 1])
def test_a_customer_has_seven_days_once_the_waybill_is_known(hours: int) -> None:
    """A replacement that was signed for before the supplier named it completes nothing at once."""
    ledger = journeys.reshipped()
    case = ledger.hear(NO, said(DELIVERED, NOW + hours * HOUR, REPLACEMENT), NOW + HOUR).case
    since = NOW + max(hours, 0) * HOUR
    assert (case.deadline_at, case.deadline_effect) == (since + 7 * DAY, DeadlineEffect.COMPLETE)


def test_a_delivery_told_late_counts_from_when_it_happened() -> None:
    """The supplier's 48 hours are those since the parcel came, even if they are over already."""
    ledger = journeys.sent(RR)
    late = ledger.hear(NO, said(DELIVERED, NOW + DAY), NOW + 9 * DAY).case
    assert (late.state, late.deadline_at) == (State.INSPECTING, NOW + DAY + POLICY.inspection)
    assert ledger.events[-1][1].name == "return_delivered"


def test_a_report_moves_only_what_waits_for_its_parcel() -> None:
    """While goods are inspected, replaced or refunded, news of the return is kept and moves nothing."""
    for ledger in (journeys.counted(RR), journeys.accepted(EX), journeys.accepted(RR), journeys.reshipped()):
        before = only(ledger)
        decision = ledger.hear(NO, said(DELIVERED, NOW), NOW)
        case = decision.case
        assert [e.name for e in decision.events] == ["return_delivered"]
        assert (case.state, case.deadline_at) == (before.state, before.deadline_at)
        parcel = case.parcel(ParcelPurpose.RETURN)
        assert parcel is not None
        assert parcel.signed_at == NOW


def test_goods_on_their_way_back_are_confirmed_by_their_customer_not_by_a_carrier() -> None:
    """The ten days from sent stand, delivered or not."""
    ledger = journeys.shipped_back(journeys.refused(RR))
    case = ledger.hear(NO, said(DELIVERED, NOW + DAY, WAY_BACK), NOW + DAY).case
    assert (case.state, case.deadline_at) == (State.RETURNING_TO_CUSTOMER, NOW + 10 * DAY)


def test_what_tells_nothing_new_changes_nothing() -> None:
    """Repetitions, older movements, other waybills and ended requests."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, said(MOVED, NOW + DAY), NOW + DAY)
    known = only(ledger)
    for event in (
        said(MOVED, NOW + DAY),
        said(MOVED, NOW + HOUR),
        said(DELIVERED, NOW, "SF-OTHER"),
        said(OrderEventType.REFUNDED, NOW),
    ):
        decision = ledger.hear(NO, event, NOW + DAY)
        assert (decision.case, decision.events) == (known, ())
    done = journeys.reshipped()
    done.decide(NO, Confirm(), CUSTOMER, NOW)
    assert done.hear(NO, said(DELIVERED, NOW, REPLACEMENT), NOW).events == ()


def test_each_abnormal_turn_of_a_parcel_asks_operations_once() -> None:
    """An exception, told twice, is one; after a movement it is a new one; after delivery it is none."""
    ledger = journeys.sent(RR)
    for event in (
        said(ABNORMAL, NOW + HOUR),
        said(ABNORMAL, NOW + 2 * HOUR),
        said(MOVED, NOW + 3 * HOUR),
        said(ABNORMAL, NOW + 4 * HOUR),
        said(DELIVERED, NOW + 5 * HOUR),
        said(ABNORMAL, NOW + 6 * HOUR),
    ):
        ledger.hear(NO, event, NOW + DAY)
    assert ledger.task_kinds() == ["parcel_abnormal", "parcel_abnormal"]
    names = [event.name for _, event in ledger.events][3:]
    assert names == [
        "return_abnormal",
        "return_moved",
        "return_moved",
        "return_abnormal",
        "return_delivered",
        "return_moved",
    ]


def test_receiving_ends_the_wait_for_the_parcel() -> None:
    """Once counted, no silence and no report calls for the return any more."""
    ledger = journeys.sent(RR)
    ledger.decide(NO, Receive((ReceivedLine("A", 3),)), SUPPLIER, NOW)
    assert ledger.fire(NO, NOW + 10 * DAY, NOW + 10 * DAY).events == ()
