"""Clocks of parcels under way: one for each silence that lasted, whatever order the reports came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey
from mallcare.domain.deliveries import (
    ARRIVED,
    CLOSED,
    MOVED,
    STUCK,
    Leg,
    end_legs,
    legs,
    match,
    parcels,
    void_refunded,
)
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.metrics import Metric
from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType
from tests.domain.builders import reported
from tests.domain.test_calendars import CALENDARS, DESK
from tests.domain.test_clocks import ALWAYS, BEGIN, HOUR

pytestmark = pytest.mark.rule("T2")
PATIENCE = 60 * HOUR
ALARM, DELIVERED, TRANSIT = OrderEventType.EXCEPTION, OrderEventType.DELIVERED, OrderEventType.IN_TRANSIT
COLLECTED = OrderEventType.COLLECTED
ANY_CALENDAR = st.one_of(st.sampled_from([ALWAYS, DESK]), CALENDARS)


def reports_of(types: Sequence[OrderEventType]) -> st.SearchStrategy[list[OrderEvent]]:
    """Reports of such types at any hour of three weeks, often several at one instant."""
    hours = st.one_of(st.integers(0, 500), st.integers(0, 4).map(lambda step: step * 60))
    told = st.lists(st.tuples(st.sampled_from(types), hours), max_size=8)
    return told.map(
        lambda pairs: [
            OrderEvent(f"E{i}", type_, BEGIN + after * HOUR) for i, (type_, after) in enumerate(pairs)
        ]
    )


REPORTS = reports_of(sorted(PARCEL_EVENTS))
MOVEMENTS = reports_of([COLLECTED, TRANSIT, DELIVERED])


def told(*said: tuple[OrderEventType, int]) -> list[OrderEvent]:
    """Reports at so many hours after the begin."""
    return [reported(type_, BEGIN + hours * HOUR, event_id=f"E{i}") for i, (type_, hours) in enumerate(said)]


def found(events: Sequence[OrderEvent], calendar: ServiceCalendar = ALWAYS) -> list[Leg]:
    """The clocks of a parcel that is waited for 60 hours."""
    return legs("SF1", events, PATIENCE, calendar)


def spans(of: Sequence[Leg]) -> list[tuple[datetime, datetime | None]]:
    """From when to when each clock ran."""
    return [(leg.events[0].at, leg.events[1].at if len(leg.events) > 1 else None) for leg in of]


def hours(*pairs: tuple[int, int | None]) -> list[tuple[datetime, datetime | None]]:
    """Spans in hours after the begin."""
    return [(BEGIN + a * HOUR, None if b is None else BEGIN + b * HOUR) for a, b in pairs]


# --- whatever is reported ------------------------------------------------------------------------


@given(REPORTS, ANY_CALENDAR, st.randoms(use_true_random=False))
def test_clocks_are_a_function_of_what_was_reported(
    events: list[OrderEvent], calendar: ServiceCalendar, chance: Random
) -> None:
    """Late, repeated and permuted pushes give the same clocks as if all had come in time."""
    mixed = [*events, *events]
    chance.shuffle(mixed)
    assert found(mixed, calendar) == found(events, calendar)


@given(REPORTS, ANY_CALENDAR)
def test_clocks_of_a_parcel_follow_each_other(events: list[OrderEvent], calendar: ServiceCalendar) -> None:
    """They never overlap, are counted from one, and only the last may run."""
    answer = found(events, calendar)
    assert bool(answer) is bool(events)
    assert [leg.seq for leg in answer] == list(range(1, len(answer) + 1))
    ran = spans(answer)
    for (_, end), (begin, _) in pairwise(ran):
        assert end is not None
        assert end <= begin
    for leg in answer:
        start, *end = leg.events
        assert (start.event_id, start.kind, leg.parcel) == (MOVED, ClockEventKind.START, "SF1")
        assert all(e.kind is ClockEventKind.FULFIL and e.at >= start.at for e in end)


@given(REPORTS, ANY_CALENDAR)
def test_each_long_silence_has_a_clock_and_a_short_one_only_as_the_last(
    events: list[OrderEvent], calendar: ServiceCalendar
) -> None:
    """By gaps between movements, up to the first delivery, from the first word of the parcel at all."""
    moves = sorted({e.occurred_at for e in events if e.type is not ALARM})
    delivered_at = min((e.occurred_at for e in events if e.type is DELIVERED), default=None)
    first = min((e.occurred_at for e in events), default=None)
    if first is None:
        assert found(events, calendar) == []
        return
    seen = [first, *(at for at in moves if delivered_at is None or at <= delivered_at)]
    gaps = [(a, b) for a, b in pairwise(seen) if a < b]
    stuck = [(a, b) for a, b in gaps if calendar.open_time(a, b) > PATIENCE and b != delivered_at]
    last = (gaps[-1] if gaps else (first, delivered_at)) if delivered_at else (seen[-1], None)
    assert spans(found(events, calendar)) == [*stuck, last]


@given(REPORTS, ANY_CALENDAR)
def test_a_delivered_parcel_has_no_running_clock(events: list[OrderEvent], calendar: ServiceCalendar) -> None:
    """The first delivery ends the last one, and nothing that is said of later times begins another."""
    delivered = min((e.occurred_at for e in events if e.type is DELIVERED), default=None)
    ends = [leg.events[-1] for leg in found(events, calendar)]
    arrived = [end.at for end in ends if end.event_id == ARRIVED]
    assert arrived == ([delivered] if delivered is not None else [])
    running = [end for end in ends if end.kind is ClockEventKind.START]
    assert len(running) == (1 if events and delivered is None else 0)


@given(MOVEMENTS.filter(bool), st.lists(st.integers(0, 500), max_size=4), ANY_CALENDAR)
def test_an_alarm_is_no_movement(
    events: list[OrderEvent], after: list[int], calendar: ServiceCalendar
) -> None:
    """Of a parcel that was seen before, alarms move nothing: they only say since when it is at risk."""
    first = min(e.occurred_at for e in events)
    alarms = [OrderEvent(f"A{i}", ALARM, first + hour * HOUR) for i, hour in enumerate(after)]
    calm, loud = found(events, calendar), found([*events, *alarms], calendar)
    assert [(leg.seq, leg.events) for leg in loud] == [(leg.seq, leg.events) for leg in calm]
    assert all(leg.alarmed_at is None for leg in calm)
    for leg, (begin, end) in zip(loud, spans(loud), strict=True):
        assert leg.alarmed_at is None or leg.alarmed_at >= begin
        assert leg.alarmed_at is None or end is None or leg.alarmed_at <= end
    last = max((alarm.occurred_at for alarm in alarms), default=first)
    if last > max(e.occurred_at for e in events) and not any(e.type is DELIVERED for e in events):
        assert loud[-1].alarmed_at == min(a.occurred_at for a in alarms if a.occurred_at > spans(loud)[-1][0])


# --- examples ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(COLLECTED, 0)], [(0, None)], id="collected"),
        pytest.param(
            [(COLLECTED, 0), (TRANSIT, 60), (TRANSIT, 120)], [(120, None)], id="moving within patience"
        ),
        pytest.param([(COLLECTED, 0), (TRANSIT, 61)], [(0, 61), (61, None)], id="stuck for once"),
        pytest.param([(COLLECTED, 0), (TRANSIT, 10), (DELIVERED, 20)], [(10, 20)], id="delivered in time"),
        pytest.param([(COLLECTED, 0), (DELIVERED, 100)], [(0, 100)], id="delivered after a long silence"),
        pytest.param([(DELIVERED, 5)], [(5, 5)], id="only its delivery is known"),
        pytest.param([(DELIVERED, 5), (TRANSIT, 99), (ALARM, 100)], [(5, 5)], id="news after the delivery"),
        pytest.param([(ALARM, 3), (ALARM, 4)], [(3, None)], id="alarms of what never moved"),
        pytest.param([(ALARM, 3), (COLLECTED, 90)], [(3, 90), (90, None)], id="found after its alarm"),
        pytest.param([(ALARM, 3), (DELIVERED, 4)], [(3, 4)], id="delivered after its alarm"),
    ],
)
def test_what_a_parcel_went_through(
    said: list[tuple[OrderEventType, int]], expected: list[tuple[int, int | None]]
) -> None:
    """Each course with the silences it is measured by."""
    assert spans(found(told(*said))) == hours(*expected)


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        pytest.param(100, [(0, 100), (100, 200), (200, None)], id="two that are both too long"),
        pytest.param(150, [(0, 150), (200, None)], id="the first is too long"),
        pytest.param(50, [(50, 200), (200, None)], id="the second is too long"),
        pytest.param(0, [(0, 200), (200, None)], id="nothing new"),
    ],
)
def test_a_late_report_splits_a_silence(late: int, expected: list[tuple[int, int | None]]) -> None:
    """What was thought to stand still for 200 hours had moved within them."""
    events = told((COLLECTED, 0), (TRANSIT, 200))
    assert spans(found(events)) == hours((0, 200), (200, None))
    news = reported(TRANSIT, BEGIN + late * HOUR, event_id="late")
    assert spans(found([*events, news])) == hours(*expected)


def test_a_late_report_shows_that_there_was_no_silence() -> None:
    """A hundred hours with a movement in their middle were never too long."""
    events = told((COLLECTED, 0), (TRANSIT, 100))
    assert len(found(events)) == 2
    assert spans(found([*events, reported(TRANSIT, BEGIN + 50 * HOUR, event_id="late")])) == hours(
        (100, None)
    )


def test_only_open_hours_try_patience() -> None:
    """Two weeks of a desk that is open for 40 hours each: 60 of them are not over by the second Wednesday."""
    events = told((COLLECTED, 0), (TRANSIT, 8 * 24))
    assert len(found(events)) == 2
    assert len(found(events, DESK)) == 1


def test_a_movement_answers_the_alarm_of_its_instant() -> None:
    """Whatever ids the mall gave them: the parcel moves, as it does for the request it belongs to."""
    for first, second in (("E1", "E2"), ("E2", "E1")):
        events = [
            reported(COLLECTED, BEGIN, event_id="E0"),
            reported(ALARM, BEGIN + HOUR, event_id=first),
            reported(TRANSIT, BEGIN + HOUR, event_id=second),
        ]
        assert found(events) == [Leg("SF1", 1, found(told((TRANSIT, 1)))[0].events)]


def test_nothing_comes_after_a_delivery_of_the_same_instant() -> None:
    """A movement reported with it makes no further clock, whatever their ids."""
    for first, second in (("E1", "E2"), ("E2", "E1")):
        events = [
            reported(COLLECTED, BEGIN, event_id="E0"),
            reported(TRANSIT, BEGIN + 90 * HOUR, event_id=first),
            reported(DELIVERED, BEGIN + 90 * HOUR, event_id=second),
        ]
        assert spans(found(events)) == hours((0, 90))


def test_an_alarm_belongs_to_the_silence_it_was_raised_in() -> None:
    """It is kept with a silence that lasted, and forgotten with a movement that came soon."""
    events = told((COLLECTED, 0), (ALARM, 10), (ALARM, 20), (TRANSIT, 90), (ALARM, 91), (TRANSIT, 92))
    assert [leg.alarmed_at for leg in found(events)] == [BEGIN + 10 * HOUR, None]
    assert [leg.events[-1].event_id for leg in found(events)] == [STUCK, MOVED]


# --- parcels of an order -------------------------------------------------------------------------


def test_reports_are_told_apart_by_waybill() -> None:
    """However it is spelled; what names none is one parcel, and what is no news of parcels is left out."""
    events = [
        reported(COLLECTED, BEGIN, "sf1 ", event_id="E1"),
        reported(ALARM, BEGIN, "SF1", event_id="E2"),
        reported(TRANSIT, BEGIN, None, event_id="E3"),
        reported(DELIVERED, BEGIN, " ", event_id="E4"),
        reported(OrderEventType.CLOSED, BEGIN, "SF1", event_id="E5"),
        reported(OrderEventType.REFUNDED, BEGIN, event_id="E6"),
    ]
    ids = {parcel: [e.event_id for e in of] for parcel, of in parcels(events).items()}
    assert ids == {"SF1": ["E1", "E2"], "": ["E3", "E4"]}


# --- the whole order -----------------------------------------------------------------------------


INSTANT = st.none() | st.integers(-50, 600).map(lambda hour: BEGIN + hour * HOUR)


@given(REPORTS, INSTANT, INSTANT)
def test_the_end_of_the_order_ends_all_of_its_clocks(
    events: list[OrderEvent], arrived_at: datetime | None, closed_at: datetime | None
) -> None:
    """Delivered or closed, nothing travels any more; clocks that had ended stay as they were."""
    before = found(events)
    after = end_legs(before, arrived_at, closed_at)
    assert end_legs(after, arrived_at, closed_at) == after
    ends = {ARRIVED: arrived_at, CLOSED: closed_at}
    for old, new in zip(before, after, strict=True):
        assert (old.seq, old.alarmed_at) == (new.seq, new.alarmed_at)
        begin = old.events[0]
        running = old.events == (begin,)
        expected = {id_: max(at, begin.at) for id_, at in ends.items() if at is not None}
        assert new == old or running
        assert not running or {e.event_id: e.at for e in new.events[1:]} == expected
        assert new.events[0] == begin


def test_delivery_fulfils_and_closing_voids() -> None:
    """What arrived with the order arrived; what its mall closed is nobody's fault."""
    ended = end_legs(found(told((COLLECTED, 0))), BEGIN + HOUR, BEGIN - timedelta(days=1))
    assert ended[0].events[1:] == (
        ClockEvent(ARRIVED, ClockEventKind.FULFIL, BEGIN + HOUR),
        ClockEvent(CLOSED, ClockEventKind.VOID, BEGIN),
    )


