"""Failure 6: a discount shared wrongly, or its threshold worked out anew once a part was refunded.

The guards: discounts are shared over their lines when the order is paid and never again (`orders.freeze`),
and a later version of the order may not change amounts under requests (`OrderFrozen`).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations
from uuid import uuid4

import pytest

from mallcare.application.orders import IncomingOrder
from mallcare.domain.commands import Reject
from mallcare.domain.orders import Discount, Order
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, State
from mallcare.ports import PersonalData
from tests.api.calls import answered, ask_body, order_body, problem_of
from tests.failures.shop import KINDS, Payment, Shop, line
from tests.world import CUSTOMER, MALL

pytestmark = pytest.mark.rule("A4")

THRESHOLD = Discount("300-50", 5_000)
"""满 300 减 50: five thousand fen off an order of 30,000 or more."""
ON_ONE_LINE = Discount("second-line", 1_001, ("2",))
BASKET = (line("1", 1, 20_000), line("2", 2, 3_333), line("3", 3, 1_999))
PAID = Payment(points_fen=777, voucher_fen=500)


async def worth_fen(shop: Shop, order: Order, line_id: str, quantity: int) -> int:
    """What so many units of a line are quoted now."""
    asked = Request(Kind.RETURN_REFUND, "quality", (RequestedLine(line_id, quantity),))
    return (await shop.world.use_cases.quote(order.order_no, asked, CUSTOMER)).quote.goods_fen


@pytest.mark.parametrize("kind", KINDS)
async def test_a_part_refunded_never_changes_what_the_rest_is_worth(shop: Shop, kind: Kind) -> None:
    """Below the threshold after the first line went back: the others are worth what they were, to the fen.

    Guard: quotes read the frozen cells; were the discount worked out anew, the 5,000 fen would be asked back.
    """
    order = await shop.order(*BASKET, discounts=(THRESHOLD, ON_ONE_LINE), paid=PAID)
    before = [await worth_fen(shop, order, one.line_id, one.quantity) for one in BASKET]
    assert sum(before) == order.paid_fen
    first = await shop.paid(order, kind, ("1", 1))
    assert first.quote.goods_fen == before[0]
    assert [await worth_fen(shop, order, one.line_id, one.quantity) for one in BASKET[1:]] == before[1:]
    for one, worth in zip(BASKET[1:], before[1:], strict=True):
        assert (await shop.paid(order, kind, (one.line_id, one.quantity))).quote.goods_fen == worth
    assert await shop.paid_out_fen(order) == order.paid_fen


async def test_a_discount_stays_on_its_lines(shop: Shop) -> None:
    """A voucher for one line lowers no other line, and the order's discount lowers each by its share.

    Guard: `orders._net_prices` shares over the named lines alone, the later discount over what is left.
    """
    plain = await shop.order(*BASKET)
    one_line = await shop.order(*BASKET, discounts=(ON_ONE_LINE,))
    both = await shop.order(*BASKET, discounts=(ON_ONE_LINE, THRESHOLD))
    gross, lowered, shared = [
        [await worth_fen(shop, order, one.line_id, one.quantity) for one in BASKET]
        for order in (plain, one_line, both)
    ]
    assert gross == [20_000, 6_666, 5_997]
    assert lowered == [20_000, 5_665, 5_997]
    # 5,000 over 20,000 : 5,665 : 5,997 of 31,662 is 3,158.4 : 894.6 : 947.0
    assert shared == [16_842, 4_770, 5_050]


async def test_the_order_of_refunds_changes_no_amount(shop: Shop) -> None:
    """The three lines back in each of the six orders: each line brings the same in all of them.

    Guard: as above; whoever comes last gets no rest and bears no rounding of the others.
    """

    async def brought_by(turn: tuple[int, ...]) -> tuple[int, ...]:
        order = await shop.order(*BASKET, discounts=(ON_ONE_LINE, THRESHOLD), paid=PAID)
        amounts = [0, 0, 0]
        for at in turn:
            step = await shop.about_to_pay(order, Kind.REFUND_ONLY, (BASKET[at].line_id, BASKET[at].quantity))
            amounts[at] = (await shop.give(step)).quote.goods_fen
        return tuple(amounts)

    brought = await asyncio.gather(*map(brought_by, permutations(range(3))))
    assert set(brought) == {(16_842, 4_770, 5_050)}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_later_version_may_not_change_amounts_under_a_request(shop: Shop, kind: Kind) -> None:
    """The mall sends other amounts while a request is open: 409 `order_frozen`, nothing moves.

    Guard: `TakeInOrders` compares the money of both versions while units are held.
    """
    number = f"O-{uuid4().hex[:16]}"
    answered(await shop.http.mall("PUT", f"/v1/orders/{number}", order_body(number)))
    case = answered(await shop.http.customer.ask(ask_body(number, kind=kind.value)), 201)
    dearer = order_body(number, version=2, freight_fen=1_345)
    dearer["payment"]["tenders"][1]["amount_fen"] = 501
    problem_of(await shop.http.mall("PUT", f"/v1/orders/{number}", dearer), 409, "order_frozen")
    same_money = order_body(number, version=2, ship_to={**dearer["ship_to"], "name": "王小红"})
    answered(await shop.http.mall("PUT", f"/v1/orders/{number}", same_money))
    now = answered(await shop.http.mall.get(f"/v1/after-sales/{case['after_sales_no']}"))
    assert now["quote"] == case["quote"]
    await shop.world.command(case["after_sales_no"], Reject("used"))
    later = {**dearer, "version": 3}
    assert answered(await shop.http.mall("PUT", f"/v1/orders/{number}", later))["version"] == 3


@pytest.mark.parametrize("kind", KINDS)
async def test_after_a_refund_the_amounts_are_frozen_for_ever(shop: Shop, kind: Kind) -> None:
    """What was paid back was worked out of these amounts: no later version changes them.

    Guard: `Orders.has_holdings` counts refunded units and refund legs too.
    """
    order = await shop.order(line("1", 2, 1_000), line("2", 1, 500))
    assert (await shop.paid(order, kind, ("1", 1))).state is State.COMPLETED
    cheaper = replace(order, version=2, lines=(line("1", 2, 900), line("2", 1, 700)))
    sent = IncomingOrder(cheaper, PersonalData(), "hash-2")
    (result,) = await shop.world.use_cases.take_in_orders([sent], MALL)
    assert result.refusal is not None
    assert result.refusal.code == "order_frozen"
