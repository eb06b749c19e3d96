"""The page's one statement against counts made by hand, and what it costs where there is very much."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from mallcare.domain.clocks import ClockEventKind
from mallcare.domain.metrics import STAGES, Metric
from mallcare.persistence.daily_sms import OVERDUE
from mallcare.ports import SupplierOverdue
from tests.daily_sms.desk import HOUR, NINE, Desk

pytestmark = pytest.mark.rule("T4")
COPIES = (
    "INSERT INTO clocks (metric, subject, part, seq, order_no, supplier_id, policy_version, calendar_id,"
    " calendar_version, target, events, elapsed, started_at, running_since, due_at)"
    " SELECT metric, subject || n, part, seq, order_no, %s || n / %s, policy_version, calendar_id,"
    " calendar_version, target, events, elapsed, started_at, running_since, due_at"
    " FROM clocks, generate_series(1, %s) n WHERE supplier_id = %s"
)


@pytest.mark.parametrize("seed", range(3))
async def test_pages_are_what_counting_by_hand_gives(desk: Desk, seed: int) -> None:
    """Clocks of every kind and standing at random: the same suppliers in the same order, the same counts."""
    chance = Random(seed)
    expected: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for _ in range(60):
        supplier_id = f"supplier-{chance.randrange(9)}"
        metric, late = chance.choice(list(Metric)), chance.choice([-HOUR, HOUR])
        end = chance.choice([None, None, ClockEventKind.FULFIL, ClockEventKind.PAUSE])
        subject, part = f"{metric}-{supplier_id}-{chance.randrange(3)}", str(chance.random())
        await desk.clock(supplier_id, metric, late=late, subject=subject, part=part, end=end)
        if end is ClockEventKind.FULFIL:
            continue
        orders, requests = expected[supplier_id]
        if end is None and late == HOUR:
            orders |= {subject} if metric is Metric.SHIPMENT else set()
            requests |= {subject} if metric in STAGES else set()
    by_hand = [SupplierOverdue(one, *map(len, counts)) for one, counts in sorted(expected.items())]
    async with desk.uow() as uow:
        for size in (1, 4, 100):
            found: list[SupplierOverdue] = []
            while page := await uow.daily_sms.overdue(NINE, found[-1].supplier_id if found else "", size):
                found += page
                if len(page) < size:
                    break
            assert found == by_hand


def relations(plan: dict[str, Any]) -> list[tuple[str, int]]:
    """Each node that reads a table: how, and how many rows altogether."""
    own: list[tuple[str, int]] = []
    if plan.get("Relation Name") == "clocks":
        rows = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
        own = [(plan["Node Type"], int(rows))]
    return own + [one for child in plan.get("Plans", []) for one in relations(child)]


async def test_a_page_reads_what_is_overdue_of_its_suppliers(desk: Desk, cleaner: psycopg.Connection) -> None:
    """Twenty suppliers of a thousand clocks in time each: by indexes, no row of them but the first."""
    await desk.clock("model", late=-HOUR)
    cleaner.execute(COPIES, ("big-", 1_000, 20_000, "model"))
    await desk.overdue_supplier("big-3")
    cleaner.execute("ANALYZE clocks")
    given = {"now": NINE, "after": "", "most": 10}
    sent = OVERDUE.compile(dialect=PGDialect_psycopg()).construct_expanded_state(given)
    explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {sent.statement}".encode()
    explained = cleaner.execute(explain, sent.parameters).fetchone()
    assert explained is not None
    read = relations(explained[0][0]["Plan"])
    assert all("Index" in how or "Bitmap" in how for how, _ in read), read
    assert sum(rows for _, rows in read) < 200, read
    async with desk.uow() as uow:
        page = await uow.daily_sms.overdue(NINE, "", 5)
    assert [one.supplier_id for one in page] == ["big-0", "big-1", "big-10", "big-11", "big-12"]
