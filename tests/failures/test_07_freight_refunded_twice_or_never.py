"""Failure 7: the order's freight is refunded twice, or never.

The guard: the freight is a unit of its own, decided under the order's lock with the decision that pays, and
goes to the request that leaves no unrefunded unit (`quotes.decide_freight`, `OrderBook.leaves_nothing`).
"""

from __future__ import annotations

import asyncio

import pytest

from mallcare.domain.commands import Approve, Cancel, Confirm, ReceivedLine, Reject
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.failures.shop import KINDS, Payment, Shop, at_once, line
from tests.world import CUSTOMER

pytestmark = pytest.mark.rule("A4")

FREIGHT = 599
PAID = Payment(points_fen=333)


async def of_two(shop: Shop, quantity: int = 2, paid: Payment = PAID) -> Order:
    """Units of one thing and a freight, over two tenders unless told."""
    return await shop.order(line(quantity=quantity), freight_fen=FREIGHT, paid=paid)


@pytest.mark.parametrize("last", KINDS)
@pytest.mark.parametrize("first", KINDS)
async def test_the_freight_goes_with_the_last_request_of_whatever_kind(
    shop: Shop, first: Kind, last: Kind
) -> None:
    """The first of two halves brings no freight, the last one does; together they are all that was paid.

    Guard: `leaves_nothing` counts decided units only, of requests of every kind.
    """
    order = await of_two(shop)
    freights = [(await shop.paid(order, kind, ("1", 1))).quote.freight_fen for kind in (first, last)]
    assert freights == [0, FREIGHT]
    assert await shop.paid_out_fen(order) == order.paid_fen


async def test_after_a_partial_acceptance_the_freight_waits_for_the_unit_that_is_left(shop: Shop) -> None:
    """Two units back, one accepted: no freight, for one unit is left; asked for again it brings the freight.

    Guard: the freight is decided for the accepted units, not for those that were asked for.
    """
    order = await of_two(shop)
    no = await shop.ask(order, Kind.RETURN_REFUND, ("1", 2), reason="quality")
    await shop.received(no)
    part = await shop.accepted(no, ("1", 1))
    assert (part.quote.goods_fen, part.quote.freight_fen) == (1_000, 0)
    await shop.reaches_state(no, State.RETURNING_TO_CUSTOMER)
    await shop.way_back(no)
    rest = await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))
    assert rest.quote.freight_fen == FREIGHT
    assert await shop.paid_out_fen(order) == order.paid_fen


async def test_missing_goods_that_are_accepted_for_a_reason_bring_the_freight_once(shop: Shop) -> None:
    """One of two units got lost on its way back, and is paid all the same: nothing is left, so freight too.

    Guard: as above; and no later request finds a unit or a freight.
    """
    order = await of_two(shop)
    no = await shop.ask(order, Kind.RETURN_REFUND, ("1", 2), reason="quality")
    await shop.received(no, ReceivedLine("1", good=1, missing=1))
    done = await shop.accepted(no, ("1", 2), reason="the carrier lost one")
    assert done.quote.freight_fen == FREIGHT
    await shop.world.finished(no)
    assert await shop.paid_out_fen(order) == order.paid_fen


async def test_an_exchange_in_between_keeps_the_freight_for_later(shop: Shop) -> None:
    """One unit is replaced, the other refunded: the customer keeps goods, so no freight yet.

    The replacement comes back too: now it is due. Guard: an exchanged unit is free, not refunded.
    """
    order = await of_two(shop)
    swap = await shop.ask(order, Kind.EXCHANGE, ("1", 1), reason="quality")
    await shop.exchanged(swap)
    await shop.world.command(swap, Confirm(), CUSTOMER)
    await shop.world.finished(swap)
    first = await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))
    second = await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))
    assert sorted([first.quote.freight_fen, second.quote.freight_fen]) == [0, FREIGHT]
    assert second.quote.freight_fen == FREIGHT
    assert await shop.paid_out_fen(order) == order.paid_fen


