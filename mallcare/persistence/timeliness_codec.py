"""Timeliness policies and service calendars as JSON, and back. A round trip loses nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, timedelta, tzinfo
from zoneinfo import ZoneInfo

from mallcare.domain.calendars import Hours, ServiceCalendar, WeekPlan
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Level, Party, Promise, TimelinessPolicy
from mallcare.persistence.codec import Columns, Values

SECOND = timedelta(seconds=1)


def timeliness_policy_json(policy: TimelinessPolicy) -> Values:
    """All of a policy but its version; durations in seconds."""
    return {
        "promises": {
            metric.value: {
                "target_seconds": _seconds(promise.target),
                "calendar_id": promise.calendar_id,
            }
            for metric, promise in policy.promises.items()
        },
        "ladder": [
            {
                "name": level.name,
                "before_seconds": _seconds(level.before),
                "to": [party.value for party in level.to],
            }
            for level in policy.ladder
        ],
        "quiet_from_seconds": _seconds(policy.quiet_from),
        "quiet_until_seconds": _seconds(policy.quiet_until),
        "daily_when_zero": policy.daily_when_zero,
    }


def timeliness_policy_of(version: int, body: Columns) -> TimelinessPolicy:
    """The policy of a stored body."""
    return TimelinessPolicy(
        version=version,
        promises={
            Metric(metric): Promise(timedelta(seconds=item["target_seconds"]), item["calendar_id"])
            for metric, item in body["promises"].items()
        },
        ladder=tuple(
            Level(
                item["name"],
                timedelta(seconds=item["before_seconds"]),
                tuple(Party(party) for party in item["to"]),
            )
            for item in body["ladder"]
        ),
        quiet_from=timedelta(seconds=body["quiet_from_seconds"]),
        quiet_until=timedelta(seconds=body["quiet_until_seconds"]),
        daily_when_zero=body["daily_when_zero"],
    )


def calendar_json(calendar: ServiceCalendar) -> Values:
    """All of a calendar but its id, its version, and the day its holidays are known until.

    Raises:
        InvalidInput: a zone without an IANA name.
    """
    return {
        "zone": zone_name(calendar.zone),
        "plans": [
            {
                "effective_from": plan.effective_from.isoformat(),
                "days": [_hours_json(hours) for hours in plan.days],
            }
            for plan in calendar.plans
        ],
        "special": {day.isoformat(): _hours_json(hours) for day, hours in sorted(calendar.special.items())},
    }


def calendar_of(calendar_id: str, version: int, body: Columns, known_until: date | None) -> ServiceCalendar:
    """The calendar of a stored body."""
    return ServiceCalendar(
        calendar_id=calendar_id,
        version=version,
        zone=zone_of(body["zone"]),
        plans=tuple(
            WeekPlan(date.fromisoformat(plan["effective_from"]), tuple(_hours(day) for day in plan["days"]))
            for plan in body["plans"]
        ),
        special={date.fromisoformat(day): _hours(hours) for day, hours in body["special"].items()},
        known_until=known_until,
    )


def zone_name(zone: tzinfo) -> str:
    """The IANA name of a zone.

    Raises:
        InvalidInput: it has none.
    """
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    if zone is UTC:
        return "UTC"
    raise InvalidInput("the zone of a calendar needs an IANA name", zone=str(zone))


def zone_of(name: str) -> tzinfo:
    """The zone of a stored name; UTC is the one of the standard library, which needs no table of rules."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _seconds(duration: timedelta) -> float | int:
    return duration / SECOND if duration % SECOND else duration // SECOND


def _hours_json(hours: Hours) -> list[list[float | int]]:
    return [[_seconds(opens), _seconds(closes)] for opens, closes in hours.spans]


def _hours(spans: Sequence[Sequence[float]]) -> Hours:
    return Hours(tuple((timedelta(seconds=opens), timedelta(seconds=closes)) for opens, closes in spans))
