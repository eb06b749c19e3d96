"""What a look costs follows what falls due, not how many orders there are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from mallcare.application.keeping import Kept
from mallcare.persistence.releases import LOCK_DUE, NEXT
from tests.timekeeping.orders import DUE_AT, SHARD, Shop

pytestmark = [pytest.mark.rule("A1"), pytest.mark.rule("P2")]
OTHERS = 4_000
COLUMNS = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_name = 'orders' AND is_generated = 'NEVER' ORDER BY ordinal_position"
)


def multiply(connection: psycopg.Connection, times: int, prefix: str, **columns: str) -> None:
    """Copies of the one order there is, `columns` otherwise; `n` counts them."""
    names = [str(row[0]) for row in connection.execute(COLUMNS)]
    columns["order_no"] = f"'{prefix}' || n"
    values = ", ".join(columns.get(name, name) for name in names)
    connection.execute(
        f"INSERT INTO orders ({', '.join(names)}) SELECT {values}"
        f" FROM orders, generate_series(1, {times}) n WHERE order_no LIKE 'O%'".encode()
    )


def rows_read(plan: dict[str, Any]) -> int:
    """Rows of orders that a plan looked at, thrown away ones included."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return int(own * plan["Actual Loops"]) + sum(rows_read(child) for child in plan.get("Plans", []))


@pytest.mark.parametrize("analyzed", [True, False])
async def test_a_look_reads_what_is_due(shop: Shop, cleaner: psycopg.Connection, analyzed: bool) -> None:
    """Of thousands of orders that were released, withheld, or are due later, none is read."""
    await shop.bought()
    multiply(cleaner, OTHERS, "R", release_due_at="NULL", released_at="placed_at")
    multiply(cleaner, OTHERS, "W", release_due_at="NULL")
    multiply(cleaner, OTHERS, "L", release_due_at="release_due_at + n * interval '1 minute'")
    if analyzed:
        cleaner.execute("ANALYZE orders")
    for statement in (LOCK_DUE, NEXT):
        compiled = statement.compile(dialect=PGDialect_psycopg())
        given = compiled.construct_params({"of_shard": SHARD, "now": DUE_AT, "most": 500})
        explained = cleaner.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".encode(), given).fetchone()
        assert explained is not None
        assert rows_read(explained[0][0]["Plan"]) <= 2, explained
    assert await shop.look(DUE_AT) == Kept(released=1, next_due_at=DUE_AT + timedelta(minutes=1))
