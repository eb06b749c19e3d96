"""Arithmetic of open time: what a promise counts, over lunch, nights, holidays and made-up working days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mallcare.domain.calendars import (
    ALL_DAY,
    CLOSED,
    Hours,
    ServiceCalendar,
    Unreachable,
    WeekPlan,
    always_open,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = timedelta(hours=1)
OFFICE = Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR)))
WORKING_WEEK = (OFFICE,) * 5 + (CLOSED,) * 2
SPRING_FESTIVAL = date(2026, 2, 17)
MADE_UP_SATURDAY = date(2026, 2, 28)
DESK = ServiceCalendar(
    "desk",
    1,
    SHANGHAI,
    (WeekPlan(date(2026, 1, 1), WORKING_WEEK),),
    {SPRING_FESTIVAL: CLOSED, MADE_UP_SATURDAY: OFFICE},
    known_until=date(2026, 12, 31),
)

INSTANTS = st.integers(0, 120 * 24 * 3600).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
SPANS = st.lists(st.integers(0, 24), max_size=6, unique=True).map(
    lambda edges: Hours(
        tuple((a * HOUR, b * HOUR) for a, b in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False))
    )
)
CALENDARS = st.builds(
    ServiceCalendar,
    calendar_id=st.just("drawn"),
    version=st.just(1),
    zone=st.sampled_from([SHANGHAI, UTC, ZoneInfo("Europe/Berlin")]),
    plans=st.lists(SPANS, min_size=7, max_size=7).map(
        lambda days: (WeekPlan(date(2026, 1, 1), tuple(days)),)
    ),
    special=st.dictionaries(st.dates(date(2026, 1, 1), date(2026, 4, 30)), SPANS, max_size=4),
)


def beijing(day: int, hour: int, minute: int = 0, month: int = 2) -> datetime:
    """An instant by the wall clock of Beijing."""
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("begin", "end", "counted"),
    [
        pytest.param(beijing(24, 9), beijing(24, 10), HOUR, id="within the morning"),
        pytest.param(beijing(24, 11, 30), beijing(24, 13, 30), HOUR, id="lunch does not count"),
        pytest.param(beijing(24, 17), beijing(25, 10), 2 * HOUR, id="a night does not count"),
        pytest.param(beijing(16, 17), beijing(18, 10), 2 * HOUR, id="a holiday does not count"),
        pytest.param(beijing(27, 17), beijing(2, 10, month=3), 10 * HOUR, id="a made-up Saturday does"),
        pytest.param(beijing(24, 10), beijing(24, 9), timedelta(0), id="nothing before its begin"),
    ],
)
def test_open_time_counts_what_is_open(begin: datetime, end: datetime, counted: timedelta) -> None:
    """Several spans a day, holidays and made-up working days, by the calendar's own wall clock."""
    assert DESK.open_time(begin, end) == counted


def test_adding_open_time_steps_over_what_is_closed() -> None:
    """Two open hours after Monday 17:00 before a holiday end at Wednesday 10:00."""
    assert DESK.add(beijing(16, 17), 2 * HOUR) == beijing(18, 10)
    assert DESK.add(beijing(16, 17), HOUR) == beijing(16, 18)
    assert DESK.add(beijing(16, 20), timedelta(0)) == beijing(16, 20)


@given(CALENDARS, st.lists(INSTANTS, min_size=3, max_size=3).map(sorted))
def test_open_time_is_additive(calendar: ServiceCalendar, instants: list[datetime]) -> None:
    """Splitting a stretch anywhere, also within an open interval, changes nothing."""
    a, b, c = instants
    assert calendar.open_time(a, b) + calendar.open_time(b, c) == calendar.open_time(a, c)
    assert timedelta(0) <= calendar.open_time(a, c) <= c - a


@given(CALENDARS, INSTANTS, st.integers(1, 400))
def test_adding_and_counting_are_inverse(calendar: ServiceCalendar, begin: datetime, hours: int) -> None:
    """After the sum exactly the time added has passed, and before it less."""
    wanted = timedelta(minutes=15 * hours)
    try:
        end = calendar.add(begin, wanted)
    except Unreachable:
        assert not any(hours_of.spans for hours_of in calendar.plans[0].days)
        return
    assert calendar.open_time(begin, end) == wanted
    assert calendar.open_time(begin, end - timedelta(seconds=1)) < wanted


@given(CALENDARS, INSTANTS, INSTANTS, st.integers(0, 100))
def test_adding_is_monotone(calendar: ServiceCalendar, one: datetime, other: datetime, hours: int) -> None:
    """Who begins earlier is never due later."""
    assume(any(day.spans for day in calendar.plans[0].days))
    early, late = sorted((one, other))
    assert calendar.add(early, hours * HOUR) <= calendar.add(late, hours * HOUR)


@given(CALENDARS, INSTANTS, st.integers(0, 400), st.integers(0, 400))
def test_adding_in_parts_is_adding_at_once(
    calendar: ServiceCalendar, begin: datetime, some: int, more: int
) -> None:
    """So a promise that was paused is due when it would have been; and more time is never due earlier."""
    assume(any(day.spans for day in calendar.plans[0].days))
    first, second = timedelta(minutes=15 * some), timedelta(minutes=15 * more)
    early, late = calendar.add(begin, first), calendar.add(begin, first + second)
    assert early <= late
    assert calendar.add(early, second) == late