def clock_of(seq: int, since: int, *, recorded: bool = False) -> Clock:
    """A parcel's clock that runs from so many hours after the begin."""
    events = (ClockEvent(MOVED, ClockEventKind.START, BEGIN + since * HOUR),)
    key = ClockKey(Metric.ABNORMAL_DELIVERY, "O1", "SF1", seq)
    seen = BEGIN + (since + 72) * HOUR if recorded else None
    rules = CalendarVersion("24x7", 1)
    return Clock(key, "O1", "supplier-1", 1, rules, 72 * HOUR, events, breach_recorded_at=seen)


def test_a_leg_is_the_clock_of_its_number() -> None:
    """Wherever it begins by now; a further one is new."""
    moved, stuck = found(told((COLLECTED, 0), (TRANSIT, 70)))
    known = clock_of(1, 30)
    assert match([moved, stuck], [known]) == [(moved, known), (stuck, None)]


def test_a_breach_on_record_is_of_the_silence_it_was_recorded_of() -> None:
    """The same silence goes on under its number."""
    (silent,) = found(told((COLLECTED, 0)))
    known = clock_of(1, 0, recorded=True)
    assert match([silent], [known]) == [(silent, known)]


def test_another_silence_than_the_recorded_one_is_another_clock() -> None:
    """A late report shows that it began later: nobody was told of that one yet."""
    (silent,) = found(told((COLLECTED, 0), (TRANSIT, 50)))
    ((leg, clock),) = match([silent], [clock_of(1, 0, recorded=True)])
    assert (leg.seq, leg.events, clock) == (2, silent.events, None)


