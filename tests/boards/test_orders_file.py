"""Files of orders as the mall sends them: the board against what the file itself says (T2).

The project's own sample always; a file of real orders too, where MALLCARE_ORDERS_FILE names one.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.parsing import incoming_order, order_event
from api.schemas.orders import OrderEventIn, OrderIn
from mallcare.cli.demo.sample_orders import sample_orders
from mallcare.cli.order_import.lines import OrderLine, open_lines
from mallcare.domain.boards import ClockState
from mallcare.domain.metrics import Figure
from mallcare.ports import TIMEKEEPERS
from tests.timekeeping.orders import MALL, OPERATIONS, Shop

pytestmark = pytest.mark.rule("T2")

HOUR = timedelta(hours=1)
ENDED = text("SELECT outcome FROM clocks WHERE metric = 'shipment' AND outcome IS NOT NULL")
SCANS = ("collected", "in_transit", "out_for_delivery", "delivered")
REAL = os.environ.get("MALLCARE_ORDERS_FILE")
FILES = ["sample", *([REAL] if REAL else [])]


class Told(NamedTuple):
    """An order and its reports, as the file has them."""

    order: OrderIn
    events: list[OrderEventIn]


class Figures(NamedTuple):
    """Lines by what became of their shipping, and parcels that stand still, at an instant."""

    shipping: Mapping[str, int]
    stuck: int


def told(file: str) -> list[Told]:
    """What a file holds."""
    if file == "sample":
        lines = sample_orders("1", datetime.now(UTC)).lines
        return [
            Told(OrderIn.model_validate(x["order"]), [OrderEventIn.model_validate(e) for e in x["events"]])
            for x in lines
        ]
    with open_lines(Path(file)) as source:
        good = [line for line in source.lines() if isinstance(line, OrderLine)]
    return [
        Told(
            OrderIn.model_validate_json(line.order),
            [OrderEventIn.model_validate_json(event) for event in line.events],
        )
        for line in good
    ]


def figures(orders: list[Told], now: datetime) -> Figures:
    """Counted from the file, by the words of the rule and nothing else."""
    shipping: Counter[str] = Counter()
    stuck = 0
    for order, events in orders:
        scans = [event.occurred_at for event in events if event.type.value in SCANS]
        closed = min((e.occurred_at for e in events if e.type.value == "closed"), default=None)
        if order.paid_at is not None:
            released = max(order.paid_at, order.placed_at + HOUR / 2)
            if released <= now:
                shipping[_shipping(released, min(scans, default=None), closed, now)] += len(order.lines)
        over = closed is not None or any(event.type.value == "delivered" for event in events)
        stuck += bool(scans) and not over and max(scans) + 72 * HOUR < now
    return Figures(shipping, stuck)


def _shipping(released: datetime, scanned: datetime | None, closed: datetime | None, now: datetime) -> str:
    due = released + 48 * HOUR
    ends = [(max(at, released), what) for at, what in ((scanned, "met"), (closed, "void")) if at is not None]
    if not ends:
        return "overdue" if due < now else "open"
    at, what = min(ends)
    return "breached" if at > due else what


async def taken_in(shop: Shop, orders: list[Told], chance: random.Random) -> None:
    """Sent as a mall might: some reports before their order, the rest late, all out of order."""
    reports = [(order, event) for order, events in orders for event in events]
    chance.shuffle(reports)
    early = len(reports) // 5
    for order, event in reports[:early]:
        await _report(shop, order, event)
    for page in _pages([order for order, _ in orders], 200):
        taken = await shop.use_cases.take_in_orders([incoming_order(one) for one in page], MALL)
        assert {one.status for one in taken} <= {"applied"}
    for number, (order, event) in enumerate(reports[early:]):
        if number == len(reports) // 3:
            await released(shop)
        await _report(shop, order, event)
    await released(shop)


async def _report(shop: Shop, order: OrderIn, event: OrderEventIn) -> None:
    detail = event.detail.model_dump(mode="json", exclude_unset=True) if event.detail else None
    await shop.use_cases.take_in_order_event(order.order_no, order_event(event), detail, MALL)


def _pages(orders: list[OrderIn], size: int) -> Iterator[list[OrderIn]]:
    for begin in range(0, len(orders), size):
        yield orders[begin : begin + size]


async def released(shop: Shop) -> None:
    """Every timekeeper looks once."""
    for shard in range(TIMEKEEPERS):
        await shop.use_cases.keep_time(shard, shop.here.now())


@pytest.mark.parametrize("file", FILES, ids=["sample", "real"][: len(FILES)])
async def test_the_board_says_of_a_file_what_the_file_says(
    file: str, engine: AsyncEngine, empty_database: str
) -> None:
    """However late and mixed up the reports came, counts, compliance and rows are the file's own."""
    orders = told(file)
    latest = max(one.order.placed_at for one in orders)
    now = min(latest + 30 * HOUR, datetime.now(UTC))
    shop = Shop(engine, at=now)
    known = [
        Told(order, [e for e in events if e.occurred_at <= now])
        for order, events in orders
        if order.placed_at <= now
    ]
    await taken_in(shop, known, random.Random(7))
    expected = figures(known, now)
    board = await shop.use_cases.boards.timeliness(None, None, None, OPERATIONS)
    tiles = {tile.figure: tile.states for tile in board.tiles}
    unshipped = tiles[Figure.UNSHIPPED]
    assert unshipped[ClockState.OVERDUE] == expected.shipping.get("overdue", 0)
    assert unshipped[ClockState.AT_RISK] + unshipped[ClockState.RUNNING] == expected.shipping.get("open", 0)
    assert tiles[Figure.DELIVERIES][ClockState.OVERDUE] == expected.stuck
    async with engine.connect() as connection:
        ended = (await connection.execute(ENDED)).all()
        outcomes: Counter[str] = Counter(row.outcome for row in ended)
    for outcome in ("met", "breached"):
        assert outcomes[outcome] == expected.shipping.get(outcome, 0)
    withheld = expected.shipping.get("void", 0) - outcomes["void"]
    assert withheld >= 0, "an order that was closed before it was looked at is never its supplier's"
