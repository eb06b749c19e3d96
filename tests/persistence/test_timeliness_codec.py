"""Policies and calendars as JSON: nothing is lost on the way, and what the migrations wrote is understood."""

from __future__ import annotations

import json
from datetime import UTC, date, timedelta, timezone
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.calendars import Hours, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Level, Party, Promise, TimelinessPolicy
from mallcare.persistence.timeliness_codec import (
    calendar_json,
    calendar_of,
    timeliness_policy_json,
    timeliness_policy_of,
)

DAY = timedelta(days=1)
TIMES = st.integers(0, 86_400).map(lambda second: timedelta(seconds=second))
HOURS = st.lists(TIMES, max_size=8, unique=True).map(
    lambda edges: Hours(tuple(zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)))
)
PLANS = st.lists(
    st.builds(WeekPlan, st.dates(), st.lists(HOURS, min_size=7, max_size=7).map(tuple)),
    max_size=4,
    unique_by=lambda plan: plan.effective_from,
).map(lambda plans: tuple(sorted(plans, key=lambda plan: plan.effective_from)))
CALENDARS = st.builds(
    ServiceCalendar,
    calendar_id=st.text("abc-9", min_size=1),
    version=st.integers(1, 2**31 - 1),
    zone=st.sampled_from([UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/Argentina/Buenos_Aires")]),
    plans=PLANS,
    special=st.dictionaries(st.dates(), HOURS, max_size=5),
    known_until=st.none() | st.dates(),
)
TARGETS = st.timedeltas(timedelta(microseconds=1), timedelta(days=400))
PROMISES = st.dictionaries(st.sampled_from(Metric), st.builds(Promise, TARGETS, st.text("abc-9", min_size=1)))
PARTIES = st.lists(st.sampled_from(Party), max_size=3).map(tuple)
LADDERS = st.lists(
    st.builds(Level, st.text(min_size=1), st.timedeltas(-400 * DAY, 400 * DAY), PARTIES),
    unique_by=(lambda level: level.name, lambda level: level.before),
    max_size=5,
).map(lambda levels: tuple(sorted(levels, key=lambda level: level.before, reverse=True)))
POLICIES = st.builds(
    TimelinessPolicy,
    version=st.integers(1, 2**31 - 1),
    promises=PROMISES,
    ladder=LADDERS,
    quiet_from=TIMES,
    quiet_until=TIMES,
    daily_when_zero=st.booleans(),
)


@given(CALENDARS)
def test_a_calendar_comes_back_as_it_was(calendar: ServiceCalendar) -> None:
    """Through the text of JSON; id, version and horizon have columns of their own."""
    body = json.loads(json.dumps(calendar_json(calendar)))
    assert calendar_of(calendar.calendar_id, calendar.version, body, calendar.known_until) == calendar


@given(POLICIES)
def test_a_policy_comes_back_as_it_was(policy: TimelinessPolicy) -> None:
    """Through the text of JSON, also targets that are no whole seconds."""
    body = json.loads(json.dumps(timeliness_policy_json(policy)))
    assert timeliness_policy_of(policy.version, body) == policy


def test_what_the_migrations_publish_is_the_domains_own() -> None:
    """The seeded policy is the default one, the seeded calendar the one that is always open."""
    seeds = import_module("migrations.versions.0010_clocks")
    assert timeliness_policy_of(1, seeds.FIRST_POLICY) == TimelinessPolicy()
    assert timeliness_policy_json(TimelinessPolicy()) == seeds.FIRST_POLICY
    assert calendar_of("24x7", 1, seeds.EVERY_HOUR, None) == always_open()
    assert calendar_json(always_open()) == seeds.EVERY_HOUR


def test_a_zone_without_a_name_cannot_be_kept() -> None:
    """Eight hours east of UTC is no zone: it says nothing about other times of the year."""
    calendar = ServiceCalendar("desk", 1, timezone(timedelta(hours=8)), (), {date(2026, 1, 1): Hours()})
    with pytest.raises(InvalidInput):
        calendar_json(calendar)
