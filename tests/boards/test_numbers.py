"""Board counts = rows behind them = SQL over raw events (T2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.boards import Board, Boards
from mallcare.domain.boards import OPEN_STATES, Age, ClockState, Period, local_day
from mallcare.domain.metrics import METRICS_OF, Figure, Metric
from mallcare.ports.boards import RowFilter
from tests.boards.made import NOW, OPERATIONS, NewDatabase, mall

pytestmark = pytest.mark.rule("T2")

RAW_OPEN = {
    Figure.UNSHIPPED: """
        SELECT o.supplier_id, o.order_no, o.released_at + interval '48 hours' AS due
        FROM orders o CROSS JOIN jsonb_array_elements(o.lines) AS line
        WHERE o.released_at IS NOT NULL AND o.closed_at IS NULL AND NOT EXISTS (
            SELECT FROM order_events e WHERE e.order_no = o.order_no
              AND e.type IN ('collected', 'in_transit', 'out_for_delivery', 'delivered')
              AND (e.line_ids IS NULL OR e.line_ids ? (line ->> 'line_id')))""",
    Figure.AFTER_SALES: """
        SELECT c.supplier_id, c.order_no, last.at + interval '48 hours' AS due
        FROM after_sales c CROSS JOIN LATERAL (
            SELECT e.at, e.to_state FROM after_sales_events e
            WHERE e.after_sales_no = c.after_sales_no AND e.to_state IS DISTINCT FROM e.from_state
            ORDER BY e.version DESC LIMIT 1) AS last
        WHERE last.to_state IN ('PENDING_REVIEW', 'INSPECTING')""",
    Figure.DELIVERIES: """
        SELECT o.supplier_id, o.order_no, moved.at + interval '72 hours' AS due
        FROM orders o CROSS JOIN LATERAL (
            SELECT max(e.occurred_at) AS at, bool_or(e.type = 'delivered') AS arrived FROM order_events e
            WHERE e.order_no = o.order_no AND e.type <> 'exception' AND e.waybill IS NOT NULL) AS moved
        WHERE moved.at IS NOT NULL AND NOT moved.arrived""",
}
"""Open promises as the mall's own reports and the record of requests tell them; no clock is asked."""
RAW_SHIPMENTS = """
    SELECT (s.due AT TIME ZONE 'Asia/Shanghai')::date AS day,
           count(*) FILTER (WHERE s.ended <= s.due AND NOT s.void) AS met,
           count(*) FILTER (WHERE s.ended > s.due) AS breached,
           count(*) FILTER (WHERE s.ended <= s.due AND s.void) AS void,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY s.ended - s.released_at)
               FILTER (WHERE NOT (s.void AND s.ended <= s.due)) AS p50,
           percentile_disc(0.9) WITHIN GROUP (ORDER BY s.ended - s.released_at)
               FILTER (WHERE NOT (s.void AND s.ended <= s.due)) AS p90
    FROM (SELECT o.released_at, o.released_at + interval '48 hours' AS due,
                 coalesce(o.closed_at, e.occurred_at) AS ended, o.closed_at IS NOT NULL AS void
          FROM orders o LEFT JOIN order_events e ON e.order_no = o.order_no AND e.type = 'collected') AS s
    WHERE s.ended IS NOT NULL GROUP BY 1
"""


async def raw(engine: AsyncEngine, statement: str, **given: object) -> list[Any]:
    """Rows of a statement over raw tables."""
    async with engine.connect() as connection:
        return list((await connection.execute(text(statement), given)).all())


async def count_rows(boards: Boards, **where: Any) -> list[Any]:
    """All rows of a filter, page by page."""
    known: dict[str, Any] = {"metrics": tuple(Metric), "states": OPEN_STATES, "as_of": NOW}
    found: list[Any] = []
    cursor = None
    while True:
        page, at = await boards.rows(RowFilter(**{**known, **where}), 37, cursor, OPERATIONS)
        assert at == NOW
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            assert len({each.clock_id for each in found}) == len(found)
            return found


async def read(boards: Boards, supplier_id: str | None = None) -> Board:
    """The board of eight days, which hold the whole history and what is due later."""
    today = local_day(NOW)
    return await boards.timeliness(
        supplier_id, today - timedelta(days=10), today + timedelta(days=4), OPERATIONS
    )


async def test_open_counts_are_those_of_raw_events(new_database: NewDatabase) -> None:
    """Overdue, distinct orders and what was overdue a day ago, of all and of each supplier."""
    async with mall(new_database, asked_back=0.0, orders=3_000, cases=900, seed=11) as (engine, boards, _):
        whole = await read(boards)
        for supplier in (None, *(row.supplier_id for row in whole.suppliers)):
            board = whole if supplier is None else await read(boards, supplier)
            for tile in board.tiles:
                opened = [
                    row
                    for row in await raw(engine, RAW_OPEN[tile.figure])
                    if supplier in (None, row.supplier_id)
                ]
                late = [row for row in opened if row.due < NOW]
                assert tile.states[ClockState.OVERDUE] == len(late)
                assert sum(tile.states.values()) == len(opened)
                assert tile.longest_overdue_at == min((row.due for row in late), default=None)
                if tile.figure is not Figure.AFTER_SALES:
                    assert tile.subjects == len({row.order_no for row in late})
        assert all(tile.states[ClockState.OVERDUE] for tile in whole.tiles), "nothing was late"


