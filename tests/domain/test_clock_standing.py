"""Where a clock stands: due, at risk, the next look at it, and the cohort it ends in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import CLOSED, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.clocks import (
    ENDS,
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKey,
    Outcome,
    elapsed,
    level_at,
    read,
    standing,
)
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from tests.domain.builders import TICK
from tests.domain.test_calendars import CALENDARS, DESK, HOUR, OFFICE, SHANGHAI, beijing
from tests.domain.test_clocks import ALWAYS, BEGIN, EVENTS, K, events

pytestmark = pytest.mark.rule("T2")
NOTHING = timedelta(0)
TARGET = 48 * HOUR
DUE = BEGIN + TARGET
POLICY = TimelinessPolicy()
NEVER = ServiceCalendar("never", 1, SHANGHAI, ())
ONE_WEEK = ServiceCalendar(
    "one week",
    1,
    SHANGHAI,
    (WeekPlan(date(2026, 2, 23), (OFFICE,) * 7), WeekPlan(date(2026, 3, 2), (CLOSED,) * 7)),
)
"""56 hours, then never again."""
ANY_CALENDAR = st.one_of(CALENDARS, st.sampled_from([ALWAYS, DESK, NEVER, ONE_WEEK]))
STARTED = EVENTS.map(lambda told: [ClockEvent("start", K.START, BEGIN), *told])
"""Events of a clock that began."""
TARGETS = st.integers(1, 100).map(lambda hours: hours * HOUR)


def clock(told: Sequence[ClockEvent], **changes: object) -> Clock:
    """A clock of 48 hours with those events."""
    key = ClockKey(Metric.SHIPMENT, "O1", "L1")
    plain = Clock(key, "O1", "supplier-1", 1, CalendarVersion("24x7", 1), TARGET, tuple(told))
    return replace(plain, **changes)  # type: ignore[arg-type]


def ran(*told: tuple[ClockEventKind, int], **changes: object) -> Clock:
    """A clock that started at the begin, with further events at so many hours after it."""
    return clock(events((K.START, 0), *told), **changes)


# --- open clocks ---------------------------------------------------------------------------------


@given(ANY_CALENDAR, EVENTS | STARTED, TARGETS, st.randoms(use_true_random=False))
def test_the_standing_is_a_function_of_the_events(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta, chance: Random
) -> None:
    """Whoever folds them anew, in whatever order they were stored, keeps the same row."""
    mixed = [*told, *told]
    chance.shuffle(mixed)
    assert standing(clock(mixed, target=target), calendar, POLICY) == standing(
        clock(told, target=target), calendar, POLICY
    )


@given(ANY_CALENDAR, STARTED, TARGETS)
def test_a_running_clock_is_due_when_the_rest_of_its_target_has_passed(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta
) -> None:
    """In open time; one that ran beyond its target before is due since it runs again."""
    found = standing(clock(told, target=target), calendar, POLICY)
    if found.running_since is None or found.due_at is None:
        return
    left = max(NOTHING, target - found.elapsed)
    assert calendar.open_time(found.running_since, found.due_at) == left
    assert (
        found.due_at == found.running_since or calendar.open_time(found.due_at - TICK, found.due_at) == TICK
    )


@given(ANY_CALENDAR, STARTED, TARGETS)
def test_a_running_clock_is_at_risk_a_margin_of_open_time_before(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta
) -> None:
    """A fifth of the target or two hours, not before it runs; and only what runs is at risk."""
    found = standing(clock(told, target=target), calendar, POLICY)
    if found.running_since is None or found.due_at is None:
        assert found.at_risk_at is None
        return
    assert found.at_risk_at is not None
    assert found.running_since <= found.at_risk_at <= found.due_at
    at_risk_for = calendar.open_time(found.at_risk_at, found.due_at)
    left = max(NOTHING, target - found.elapsed)
    assert at_risk_for == min(left, Promise(target).risk_margin)


@given(ANY_CALENDAR, STARTED, TARGETS, st.integers(-10, 250))
def test_an_alarm_puts_a_running_clock_at_risk_at_once(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta, hours: int
) -> None:
    """From the alarm on, but not before it runs nor later than it would be anyhow; nothing else changes."""
    alarmed_at = BEGIN + hours * HOUR
    calm = standing(clock(told, target=target), calendar, POLICY)
    loud = standing(clock(told, target=target, alarmed_at=alarmed_at), calendar, POLICY)
    assert replace(loud, at_risk_at=None) == replace(calm, at_risk_at=None)
    if calm.at_risk_at is None or calm.running_since is None:
        assert loud.at_risk_at is None
    else:
        assert loud.at_risk_at == min(calm.at_risk_at, max(alarmed_at, calm.running_since))


def test_an_alarm_before_its_clock_ran_counts_from_the_begin() -> None:
    """Nothing is at risk that was not owed yet."""
    assert standing(ran(alarmed_at=BEGIN - HOUR), ALWAYS, POLICY).at_risk_at == BEGIN


def test_a_promise_of_two_days_is_at_risk_in_its_last_fifth() -> None:
    """9 hours and 36 minutes before the deadline, by the wall clock."""
    found = standing(ran(), ALWAYS, POLICY)
    assert (found.due_at, found.at_risk_at) == (DUE, DUE - 9.6 * HOUR)


def test_a_paused_clock_has_neither_deadline_nor_next_look() -> None:
    """Nobody is late, and nobody is reminded, while a customer may take it back; what ran is kept."""
    found = standing(ran((K.PAUSE, 10), alarmed_at=BEGIN), ALWAYS, POLICY)
    assert (found.started_at, found.running_since, found.elapsed) == (BEGIN, None, 10 * HOUR)
    assert (found.due_at, found.at_risk_at, found.next_at) == (None, None, None)
    assert (found.ended_at, found.outcome) == (None, None)


def test_a_clock_without_a_start_stands_nowhere() -> None:
    """Turns that came before their clock begins are kept, and change nothing yet."""
    found = standing(clock(events((K.PAUSE, 1), (K.RESUME, 2))), ALWAYS, POLICY)
    assert (found.started_at, found.due_at, found.next_at, found.outcome) == (None, None, None, None)


def test_nothing_elapses_before_a_clock_begins() -> None:
    """Looked at early, within the same open hours, by a worker whose clock is behind."""
    assert elapsed(read(events((K.START, 0)), ALWAYS), ALWAYS, BEGIN - TICK) == NOTHING
    assert DESK.open_time(beijing(24, 10), beijing(24, 9, 30)) == NOTHING


@pytest.mark.parametrize("calendar", [NEVER, ONE_WEEK], ids=["never open", "closed for ever soon"])
@pytest.mark.parametrize("alarmed_at", [None, BEGIN])
def test_a_deadline_that_never_comes_is_none(calendar: ServiceCalendar, alarmed_at: datetime | None) -> None:
    """A calendar that closes for ever answers; it neither loops nor breaks whoever writes the clock."""
    found = standing(ran(target=60 * HOUR, alarmed_at=alarmed_at), calendar, POLICY)
    assert (found.due_at, found.at_risk_at, found.next_at) == (None, None, None)
    assert found.running_since == BEGIN


def test_a_rung_that_is_never_reached_is_none() -> None:
    """The deadline comes in the last open week, the day after it does not: only the breach is looked for."""
    ends = standing(ran(target=39 * HOUR, levels_done=3), ONE_WEEK, POLICY)
    assert ends.due_at is not None
    assert ends.next_at == ends.due_at + TICK
    seen = standing(ran(target=39 * HOUR, levels_done=3, breach_recorded_at=DUE), ONE_WEEK, POLICY)
    assert seen.next_at is None
    assert level_at(read(events(), ALWAYS), ALWAYS, TARGET, NOTHING) is None


# --- the next look -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("levels_done", "recorded", "next_at"),
    [
        pytest.param(0, False, DUE - 12 * HOUR, id="the first rung"),
        pytest.param(1, False, DUE - 2 * HOUR, id="the second"),
        pytest.param(2, False, DUE, id="the deadline"),
        pytest.param(3, False, DUE + TICK, id="the first instant beyond, before the last rung"),
        pytest.param(3, True, DUE + 24 * HOUR, id="a day after"),
        pytest.param(4, False, DUE + TICK, id="only the breach"),
        pytest.param(4, True, None, id="nothing more"),
        pytest.param(0, True, DUE - 12 * HOUR, id="a breach that later reports undid is recorded once"),
    ],
)
def test_the_next_look_is_at_the_next_rung_or_the_breach(
    levels_done: int, recorded: bool, next_at: datetime | None
) -> None:
    """Whichever is first of what was not done yet."""
    told = ran(levels_done=levels_done, breach_recorded_at=DUE if recorded else None)
    assert standing(told, ALWAYS, POLICY).next_at == next_at


def test_a_breach_is_looked_for_when_the_calendar_opens_again() -> None:
    """Due when the desk closes: the first instant beyond is the first of the next morning."""
    told = clock([ClockEvent("s", K.START, beijing(24, 17))], target=HOUR, levels_done=4)
    found = standing(told, DESK, POLICY)
    assert found.due_at == beijing(24, 18)
    assert found.next_at == beijing(25, 9) + TICK


def test_rungs_before_the_begin_are_reached_when_it_begins() -> None:
    """A promise of an hour needs its reminder now, not twelve hours ago."""
    assert standing(ran(target=HOUR), ALWAYS, POLICY).next_at == BEGIN


@given(ANY_CALENDAR, STARTED, TARGETS, st.integers(0, 5), st.booleans())
def test_looks_move_on_and_never_before_the_clock_runs(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta, done: int, recorded: bool
) -> None:
    """More done is never looked at earlier; with everything done, never again; stopped, not at all."""
    some = clock(told, target=target, levels_done=done, breach_recorded_at=BEGIN if recorded else None)
    now, then = (standing(one, calendar, POLICY) for one in (some, replace(some, levels_done=done + 1)))
    if now.running_since is None or now.due_at is None or (done >= len(POLICY.ladder) and recorded):
        assert now.next_at is None
        return
    if now.next_at is not None:
        assert now.next_at >= now.running_since
        assert then.next_at is None or then.next_at >= now.next_at
    if not recorded and now.next_at is not None:
        lies_beyond = now.elapsed + calendar.open_time(now.running_since, now.next_at) > target
        assert not lies_beyond or calendar.open_time(now.due_at, now.next_at) <= TICK or now.elapsed > target


# --- ended clocks --------------------------------------------------------------------------------


@given(ANY_CALENDAR, EVENTS | STARTED, TARGETS)
def test_a_promise_is_broken_exactly_when_more_than_its_target_elapsed(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta
) -> None:
    """Of what ended; else it was void or met, and what has not ended has no outcome."""
    found = standing(clock(told, target=target), calendar, POLICY)
    assert (found.outcome is None) is (found.ended_at is None)
    if found.ended_at is None:
        return
    assert (found.outcome is Outcome.BREACHED) is (found.elapsed > target)
    assert (found.running_since, found.at_risk_at, found.next_at) == (None, None, None)
    if found.outcome is not Outcome.BREACHED:
        last = read(told, calendar)
        assert (found.outcome is Outcome.VOID) is last.void


@given(ANY_CALENDAR, EVENTS | STARTED, TARGETS)
def test_the_cohort_of_an_ended_clock_is_when_it_was_due(
    calendar: ServiceCalendar, told: list[ClockEvent], target: timedelta
) -> None:
    """The deadline it showed just before its end; had it been paused, the one it would have gone on with."""
    found = standing(clock(told, target=target), calendar, POLICY)
    end = found.ended_at
    if end is None or found.started_at is None:
        assert end is None or found.due_at is None
        return
    before = [event for event in told if event.kind not in ENDS and event.at <= end]
    if not any(event.kind is K.START for event in before):
        starts = [event for event in told if event.kind is K.START]
        assert found.due_at == standing(clock(starts, target=target), calendar, POLICY).due_at
        return
    if read(before, calendar).running_since is None:
        before.append(ClockEvent("resumed", K.RESUME, end))
    assert found.due_at == standing(clock(before, target=target), calendar, POLICY).due_at


@given(ANY_CALENDAR, st.integers(0, 300), TARGETS, st.sampled_from(sorted(ENDS)))
def test_what_ended_in_its_first_run_is_late_exactly_beyond_its_cohort(
    calendar: ServiceCalendar, hours: int, target: timedelta, end: ClockEventKind
) -> None:
    """Ended at its deadline is in time; closed hours after it do not count either."""
    found = standing(ran((end, hours), target=target), calendar, POLICY)
    ended_at = BEGIN + hours * HOUR
    assert found.ended_at == ended_at
    late = found.due_at is not None and calendar.open_time(found.due_at, ended_at) > NOTHING
    assert (found.outcome is Outcome.BREACHED) is late


@pytest.mark.parametrize(
    ("told", "due_at", "outcome"),
    [
        pytest.param([(K.FULFIL, 48)], DUE, Outcome.MET, id="exactly the target"),
        pytest.param([(K.FULFIL, 49)], DUE, Outcome.BREACHED, id="an hour beyond"),
        pytest.param([(K.FULFIL, -5)], DUE, Outcome.MET, id="fulfilled before it began"),
        pytest.param([(K.FULFIL, 0)], DUE, Outcome.MET, id="fulfilled as it began"),
        pytest.param([(K.VOID, 0), (K.FULFIL, 0)], DUE, Outcome.MET, id="fulfilled and void in one instant"),
        pytest.param([(K.PAUSE, 10), (K.FULFIL, 100)], BEGIN + 138 * HOUR, Outcome.MET, id="paused"),
        pytest.param([(K.PAUSE, 10), (K.FULFIL, 10)], DUE, Outcome.MET, id="paused at its end"),
        pytest.param(
            [(K.PAUSE, 10), (K.RESUME, 20), (K.FULFIL, 20)], DUE + 10 * HOUR, Outcome.MET, id="resumed"
        ),
        pytest.param([(K.FULFIL, 10), (K.PAUSE, 11), (K.RESUME, 99)], DUE, Outcome.MET, id="turns after it"),
        pytest.param(
            [(K.PAUSE, 60), (K.VOID, 90)], BEGIN + 90 * HOUR, Outcome.BREACHED, id="overran, then void"
        ),
    ],
)
def test_ends_of_every_kind(
    told: list[tuple[ClockEventKind, int]], due_at: datetime, outcome: Outcome
) -> None:
    """Each end with the cohort it belongs to and how it counts."""
    found = standing(ran(*told), ALWAYS, POLICY)
    assert (found.started_at, found.due_at, found.outcome) == (BEGIN, due_at, outcome)


def test_an_end_without_a_begin_has_no_cohort() -> None:
    """A promise that was never begun cannot be broken, and no month counts it."""
    found = standing(clock(events((K.FULFIL, 100))), ALWAYS, POLICY)
    assert (found.started_at, found.due_at, found.outcome) == (None, None, Outcome.MET)


# --- further events ------------------------------------------------------------------------------


@given(EVENTS, EVENTS)
def test_an_event_stays_as_it_was_told_first(told: list[ClockEvent], more: list[ClockEvent]) -> None:
    """A clock has each event once; telling it again, at once or later, changes nothing."""
    grown = clock(told).having(*more, *more)
    first: dict[str, ClockEvent] = {}
    for event in [*told, *more]:
        first.setdefault(event.event_id, event)
    assert grown.events == tuple(first.values())
    again = [replace(event, at=event.at + HOUR) for event in grown.events]
    assert grown.having(*again) is grown


def test_an_event_told_in_two_ways_at_once_counts_the_first() -> None:
    """One id, two instants in one telling: it happened once."""
    end, later = ClockEvent("end", K.FULFIL, DUE), ClockEvent("end", K.FULFIL, DUE + HOUR)
    assert ran().having(end, later) == ran().having(end)


def test_the_calendar_of_every_hour_is_the_default() -> None:
    """By it a deadline is plain addition."""
    assert standing(ran(), always_open(), POLICY).due_at == DUE
