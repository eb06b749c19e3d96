"""Failure 4: more is refunded than was paid, because the cap was checked for one request, or without a lock.

The guards: the row lock of the order before its book is read, the lock of every payment transaction a refund
touches, and `OrderBook.check_caps` over all that is succeeded, pending or unclear.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import uuid4

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import RetryRefund, SettleOffline
from mallcare.domain.errors import DomainError, UnitsUnavailable
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, LegStatus, OrderEventType, State
from tests.failures.shop import KINDS, Payment, Shop, at_once, codes, line
from tests.world import FINANCE

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
    """The mall refunds a unit by itself at the very time the request on it is paid: one of both pays it.

    Guard: the mall's report takes the order's lock too, and its units are lost to the request
    (`OrderBook.check_held`); without it both would pay within the order's cap.
    """
    orders = [await shop.order(line(quantity=2)) for _ in range(4)]
    steps = await asyncio.gather(*(shop.about_to_pay(order, kind, ("1", 2)) for order in orders))

    async def race(order: Order, step_at: int) -> None:
        refunded = shop.report(order, OrderEventType.REFUNDED, refunded_lines={"1": 1})
        answers = await asyncio.gather(shop.give(steps[step_at]), refunded, return_exceptions=True)
        refused = isinstance(answers[0], DomainError)
        case = await shop.world.case(steps[step_at].no)
        paid = sum(leg.amount_fen for leg in case.legs)
        assert paid == (0 if refused else 2_000), answers
        if not refused:
            await shop.world.finished(case.after_sales_no)
        # What the mall gave back counts inside the cap, and never on top of a decided refund.
        async with shop.world.uow() as uow:
            record = await uow.orders.get(order.order_no)
            assert record is not None
            book = await uow.orders.book(record, lock_transactions=False)
        assert sum(book.spent_fen) == (1_000 if refused else 2_000)

    await asyncio.gather(*(race(order, at) for at, order in enumerate(orders)))


@pytest.mark.parametrize("how", ["retry", "settlement"])
async def test_money_that_went_elsewhere_meanwhile_is_not_paid_by_a_retry(shop: Shop, how: str) -> None:
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
    checker = type(FINANCE)(FINANCE.role, "finance-2")
    won, lost = await at_once(shop.world.command(step.no, command, checker), shop.give(other))
    assert (len(won), codes(lost)) == (1, Counter({"refund_cap_exceeded": 1}))
    await shop.world.finished(won[0].after_sales_no)
    legs = [leg for no in (step.no, other.no) for leg in (await shop.world.case(no)).legs]
    assert sum(leg.amount_fen for leg in legs if leg.status is not LegStatus.FAILED) == 1_000
    assert await shop.paid_out_fen(first) <= 1_000
