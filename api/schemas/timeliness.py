"""Timeliness policies and service calendars."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.schemas.bodies import Asked
from api.schemas.fields import Flag, Id
from api.schemas.reconciliation import Day
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import ALWAYS_OPEN, Party

HOUR = 3_600
DAY_SECONDS = 24 * HOUR
LONGEST_TARGET = 60 * DAY_SECONDS
MOST_SPECIAL_DAYS = 5_000
OFFICE: list[JsonValue] = ["09:00-12:00", "13:00-18:00"]
WEEK: list[JsonValue] = [*[OFFICE] * 5, [], []]

TargetSeconds = Annotated[int, Field(strict=True, ge=60, le=LONGEST_TARGET)]
BeforeSeconds = Annotated[int, Field(strict=True, ge=-LONGEST_TARGET, le=LONGEST_TARGET)]
TimeOfDaySeconds = Annotated[int, Field(strict=True, ge=0, le=DAY_SECONDS)]
Span = Annotated[
    str,
    StringConstraints(
        max_length=17,
        pattern=r"^([01]\d|2[0-4]):[0-5]\d(:[0-5]\d)?-([01]\d|2[0-4]):[0-5]\d(:[0-5]\d)?$",
    ),
]
"""Open hours by the calendar's wall clock, half-open: `09:00-12:00`; `24:00` ends a day."""
HoursOfDay = Annotated[list[Span], Field(max_length=24)]
Zone = Annotated[str, StringConstraints(min_length=3, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$")]


class PromiseIn(Asked):
    """What is promised of one metric."""

    target_seconds: TargetSeconds = Field(description="Open time until the promise is broken.")
    calendar_id: Id = Field(default=ALWAYS_OPEN, description="The calendar that says which time is open.")


class PromiseOut(BaseModel):
    """What is promised of one metric."""

    target_seconds: int = Field(description="Open time until the promise is broken.")
    calendar_id: str = Field(description="The calendar that says which time is open.")


class LevelIn(Asked):
    """A rung of the ladder of reminders."""

    name: Id = Field(description="Its name, once in a policy.")
    before_seconds: BeforeSeconds = Field(
        description="Open time before the deadline; negative: after the deadline."
    )
    to: list[Party] = Field(min_length=1, max_length=len(Party), description="Who is reminded.")


class LevelOut(BaseModel):
    """A rung of the ladder of reminders."""

    name: str = Field(description="Its name.")
    before_seconds: int = Field(description="Open time before the deadline; negative: after the deadline.")
    to: list[Party] = Field(description="Who is reminded.")


class TimelinessPolicyIn(Asked):
    """The next version of the timeliness policy, whole. Members left out get the platform's defaults."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "supplier_id": "supplier-7",
                    "promises": {"review": {"target_seconds": 8 * HOUR, "calendar_id": "desk"}},
                    "ladder": [
                        {"name": "soon", "before_seconds": 2 * HOUR, "to": ["staff"]},
                        {"name": "due", "before_seconds": 0, "to": ["staff", "principal"]},
                        {"name": "ignored", "before_seconds": -24 * HOUR, "to": ["operations"]},
                    ],
                }
            ]
        }
    )

    supplier_id: Id | None = Field(
        default=None, description="For this supplier alone; null: for all that have none of their own."
    )
    promises: dict[Metric, PromiseIn] = Field(
        default_factory=dict[Metric, PromiseIn],
        description="By metric; one that is left out has the platform's default.",
    )
    ladder: list[LevelIn] | None = Field(
        default=None, max_length=12, description="Reminders, the earliest first; null: the usual ones."
    )
    quiet_from_seconds: TimeOfDaySeconds = Field(
        default=21 * HOUR, description="Nobody is reminded from here on, since midnight in Beijing ..."
    )
    quiet_until_seconds: TimeOfDaySeconds = Field(default=8 * HOUR, description="... until here.")
    daily_when_zero: Flag = Field(
        default=False, description="Send the daily SMS also where nothing is overdue (T4)."
    )


class TimelinessPolicyOut(BaseModel):
    """A version of the timeliness policy. It never changes; clocks keep the one they were started under."""

    version: int = Field(description="Number of the version.")
    supplier_id: str | None = Field(description="For whom; null: for all that have none of their own.")
    promises: dict[Metric, PromiseOut] = Field(description="What is promised, by metric.")
    ladder: list[LevelOut] = Field(description="Reminders, the earliest first.")
    quiet_from_seconds: int = Field(description="Nobody is reminded from here on, since midnight ...")
    quiet_until_seconds: int = Field(description="... until here.")
    daily_when_zero: bool = Field(description="The daily SMS is sent also where nothing is overdue.")
    created_by: str = Field(description="Who published it.")
    created_at: datetime = Field(description="When.")


class WeekPlanIn(Asked):
    """Open hours of a week, from a day on until the next plan begins."""

    effective_from: Day = Field(description="First day of the plan, by the calendar's own wall clock.")
    days: list[HoursOfDay] = Field(
        min_length=7, max_length=7, description="Open hours of each day of the week, Monday first."
    )


class WeekPlanOut(BaseModel):
    """Open hours of a week, from a day on until the next plan begins."""

    effective_from: date = Field(description="First day of the plan, by the calendar's own wall clock.")
    days: list[list[str]] = Field(description="Open hours of each day of the week, Monday first.")


class SpecialDaysIn(Asked):
    """Days that follow no plan: holidays without any hours, made-up working days (调休) with theirs."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "special": {"2026-10-01": [], "2026-10-10": OFFICE},
                    "known_until": "2026-12-31",
                }
            ]
        }
    )

    special: dict[Day, HoursOfDay] = Field(
        max_length=MOST_SPECIAL_DAYS, description="By day, its open hours; none: closed."
    )
    known_until: Day | None = Field(
        default=None, description="Last day whose holidays are known with these; null: as before."
    )


