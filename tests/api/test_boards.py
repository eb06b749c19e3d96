"""The live board over HTTP: every number opens its rows, each row its arithmetic; tenants stay apart (T2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from benchmarks.board_data import History, fill
from mallcare.ports import shard_of
from tests.api.calls import Calls, Json, answered, event_body, problem_of
from tests.api.conftest import Api
from tests.api.test_tenancy import BOARDS, ROLES, Route

pytestmark = pytest.mark.rule("T2")

NOW = datetime(2026, 3, 20, 2, tzinfo=UTC)
BOARD = "/v1/boards/timeliness"


@pytest.fixture
async def shop(api: Api, empty_database: str) -> Api:
    """Two suppliers with a history; `supplier-1` is the second of them."""
    fill(
        empty_database,
        History(orders=300, cases=100, now=NOW, suppliers=2, days=6, tracked=1, asked_back=0.2),
    )
    with psycopg.connect(empty_database, autocommit=True) as connection:
        for table in ("orders", "after_sales", "clocks"):
            connection.execute(
                f"UPDATE {table} SET supplier_id = CASE supplier_id WHEN 'supplier-0000' THEN 'supplier-2'"
                " ELSE 'supplier-1' END".encode()
            )
    api.clock.at = NOW
    return api


async def whole(caller: Calls, path: str) -> list[Json]:
    """All rows behind an address."""
    found: list[Json] = []
    cursor = ""
    while True:
        page = answered(await caller.get(f"{path}&limit=200{cursor}"))
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def numbers(part: Any) -> Iterator[Json]:
    """Every number with an address, wherever it stands."""
    if isinstance(part, dict):
        if {"value", "rows"} <= set(part):
            yield part
        for each in part.values():
            yield from numbers(each)
    elif isinstance(part, list):
        for each in part:
            yield from numbers(each)


@pytest.mark.parametrize("role", ["operations", "supplier"])
async def test_every_number_opens_exactly_its_rows(shop: Api, role: str) -> None:
    """Each address answers as many rows as its number says; those of distinct orders, as many orders."""
    caller: Calls = getattr(shop, role)
    board = answered(await caller.get(BOARD))
    subjects = {id(figure["subjects"]) for figure in board["figures"]}
    seen = 0
    for number in numbers(board):
        if number["rows"].startswith("/v1/operations/tasks"):
            continue
        rows = await whole(caller, number["rows"])
        count = len({row["subject"] for row in rows}) if id(number) in subjects else len(rows)
        assert count == number["value"], number
        seen += bool(rows)
    assert seen > 40


async def test_a_board_says_what_it_means(shop: Api) -> None:
    """Rates follow from their counts, change from its parts, and few clocks are shown in grey."""
    board = answered(await shop.operations.get(BOARD))
    assert board["period"] == {"first": "2026-03-14", "last": "2026-03-20"}
    for figure in board["figures"]:
        assert figure["change"] == figure["overdue"]["value"] - figure["overdue_24h_ago"]
    assert sum(figure["overdue"]["value"] for figure in board["figures"]) == board["overdue"]["value"]
    for rated in (*board["compliance"], *board["days"]):
        met, breached = rated["met"]["value"], rated["breached"]["value"]
        counted = met + breached
        told = None if not counted else f"{1_000 * met // counted / 1_000:.3f}"
        assert (rated["rate"], rated["enough"]) == (told, counted >= 20)
    of_days = [day for day in board["days"] if day["metric"] == "shipment"]
    [shipment] = [each for each in board["compliance"] if each["metric"] == "shipment"]
    for part in ("met", "breached", "void", "running"):
        assert shipment[part]["value"] == sum(day[part]["value"] for day in of_days)
    dues = [row["due_at"] for row in board["at_risk"]]
    assert dues == sorted(dues)
    assert {row["state"] for row in board["at_risk"]} <= {"at_risk"}


async def test_a_breach_that_a_late_report_corrects_is_marked(shop: Api, empty_database: str) -> None:
    """It stays in the feed, since somebody was alarmed by it, and says that it was none."""
    board = answered(await shop.operations.get(BOARD))
    latest = board["breaches"][0]
    assert latest["corrected"] is False
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(
            "UPDATE clocks SET outcome = 'met', ended_at = due_at, running_since = NULL, next_at = NULL,"
            " elapsed = target WHERE id = %s",
            (latest["clock_id"],),
        )
    shop.clock.at += timedelta(seconds=1)
    corrected = answered(await shop.operations.get(BOARD))["breaches"][0]
    assert (corrected["clock_id"], corrected["corrected"]) == (latest["clock_id"], True)


async def test_a_clock_explains_itself(shop: Api) -> None:
    """Events, segments and their sum; folding it again gives what is stored."""
    rows = await whole(shop.operations, f"{BOARD}/rows?state=overdue&state=met&state=paused")
    for state in ("overdue", "met", "paused"):
        row = next(row for row in rows if row["state"] == state)
        told = answered(await shop.operations.get(f"/v1/clocks/{row['clock_id']}"))
        assert told["agrees"] is True
        assert told["clock"] == row
        assert told["folded"]["due_at"] == row["due_at"]
        assert (told["segments"][-1]["until"] is None) is (state == "overdue")
        assert told["calendar"] == {"calendar_id": "24x7", "version": 1}
        assert told["events"][0]["kind"] == "start"


async def test_what_is_stored_wrongly_is_seen(shop: Api, empty_database: str) -> None:
    """The arithmetic is done anew, not read back."""
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("UPDATE clocks SET elapsed = elapsed + interval '1 second'")
    [row] = answered(await shop.operations.get(f"{BOARD}/rows?state=met&limit=1"))["items"]
    assert answered(await shop.operations.get(f"/v1/clocks/{row['clock_id']}"))["agrees"] is False


async def test_clocks_of_an_order_and_its_requests(shop: Api) -> None:
    """By the order all of them, by a subject its own; one of the two has to be named."""
    case = answered(await shop.operations.get("/v1/after-sales?limit=1"))["items"][0]
    order_no, case_no = case["order_no"], case["after_sales_no"]
    of_order = answered(await shop.operations.get(f"/v1/clocks?order_no={order_no}"))["items"]
    assert {row["order_no"] for row in of_order} == {order_no}
    assert {row["subject"] for row in of_order} == {order_no, case_no}
    own = answered(await shop.operations.get(f"/v1/clocks?subject={case_no}"))["items"]
    assert own == [row for row in of_order if row["subject"] == case_no]
    for query in ("", f"?order_no={order_no}&subject={case_no}"):
        problem_of(await shop.operations.get(f"/v1/clocks{query}"), 422, "invalid")


async def test_suppliers_see_their_own(shop: Api) -> None:
    """Board, rows and clocks; another's looks like what does not exist."""
    board = answered(await shop.supplier.get(BOARD))
    assert board["supplier_id"] == "supplier-1"
    assert [row["supplier_id"] for row in board["suppliers"]["items"]] == ["supplier-1"]
    assert board["tasks"] is None
    rows = await whole(shop.supplier, f"{BOARD}/rows?state=met")
    assert {row["supplier_id"] for row in rows} == {"supplier-1"}
    everything = await whole(shop.operations, f"{BOARD}/rows?state=met")
    theirs = next(row for row in everything if row["supplier_id"] == "supplier-2")
    for path in (
        f"{BOARD}?supplier_id=supplier-2",
        f"{BOARD}/rows?supplier_id=supplier-2",
        f"{BOARD}/stream?supplier_id=supplier-2",
        f"/v1/clocks?order_no={theirs['order_no']}&supplier_id=supplier-2",
        f"/v1/clocks/{theirs['clock_id']}",
    ):
        problem_of(await shop.supplier.get(path), 404, "not_found")
    found = answered(await shop.supplier.get(f"/v1/clocks?order_no={theirs['order_no']}"))
    assert found["items"] == []
    page = answered(await shop.supplier.get(f"{BOARD}/rows?state=met&limit=1"))
    stolen = await shop.other_supplier.get(f"{BOARD}/rows?state=met&limit=1&cursor={page['next_cursor']}")
    problem_of(stolen, 422, "invalid")


