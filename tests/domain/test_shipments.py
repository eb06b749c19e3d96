"""Clocks of shipping: from the release to the first scan, less the time in which all was asked back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.clocks import (
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKey,
    Outcome,
    elapsed,
    read,
    standing,
)
from mallcare.domain.fulfilment import OrderEvent, fold
from mallcare.domain.metrics import Metric
from mallcare.domain.shipments import (
    GONE,
    TOLD,
    LineClaims,
    Shipping,
    first_scans,
    follow_claims,
    follow_order,
    refunded_at,
    told_by_order,
)
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.domain.vocabulary import OrderEventType
from tests.domain.builders import TICK, reported
from tests.domain.strategies import order_events
from tests.domain.test_clocks import ALWAYS, BEGIN, HOUR, K

pytestmark = pytest.mark.rule("T2")
LINES = ("L1", "L2", "L3")
QUANTITY = 3
RELEASED = Shipping(BEGIN, LINES)
INSTANTS = st.integers(-50, 200).map(lambda hours: BEGIN + hours * HOUR)
SHIPPINGS = st.builds(
    Shipping,
    released_at=st.just(BEGIN),
    line_ids=st.sampled_from([LINES, LINES[1:], ()]),
    scanned_at=st.dictionaries(st.sampled_from(LINES), INSTANTS),
    closed_at=st.none() | INSTANTS,
)
CLAIMS = st.sampled_from(
    [LineClaims(QUANTITY, units, gone) for units in range(QUANTITY + 1) for gone in range(units + 1)]
)
STEPS = st.lists(st.tuples(st.integers(1, 30), CLAIMS | SHIPPINGS), max_size=10)
"""After so many hours, what customers claim by then, or what the order says."""


def released(shipping: Shipping = RELEASED, line_id: str = "L1") -> Clock:
    """The clock of a line, as it is started."""
    key = ClockKey(Metric.SHIPMENT, "O1", line_id)
    told = told_by_order(line_id, shipping)
    return Clock(key, "O1", "supplier-1", 1, CalendarVersion("24x7", 1), 48 * HOUR, told)


def asked(units: int, refunded: int = 0) -> LineClaims:
    """So many of three units are asked back."""
    return LineClaims(QUANTITY, units, refunded)


def claimed(clock: Clock, *claims: tuple[int, LineClaims]) -> Clock:
    """The clock after claims at so many hours after its begin."""
    for hours, one in claims:
        clock = follow_claims(clock, one, BEGIN + hours * HOUR)
    return clock


# --- carriers ------------------------------------------------------------------------------------


@given(order_events(LINES))
def test_a_line_is_shipped_when_its_carrier_first_had_it(events: list[OrderEvent]) -> None:
    """The earliest of all reports, in any order and however often; what is only said to be wrong is none."""
    moved = [event for event in events if event.type is not OrderEventType.EXCEPTION]
    found = first_scans(events, LINES)
    assert found == first_scans([*reversed(events), *events], LINES)
    assert found == fold(moved, LINES).shipped_at


def test_an_alarm_is_no_scan() -> None:
    """A carrier that says something is wrong with a parcel it never had shipped nothing."""
    alarm = reported(OrderEventType.EXCEPTION, BEGIN)
    assert first_scans([alarm], LINES) == {}
    collected = reported(OrderEventType.COLLECTED, BEGIN + HOUR, None, "L2", event_id="E2")
    assert first_scans([alarm, collected], LINES) == {"L2": BEGIN + HOUR}


@pytest.mark.parametrize("type_", [OrderEventType.CLOSED, OrderEventType.REFUNDED])
def test_what_the_mall_does_with_an_order_is_no_scan(type_: OrderEventType) -> None:
    """Closing or refunding ships nothing."""
    assert first_scans([reported(type_, BEGIN)], LINES) == {}


# --- the order -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shipping", "ended_after", "outcome"),
    [
        pytest.param(RELEASED, None, None, id="released"),
        pytest.param(Shipping(BEGIN, LINES, {"L1": BEGIN + 48 * HOUR}), 48, Outcome.MET, id="in time"),
        pytest.param(
            Shipping(BEGIN, LINES, {"L1": BEGIN + 48 * HOUR + TICK}),
            None,
            Outcome.BREACHED,
            id="a moment late",
        ),
        pytest.param(Shipping(BEGIN, LINES, {"L1": BEGIN - HOUR}), 0, Outcome.MET, id="before the release"),
        pytest.param(Shipping(BEGIN, LINES, {"L2": BEGIN + HOUR}), None, None, id="another line"),
        pytest.param(Shipping(BEGIN, LINES, {}, BEGIN + HOUR), 1, Outcome.VOID, id="closed"),
        pytest.param(
            Shipping(BEGIN, LINES, {}, BEGIN - HOUR), 0, Outcome.VOID, id="closed before the release"
        ),
        pytest.param(
            Shipping(BEGIN, LINES, {"L1": BEGIN + 9 * HOUR}, BEGIN + HOUR), 1, Outcome.VOID, id="closed first"
        ),
        pytest.param(
            Shipping(BEGIN, LINES, {"L1": BEGIN + HOUR}, BEGIN + 9 * HOUR), 1, Outcome.MET, id="shipped first"
        ),
        pytest.param(
            Shipping(BEGIN, LINES, {"L1": BEGIN + HOUR}, BEGIN + HOUR),
            1,
            Outcome.MET,
            id="both in one instant",
        ),
        pytest.param(Shipping(BEGIN, LINES[1:]), 0, Outcome.VOID, id="no longer of the order"),
        pytest.param(
            Shipping(BEGIN, LINES, {}, BEGIN + 60 * HOUR), 60, Outcome.BREACHED, id="closed too late"
        ),
    ],
)
def test_an_order_says_when_a_line_was_owed_and_how_it_ended(
    shipping: Shipping, ended_after: int | None, outcome: Outcome | None
) -> None:
    """From the release to the first scan; closed or taken out of the order, nobody was late by then."""
    found = standing(released(shipping), ALWAYS, TimelinessPolicy())
    assert (found.started_at, found.outcome) == (BEGIN, outcome)
    assert ended_after is None or found.ended_at == BEGIN + ended_after * HOUR


@given(SHIPPINGS, SHIPPINGS, CLAIMS)
def test_following_an_order_keeps_what_customers_did_and_depends_on_its_newest_word(
    first: Shipping, second: Shipping, claims: LineClaims
) -> None:
    """Late, repeated and corrected news: only the newest count, and saying them again changes nothing."""
    clock = follow_claims(released(first), claims, BEGIN + HOUR)
    followed = follow_order(clock, second)
    assert follow_order(followed, second) == followed
    assert set(followed.events) == {
        *told_by_order("L1", second),
        *(event for event in clock.events if event.event_id not in TOLD),
    }
    assert follow_order(follow_order(followed, first), second) == followed


def test_a_line_that_comes_back_into_the_order_is_owed_since_its_release() -> None:
    """A version that left it out voids its clock, a newer one that has it again lets it run on."""
    left_out = follow_order(released(), Shipping(BEGIN, LINES[1:]))
    assert read(left_out.events, ALWAYS).void
    assert read(follow_order(left_out, RELEASED).events, ALWAYS).running_since == BEGIN


# --- customers -----------------------------------------------------------------------------------


@given(STEPS)
def test_only_time_in_which_something_was_to_be_shipped_counts(
    steps: Sequence[tuple[int, LineClaims | Shipping]],
) -> None:
    """In any interleaving of claims and news: it stands while all units are asked back, and is void once all
    were refunded, unless the order had ended it before."""
    clock, now, shipping = released(), BEGIN, RELEASED
    stands: list[tuple[datetime, bool]] = [(BEGIN, False)]
    refunded_at: datetime | None = None
    for hours, news in steps:
        now += hours * HOUR
        if isinstance(news, Shipping):
            shipping, clock = news, follow_order(clock, news)
            continue
        clock = follow_claims(clock, news, now)
        assert follow_claims(clock, news, now + HOUR) is clock
        if refunded_at is None and news.refunded >= QUANTITY:
            refunded_at = now
        stands += [(now, news.asked_back >= QUANTITY)] if refunded_at is None else []
    told = [e.at for e in told_by_order("L1", shipping) if e.kind is not K.START]
    ends = [*told, refunded_at] if refunded_at is not None else told
    end = min(ends) if ends else None
    reading = read(clock.events, ALWAYS)
    assert reading.ended_at == end
    assert elapsed(reading, ALWAYS, now) == counted(stands, now if end is None else end)
    fulfilled = any(e.kind is K.FULFIL and e.at == end for e in told_by_order("L1", shipping))
    assert reading.void is (end is not None and not fulfilled)


def counted(stands: Sequence[tuple[datetime, bool]], until: datetime) -> timedelta:
    """Time between turns in which the clock did not stand, independent of any fold of events."""
    edges = [*(at for at, _ in stands[1:]), until]
    spans = zip(stands, edges, strict=True)
    return sum((max(timedelta(0), min(b, until) - a) for (a, still), b in spans if not still), timedelta(0))


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 3)), max_size=12))
def test_the_last_decision_counts_whatever_the_clocks_of_those_who_decided(
    steps: list[tuple[int, int]],
) -> None:
    """Turns of one instant, or by a worker that is behind: it stands exactly when all is asked back now."""
    clock, now = released(), BEGIN
    for ticks, units in steps:
        now += ticks * TICK
        clock = follow_claims(clock, asked(units), now)
        running = read(clock.events, ALWAYS).running_since
        assert (running is None) is (units >= QUANTITY)


def test_a_turn_and_its_reversal_in_one_instant_and_once_more() -> None:
    """A request ends as the next one begins: the goods are asked back all the same."""
    clock = claimed(released(), (1, asked(3)), (5, asked(0)), (5, asked(3)))
    reading = read(clock.events, ALWAYS)
    assert (reading.running_since, reading.elapsed) == (None, HOUR + TICK)


def test_some_units_asked_back_leave_others_to_be_shipped() -> None:
    """Two of three are no reason to wait with the third."""
    clock = released()
    assert claimed(clock, (1, asked(2)), (2, asked(2, 2))) is clock


def test_it_goes_on_when_a_request_ends_without_a_refund() -> None:
    """Ten hours of waiting for the customer are not the supplier's."""
    found = standing(claimed(released(), (10, asked(3)), (20, asked(2))), ALWAYS, TimelinessPolicy())
    assert (found.elapsed, found.due_at) == (10 * HOUR, BEGIN + 58 * HOUR)