class ServiceCalendarIn(Asked):
    """The next version of a service calendar, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "calendar_id": "desk",
                    "zone": "Asia/Shanghai",
                    "plans": [{"effective_from": "2026-01-01", "days": WEEK}],
                    "special": {"2026-10-01": [], "2026-10-10": OFFICE},
                    "known_until": "2026-12-31",
                }
            ]
        }
    )

    calendar_id: Id = Field(description="Name of the calendar, as policies name it.")
    zone: Zone = Field(default="Asia/Shanghai", description="IANA name of its time zone.")
    plans: list[WeekPlanIn] = Field(
        min_length=1, max_length=100, description="Plans of the week, ascending; before the first: closed."
    )
    special: dict[Day, HoursOfDay] = Field(
        default_factory=dict[date, list[str]],
        max_length=MOST_SPECIAL_DAYS,
        description="Days that follow no plan: their open hours; none: closed.",
    )
    known_until: Day | None = Field(
        default=None, description="Last day whose holidays are known; null: the calendar has no holidays."
    )


class ServiceCalendarOut(BaseModel):
    """A version of a service calendar. It never changes; clocks keep the one they were started with."""

    calendar_id: str = Field(description="Name of the calendar.")
    version: int = Field(description="Number of the version, from 1 on.")
    zone: str = Field(description="IANA name of its time zone.")
    plans: list[WeekPlanOut] = Field(description="Plans of the week, ascending.")
    special: dict[date, list[str]] = Field(description="Days that follow no plan: their open hours.")
    known_until: date | None = Field(
        description="Last day whose holidays are known; null: the calendar has no holidays."
    )
    created_by: str = Field(description="Who added it.")
    created_at: datetime = Field(description="When.")


class ServiceCalendarSummary(BaseModel):
    """The newest version of a service calendar, without its days."""

    calendar_id: str = Field(description="Name of the calendar.")
    version: int = Field(description="Number of the newest version.")
    zone: str = Field(description="IANA name of its time zone.")
    special_days: int = Field(description="How many days follow no plan.")
    known_until: date | None = Field(
        description="Last day whose holidays are known; null: the calendar has no holidays."
    )
    created_by: str = Field(description="Who added it.")
    created_at: datetime = Field(description="When.")


class ServiceCalendarListOut(BaseModel):
    """All service calendars."""

    items: list[ServiceCalendarSummary] = Field(description="By their names.")
