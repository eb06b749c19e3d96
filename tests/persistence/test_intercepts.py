"""Intercepts in PostgreSQL: stored as they are, listed by keyset, found by an index."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.commands import Approve, Reject
from mallcare.domain.errors import InvalidInput
from mallcare.domain.intercepts import (
    Intercept,
    InterceptLine,
    InterceptStatus,
    InterceptStep,
    say,
)
from mallcare.domain.vocabulary import Kind
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.persistence import intercepts
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import InterceptFilter
from tests.database import TEMPLATE
from tests.domain.builders import OPERATIONS, PLACED_AT, SUPPLIER, asking, line, order
from tests.persistence.many_cases import fill
from tests.persistence.test_plans import scans
from tests.persistence.transactions import command, open_case, store

ORDERS = count(1)
DECIDED = PLACED_AT + timedelta(hours=2)
WANTED, STOPPED, RECOVERED = (
    InterceptStatus.WANTED,
    InterceptStatus.INTERCEPTED,
    InterceptStatus.RECOVERED,
)


async def a_case(uow: SqlUnitOfWorkFactory, kind: Kind = Kind.REFUND_ONLY) -> AfterSalesCase:
    """A request of an order of its own, under review."""
    bought = replace(order(line("A", 3)), order_no=f"OI{next(ORDERS)}", tenders=())
    await store(uow, replace(bought, tenders=order(line("A", 3)).tenders))
    return await open_case(uow, bought.order_no, asking(("A", 2), kind=kind))


async def begun(
    uow: SqlUnitOfWorkFactory, at: datetime = DECIDED, supplier_id: str = "supplier-1"
) -> Intercept:
    """An intercept that is stored."""
    case = await a_case(uow)
    intercept = Intercept(
        after_sales_no=case.after_sales_no,
        order_no=case.order_no,
        supplier_id=supplier_id,
        lines=(InterceptLine("A", 2), InterceptLine("B", 1, DECIDED)),
        waybills=("SF1", "SF2"),
        refunded_fen=2_000,
        refund_decided_at=DECIDED,
        steps=(InterceptStep(WANTED, SYSTEM, at),),
    )
    async with uow() as work:
        await work.intercepts.add(intercept)
        await work.commit()
    return intercept


async def save(uow: SqlUnitOfWorkFactory, intercept: Intercept) -> Intercept:
    """Committed."""
    async with uow() as work:
        await work.intercepts.save(intercept)
        await work.commit()
    return intercept


async def listed(uow: SqlUnitOfWorkFactory, where: InterceptFilter, limit: int = 50) -> list[Intercept]:
    """All pages."""
    found: list[Intercept] = []
    cursor: str | None = None
    while True:
        async with uow() as work:
            page = await work.intercepts.page(where, limit, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_an_intercept_is_stored_as_it_is(uow: SqlUnitOfWorkFactory) -> None:
    """With everything that was said, and so are its changes; an unknown number is nothing."""
    first = await begun(uow)
    other = await begun(uow)
    async with uow() as work:
        assert await work.intercepts.get("AS404") is None
        assert await work.intercepts.get(first.after_sales_no) == first
        assert await work.intercepts.of_order(first.order_no) == {first.after_sales_no: first}
        assert await work.intercepts.of_order("O404") == {}
    stopped = say(first, STOPPED, SUPPLIER, "turned round", DECIDED + timedelta(1))
    closed = say(stopped, RECOVERED, OPERATIONS, "back 退回", DECIDED + timedelta(2))
    closed = replace(closed, lines=(InterceptLine("A", 2, DECIDED),), waybills=())
    await save(uow, closed)
    async with uow() as work:
        assert await work.intercepts.get(first.after_sales_no) == closed
        assert await work.intercepts.get(other.after_sales_no) == other


async def test_a_request_has_one(uow: SqlUnitOfWorkFactory) -> None:
    """Two writers that did not know of each other cannot both begin one."""
    first = await begun(uow)
    with pytest.raises(Exception, match="pk_intercepts"):
        async with uow() as work:
            await work.intercepts.add(first)


async def test_the_list_is_filtered_and_paged_newest_first(uow: SqlUnitOfWorkFactory) -> None:
    """By when they began, whenever their requests were made; equal instants lose and repeat none."""
    at = [DECIDED + timedelta(minutes=minutes) for minutes in (3, 1, 2, 2, 2, 9)]
    known = [await begun(uow, when, f"supplier-{n % 2}") for n, when in enumerate(at)]
    known[3] = await save(uow, say(known[3], STOPPED, SUPPLIER, "stopped", DECIDED + timedelta(1)))
    newest = sorted(known, key=lambda x: (x.began_at, x.after_sales_no), reverse=True)
    for limit in (1, 2, 6, 50):
        assert await listed(uow, InterceptFilter(), limit) == newest
    assert await listed(uow, InterceptFilter(STOPPED), 1) == [known[3]]
    assert await listed(uow, InterceptFilter(supplier_id="supplier-0"), 2) == [
        x for x in newest if x.supplier_id == "supplier-0"
    ]
    assert await listed(uow, InterceptFilter(WANTED, "supplier-1"), 1) == [known[5], known[1]]
    assert await listed(uow, InterceptFilter(RECOVERED)) == []
    for cursor in ("", "x", "1-", "-AS1", "1-AS1;", "1" * 18 + "-AS1"):
        async with uow() as work:
            with pytest.raises(InvalidInput):
                await work.intercepts.page(InterceptFilter(), 1, cursor)
    async with uow() as work:
        assert (await work.intercepts.page(InterceptFilter(), 50, "9" * 17 + "-AS1")).next_cursor is None


async def test_decided_refunds_are_refund_only_and_decided(uow: SqlUnitOfWorkFactory) -> None:
    """Ended ones too; nothing that is under review, was rejected, or gets its goods back."""
    refunded = await a_case(uow)
    refunded = await command(uow, refunded.after_sales_no, Approve())
    reviewed, rejected, back = (
        await a_case(uow),
        await a_case(uow),
        await a_case(uow, Kind.RETURN_REFUND),
    )
    await command(uow, rejected.after_sales_no, Reject("no"))
    await command(uow, back.after_sales_no, Approve())
    async with uow() as work:
        assert await work.intercepts.decided_refunds(refunded.order_no) == [refunded]
        for case in (reviewed, rejected, back):
            assert await work.intercepts.decided_refunds(case.order_no) == []


@pytest.mark.parametrize("broken", ["status = 'lost'", "refunded_fen = -1", "steps = NULL"])
async def test_the_schema_refuses_what_must_not_be(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection, broken: str
) -> None:
    """Whoever writes it."""
    await begun(uow)
    with pytest.raises(psycopg.IntegrityError):
        cleaner.execute(f"UPDATE intercepts SET {broken}".encode())


MANY = """
INSERT INTO intercepts
SELECT after_sales_no, order_no, supplier_id, CASE WHEN random() < 0.02 THEN 'delivered' ELSE 'recovered' END,
       '[]', '[]', 100, created_at, '[]', created_at