def split(hours: Hours, at: timedelta) -> Hours:
    """The same hours, the span around a time of day in two that touch."""
    cut = [
        part
        for opens, closes in hours.spans
        for part in (((opens, at), (at, closes)) if opens < at < closes else ((opens, closes),))
    ]
    return Hours(tuple(cut))


@given(
    CALENDARS,
    st.integers(1, 24 * 60 - 1),
    st.lists(INSTANTS, min_size=2, max_size=2).map(sorted),
    st.integers(0, 400),
)
def test_splitting_open_hours_anywhere_changes_nothing(
    calendar: ServiceCalendar, minute: int, instants: list[datetime], quarters: int
) -> None:
    """However a roster is written down: on every day of the week, holidays and made-up days included."""
    at = timedelta(minutes=minute)
    written_in_two = replace(
        calendar,
        plans=tuple(
            replace(plan, days=tuple(split(hours, at) for hours in plan.days)) for plan in calendar.plans
        ),
        special={day: split(hours, at) for day, hours in calendar.special.items()},
    )
    begin, end = instants
    assert written_in_two.open_time(begin, end) == calendar.open_time(begin, end)
    if any(day.spans for day in calendar.plans[0].days):
        wanted = timedelta(minutes=15 * quarters)
        assert written_in_two.add(begin, wanted) == calendar.add(begin, wanted)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_calendar_without_nights_is_plain_addition(begin: datetime, wanted: timedelta) -> None:
    """48 hours of the wall clock are 48 hours later."""
    assert always_open().add(begin, wanted) == begin + wanted
    assert always_open().open_time(begin, begin + wanted) == wanted


def test_splitting_an_open_interval_changes_nothing() -> None:
    """One span of a day, or the same in two that touch."""
    split = Hours(((timedelta(0), 10 * HOUR), (10 * HOUR, timedelta(days=1))))
    other = ServiceCalendar("split", 1, UTC, (WeekPlan(date.min, (split,) * 7),))
    begin = datetime(2026, 2, 16, 3, tzinfo=UTC)
    assert other.add(begin, 100 * HOUR) == always_open().add(begin, 100 * HOUR)


def test_plans_follow_each_other_by_their_date() -> None:
    """Before the first plan nothing is open; from its date on the later plan decides."""
    plans = (
        WeekPlan(date(2026, 2, 16), (OFFICE,) * 7),
        WeekPlan(date(2026, 2, 18), (ALL_DAY,) * 7),
    )
    calendar = ServiceCalendar("changing", 1, SHANGHAI, plans)
    assert calendar.open_time(beijing(10, 0), beijing(16, 10)) == HOUR
    assert calendar.open_time(beijing(17, 0), beijing(19, 0)) == 8 * HOUR + 24 * HOUR


@pytest.mark.parametrize(
    "calendar",
    [
        pytest.param(ServiceCalendar("none", 1, UTC, ()), id="no plan at all"),
        pytest.param(
            ServiceCalendar("closed", 1, UTC, (WeekPlan(date(2026, 1, 1), (CLOSED,) * 7),)),
            id="closed every day",
        ),
        pytest.param(
            ServiceCalendar("once", 1, UTC, (), {date(2026, 3, 1): Hours(((timedelta(0), HOUR),))}),
            id="one open hour for ever",
        ),
    ],
)
def test_a_calendar_that_never_opens_says_so(calendar: ServiceCalendar) -> None:
    """It answers that the instant cannot be reached, and never searches for ever."""
    begin = datetime(2026, 2, 1, tzinfo=UTC)
    with pytest.raises(Unreachable):
        calendar.add(begin, 2 * HOUR)
    assert calendar.open_time(begin, begin + timedelta(days=90)) <= HOUR


def test_days_beyond_the_known_holidays_are_marked() -> None:
    """The last known day by the calendar's own wall clock; a calendar without holidays has no horizon."""
    midnight = datetime(2027, 1, 1, tzinfo=SHANGHAI)
    assert not DESK.beyond_knowledge(midnight - timedelta(seconds=1))
    assert DESK.beyond_knowledge(midnight)
    assert not always_open().beyond_knowledge(midnight)


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param(((HOUR, HOUR),), id="empty"),
        pytest.param(((2 * HOUR, 4 * HOUR), (3 * HOUR, 5 * HOUR)), id="overlapping"),
        pytest.param(((2 * HOUR, 25 * HOUR),), id="beyond the day"),
    ],
)
def test_hours_that_make_no_sense_are_refused(spans: tuple[tuple[timedelta, timedelta], ...]) -> None:
    """A mistyped roster never becomes a calendar."""
    with pytest.raises(ValueError, match="ascending spans"):
        Hours(spans)


def test_plans_that_make_no_sense_are_refused() -> None:
    """A week has seven days, and two plans cannot begin on one day."""
    with pytest.raises(ValueError, match="seven"):
        WeekPlan(date(2026, 1, 1), (OFFICE,) * 6)
    plan = WeekPlan(date(2026, 1, 1), (OFFICE,) * 7)
    with pytest.raises(ValueError, match="follow"):
        ServiceCalendar("twice", 1, UTC, (plan, plan))


def test_the_wall_clock_decides_on_days_that_change_it() -> None:
    """Where clocks go forward a whole day has 23 hours, and a span inside the gap has none."""
    berlin = ZoneInfo("Europe/Berlin")
    whole = ServiceCalendar("berlin", 1, berlin, (WeekPlan(date.min, (ALL_DAY,) * 7),))
    begin = datetime(2026, 3, 29, tzinfo=berlin)
    assert whole.open_time(begin, datetime(2026, 3, 30, tzinfo=berlin)) == 23 * HOUR