def test_refunded_in_full_there_is_nothing_to_ship() -> None:
    """By one request or several, after a pause or at once; from then on nothing changes it."""
    at_once = claimed(released(), (5, asked(3, 3)))
    assert read(at_once.events, ALWAYS).void
    by_parts = claimed(released(), (1, asked(1, 1)), (2, asked(3, 1)), (5, asked(3, 3)))
    assert read(by_parts.events, ALWAYS).ended_at == BEGIN + 5 * HOUR
    assert claimed(by_parts, (6, asked(0)), (7, asked(3)), (8, GONE)) is by_parts


def test_a_refund_after_the_goods_were_shipped_is_no_void() -> None:
    """The promise was kept, and a scan that is heard of later shows that it had been."""
    shipped = Shipping(BEGIN, LINES, {"L1": BEGIN + 3 * HOUR})
    for clock in (
        claimed(released(shipped), (5, asked(3, 3))),
        follow_order(claimed(released(), (5, asked(3, 3))), shipped),
    ):
        assert standing(clock, ALWAYS, TimelinessPolicy()).outcome is Outcome.MET


def test_what_was_late_before_its_refund_stays_late() -> None:
    """Refunding what was not shipped in 48 hours does not make it be in time."""
    refunded = claimed(released(), (49, asked(3, 3)))
    assert standing(refunded, ALWAYS, TimelinessPolicy()).outcome is Outcome.BREACHED


