"""Failure 8: what was asked for is taken for what came back, and stock appears for what was never shipped.

The guard: units are counted by condition when they arrive, accepted one by one, and each has one fate, told
to the mall with the figures for its stock (`returning._inspected`, `inspection.stock_of`, `quotes.CaseLine`).
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mallcare.domain.commands import OutOfStock, ReceivedLine, Refuse
from mallcare.domain.errors import InvalidInput
from mallcare.domain.orders import Order
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from mallcare.ports import TaskFilter
from tests.api.calls import answered, problem_of
from tests.failures.shop import Shop, line
from tests.world import MALL, OPERATIONS

pytestmark = pytest.mark.rule("A4")

WITH_GOODS = [Kind.RETURN_REFUND, Kind.EXCHANGE]
FOUR = ReceivedLine("1", good=2, damaged=1, missing=1)


async def free_units(shop: Shop, order: Order, line_id: str = "1") -> int:
    """How many units of a line can be asked for now."""
    standing = await shop.world.use_cases.read_order(order.order_no, MALL)
    return standing.book.refundable_quantity(line_id)


async def fates(shop: Shop, no: str) -> list[dict[str, Any]]:
    """What the mall was told of the units, by webhook: one message, never two."""
    (facts,) = await shop.messages(no, "inspected")
    return facts["lines"]


@pytest.mark.parametrize("kind", WITH_GOODS)
async def test_each_unit_has_one_fate_and_only_good_ones_are_stock(shop: Shop, kind: Kind) -> None:
    """Four asked for: two arrive good, one damaged, one not at all; three are accepted, for a reason.

    Guard: what is paid or replaced are the accepted units; the missing one is free again at once.
    """
    order = await shop.order(line(quantity=5, price_fen=1_001))
    no = await shop.ask(order, kind, ("1", 4), reason="quality")
    await shop.received(no, FOUR)
    assert await free_units(shop, order) == 1
    with pytest.raises(InvalidInput):
        await shop.accepted(no, ("1", 3))
    case = await shop.accepted(no, ("1", 3), reason="damaged on its way")
    assert await fates(shop, no) == [
        {
            "line_id": "1",
            "sku": "SKU-1",
            "good": 2,
            "damaged": 1,
            "wrong": 0,
            "missing": 1,
            "accepted": 3,
            "refused": 0,
            "restock": 2,
            "scrap": 1,
        }
    ]
    assert await free_units(shop, order) == 2
    assert case.quote.goods_fen == 3_003
    if kind is Kind.EXCHANGE:
        await shop.world.command(no, OutOfStock())
        assert case.legs == ()
        return
    await shop.world.finished(no)
    assert await shop.paid_out_fen(order) == 3_003


@pytest.mark.parametrize("kind", WITH_GOODS)
async def test_refused_units_go_back_and_are_free_only_then(shop: Shop, kind: Kind) -> None:
    """Of three good units one is accepted: two are refused, not paid, no stock, and held until they are back.

    Guard: `holdings` keep refused units while the request lives, so nobody asks for goods that are elsewhere.
    """
    order = await shop.order(line(quantity=3))
    no = await shop.ask(order, kind, ("1", 3))
    await shop.received(no, ReceivedLine("1", good=2, wrong=1))
    await shop.accepted(no, ("1", 1))
    (fate,) = await fates(shop, no)
    assert (fate["accepted"], fate["refused"], fate["restock"], fate["scrap"]) == (1, 2, 1, 0)
    assert await free_units(shop, order) == 0
    if kind is Kind.RETURN_REFUND:
        await shop.reaches_state(no, State.RETURNING_TO_CUSTOMER)
        assert (await shop.way_back(no)).state is State.COMPLETED
        assert await free_units(shop, order) == 2
        assert await shop.paid_out_fen(order) == 1_000


@pytest.mark.parametrize("kind", WITH_GOODS)
async def test_nothing_is_accepted_so_nothing_is_paid_and_everything_is_free_again(
    shop: Shop, kind: Kind
) -> None:
    """All refused: a way back, then REJECTED, no leg, no stock, every unit free.

    Guard: a refusal accepts zero units, whatever was asked for.
    """
    order = await shop.order(line(quantity=2))
    no = await shop.ask(order, kind, ("1", 2))
    await shop.received(no, ReceivedLine("1", wrong=2))
    assert (await shop.world.command(no, Refuse("not ours", 1))).state is State.RETURNING_TO_CUSTOMER
    assert await free_units(shop, order) == 0
    ended = await shop.way_back(no)
    assert (ended.state, ended.legs) == (State.REJECTED, ())
    (fate,) = await fates(shop, no)
    assert (fate["restock"], fate["scrap"], fate["refused"]) == (0, 0, 2)
    assert await free_units(shop, order) == 2
    assert await shop.paid_out_fen(order) == 0


@pytest.mark.parametrize("kind", WITH_GOODS)
async def test_goods_that_were_never_shipped_are_no_stock(shop: Shop, kind: Kind) -> None:
    """Of two lines one left the warehouse: of the other no unit comes back into stock, whatever was counted.

    Guard: `_inspected` asks the order's parcels; a warehouse that books it would sell what it never lost.
    """
    order = await shop.order(line("1", 2), line("2", 2), shipped=False)
    await shop.report(order, OrderEventType.DELIVERED, line_ids=("1",))
    no = await shop.ask(order, kind, ("1", 2), ("2", 2))
    await shop.received(no)
    await shop.accepted(no)
    stock = {fate["line_id"]: (fate["restock"], fate["scrap"]) for fate in await fates(shop, no)}
    assert stock == {"1": (2, 0), "2": (0, 0)}


async def test_a_refund_without_goods_moves_no_stock(shop: Shop) -> None:
    """Refund-only, shipped or not: the mall is never told of units that came back.

    Guard: stock figures come from an inspection alone, not from a refund.
    """

    async def refunded(shipped: bool) -> None:
        order = await shop.order(line(quantity=2), shipped=shipped)
        done = await shop.paid(order, Kind.REFUND_ONLY, ("1", 2))
        assert await shop.messages(done.after_sales_no, "inspected") == []
        told = await shop.messages(done.after_sales_no, "approved")
        assert not any("restock" in str(facts) for facts in told)

    await asyncio.gather(refunded(True), refunded(False))


@pytest.mark.parametrize("kind", WITH_GOODS)
async def test_more_than_was_asked_for_can_be_neither_counted_nor_accepted(shop: Shop, kind: Kind) -> None:
    """Three of two, over the API: refused by type, counted anew until the decision, and paid as counted last.

    Guard: `returning._counts` and `_accepted_line` against the units of the request.
    """
    order = await shop.order(line("1", 5), line("2", 1))
    no = await shop.ask(order, kind, ("1", 2))
    await shop.sent_back(no)
    supplier = shop.http.supplier
    for lines in (
        [{"line_id": "1", "good": 3}],
        [{"line_id": "1", "good": 1, "damaged": 1, "missing": 1}],
        [{"line_id": "2", "good": 1}],
        [{"line_id": "1", "good": 1}, {"line_id": "1", "good": 1}],
    ):
        problem_of(await supplier.command(no, "receive", lines=lines), 422, "invalid")
    counted = answered(await supplier.command(no, "receive", lines=[{"line_id": "1", "good": 2}]))
    assert counted["state"] == "INSPECTING"
    answered(await supplier.command(no, "receive", lines=[{"line_id": "1", "good": 1, "damaged": 1}]))
    for quantity in (3, 2):
        lines = [{"line_id": "1", "quantity": quantity}]
        problem_of(await supplier.command(no, "accept", lines=lines), 422, "invalid")
    answered(await supplier.command(no, "accept", lines=[{"line_id": "1", "quantity": 1}]))
    (fate,) = await fates(shop, no)
    assert (fate["good"], fate["accepted"], fate["refused"], fate["restock"]) == (1, 1, 1, 1)


async def test_an_empty_parcel_calls_operations_and_nobody_is_paid(shop: Shop) -> None:
    """Nothing arrived: a task to look for the parcel; a refusal then ends it, with nothing to send back.

    Guard: `returning.receive` looks at what arrived, not at what a waybill says.
    """
    order = await shop.order(line(quantity=2))
    no = await shop.ask(order, Kind.RETURN_REFUND, ("1", 2))
    await shop.received(no, ReceivedLine("1", missing=2))
    where = TaskFilter(TaskKind.RETURN_NOT_ARRIVED, TaskStatus.OPEN, no)
    assert len((await shop.world.use_cases.tasks.page(where, 10, None, OPERATIONS)).items) == 1
    ended = await shop.world.command(no, Refuse("an empty parcel"))
    assert (ended.state, ended.legs) == (State.REJECTED, ())
    assert await free_units(shop, order) == 2
