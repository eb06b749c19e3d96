"""Lists of ended clocks: page by page, whatever there is, and by an index, however many there are."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from mallcare.domain.boards import ENDED_STATES, ClockState
from mallcare.domain.metrics import Metric
from mallcare.persistence.board_conditions import with_types
from mallcare.persistence.board_rows import list_rows
from mallcare.ports.boards import RowFilter
from tests.boards.made import NOW, OPERATIONS, NewDatabase, mall

pytestmark = pytest.mark.rule("T2")
NEVER_DUE = (
    "UPDATE clocks SET due_at = NULL WHERE id IN (SELECT id FROM clocks WHERE outcome = 'met' LIMIT 9)"
)
IN_ORDER = text("SELECT id FROM clocks WHERE ended_at IS NOT NULL ORDER BY coalesce(due_at, 'infinity'), id")


async def test_pages_of_ended_clocks_are_all_of_them_in_order(new_database: NewDatabase) -> None:
    """By deadline, those that never had one last; nothing twice, nothing left out."""
    async with mall(new_database, orders=150, cases=60) as (engine, boards, _):
        async with engine.begin() as connection:
            assert (await connection.exec_driver_sql(NEVER_DUE)).rowcount > 1
            expected = list((await connection.execute(IN_ORDER)).scalars())
        where = RowFilter(tuple(Metric), ENDED_STATES, NOW)
        found: list[int] = []
        cursor: str | None = None
        while cursor is not None or not found:
            page, _at = await boards.rows(where, 7, cursor, OPERATIONS)
            found += [record.clock_id for record in page.items]
            cursor = page.next_cursor
        assert found == expected


@pytest.mark.parametrize("state", ENDED_STATES)
async def test_ended_clocks_are_never_sorted_as_a_whole(new_database: NewDatabase, state: ClockState) -> None:
    """They are as many as there ever were: an index gives the first ones of a metric."""
    async with (
        mall(new_database, orders=150, cases=60) as (engine, _, _clock),
        engine.connect() as connection,
    ):
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        await connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        statement, given = list_rows(RowFilter((Metric.SHIPMENT,), (state,), NOW), 20, None)
        explained = with_types(f"EXPLAIN {statement}")
        plan = "\n".join((await connection.execute(explained, given)).scalars())
        assert "ix_clocks_cohorts" in plan
        assert "COALESCE" not in plan
