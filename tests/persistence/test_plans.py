"""At 50,000 cases no list and no sweep reads the whole table (aim P6)."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Json
from sqlalchemy import CompoundSelect, Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.sql.dml import UpdateBase

from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, State
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.persistence import case_papers, case_parcels, cases, order_events, orders, queries, tasks
from mallcare.ports import CaseFilter, TaskFilter
from tests.database import TEMPLATE
from tests.persistence.many_cases import fill

Statement = Select[Any] | CompoundSelect[Any] | UpdateBase
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MIDDLE = datetime(2026, 3, 1, 6, tzinfo=UTC)
SIZE = 50_000


@pytest.fixture(scope="module")
def explain(
    postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str
) -> Generator[Callable[..., dict[str, Any]]]:
    """Runs a statement on a filled database and answers how: nodes, cost, rows read."""
    administrator.execute(f"CREATE DATABASE plans TEMPLATE {TEMPLATE}")
    fill(postgres.url_of("plans"), SIZE)
    with psycopg.connect(postgres.url_of("plans")) as connection:

        def run(statement: Statement, given: dict[str, object] | None = None) -> dict[str, Any]:
            compiled = statement.compile(
                dialect=PGDialect_psycopg(), compile_kwargs={"render_postcompile": True}
            )
            values = compiled.construct_params(given)
            found = connection.execute(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".encode(), values
            ).fetchone()
            connection.rollback()
            assert found is not None
            return found[0][0]

        yield run
    administrator.execute("DROP DATABASE plans WITH (FORCE)")


def scans(plan: dict[str, Any]) -> list[tuple[str, str]]:
    """Every node that reads a table: its type and table."""
    own = [(plan["Node Type"], plan["Relation Name"])] if "Relation Name" in plan else []
    return own + [scan for child in plan.get("Plans", []) for scan in scans(child)]


def rows_read(plan: dict[str, Any], *tables: str) -> int:
    """Rows that the nodes reading `after_sales` and other tables looked at, thrown away ones included."""
    own = 0
    if plan.get("Relation Name") in ("after_sales", *tables):
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(child, *tables) for child in plan.get("Plans", []))


FILTERS = {
    "all": CaseFilter(),
    "order": CaseFilter(order_no="O500"),
    "supplier": CaseFilter(supplier_id="supplier-7"),
    "customer": CaseFilter(customer_id="customer-77"),
    "state": CaseFilter(state=State.PENDING_REVIEW),
    "rare state": CaseFilter(state=State.REFUND_FAILED),
    "kind": CaseFilter(kind=Kind.REFUND_ONLY),
    "supplier and state": CaseFilter(supplier_id="supplier-0", state=State.PENDING_REVIEW),
    "supplier, rare state": CaseFilter(supplier_id="supplier-0", state=State.REFUND_FAILED),
    "customer and state": CaseFilter(customer_id="customer-77", state=State.COMPLETED),
    "overdue": CaseFilter(overdue_at=AT),
    "overdue of a supplier": CaseFilter(supplier_id="supplier-0", overdue_at=AT),
}


@pytest.mark.parametrize("name", FILTERS)
def test_lists_go_by_an_index(explain: Callable[..., dict[str, Any]], name: str) -> None:
    """First page and a later one, for each common filter."""
    where = FILTERS[name]
    later = queries.place_of(where, AT, "AS00020000")
    for cursor in (None, later):
        plan = explain(queries.list_cases(where, 51, cursor))["Plan"]
        assert ("Seq Scan", "after_sales") not in scans(plan)
        assert ("Seq Scan", "refund_legs") not in scans(plan)
        assert ("Seq Scan", "case_parcels") not in scans(plan)
        assert rows_read(plan) <= 2_100


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (cases.UNTOLD, {"before": AT, "limit": 100}),
        (cases.OVERDUE, {"before": AT, "limit": 100}),
        (cases.UNTOLD_AFTER, {"before": AT, "limit": 100, "after_at": MIDDLE, "number": "AS00020000"}),
        (cases.OVERDUE_AFTER, {"before": AT, "limit": 100, "after_at": MIDDLE, "number": "AS00020000"}),
        (cases.CHECK, {"now": AT, "limit": 100}),
        (cases.USAGE, {"customer_id": "customer-7", "supplier_id": "supplier-7", "since": AT}),
        (cases.LOCK, {"number": "AS00000007"}),
        (orders.LOCK_OF_CASE, {"number": "AS00000007"}),
        (
            orders.SPENT_OF_ALL,
            {"number": "O5", "rows": [{"provider": "wechat_pay", "transaction_id": "TO5"}]},
        ),
        (orders.HAS_HOLDINGS, {"number": "O5"}),
        (queries.UNTOLD.where(cases.after_sales.c.updated_at < AT), {}),
    ],
    ids=[
        "untold",
        "overdue",
        "untold page",
        "overdue page",
        "check",
        "usage",
        "lock",
        "lock of case",
        "book",
        "holdings",
        "unhealed",
    ],
)
def test_commands_and_sweeps_go_by_an_index(
    explain: Callable[..., dict[str, Any]], statement: Statement, given: dict[str, object]
) -> None:
    """What runs in every command or every few seconds reads only what it answers."""
    if "rows" in given:
        given = given | {"rows": Json(given["rows"])}
    plan = explain(statement, given)["Plan"]
    assert not {scan for scan in scans(plan) if scan[0] == "Seq Scan"} & {
        ("Seq Scan", table) for table in ("after_sales", "refund_legs", "orders")
    }
    assert rows_read(plan) <= 1_000


GOODS = {"case_parcels", "case_addresses", "case_evidence", "operations_tasks", "order_events"}


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (case_parcels.OF_OTHERS, {"waybill_": "SFAS00000007", "supplier_": "s", "customer_": "c"}),
        (cases.OF_WAYBILL, {"number": "O7", "waybill_": "SFAS00000015"}),
        (cases.LIVE_OF_ORDER, {"number": "O7"}),
        (case_papers.ADDRESSES, {"number": "AS00000007"}),
        (case_papers.EVIDENCE, {"number": "AS00000007"}),
        (order_events.WITH_WAYBILL, {"number": "O7", "waybill_": "SFAS00000015"}),
        (order_events.SET_ASIDE, {"number": "O7", "waybill_": "SFAS00000015"}),
        (order_events.OWN, {"numbers": ["O7", "O8"]}),
        (
            tasks.RESOLVE.values(resolved_by="x", resolved_at=AT, note="n"),
            {"about": "AS00000007", "of_kind": "parcel_abnormal"},
        ),
        (tasks.list_tasks(TaskFilter(subject="AS00000007"), 50, None), {}),
        (
            tasks.list_tasks(TaskFilter(TaskKind.PARCEL_ABNORMAL, TaskStatus.OPEN), 50, None),
            {},
        ),
    ],
    ids=[
        "waybill of others",
        "cases of a waybill",
        "live cases",
        "addresses",
        "evidence",
        "reports of a waybill",
        "set aside",
        "own reports",
        "resolve",
        "tasks of a subject",
        "open tasks of a kind",
    ],
)
def test_goods_are_found_by_an_index(
    explain: Callable[..., dict[str, Any]], statement: Statement, given: dict[str, object]
) -> None:
    """Waybills, papers, reports and tasks, each of one case or order among all."""
    plan = explain(statement, given)["Plan"]
    assert not set(scans(plan)) & {("Seq Scan", table) for table in GOODS | {"after_sales", "refund_legs"}}
    assert rows_read(plan, *GOODS) <= 200
