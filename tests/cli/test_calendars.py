"""`mallcare calendars` against the real API app: what it publishes, and what it says."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest

from api.app import create_app
from api.deps import ApiPlatform
from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable
from mallcare.application.service_calendars import SpecialDays
from mallcare.cli import chinese_holidays
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.calendars import CLOSED, Hours, ServiceCalendar, WeekPlan, always_open
from mallcare.domain.errors import NotFound
from mallcare.domain.vocabulary import Role
from mallcare.ports import PublishedCalendar
from mallcare.settings import Settings
from tests.cli.shop import KEY, VERIFIER
from tests.cli.test_commands import mallcare
from tests.gateways.serving import Served

HOUR = timedelta(hours=1)
OFFICE = Hours(((9 * HOUR, 12 * HOUR), (13 * HOUR, 18 * HOUR)))
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Drawer:
    """Keeps calendars in memory, every version of them."""

    def __init__(self) -> None:
        self.calendars: dict[str, ServiceCalendar] = {"24x7": always_open()}

    def published(self, calendar_id: str) -> PublishedCalendar:
        return PublishedCalendar(
            self.calendars[calendar_id], "system:mallcare", datetime(2026, 3, 1, tzinfo=UTC)
        )

    async def newest_of_each(self, _caller: Caller) -> list[PublishedCalendar]:
        return [self.published(name) for name in sorted(self.calendars)]

    async def read(self, calendar_id: str, _version: int | None, _caller: Caller) -> PublishedCalendar:
        if calendar_id not in self.calendars:
            raise NotFound("no such calendar", calendar_id=calendar_id)
        return self.published(calendar_id)

    async def add(self, calendar: ServiceCalendar, caller: Caller, _once: Repeatable) -> PublishedCalendar:
        assert caller.role is Role.OPERATIONS
        self.calendars[calendar.calendar_id] = calendar
        return self.published(calendar.calendar_id)

    async def set_special_days(
        self, calendar_id: str, special: SpecialDays, _caller: Caller
    ) -> PublishedCalendar:
        known = self.calendars[calendar_id]
        more = replace(
            known,
            special={**known.special, **special.days},
            known_until=special.known_until or known.known_until,
        )
        if more != known:
            self.calendars[calendar_id] = replace(more, version=known.version + 1)
        return self.published(calendar_id)


@pytest.fixture
def drawer() -> Drawer:
    """The calendar that is always there, and no other."""
    return Drawer()


@pytest.fixture
def variables(drawer: Drawer) -> Generator[dict[str, str]]:
    """Where the API is, and a token of operations."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        yield cast("ApiPlatform", SimpleNamespace(use_cases=SimpleNamespace(service_calendars=drawer)))

    token = mint(Settings.model_validate({}), KEY, Claims(Role.OPERATIONS, "ann"), timedelta(minutes=5))
    with Served(create_app(opened, VERIFIER)) as served:
        yield {"MALLCARE_URL": served.url, "MALLCARE_TOKEN": token}


def desk(special: dict[str, list[str]]) -> ServiceCalendar:
    """The office's week with the seeded days."""
    days = {date.fromisoformat(day): OFFICE if spans else CLOSED for day, spans in special.items()}
    week = WeekPlan(date(2004, 1, 1), (OFFICE,) * 5 + (CLOSED,) * 2)
    return ServiceCalendar("desk", 1, SHANGHAI, (week,), days, chinese_holidays.known_until())


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        pytest.param("2026-10-01", False, id="National Day, a Thursday"),
        pytest.param("2026-10-10", True, id="a Saturday made up for it"),
        pytest.param("2026-02-17", False, id="Spring Festival, a Tuesday"),
        pytest.param("2026-02-28", True, id="a Saturday made up for it (2026)"),
        pytest.param("2026-09-20", True, id="a made-up Sunday"),
        pytest.param("2025-10-08", False, id="the last day of the long week of 2025"),
        pytest.param("2025-09-28", True, id="the Sunday made up for it"),
        pytest.param("2025-01-26", True, id="the Sunday before Spring Festival 2025"),
        pytest.param("2026-03-07", False, id="an ordinary Saturday"),
        pytest.param("2026-03-09", True, id="an ordinary Monday"),
    ],
)
def test_days_the_state_council_announced(day: str, opens: bool) -> None:
    """Read in the announcements themselves, not in the library."""
    calendar = desk(chinese_holidays.special_days(["09:00-12:00", "13:00-18:00"]))
    assert bool(calendar.hours_of(date.fromisoformat(day)).spans) is opens


def test_a_promise_runs_over_a_long_week() -> None:
    """Eight open hours from the eve of National Day 2026 end on the day after the holidays."""
    calendar = desk(chinese_holidays.special_days(["09:00-12:00", "13:00-18:00"]))
    eve = datetime(2026, 9, 30, 17, tzinfo=SHANGHAI)
    assert calendar.add(eve, 8 * HOUR) == datetime(2026, 10, 8, 17, tzinfo=SHANGHAI)


def test_every_day_of_every_known_year_is_what_the_library_says() -> None:
    """The calendar that is seeded opens on working days and on no others, to the last known day."""
    calendar = desk(chinese_holidays.special_days(["09:00-12:00", "13:00-18:00"]))
    first, last = chinese_holidays.known_years()
    day, until = date(first, 1, 1), chinese_holidays.known_until()
    assert until == date(last, 12, 31)
    while day <= until:
        assert bool(calendar.hours_of(day).spans) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)
    with pytest.raises(NotImplementedError):
        chinese_calendar.is_workday(day)


