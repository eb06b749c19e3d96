"""The board's words (T2): states that exclude each other, ages that leave no gap, rates of cohorts."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.boards import (
    ENDED_STATES,
    OPEN_STATES,
    Age,
    ClockState,
    Cohort,
    Period,
    figure_of,
    last_days,
    local_day,
    midnight,
    state_at,
    was_overdue,
)
from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import (
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKey,
    standing,
)
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import Figure, Metric
from mallcare.domain.timeliness import TimelinessPolicy

pytestmark = pytest.mark.rule("T2")

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)


def clock(*events: tuple[ClockEventKind, datetime]) -> Clock:
    """A clock of 48 hours."""
    told = tuple(ClockEvent(str(number), kind, at) for number, (kind, at) in enumerate(events))
    key = ClockKey(Metric.SHIPMENT, "O1", "1")
    return Clock(key, "O1", "s", 1, CalendarVersion("24x7", 1), 48 * HOUR, told)


def state(of: Clock, now: datetime) -> ClockState | None:
    """Where a clock counts."""
    return state_at(standing(of, always_open(), TimelinessPolicy()), now)


START, PAUSE, RESUME = ClockEventKind.START, ClockEventKind.PAUSE, ClockEventKind.RESUME


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (timedelta(), ClockState.RUNNING),
        (38.4 * HOUR - INSTANT, ClockState.RUNNING),
        (38.4 * HOUR, ClockState.AT_RISK),
        (48 * HOUR, ClockState.AT_RISK),
        (48 * HOUR + INSTANT, ClockState.OVERDUE),
    ],
)
def test_an_open_clock_grows_late(after: timedelta, expected: ClockState) -> None:
    """At risk from its last fifth, overdue from the first instant beyond its deadline."""
    assert state(clock((START, AT)), AT + after) is expected


def test_other_states() -> None:
    """Paused while nobody waits, ended as it ended, nothing before it began."""
    assert state(clock((START, AT), (PAUSE, AT + HOUR)), AT + 90 * HOUR) is ClockState.PAUSED
    assert state(clock((START, AT), (ClockEventKind.FULFIL, AT + HOUR)), AT) is ClockState.MET
    assert state(clock((START, AT), (ClockEventKind.FULFIL, AT + 49 * HOUR)), AT) is ClockState.BREACHED
    assert state(clock((START, AT), (ClockEventKind.VOID, AT + HOUR)), AT) is ClockState.VOID
    assert state(clock((PAUSE, AT)), AT) is None
    assert set(OPEN_STATES) | set(ENDED_STATES) == set(ClockState)


@given(st.timedeltas(timedelta(), timedelta(days=30)))
def test_ages_leave_no_gap(old: timedelta) -> None:
    """Every age is in exactly one span."""
    found = [age for age in Age if age.least <= old and (age.most is None or old < age.most)]
    assert len(found) == 1


def test_a_day_is_the_mall_s() -> None:
    """Asia/Shanghai: a day begins at 16:00 UTC of the day before."""
    assert midnight(date(2026, 3, 2)) == datetime(2026, 3, 1, 16, tzinfo=UTC)
    assert local_day(datetime(2026, 3, 1, 16, tzinfo=UTC)) == date(2026, 3, 2)
    assert local_day(datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)) == date(2026, 3, 1)
    week = last_days(AT, 7)
    assert (week.first, week.last) == (date(2026, 2, 23), date(2026, 3, 1))
    assert week.ends_at - week.begins_at == timedelta(days=7)


def test_a_period_has_an_end() -> None:
    """One day at least, 92 at most."""
    assert Period(date(2026, 3, 1), date(2026, 3, 1)).ends_at == midnight(date(2026, 3, 2))
    assert Period(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days=91))
    for last in (date(2025, 12, 31), date(2026, 1, 1) + timedelta(days=92)):
        with pytest.raises(InvalidInput):
            Period(date(2026, 1, 1), last)


def test_rates_are_of_cohorts() -> None:
    """Void ones are no part of it; without any there is no rate; fewer than twenty are not enough."""
    cohort = Cohort(2, 1, 100) + Cohort(0, 0, 1)
    assert (cohort.counted, cohort.per_mille, cohort.void) == (3, 666, 101)
    assert Cohort(void=3).per_mille is None
    assert (Cohort(19).enough, Cohort(19, 1).enough) == (False, True)
    assert Cohort(999, 1).per_mille == 999


def test_every_metric_has_its_figure() -> None:
    """No clock is left out of the board."""
    assert {figure_of(metric) for metric in Metric} == set(Figure)


def test_what_was_overdue_is_read_from_events() -> None:
    """A pause, or an end, that came later changes nothing of what was overdue before."""
    late = clock((START, AT), (PAUSE, AT + 60 * HOUR), (ClockEventKind.VOID, AT + 70 * HOUR))
    calendar = always_open()
    assert not was_overdue(late, calendar, AT + 48 * HOUR)
    assert was_overdue(late, calendar, AT + 50 * HOUR)
    assert not was_overdue(late, calendar, AT + 65 * HOUR), "nobody waited then"
    assert not was_overdue(late, calendar, AT + 71 * HOUR)