def test_shipped_while_all_of_it_was_asked_back() -> None:
    """The supplier sent it all the same: met, and due in what was left of the target then."""
    clock = claimed(released(), (10, asked(3)))
    found = standing(
        follow_order(clock, Shipping(BEGIN, LINES, {"L1": BEGIN + 90 * HOUR})), ALWAYS, TimelinessPolicy()
    )
    assert (found.outcome, found.due_at) == (Outcome.MET, BEGIN + 128 * HOUR)


def test_a_turn_before_the_release_counts_from_it() -> None:
    """A worker that is behind pauses a clock that began by another's: it stands from its begin."""
    clock = follow_claims(released(), asked(3), BEGIN - HOUR)
    reading = read(clock.events, ALWAYS)
    assert (reading.started_at, reading.running_since, reading.elapsed) == (BEGIN, None, timedelta(0))


def test_what_a_timekeeper_did_stays_done() -> None:
    """News and claims change events alone: no reminder is told twice, no breach recorded again."""
    seen = replace(released(), levels_done=3, breach_recorded_at=BEGIN + 49 * HOUR)
    changed = follow_order(claimed(seen, (50, asked(3))), Shipping(BEGIN, LINES, {"L1": BEGIN}))
    assert replace(changed, events=seen.events) == seen
    assert ClockEvent("pause-1", ClockEventKind.PAUSE, BEGIN + 50 * HOUR) in changed.events


def test_when_a_line_was_refunded_is_on_record() -> None:
    """From the moment it was known that all of it was; not of a part."""
    assert refunded_at(claimed(released(), (3, asked(2, 2)))) is None
    assert refunded_at(claimed(released(), (3, asked(3, 3)), (9, asked(3, 3)))) == BEGIN + 3 * HOUR