@pytest.mark.parametrize("other", KINDS)
async def test_of_two_last_requests_at_once_one_brings_the_freight(shop: Shop, other: Kind) -> None:
    """Both halves are decided at the same time, over and over: the freight comes once, never twice or never.

    Guard: the order's lock around the decision; without it each sees the other's unit as unrefunded. Orders
    paid by points alone have no payment transaction whose lock would hide that.
    """
    points = Payment(points_fen=2 * 1_000 + FREIGHT)
    orders = await asyncio.gather(*(of_two(shop, paid=paid) for paid in (points, points, points, PAID)))
    steps = await asyncio.gather(
        *(
            shop.about_to_pay(order, kind, ("1", 1))
            for order in orders
            for kind in (Kind.RETURN_REFUND, other)
        )
    )
    won, lost = await at_once(*map(shop.give, steps))
    assert lost == []
    for order in orders:
        freights = [case.quote.freight_fen for case in won if case.order_no == order.order_no]
        assert sorted(freights) == [0, FREIGHT]
    await asyncio.gather(*(shop.world.finished(case.after_sales_no) for case in won))
    assert [await shop.paid_out_fen(order) for order in orders] == [order.paid_fen for order in orders]


@pytest.mark.parametrize("end", [Reject("used"), Cancel()])
async def test_a_request_that_ends_without_money_takes_no_freight_along(
    shop: Shop, end: Reject | Cancel
) -> None:
    """Half refunded, the other half rejected or cancelled: no freight. Asked for again and paid: freight.

    Guard: freight is held from the decision on, never reserved by a request.
    """
    order = await of_two(shop)
    waiting = await shop.ask(order, Kind.RETURN_REFUND, ("1", 1), reason="quality")
    assert (await shop.paid(order, Kind.REFUND_ONLY, ("1", 1))).quote.freight_fen == 0
    if isinstance(end, Cancel):
        await shop.world.command(waiting, end, CUSTOMER)
    else:
        await shop.world.command(waiting, end)
    assert await shop.paid_out_fen(order) == 1_000
    assert (await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))).quote.freight_fen == FREIGHT
    assert await shop.paid_out_fen(order) == order.paid_fen


@pytest.mark.parametrize(
    ("shipped", "reason", "due"), [(True, "changed_mind", 0), (False, "changed_mind", FREIGHT)]
)
async def test_whether_it_is_due_is_told_by_the_parcel_and_the_reason(
    shop: Shop, shipped: bool, reason: str, due: int
) -> None:
    """Carried and not the supplier's fault: never. Not carried yet: with the last request.

    Guard: `quotes.freight_is_due`, asked at the decision and not when the request was opened.
    """
    order = await shop.order(line(quantity=2), freight_fen=FREIGHT, shipped=False)
    nos = [await shop.ask(order, Kind.REFUND_ONLY, ("1", 1), reason=reason) for _ in range(2)]
    if shipped:
        await shop.report(order, OrderEventType.COLLECTED)
    freights = [(await shop.world.command(no, Approve())).quote.freight_fen for no in nos]
    assert freights == [0, due]


async def test_the_mall_s_refund_of_the_whole_order_takes_the_freight_along(shop: Shop) -> None:
    """The mall paid all of it back by itself: nothing is left to ask for, and no freight comes again.

    Guard: `mall_refunds` takes the freight's unit like any other.
    """
    order = await of_two(shop, 3)
    first = await shop.paid(order, Kind.RETURN_REFUND, ("1", 1))
    await shop.report(order, OrderEventType.REFUNDED)
    async with shop.world.uow() as uow:
        record = await uow.orders.get(order.order_no)
        assert record is not None
        book = await uow.orders.book(record, lock_transactions=False)
    assert (first.quote.freight_fen, book.freight_decided) == (0, True)
    assert sum(book.spent_fen) == order.paid_fen