@pytest.mark.parametrize("route", sorted(BOARDS), ids=" ".join)
async def test_each_role_sees_what_is_written_for_it(shop: Api, route: Route) -> None:
    """Nobody without a token, and 403 to all other roles."""
    path = route[1].replace("{clock_id}", "1")
    problem_of(await shop.nobody.get(path), 401, "unauthenticated")
    refused: list[str] = []
    for role in ROLES:
        caller: Calls = getattr(shop, role)
        if (await caller.get(path)).status_code == 403:
            refused.append(role)
    assert [role for role in ROLES if role not in refused] == BOARDS[route].split()


@pytest.mark.parametrize(
    "query",
    [
        "?from=2026-03-10&to=2026-03-01",
        "?from=2025-01-01&to=2026-03-01",
        "?from=1900-01-01",
        "/rows?figure=unshipped&metric=review",
        "/rows?day=2026-03-01&from=2026-03-01&to=2026-03-02",
        "/rows?from=2026-03-01",
        "/rows?state=late",
        "/rows?bucket=12-48",
        "/rows?cursor=bm9uc2Vuc2U",
        "/rows?as_of=2026-03-01",
    ],
)
async def test_nonsense_is_refused(shop: Api, query: str) -> None:
    """With 422, never a failure of ours."""
    problem_of(await shop.operations.get(f"{BOARD}{query}"), 422, "invalid")


