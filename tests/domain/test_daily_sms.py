"""The daily SMS's hours and days: each local day has one turn, whatever the zone does to its clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.daily_sms import (
    CONTACTS_MISSING,
    DAY,
    LONGEST_WAIT,
    MISSED,
    MOST_DAYS_BACK,
    REPORT_WITHIN,
    SHORTEST_WAIT,
    DailyProblem,
    DailySmsRun,
    DailyTimes,
    NoticeOutcome,
    at_hour,
    by_status,
    next_ask,
    next_run,
    next_turn,
    overdue_part,
    reasons,
    settled,
    trouble_of,
    turn_of,
)
from mallcare.domain.errors import InvalidInput
from mallcare.domain.notices import NoticeStatus

pytestmark = pytest.mark.rule("T4")

HOUR = timedelta(hours=1)
TODAY = date(2026, 3, 5)
TIMES = DailyTimes()
NINE = datetime(2026, 3, 5, 1, tzinfo=UTC)
"""Nine o'clock of that day in Shanghai."""
ZONES = st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive by the strategy's contract
HOURS = st.integers(0, 23)
S = NoticeStatus


def planned(day: date = TODAY, **changes: object) -> DailySmsRun:
    """A day whose messages were planned at its hour."""
    at = at_hour(day, 9, TIMES.zone)
    return replace(DailySmsRun(day, at, planned_at=at), **changes)  # type: ignore[arg-type]


def reported(day: date = TODAY, **changes: object) -> DailySmsRun:
    """The same, reported an hour later."""
    return planned(day, reported_at=at_hour(day, 10, TIMES.zone), **changes)


@given(INSTANTS, HOURS, ZONES)
def test_the_next_run_is_the_first_such_hour(now: datetime, hour: int, zone: str) -> None:
    """Not in the past, at the hour by the wall clock or where that is left out an hour later, never a day
    too late."""
    at = next_run(now, hour, zone)
    local = at.astimezone(ZoneInfo(zone))
    skipped = not _exists(local.date(), hour, zone)
    assert at >= now
    assert at - now <= DAY + 2 * HOUR
    assert skipped or (local.hour, local.minute) == (hour, 0)
    assert next_run(at, hour, zone) == at
    earlier = at_hour(local.date() - DAY, hour, zone)
    assert earlier < now <= at or earlier < at == now


def _exists(day: date, hour: int, zone: str) -> bool:
    local = at_hour(day, hour, zone).astimezone(ZoneInfo(zone))
    return (local.date(), local.hour, local.minute) == (day, hour, 0)


@given(st.dates(date(2020, 1, 1), date(2034, 12, 31)), HOURS, ZONES)
def test_each_day_has_one_run_of_its_own(day: date, hour: int, zone: str) -> None:
    """Followed from its hour, run by run, no day is left out and none comes twice, summer time or not."""
    at = next_run(at_hour(day, hour, zone), hour, zone)
    following = next_run(at + timedelta(seconds=1), hour, zone)
    assert DailyTimes(min(hour, 22), 23, zone).local_day(following) == day + DAY
    assert 22 * HOUR <= following - at <= 26 * HOUR


def test_hours_that_the_clocks_leave_out_or_repeat() -> None:
    """In New York half past two did not exist on 8 March 2026, and half past one was twice on 1 November."""
    assert at_hour(date(2026, 3, 8), 2, "America/New_York") == datetime(2026, 3, 8, 7, tzinfo=UTC)
    assert at_hour(date(2026, 11, 1), 1, "America/New_York") == datetime(2026, 11, 1, 5, tzinfo=UTC)
    assert at_hour(TODAY, 9, "Asia/Shanghai") == NINE


@pytest.mark.parametrize(
    "given", [{"hour": 20}, {"hour": -1}, {"latest_hour": 24}, {"zone": "Asia/Nowhere"}, {"zone": "../etc"}]
)
def test_times_that_make_no_sense_are_refused(given: dict[str, object]) -> None:
    """A latest hour must follow the hour on the same day, in a zone that exists."""
    with pytest.raises(InvalidInput):
        DailyTimes(**given)  # type: ignore[arg-type]


def test_the_first_turn_is_the_next_hour_to_come() -> None:
    """Whoever installs the platform in the afternoon does not send the day's SMS at once."""
    assert next_turn(NINE - HOUR, TIMES, None).day == TODAY
    assert next_turn(NINE, TIMES, None).day == TODAY
    assert next_turn(NINE + HOUR, TIMES, None).day == TODAY + DAY


def test_turns_follow_each_other() -> None:
    """A day that is not reported is finished first; then comes the day after it, even a missed one."""
    late = NINE + 5 * DAY
    assert next_turn(late, TIMES, planned()).day == TODAY
    assert next_turn(late, TIMES, reported()).day == TODAY + DAY
    assert next_turn(NINE, TIMES, reported()).day == TODAY + DAY


def test_a_turn_knows_its_day_in_utc() -> None:
    """Its midnight, its hour, and until when it is caught up."""
    turn = turn_of(TODAY, TIMES)
    assert (turn.begins_at, turn.send_at, turn.latest_at) == (NINE - 9 * HOUR, NINE, NINE + 11 * HOUR)


