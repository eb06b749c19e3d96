"""`mallcare reconcile` against the real API app: what it starts, waits for and tells."""

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
from mallcare.application.reconciliation import StartedReconciliation
from mallcare.cli.tokens import Claims, mint
from mallcare.domain.reconciliation import Difference, DifferenceKind
from mallcare.domain.vocabulary import Role
from mallcare.ports import ReconciledDay, ReconciliationRun
from mallcare.settings import Settings
from tests.cli.shop import KEY, VERIFIER
from tests.cli.test_commands import mallcare
from tests.gateways.serving import Served

DAY = date(2026, 3, 1)
STARTED = datetime(2026, 3, 2, 3, tzinfo=UTC)
LACKING = Difference(DifferenceKind.MISSING_AT_VENDOR, "RF1", "AS1", 1_234, "SUCCEEDED")


@dataclass
class Answering:
    """Has an old run of the day, and a new one from the second look on, unless it never ends."""

    run: ReconciliationRun
    ends: bool = True
    looks: int = 0

    async def start(self, day: date, caller: Caller) -> StartedReconciliation:
        assert (day, caller.role) == (DAY, Role.FINANCE)
        return StartedReconciliation(STARTED, ("wechat_pay",))

    async def of_day(self, day: date, _caller: Caller) -> list[ReconciliationRun]:
        self.looks += 1
        early = self.looks == 1 or not self.ends
        return [replace(self.run, started_at=STARTED - timedelta(hours=1)) if early else self.run]


@pytest.fixture
def answering() -> Answering:
    """A day without differences."""
    return Answering(ReconciliationRun("wechat_pay", "19", DAY, STARTED, STARTED, None, ReconciledDay(7, 6)))


@pytest.fixture
def variables(answering: Answering) -> Generator[dict[str, str]]:
    """Where the API is, and finance's token."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        use_cases = SimpleNamespace(reconciliations=answering)
        yield cast("ApiPlatform", SimpleNamespace(use_cases=use_cases))

    token = mint(Settings.model_validate({}), KEY, Claims(Role.FINANCE, "ann"), timedelta(minutes=5))
    with Served(create_app(opened, VERIFIER)) as served:
        yield {"MALLCARE_URL": served.url, "MALLCARE_TOKEN": token}


def test_a_day_without_differences(answering: Answering, variables: dict[str, str], tmp_path: Path) -> None:
    """Waited for until the new run is there, not believed from an old one."""
    ended = mallcare("reconcile", "2026-03-01", folder=tmp_path, **variables)
    assert ended.returncode == 0, ended.stderr
    assert "wechat_pay 19: 7 on the bill, 6 due: 0 differences" in ended.stdout
    assert answering.looks == 2


def test_differences_are_shown(answering: Answering, variables: dict[str, str], tmp_path: Path) -> None:
    """With status 1, and where the tasks are."""
    answering.run = replace(answering.run, result=ReconciledDay(7, 6, {"missing_at_vendor": 1}, (LACKING,)))
    ended = mallcare("reconcile", "2026-03-01", folder=tmp_path, **variables)
    assert ended.returncode == 1
    assert "1 differences" in ended.stdout
    assert "RF1" in ended.stdout
    assert "¥12.34" in ended.stdout
    assert "/v1/operations/tasks?status=open" in ended.stderr


def test_a_bill_that_is_not_there_and_one_that_takes_long(
    answering: Answering, variables: dict[str, str], tmp_path: Path
) -> None:
    """Both go on in the background, and are told as what they are; without waiting there is no result."""
    answering.run = replace(answering.run, finished_at=None, failure_code="STATEMENT_CREATING", result=None)
    ended = mallcare("reconcile", "2026-03-01", folder=tmp_path, **variables)
    assert (ended.returncode, "STATEMENT_CREATING" in ended.stderr) == (1, True)
    answering.ends = False
    ended = mallcare("reconcile", "2026-03-01", "--wait", "1", folder=tmp_path, **variables)
    assert (ended.returncode, "no result after 1 s" in ended.stderr) == (1, True)
    ended = mallcare("reconcile", "2026-03-01", "--wait", "0", folder=tmp_path, **variables)
    assert (ended.returncode, ended.stdout) == (0, "2026-03-01: started for wechat_pay\n")
    assert mallcare("reconcile", "today", folder=tmp_path, **variables).returncode == 2