def test_a_parcel_that_goes_on_moving_after_a_recorded_breach_keeps_its_second_clock() -> None:
    """Ten scans are one row: whatever is not on record follows the movements."""
    (silent,) = found(told((COLLECTED, 0), (TRANSIT, 50), (TRANSIT, 90)))
    second = clock_of(2, 50)
    ((leg, clock),) = match([silent], [clock_of(1, 0, recorded=True), second])
    assert (leg.seq, clock) == (2, second)


@pytest.mark.parametrize("recorded", [False, True])
def test_further_silences_leave_the_clocks_of_earlier_ones_alone(recorded: bool) -> None:
    """Who was reminded of a silence was reminded of that one: its number never goes to another."""
    first, second = clock_of(1, 0, recorded=True), clock_of(2, 50, recorded=recorded)
    stuck, silent = found(told((COLLECTED, 0), (TRANSIT, 50), (TRANSIT, 150)))
    assert match([stuck, silent], [second, first]) == [
        (replace(stuck, seq=2), second),
        (replace(silent, seq=3), None),
    ]


def test_a_silence_that_had_a_number_of_its_own_keeps_it() -> None:
    """The recorded one before it was none after all."""
    (silent,) = found(told((COLLECTED, 0), (TRANSIT, 50), (TRANSIT, 74)))
    own = clock_of(2, 74)
    ((leg, clock),) = match([silent], [clock_of(1, 0, recorded=True), own])
    assert (leg.seq, leg.events, clock) == (2, silent.events, own)