def test_days_of_long_ago_are_left_out() -> None:
    """After a year without the platform, the last month is told of as missed."""
    now = NINE + 365 * DAY
    assert next_turn(now, TIMES, reported()).day == TIMES.local_day(now) - MOST_DAYS_BACK * DAY


def test_looks_come_at_growing_intervals_and_end_in_time() -> None:
    """From a minute to half an hour, and the last one exactly when the time for receipts is over."""
    waited, waits = timedelta(0), list[timedelta]()
    while (wait := next_ask(waited)) is not None:
        waits.append(wait)
        waited += wait
    assert waited == REPORT_WITHIN
    assert waits[0] == SHORTEST_WAIT
    assert waits[:-1] == sorted(waits[:-1])
    assert max(waits) == LONGEST_WAIT
    assert next_ask(REPORT_WITHIN + HOUR) is None
    assert len(waits) < 12


@given(st.timedeltas(timedelta(0), REPORT_WITHIN - timedelta(microseconds=1)))
def test_no_look_comes_after_the_time_for_receipts(waited: timedelta) -> None:
    """However long was waited so far."""
    wait = next_ask(waited)
    assert wait is not None
    assert timedelta(0) < wait <= LONGEST_WAIT
    assert waited + wait <= REPORT_WITHIN


def test_outcomes_are_counted_and_told_with_their_reasons() -> None:
    """All of them by status; those that did not arrive by code, the most frequent first."""
    outcomes = [
        NoticeOutcome(S.DELIVERED, None, 7),
        NoticeOutcome(S.FAILED, "isv.MOBILE_NUMBER_ILLEGAL", 2),
        NoticeOutcome(S.UNDELIVERABLE, "UNDELIV", 3),
        NoticeOutcome(S.FAILED, "isv.AMOUNT_NOT_ENOUGH", 3),
        NoticeOutcome(S.UNKNOWN, None, 1),
        NoticeOutcome(S.MOOT, None, 1),
    ]
    counted = {S.DELIVERED: 7, S.FAILED: 5, S.UNDELIVERABLE: 3, S.UNKNOWN: 1, S.MOOT: 1}
    assert by_status(outcomes) == counted
    assert [(one.code, one.count, one.status) for one in reasons(outcomes)] == [
        ("isv.AMOUNT_NOT_ENOUGH", 3, "failed"),
        ("UNDELIV", 3, "undeliverable"),
        ("isv.MOBILE_NUMBER_ILLEGAL", 2, "failed"),
        ("unknown", 1, "unknown"),
    ]
    assert reported(outcomes=counted).troubled == 9


@pytest.mark.parametrize("status", NoticeStatus)
def test_only_what_may_still_change_keeps_a_day_waiting(status: NoticeStatus) -> None:
    """A message that was handed over waits for its receipt, another one for being sent."""
    waiting = status in {S.WAITING, S.ASKING, S.SENT}
    assert settled([NoticeOutcome(status, None, 1)]) is not waiting
    assert settled([])


def test_what_operations_is_told_of_a_day() -> None:
    """Nothing where all is well, not even of suppliers without contacts: those have tasks of their own."""
    lacking = DailyProblem(CONTACTS_MISSING, supplier_id="supplier-1")
    assert trouble_of(reported(outcomes={S.SENT: 1, S.DELIVERED: 2, S.MOOT: 1}, problems=(lacking,))) is None
    lost = DailyProblem("isv.X", 2, status="failed")
    assert trouble_of(reported(outcomes={S.DELIVERED: 1, S.FAILED: 2}, problems=(lost, lacking))) == {
        "day": "2026-03-05",
        "missed": False,
        "reasons": ["isv.X: 2"],
        "failed": 2,
    }
    missed = trouble_of(reported(problems=(DailyProblem(MISSED),)))
    assert missed == {"day": "2026-03-05", "missed": True, "reasons": []}


@pytest.mark.parametrize(
    ("run", "after", "lacking"),
    [
        (None, timedelta(minutes=29), None),
        (None, timedelta(minutes=30), "planned"),
        (DailySmsRun(TODAY, NINE), 4 * HOUR, "planned"),
        (planned(), 3 * HOUR - timedelta(seconds=1), None),
        (planned(), 3 * HOUR, "reported"),
        (reported(), 20 * HOUR, None),
    ],
)
def test_what_a_day_lacks(run: DailySmsRun | None, after: timedelta, lacking: str | None) -> None:
    """Its plan half an hour after its hour, its report three hours after it."""
    assert overdue_part(turn_of(TODAY, TIMES), run, NINE + after) == lacking


def test_a_day_is_told_until_an_hour_after_the_last_one_may_be_caught_up() -> None:
    """By the clock of the zone: 21:00 in Shanghai, whatever hour it is elsewhere."""
    assert TIMES.told_until(date(2026, 3, 2)) == datetime(2026, 3, 2, 13, tzinfo=UTC)