def test_a_seed_makes_a_calendar_and_says_so(
    drawer: Drawer, variables: dict[str, str], tmp_path: Path
) -> None:
    """With the usual hours; again it knows everything already."""
    ended = mallcare("calendars", "seed", folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    assert drawer.calendars["desk"] == desk(chinese_holidays.special_days(["09:00-12:00", "13:00-18:00"]))
    assert "desk: version 1 published; holidays known until 2026-12-31" in ended.stdout
    assert ["2026", "33", "6"] in [line.split() for line in ended.stdout.splitlines()]
    again = mallcare("calendars", "seed", folder=tmp_path, **variables)
    assert "desk: version 1 knew all of it" in again.stdout


def test_a_seed_keeps_the_weeks_of_a_calendar_that_is_there(
    drawer: Drawer, variables: dict[str, str], tmp_path: Path
) -> None:
    """Only special days are added, made-up days with the hours that were given."""
    plan = (WeekPlan(date(2026, 1, 1), (Hours(((8 * HOUR, 9 * HOUR),)),) * 7),)
    drawer.calendars["night"] = ServiceCalendar("night", 3, SHANGHAI, plan, {date(2030, 1, 1): CLOSED})
    options = ("--calendar", "night", "--hours", "20:00-24:00")
    ended = mallcare("calendars", "seed", *options, folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    assert "night: version 4 published" in ended.stdout
    seeded = drawer.calendars["night"]
    assert (seeded.plans, seeded.special[date(2030, 1, 1)]) == (plan, CLOSED)
    assert seeded.special[date(2026, 10, 10)] == Hours(((20 * HOUR, 24 * HOUR),))


def test_a_file_of_days_is_imported(drawer: Drawer, variables: dict[str, str], tmp_path: Path) -> None:
    """Days it does not name stay as they are; sent again it changes nothing."""
    drawer.calendars["desk"] = desk({"2026-10-01": []})
    file = tmp_path / "2027.json"
    file.write_text(
        json.dumps(
            {
                "special": {"2027-01-01": [], "2027-02-14": ["09:00-12:00", "13:00-18:00"]},
                "known_until": "2027-12-31",
            }
        )
    )
    ended = mallcare("calendars", "import", str(file), folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    assert "desk: version 2 published; holidays known until 2027-12-31" in ended.stdout
    assert ["2027", "1", "1"] in [line.split() for line in ended.stdout.splitlines()]
    imported = drawer.calendars["desk"].special
    assert set(imported) == {date(2026, 10, 1), date(2027, 1, 1), date(2027, 2, 14)}
    assert imported[date(2027, 2, 14)] == OFFICE
    again = mallcare("calendars", "import", str(file), folder=tmp_path, **variables)
    assert "desk: version 2 knew all of it; holidays known until 2027-12-31" in again.stdout


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("2027-01-01,closed", "cannot be read as JSON", id="no JSON"),
        pytest.param('["2027-01-01"]', 'must hold an object with "special"', id="no object"),
        pytest.param('{"special": {"2027-01-01": "closed"}}', "/special/2027-01-01", id="a strange day"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(
    drawer: Drawer, variables: dict[str, str], tmp_path: Path, text: str, said: str
) -> None:
    """Said where the fault is; nothing is published."""
    drawer.calendars["desk"] = desk({})
    file = tmp_path / "days.json"
    file.write_text(text)
    ended = mallcare("calendars", "import", str(file), folder=tmp_path, **variables)
    assert ended.returncode == 1
    assert said in ended.stderr
    assert drawer.calendars["desk"].version == 1


def test_calendars_are_listed(drawer: Drawer, variables: dict[str, str], tmp_path: Path) -> None:
    """One line each; a calendar that has no holidays has no last known day."""
    drawer.calendars["desk"] = desk({"2026-10-01": []})
    ended = mallcare("calendars", "list", folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    lines = [line.split() for line in ended.stdout.splitlines()]
    assert ["24x7", "1", "UTC", "0", "system:mallcare", "2026-03-01T00:00:00Z"] in lines
    assert [
        "desk",
        "1",
        "Asia/Shanghai",
        "1",
        "2026-12-31",
        "system:mallcare",
        "2026-03-01T00:00:00Z",
    ] in lines


def test_a_platform_that_does_not_answer_is_said(tmp_path: Path) -> None:
    """With its address."""
    ended = mallcare(
        "calendars",
        "list",
        folder=tmp_path,
        MALLCARE_URL="http://127.0.0.1:9",
        MALLCARE_TOKEN="token",
    )
    assert ended.returncode == 1
    assert "nothing answers at http://127.0.0.1:9" in ended.stderr


def test_an_import_needs_a_calendar(variables: dict[str, str], tmp_path: Path) -> None:
    """Its weeks have to come from somewhere."""
    file = tmp_path / "days.json"
    file.write_text('{"special": {}}')
    ended = mallcare("calendars", "import", str(file), folder=tmp_path, **variables)
    assert ended.returncode == 1
    assert "404 not_found" in ended.stderr
