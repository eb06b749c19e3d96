"""Timeliness policies and service calendars between bodies and the domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta, tzinfo
from zoneinfo import ZoneInfo

from api.schemas.timeliness import (
    LevelOut,
    PromiseOut,
    ServiceCalendarIn,
    ServiceCalendarOut,
    ServiceCalendarSummary,
    TimelinessPolicyIn,
    TimelinessPolicyOut,
    WeekPlanOut,
)
from mallcare.application.service_calendars import zone_named
from mallcare.domain.calendars import Hours, ServiceCalendar, WeekPlan
from mallcare.domain.errors import InvalidInput
from mallcare.domain.timeliness import LADDER, TARGETS, Level, Promise, TimelinessPolicy
from mallcare.ports import PublishedCalendar, PublishedPolicy

SECOND = timedelta(seconds=1)


def timeliness_policy_of(body: TimelinessPolicyIn) -> TimelinessPolicy:
    """The policy a body describes; its version is given by the database.

    Raises:
        InvalidInput: see `TimelinessPolicy`.
    """
    told = {
        metric: Promise(promise.target_seconds * SECOND, promise.calendar_id)
        for metric, promise in body.promises.items()
    }
    ladder = (
        LADDER
        if body.ladder is None
        else tuple(
            Level(level.name, level.before_seconds * SECOND, tuple(dict.fromkeys(level.to)))
            for level in body.ladder
        )
    )
    return TimelinessPolicy(
        promises={**TARGETS, **told},
        ladder=ladder,
        quiet_from=body.quiet_from_seconds * SECOND,
        quiet_until=body.quiet_until_seconds * SECOND,
        daily_when_zero=body.daily_when_zero,
    )


def timeliness_policy_out(published: PublishedPolicy) -> TimelinessPolicyOut:
    """A version as the API answers it."""
    policy = published.policy
    return TimelinessPolicyOut(
        version=policy.version,
        supplier_id=published.supplier_id,
        promises={
            metric: PromiseOut(target_seconds=promise.target // SECOND, calendar_id=promise.calendar_id)
            for metric, promise in policy.promises.items()
        },
        ladder=[
            LevelOut(name=level.name, before_seconds=level.before // SECOND, to=list(level.to))
            for level in policy.ladder
        ],
        quiet_from_seconds=policy.quiet_from // SECOND,
        quiet_until_seconds=policy.quiet_until // SECOND,
        daily_when_zero=policy.daily_when_zero,
        created_by=published.created_by,
        created_at=published.created_at,
    )


def calendar_of(body: ServiceCalendarIn) -> ServiceCalendar:
    """The calendar a body describes; its version is given by the database.

    Raises:
        InvalidInput: a zone nobody knows, hours or plans that make no sense.
    """
    zone = zone_named(body.zone)
    try:
        return ServiceCalendar(
            calendar_id=body.calendar_id,
            version=1,
            zone=zone,
            plans=tuple(
                WeekPlan(plan.effective_from, tuple(hours_of(day) for day in plan.days))
                for plan in body.plans
            ),
            special=special_of(body.special),
            known_until=body.known_until,
        )
    except ValueError as nonsense:
        raise InvalidInput(str(nonsense)) from nonsense


def special_of(special: Mapping[date, Sequence[str]]) -> dict[date, Hours]:
    """Hours of single days.

    Raises:
        InvalidInput: hours that make no sense.
    """
    return {day: hours_of(spans) for day, spans in special.items()}


def hours_of(spans: Sequence[str]) -> Hours:
    """Spans like `09:00-12:00` as hours of a day.

    Raises:
        InvalidInput: empty, overlapping or beyond the day.
    """
    edges = [tuple(_since_midnight(time) for time in span.split("-")) for span in spans]
    try:
        return Hours(tuple((opens, closes) for opens, closes in edges))
    except ValueError as nonsense:
        raise InvalidInput(str(nonsense), hours=list(spans)) from nonsense


def spans_of(hours: Hours) -> list[str]:
    """Hours of a day as spans; `24:00` ends it."""
    return [f"{_wall_clock(opens)}-{_wall_clock(closes)}" for opens, closes in hours.spans]


def calendar_out(published: PublishedCalendar) -> ServiceCalendarOut:
    """A version as the API answers it."""
    calendar = published.calendar
    return ServiceCalendarOut(
        calendar_id=calendar.calendar_id,
        version=calendar.version,
        zone=_zone_name(calendar.zone),
        plans=[
            WeekPlanOut(effective_from=plan.effective_from, days=[spans_of(hours) for hours in plan.days])
            for plan in calendar.plans
        ],
        special={day: spans_of(hours) for day, hours in sorted(calendar.special.items())},
        known_until=calendar.known_until,
        created_by=published.created_by,
        created_at=published.created_at,
    )


def calendar_summary(published: PublishedCalendar) -> ServiceCalendarSummary:
    """A version without its days."""
    calendar = published.calendar
    return ServiceCalendarSummary(
        calendar_id=calendar.calendar_id,
        version=calendar.version,
        zone=_zone_name(calendar.zone),
        special_days=len(calendar.special),
        known_until=calendar.known_until,
        created_by=published.created_by,
        created_at=published.created_at,
    )


def _zone_name(zone: tzinfo) -> str:
    return zone.key if isinstance(zone, ZoneInfo) else UTC.tzname(None)


def _since_midnight(time: str) -> timedelta:
    hours, minutes, *seconds = (int(part) for part in time.split(":"))
    return timedelta(hours=hours, minutes=minutes, seconds=sum(seconds))


def _wall_clock(since_midnight: timedelta) -> str:
    minutes, seconds = divmod(since_midnight // SECOND, 60)
    told = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{told}:{seconds:02d}" if seconds else told
