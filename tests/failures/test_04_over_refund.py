"""Failure 4: more is refunded than was paid, because the cap was checked for one request, or without a lock.

The guards: the row lock of the order before its book is read, the lock of every payment transaction a refund
touches, and `OrderBook.check_caps` over all that is succeeded, pending or unclear.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from mallcare.application.caller import Caller
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import AcceptProposal, Propose, RetryRefund, SettleOffline
from mallcare.domain.errors import UnitsUnavailable
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, LegStatus, OrderEventType, State
from tests.failures.shop import KINDS, Payment, Shop, Step, at_once, codes, line
from tests.world import CUSTOMER, FINANCE, MALL

pytestmark = pytest.mark.rule("A4")

MANY = 12


async def test_many_requests_at_once_get_no_unit_twice(shop: Shop) -> None:
    """Twelve requests of all kinds for five units: five get one each, the rest are refused.

    Guard: the order's row lock around `choose_units`; without it two requests read the same unit as free.
    """
    order = await shop.order(line(quantity=5, price_fen=1_001), paid=Payment(points_fen=501))

    async def asked(kind: Kind) -> AfterSalesCase:
        return await shop.world.case(await shop.ask(order, kind, ("1", 1)))

    won, lost = await at_once(*(asked(KINDS[i % 3]) for i in range(MANY)))
    assert codes(lost) == Counter({UnitsUnavailable.code: MANY - 5})
    assert sorted(unit for case in won for one in case.lines for unit in one.units) == [1, 2, 3, 4, 5]
    steps = await asyncio.gather(*(shop.before_paying(case.after_sales_no) for case in won))
    await asyncio.gather(*map(shop.give, steps))
    await asyncio.gather(*(shop.world.finished(step.no) for step in steps))
    assert await shop.paid_out_fen(order) == order.paid_fen


async def test_orders_that_share_a_payment_never_pay_back_more_than_it(shop: Shop) -> None:
    """Nine orders claim 1,000 fen each of a payment of 5,000: of nine refunds at once five go through.

    Guard: the lock of the payment transaction, and the part of `check_caps` that adds up over all its orders.
    """
    payment = (f"SHARED-{uuid4().hex}", 5_000)
    orders = [await shop.order(paid=Payment(shared=payment)) for _ in range(9)]
    steps = await asyncio.gather(
        *(shop.about_to_pay(order, KINDS[i % 3], ("1", 1)) for i, order in enumerate(orders))
    )
    won, lost = await at_once(*map(shop.give, steps))
    assert len(won) == 5
    assert codes(lost) == Counter({"refund_cap_exceeded": 4})
    await asyncio.gather(*(shop.world.finished(case.after_sales_no) for case in won))
    assert sum([row["amount_fen"] for row in await shop.books(orders[0])]) == 5_000
    for step in steps:
        case = await shop.world.case(step.no)
        assert case.state is State.COMPLETED or case.legs == ()


@pytest.mark.parametrize("kind", KINDS)
async def test_the_mall_s_own_refund_counts_while_a_request_is_decided(shop: Shop, kind: Kind) -> None:
    """The mall refunds a unit by itself before, after and while the request on it is paid.

    Guard: the mall's report takes the order's lock too, and its units are lost to the request
    (`OrderBook.check_held`). The cap alone would not notice: other units were settled for less.
    """

    async def race(turn: int) -> None:
        order = await shop.order(line(quantity=4))
        await _settled_for_one_fen(shop, order, 2)
        step = await shop.about_to_pay(order, kind, ("1", 2))
        mall = shop.report(order, OrderEventType.REFUNDED, refunded_lines={"1": 1})
        if turn == 0:
            await mall
            won, _ = await at_once(shop.give(step))
        elif turn == 1:
            won, _ = await at_once(shop.give(step))
            await mall
        else:
            (won, _), _ = await asyncio.gather(at_once(shop.give(step)), mall)
        if won:
            await shop.world.finished(step.no)
        assert bool(won) is {0: False, 1: True}.get(turn, bool(won))
        assert await shop.paid_out_fen(order) == (2_001 if won else 1)
        # What the mall gave back counts inside the cap, and nothing of a decided refund is taken again.
        standing = await shop.world.use_cases.read_order(order.order_no, MALL)
        assert sum(standing.book.spent_fen) == (2_001 if won else 1_001)

    await asyncio.gather(*map(race, range(4)))


async def _settled_for_one_fen(shop: Shop, order: Order, quantity: int) -> None:
    """Units whose customer agreed to one fen for all of them."""
    no = await shop.ask(order, Kind.REFUND_ONLY, ("1", quantity))
    await shop.world.command(no, Propose("one fen?", goods_fen=1))
    await shop.world.command(no, AcceptProposal(), CUSTOMER)
    await shop.world.finished(no)


@pytest.mark.parametrize("at_the_same_time", [False, True])
@pytest.mark.parametrize("how", ["retry", "settlement"])
async def test_money_that_went_elsewhere_meanwhile_is_not_paid_by_a_retry(
    shop: Shop, how: str, at_the_same_time: bool
) -> None:
    """A refund failed and counts no more; another order takes the rest of the payment; then finance comes.

    Guard: `retry_refund` and `settle_offline` check the caps again, under the same locks. At the same time
    one of both gets the money.
    """
    payment = (f"SHARED-{uuid4().hex}", 1_500)
    first, second = [await shop.order(paid=Payment(shared=payment)) for _ in range(2)]
    step = await shop.about_to_pay(first, Kind.RETURN_REFUND, ("1", 1))
    await shop.wechat.fault("not_enough", match={"transaction_id": payment[0]})
    await shop.give(step)
    await shop.reaches_state(step.no, State.REFUND_FAILED)
    command: RetryRefund | SettleOffline = RetryRefund()
    if how == "settlement":
        command = SettleOffline(items=1)
        await shop.world.command(step.no, command, FINANCE)
    other = await shop.about_to_pay(second, Kind.REFUND_ONLY, ("1", 1))
    again = Step(step.no, command, Caller(FINANCE.role, "finance-2"))
    if at_the_same_time:
        won, lost = await at_once(shop.give(again), shop.give(other))
    else:
        won, _ = await at_once(shop.give(other))
        _, lost = await at_once(shop.give(again))
    assert (len(won), codes(lost)) == (1, Counter({"refund_cap_exceeded": 1}))
    await shop.world.finished(won[0].after_sales_no)
    legs = [leg for no in (step.no, other.no) for leg in (await shop.world.case(no)).legs]
    assert sum(leg.amount_fen for leg in legs if leg.status is not LegStatus.FAILED) == 1_000
    assert await shop.paid_out_fen(first) <= 1_000