LINES = ("A", "B")


def over(leg: Leg, *refunded: tuple[str, int], of: str | None = None) -> Leg:
    """The clock after lines were refunded so many hours after the begin; it carries all lines, or one."""
    named = () if of is None else (of,)
    told = [reported(COLLECTED, BEGIN, "SF1", *named)]
    return void_refunded(leg, told, LINES, {line_id: BEGIN + hour * HOUR for line_id, hour in refunded})


def test_nobody_waits_for_a_parcel_whose_goods_were_refunded() -> None:
    """All of them; one line of two is not enough, unless it is all the parcel carries."""
    (leg,) = found(told((COLLECTED, 0)))
    assert over(leg, ("A", 9)) == leg
    for ended in (over(leg, ("A", 4), ("B", 9)), over(leg, ("A", 9), of="A")):
        assert ended.events[1:] == (ClockEvent("refunded", ClockEventKind.VOID, BEGIN + 9 * HOUR),)


def test_a_parcel_of_goods_that_were_refunded_before_is_never_waited_for() -> None:
    """Void from its begin."""
    (leg,) = found(told((COLLECTED, 0)))
    assert over(leg, ("A", -5), ("B", -9)).events[1].at == BEGIN


def test_a_parcel_that_arrived_is_not_ended_again() -> None:
    """What was delivered was delivered."""
    (leg,) = found(told((COLLECTED, 0), (DELIVERED, 5)))
    assert over(leg, ("A", 1), ("B", 1)) == leg
