"""Clocks folded from events: the same figure for every order of arrival, and one outcome."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import ClockEvent, ClockEventKind, Outcome, Reading, due, elapsed, outcome, read
from tests.domain.test_calendars import CALENDARS, DESK, HOUR, beijing

BEGIN = datetime(2026, 2, 24, 1, tzinfo=UTC)
ALWAYS = always_open()
TARGET = 48 * HOUR
K = ClockEventKind
EVENTS = st.lists(
    st.builds(
        ClockEvent,
        event_id=st.sampled_from("abcdefgh"),
        kind=st.sampled_from(ClockEventKind),
        at=st.integers(0, 200).map(lambda h: BEGIN + h * HOUR),
    ),
    max_size=8,
    unique_by=lambda event: event.event_id,
)


def events(*told: tuple[ClockEventKind, int]) -> list[ClockEvent]:
    """Events at so many hours after the begin."""
    return [ClockEvent(f"{kind}{hours}", kind, BEGIN + hours * HOUR) for kind, hours in told]


@given(CALENDARS, EVENTS, st.randoms(use_true_random=False))
def test_any_order_and_repetition_gives_the_same_reading(calendar, told, chance) -> None:  # type: ignore[no-untyped-def]
    """Reports arrive late, twice and out of order: the reading is a function of what happened."""
    shuffled = [*told, *told]
    chance.shuffle(shuffled)
    assert read(shuffled, calendar) == read(told, calendar)


def test_a_clock_counts_only_while_it_runs() -> None:
    """Ten hours, a pause of twenty, then four more: fourteen are elapsed, 34 are left."""
    reading = read(events((K.START, 0), (K.PAUSE, 10), (K.RESUME, 30)), ALWAYS)
    now = BEGIN + 34 * HOUR
    assert elapsed(reading, ALWAYS, now) == 14 * HOUR
    assert due(reading, ALWAYS, TARGET) == now + 34 * HOUR


def test_a_paused_clock_is_not_due() -> None:
    """Waiting on the customer costs the supplier nothing, and no deadline is shown."""
    reading = read(events((K.START, 0), (K.PAUSE, 10)), ALWAYS)
    assert due(reading, ALWAYS, TARGET) is None
    assert elapsed(reading, ALWAYS, BEGIN + 500 * HOUR) == 10 * HOUR


def test_a_pause_that_ends_in_its_instant_changes_nothing() -> None:
    """Pause and resume at one instant are as if nothing had been said."""
    plain = read(events((K.START, 0)), ALWAYS)
    paused = read(events((K.START, 0), (K.PAUSE, 10), (K.RESUME, 10)), ALWAYS)
    assert due(paused, ALWAYS, TARGET) == due(plain, ALWAYS, TARGET)


@pytest.mark.parametrize(
    ("hours", "expected"), [(47, Outcome.MET), (48, Outcome.MET), (49, Outcome.BREACHED)]
)
def test_exactly_the_target_is_in_time(hours: int, expected: Outcome) -> None:
    """A promise is broken when more than its target has elapsed."""
    reading = read(events((K.START, 0), (K.FULFIL, hours)), ALWAYS)
    assert reading.ended
    assert outcome(reading, ALWAYS, TARGET, BEGIN + 1_000 * HOUR) is expected


def test_a_running_clock_is_open_until_it_is_overdue() -> None:
    """No outcome while the promise can be kept; broken from the first moment beyond, fulfilled or not."""
    reading = read(events((K.START, 0)), ALWAYS)
    assert outcome(reading, ALWAYS, TARGET, BEGIN + TARGET) is None
    assert outcome(reading, ALWAYS, TARGET, BEGIN + TARGET + timedelta(seconds=1)) is Outcome.BREACHED


def test_a_void_clock_counts_for_nobody() -> None:
    """Refunded before it was late: neither met nor broken, whenever one looks."""
    reading = read(events((K.START, 0), (K.VOID, 48)), ALWAYS)
    assert outcome(reading, ALWAYS, TARGET, BEGIN + 200 * HOUR) is Outcome.VOID


def test_what_became_void_after_it_was_broken_stays_broken() -> None:
    """Who refunds what they did not ship in time was late all the same."""
    reading = read(events((K.START, 0), (K.VOID, 49)), ALWAYS)
    assert outcome(reading, ALWAYS, TARGET, BEGIN + 49 * HOUR) is Outcome.BREACHED


def test_what_makes_no_sense_changes_nothing() -> None:
    """A second start, a resume of what runs, a pause of what never began, anything after the end."""
    told = events((K.PAUSE, 0), (K.RESUME, 1), (K.START, 2), (K.START, 3), (K.RESUME, 4), (K.FULFIL, 5))
    reading = read([*told, *events((K.RESUME, 6))], ALWAYS)
    assert reading == Reading(BEGIN + 2 * HOUR, None, 3 * HOUR, BEGIN + 5 * HOUR)


def test_a_clock_that_overran_before_its_pause_is_due_since_it_runs_again() -> None:
    """No time is given back: the deadline is the instant of the resumption."""
    reading = read(events((K.START, 0), (K.PAUSE, 60), (K.RESUME, 80)), ALWAYS)
    assert due(reading, ALWAYS, TARGET) == BEGIN + 80 * HOUR


def test_only_open_hours_count() -> None:
    """Asked at 17:30 with an hour's promise: due at 9:30 the next morning, lunch and night left out."""
    reading = read([ClockEvent("s", K.START, beijing(24, 17, 30))], DESK)
    assert due(reading, DESK, HOUR) == beijing(25, 9, 30)
    assert elapsed(reading, DESK, beijing(25, 9, 15)) == timedelta(minutes=45)
