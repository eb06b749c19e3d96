"""Reports of the daily SMS over HTTP: a day's, and all of them, newest first."""

from __future__ import annotations

from datetime import date, timedelta

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.daily_sms import at_hour
from tests.api.calls import answered, problem_of
from tests.api.conftest import Api
from tests.daily_sms.desk import DAY, HOUR, NINE, Desk

pytestmark = pytest.mark.rule("T4")
REPORTS = "/v1/operations/daily-sms"


@pytest.fixture
def desk(api: Api, engine: AsyncEngine, cleaner: psycopg.Connection) -> Desk:
    """Suppliers on the database of the app."""
    return Desk(engine, cleaner)


async def test_the_report_of_a_day(api: Api, desk: Desk) -> None:
    """Its counts are those of the notices, with the reasons and whom nobody could be told of."""
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.clock("supplier-3")
    await desk.plan()
    sending = answered(await api.operations.get(f"{REPORTS}/2026-03-05"))
    assert (sending["status"], sending["reported_at"]) == ("sending", None)
    desk.became("delivered")
    desk.became("failed", "isv.MOBILE_NUMBER_ILLEGAL", of="supplier-1")
    await desk.report(at=NINE + HOUR)
    assert answered(await api.auditor.get(f"{REPORTS}/2026-03-05")) == {
        "day": "2026-03-05",
        "status": "reported",
        "started_at": "2026-03-05T01:00:00Z",
        "planned_at": "2026-03-05T01:00:00Z",
        "reported_at": "2026-03-05T02:00:00Z",
        "missed": False,
        "suppliers": 4,
        "planned": 3,
        "counts": {
            "waiting": 0,
            "asking": 0,
            "sent": 0,
            "delivered": 2,
            "undeliverable": 0,
            "failed": 1,
            "unknown": 0,
            "moot": 0,
        },
        "problems": [
            {"code": "isv.MOBILE_NUMBER_ILLEGAL", "count": 1, "status": "failed", "supplier_id": None},
            {"code": "contacts_missing", "count": 0, "status": None, "supplier_id": "supplier-3"},
        ],
    }


async def test_a_day_in_the_middle_of_its_plan(api: Api, desk: Desk) -> None:
    """It can be looked at all the time."""
    desk.send = Desk(desk.engine, desk.rows, page=1).send
    await desk.overdue_supplier("supplier-1")
    await desk.send.plan(DAY, NINE)
    report = answered(await api.finance.get(f"{REPORTS}/2026-03-05"))
    assert (report["status"], report["planned_at"], report["planned"]) == ("planning", None, 1)


async def test_a_missed_day_says_so(api: Api, desk: Desk) -> None:
    """Nobody was told, because it was night when the platform came back."""
    await desk.plan(at=NINE + 12 * HOUR)
    await desk.report(at=NINE + 12 * HOUR)
    report = answered(await api.operations.get(f"{REPORTS}/2026-03-05"))
    assert (report["missed"], report["planned"]) == (True, 0)
    assert report["problems"] == [{"code": "missed", "count": 0, "status": None, "supplier_id": None}]


async def test_days_come_in_pages(api: Api, desk: Desk) -> None:
    """Newest first, each once."""
    days = [date(2026, 3, 1) + timedelta(days=n) for n in range(5)]
    for day in days:
        await desk.plan(day, at_hour(day, 9, "Asia/Shanghai"))
    seen: list[str] = []
    query = "?limit=2"
    while True:
        page = answered(await api.auditor.get(f"{REPORTS}{query}"))
        assert len(page["items"]) <= 2
        seen += [item["day"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=2&cursor={page['next_cursor']}"
    assert seen == [day.isoformat() for day in reversed(days)]


async def test_a_day_without_a_run_is_not_found(api: Api) -> None:
    """And what is no day is refused."""
    problem_of(await api.operations.get(f"{REPORTS}/2026-03-04"), 404, "not_found")
    for no_day in ("yesterday", "2026-3-4", "1999-12-31", "20260304"):
        problem_of(await api.operations.get(f"{REPORTS}/{no_day}"), 422, "invalid")
        problem_of(await api.operations.get(f"{REPORTS}?cursor={no_day}"), 422, "invalid")
    assert answered(await api.operations.get(REPORTS)) == {"items": [], "next_cursor": None}


async def test_only_the_platforms_own_people_see_reports(api: Api, desk: Desk) -> None:
    """They name suppliers: neither a supplier nor a customer nor the mall may look."""
    await desk.plan()
    for caller in (api.mall, api.supplier, api.customer):
        problem_of(await caller.get(REPORTS), 403, "not_allowed")
        problem_of(await caller.get(f"{REPORTS}/2026-03-05"), 403, "not_allowed")
