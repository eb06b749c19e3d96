"""`mallcare daily-sms` against the real API app: a day's report as a table, and when a person has to look."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from api.app import create_app
from api.deps import ApiPlatform
from mallcare.application.caller import Caller
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.daily_sms import CONTACTS_MISSING, MISSED, DailyProblem, DailySmsRun
from mallcare.domain.errors import NotFound
from mallcare.domain.notices import NoticeStatus
from mallcare.domain.vocabulary import Role
from mallcare.settings import Settings
from tests.cli.shop import KEY, VERIFIER
from tests.cli.test_commands import mallcare
from tests.gateways.serving import Served

pytestmark = pytest.mark.rule("T4")
DAY = date(2026, 3, 5)
NINE = datetime(2026, 3, 5, 1, tzinfo=UTC)
WELL = DailySmsRun(
    DAY,
    NINE,
    planned_at=NINE,
    reported_at=NINE + timedelta(minutes=5),
    suppliers=9,
    planned=3,
    outcomes={NoticeStatus.DELIVERED: 3},
)
LACKING = DailyProblem(CONTACTS_MISSING, supplier_id="supplier-7")


@dataclass
class Reports:
    """Knows one day, or none."""

    run: DailySmsRun | None = WELL

    async def of_day(self, day: date, caller: Caller) -> DailySmsRun:
        assert (day, caller.role) == (DAY, Role.OPERATIONS)
        if self.run is None:
            raise NotFound("no daily SMS was begun on this day", day=day.isoformat())
        return self.run


@pytest.fixture
def reports() -> Reports:
    """A day on which all went well."""
    return Reports()


@pytest.fixture
def variables(reports: Reports) -> Generator[dict[str, str]]:
    """Where the API is, and operations' token."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        use_cases = SimpleNamespace(daily_sms_reports=reports)
        yield cast("ApiPlatform", SimpleNamespace(use_cases=use_cases))

    token = mint(Settings.model_validate({}), KEY, Claims(Role.OPERATIONS, "ann"), timedelta(minutes=5))
    with Served(create_app(opened, VERIFIER)) as served:
        yield {"MALLCARE_URL": served.url, "MALLCARE_TOKEN": token}


def test_a_day_on_which_all_went_well(reports: Reports, variables: dict[str, str], tmp_path: Path) -> None:
    """Its counts and whom nobody could be told of; status 0, for that is a task of its own."""
    reports.run = replace(WELL, problems=(LACKING,))
    ended = mallcare("daily-sms", "2026-03-05", folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    assert "2026-03-05: 9 suppliers looked at, 3 messages, reported: 03-05 09:05:00" in ended.stdout
    assert [line.split() for line in ended.stdout.splitlines()[1:]] == [
        ["what", "messages", "supplier"],
        ["delivered", "3"],
        ["contacts_missing", "supplier-7"],
    ]


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (None, "404"),
        (replace(WELL, reported_at=None, outcomes={}), "not reported yet: sending"),
        (replace(WELL, problems=(DailyProblem(MISSED),)), "was missed"),
        (
            replace(
                WELL,
                outcomes={NoticeStatus.DELIVERED: 2, NoticeStatus.FAILED: 1},
                problems=(DailyProblem("isv.X", 1, status="failed"),),
            ),
            "not every message arrived",
        ),
    ],
)
def test_a_day_that_asks_for_a_person(
    reports: Reports, variables: dict[str, str], tmp_path: Path, run: DailySmsRun | None, told: str
) -> None:
    """Status 1, and why."""
    reports.run = run
    ended = mallcare("daily-sms", "2026-03-05", folder=tmp_path, **variables)
    assert (ended.returncode, told in ended.stderr) == (1, True), ended.stderr
    assert run is None or not run.troubled or "failed: isv.X" in ended.stdout


def test_a_platform_that_is_not_there(tmp_path: Path, variables: dict[str, str]) -> None:
    """Said in a sentence; what is no day is a mistake of the caller."""
    nowhere = {**variables, "MALLCARE_URL": "http://127.0.0.1:9"}
    ended = mallcare("daily-sms", "2026-03-05", folder=tmp_path, **nowhere)
    assert (ended.returncode, "is the platform running?" in ended.stderr) == (1, True)
    assert mallcare("daily-sms", "today", folder=tmp_path, **variables).returncode == 2