async def test_operations_sees_its_tasks_on_the_board(shop: Api) -> None:
    """By kind and status, on the board of all; each opens its list."""
    await shop.platform.use_cases.reconcile_day.give_up("wechat_pay", NOW.date())
    shop.clock.at += timedelta(seconds=2)
    [tasks] = answered(await shop.operations.get(BOARD))["tasks"]
    assert (tasks["kind"], tasks["status"], tasks["value"]) == ("reconciliation_failed", "open", 1)
    assert len(answered(await shop.operations.get(tasks["rows"]))["items"]) == 1
    assert answered(await shop.mall.get(BOARD))["tasks"] is None
    assert answered(await shop.operations.get(f"{BOARD}?supplier_id=supplier-1"))["tasks"] is None


async def test_an_order_of_the_platform_shows_on_the_board(api: Api) -> None:
    """Through the platform's own doors: released it runs, it grows late, and a late scan makes it met."""
    answered(await api.mall.put_order("O-1"))
    keep_time = api.platform.use_cases.keep_time
    await keep_time(shard_of("supplier-1"), api.clock.now())

    async def unshipped() -> dict[str, int]:
        figure = answered(await api.supplier.get(BOARD))["figures"][0]
        return {state: figure[state]["value"] for state in ("running", "at_risk", "overdue", "subjects")}

    assert await unshipped() == {"running": 1, "at_risk": 0, "overdue": 0, "subjects": 0}
    api.clock.at += timedelta(hours=40)
    assert await unshipped() == {"running": 0, "at_risk": 1, "overdue": 0, "subjects": 0}
    api.clock.at += timedelta(hours=9)
    await keep_time(shard_of("supplier-1"), api.clock.now())
    assert await unshipped() == {"running": 0, "at_risk": 0, "overdue": 1, "subjects": 1}
    scanned = event_body("E-1", "collected", occurred_at="2026-03-02T10:00:00+08:00", waybill="SF1234567890")
    answered(await api.mall("POST", "/v1/orders/O-1/events", scanned))
    board = answered(await api.supplier.get(BOARD))
    assert board["figures"][0]["overdue"]["value"] == 0
    [breach] = [each for each in board["breaches"] if each["metric"] == "shipment"]
    assert (breach["corrected"], breach["outcome"]) == (True, "met")
    [day] = [each for each in board["days"] if each["metric"] == "shipment"]
    assert (day["day"], day["met"]["value"], day["breached"]["value"]) == ("2026-03-03", 1, 0)
    explained = answered(await api.supplier.get(f"/v1/clocks/{breach['clock_id']}"))
    assert explained["agrees"] is True
    assert {each["level"] for each in explained["reminders"]}