async def test_cohorts_are_those_of_raw_events(new_database: NewDatabase) -> None:
    """By local day due: met, breached, void, and percentiles of raw handling times."""
    async with mall(new_database, asked_back=0.0, orders=1_500) as (engine, boards, _):
        board = await read(boards)
        told = {
            row.day: (row.met, row.breached, row.void, row.p50, row.p90)
            for row in await raw(engine, RAW_SHIPMENTS)
        }
        shown = {
            each.day: (each.cohort.met, each.cohort.breached, each.cohort.void, each.p50, each.p90)
            for each in board.cohorts
            if each.metric is Metric.SHIPMENT
        }
        assert shown == told
        assert len(shown) > 5


async def test_every_number_counts_its_rows(new_database: NewDatabase) -> None:
    """Tiles, heat table, ages, days: as many rows as counted, each in the state that was asked for."""
    async with mall(new_database, asked_back=0.3, seed=7) as (_, boards, _clock):
        for supplier in (None, "supplier-0001"):
            board = await read(boards, supplier)
            for tile in board.tiles:
                for state, number in tile.states.items():
                    rows = await count_rows(
                        boards, metrics=METRICS_OF[tile.figure], states=(state,), supplier_id=supplier
                    )
                    assert len(rows) == number
                late = await count_rows(
                    boards,
                    metrics=METRICS_OF[tile.figure],
                    states=(ClockState.OVERDUE,),
                    supplier_id=supplier,
                )
                assert len({row.key.subject for row in late}) == tile.subjects
            for metric in Metric:
                for age in Age:
                    rows = await count_rows(boards, metrics=(metric,), age=age, supplier_id=supplier)
                    assert len(rows) == board.ages[metric][age]
                assert sum(board.ages[metric].values()) == len(
                    await count_rows(boards, metrics=(metric,), supplier_id=supplier)
                )
            for each in board.cohorts:
                counted = (each.cohort.met, each.cohort.breached, each.cohort.void)
                states = (ClockState.MET, ClockState.BREACHED, ClockState.VOID)
                for state, number in zip(states, counted, strict=True):
                    rows = await count_rows(
                        boards,
                        metrics=(each.metric,),
                        states=(state,),
                        supplier_id=supplier,
                        due_in=Period(each.day, each.day),
                    )
                    assert len(rows) == number
            for (metric, day), number in board.running_by_day.items():
                rows = await count_rows(
                    boards, metrics=(metric,), supplier_id=supplier, due_in=Period(day, day)
                )
                assert len(rows) == number
            for row in board.suppliers:
                for cell in row.cells:
                    for state in OPEN_STATES:
                        rows = await count_rows(
                            boards, metrics=(cell.metric,), states=(state,), supplier_id=row.supplier_id
                        )
                        assert len(rows) == cell.states[state]
                    rows = await count_rows(
                        boards,
                        metrics=(cell.metric,),
                        states=(ClockState.MET, ClockState.BREACHED),
                        supplier_id=row.supplier_id,
                        due_in=board.period,
                    )
                    assert len(rows) == cell.cohort.counted


async def test_what_was_overdue_a_day_ago_is_what_a_board_said_then(new_database: NewDatabase) -> None:
    """The same history seen a day earlier counts as many, paused, ended and forgotten ones included."""
    url_now, url_then = {"seed": 3, "asked_back": 0.3, "days": 8}, {}
    async with mall(new_database, **url_now) as (_, boards, clock):
        board = await read(boards)
        before = {tile.figure: tile.before for tile in board.tiles}
        clock.stopped_at = NOW - timedelta(hours=24)
    del url_then
    async with mall(new_database, **url_now) as (engine, boards, clock):
        then = NOW - timedelta(hours=24)
        stored = await raw(engine, "SELECT * FROM clocks")
        assert before == overdue_at(stored, then)
        assert sum(before.values()) > 0


def overdue_at(rows: list[Any], then: Any) -> dict[Figure, int]:
    """Each clock read again from its events up to an instant, by plain arithmetic."""
    counted = dict.fromkeys(Figure, 0)
    for row in rows:
        spent, since, ended = timedelta(), None, False
        for event in sorted(row.events, key=lambda e: e["at"]):
            at = type(then).fromisoformat(event["at"])
            if at > then or ended:
                break
            if event["kind"] in ("start", "resume"):
                since = since or at
            else:
                spent += at - since if since else timedelta()
                since, ended = None, event["kind"] in ("fulfil", "void")
        late = since is not None and since + max(timedelta(), row.target - spent) < then
        figure = next(figure for figure, metrics in METRICS_OF.items() if Metric(row.metric) in metrics)
        counted[figure] += late
    return counted