FROM after_sales
"""


@pytest.fixture(scope="module")
def crowded(
    postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str
) -> Generator[psycopg.Connection]:
    """A database with an intercept for each of many requests: more than there will be."""
    administrator.execute(f"CREATE DATABASE intercept_plans TEMPLATE {TEMPLATE}")
    fill(postgres.url_of("intercept_plans"), 10_000)
    with psycopg.connect(postgres.url_of("intercept_plans"), autocommit=True) as connection:
        connection.execute(MANY)
        connection.execute("ANALYZE intercepts")
        yield connection
    administrator.execute("DROP DATABASE intercept_plans WITH (FORCE)")


@pytest.mark.parametrize(
    ("statement", "given"),
    [
        (intercepts.DECIDED, {"number": "O500"}),
        (intercepts.OF_ORDER, {"number": "O500"}),
        (intercepts.list_intercepts(InterceptFilter(), 51, None), {}),
        (intercepts.list_intercepts(InterceptFilter(InterceptStatus.DELIVERED), 51, None), {}),
        (intercepts.list_intercepts(InterceptFilter(supplier_id="supplier-7"), 51, None), {}),
        (intercepts.list_intercepts(InterceptFilter(), 51, "1772323200000000-AS00005000"), {}),
    ],
    ids=["decided", "of order", "list", "status", "supplier", "later page"],
)
def test_reads_go_by_an_index(
    crowded: psycopg.Connection, statement: Select[Any], given: dict[str, object]
) -> None:
    """Neither a report of the mall nor a list reads a whole table."""
    compiled = statement.compile(dialect=PGDialect_psycopg(), compile_kwargs={"render_postcompile": True})
    found = crowded.execute(
        f"EXPLAIN (FORMAT JSON) {compiled}".encode(), compiled.construct_params(given)
    ).fetchone()
    assert found is not None
    scanned = scans(found[0][0]["Plan"])
    assert {table for _, table in scanned} & {"after_sales", "intercepts"}
    assert not {node for node, _ in scanned} - {"Index Scan", "Bitmap Heap Scan"}
