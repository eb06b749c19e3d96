"""Failure 5: one fen too much or too little, once money is shared and units come back in parts.

The guards: cells frozen once (`orders.freeze`), a unit's worth by floor differences (`money.unit_value`),
offers shared by largest remainder (`quotes.lower`), and partial acceptance by lowest ordinals.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Approve,
    Choose,
    Confirm,
    OutOfStock,
    Propose,
    Receive,
    ReceivedLine,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.orders import Discount, Order
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Choice, Kind, State
from tests.domain.builders import AFTER_COOLING_OFF, CUSTOMER, SUPPLIER
from tests.domain.ledger import Ledger
from tests.domain.strategies import orders, partitions
from tests.failures.shop import KINDS, Payment, Shop, line

pytestmark = pytest.mark.rule("A4")

NOW = AFTER_COOLING_OFF
TICK = timedelta(seconds=1)


def bring_back(ledger: Ledger, no: str, units: dict[str, int]) -> None:
    """Approved goods come back whole, and so many units of each line are accepted."""
    ledger.decide(no, SubmitWaybill("shunfeng", f"R-{no}"), CUSTOMER, NOW)
    counts = tuple(ReceivedLine(one.line_id, good=one.quantity) for one in ledger.cases[no].lines)
    ledger.decide(no, Receive(counts), SUPPLIER, NOW)
    accepted = tuple(AcceptedLine(line_id, quantity) for line_id, quantity in units.items())
    ledger.decide(no, Accept(accepted), SUPPLIER, NOW)


def pay(ledger: Ledger, no: str, kind: Kind, units: dict[str, int]) -> AfterSalesCase:
    """The request led to its refund, with so many units accepted where goods come back."""
    ledger.decide(no, Approve(), SUPPLIER, NOW)
    return pay_approved(ledger, no, kind, units)


def pay_approved(ledger: Ledger, no: str, kind: Kind, units: dict[str, int]) -> AfterSalesCase:
    """The same, of a request that was agreed to; what is refused of it is back with its customer."""
    if kind is not Kind.REFUND_ONLY:
        bring_back(ledger, no, units)
    if kind is Kind.EXCHANGE:
        ledger.decide(no, OutOfStock(), SUPPLIER, NOW)
        ledger.decide(no, Choose(Choice.REFUND), CUSTOMER, NOW)
    ledger.settle_all(NOW)
    if ledger.cases[no].state is State.RETURNING_TO_CUSTOMER:
        ledger.decide(no, ShipBack("shunfeng", f"B-{no}"), SUPPLIER, NOW)
        ledger.decide(no, Confirm(), CUSTOMER, NOW)
    assert ledger.cases[no].state is State.COMPLETED
    return ledger.cases[no]


def legs_fen(case: AfterSalesCase, tenders: int) -> list[int]:
    """What a request paid back, by tender."""
    return [sum(leg.amount_fen for leg in case.legs if leg.tender_seq == i) for i in range(tenders)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), bought=orders(most_lines=4))
def test_parts_of_any_kind_in_any_order_return_what_was_paid(data: st.DataObject, bought: Order) -> None:
    """Dealt out over requests of all kinds, some accepted in part and asked for again: exact, by tender.

    Every cell of the freeze is returned once and the freight at most once; were a unit rounded by itself, a
    fen would be missing or too much in most of these orders.
    """
    ledger = Ledger(bought)
    waiting = list(data.draw(partitions(bought)))
    while waiting:
        wanted = waiting.pop(0)
        kind = data.draw(st.sampled_from(KINDS))
        no = ledger.submit(Request(kind, "quality", wanted), NOW).after_sales_no
        units = {one.line_id: one.quantity for one in wanted}
        if kind is not Kind.REFUND_ONLY and len(ledger.cases) < 12:
            some = {line_id: data.draw(st.integers(0, quantity)) for line_id, quantity in units.items()}
            units = some if any(some.values()) else units
        case = pay(ledger, no, kind, units)
        assert legs_fen(case, len(bought.tenders)) == list(case.quote.by_tender)
        assert tuple(case.quote.goods) == ledger.book().value(case.accepted_units)
        left = [RequestedLine(one.line_id, one.quantity - units.get(one.line_id, 0)) for one in wanted]
        again = tuple(one for one in left if one.quantity)
        if again:
            waiting.append(again)
    assert ledger.spent() == tuple(tender.amount_fen for tender in bought.tenders)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), bought=orders(most_lines=3))
def test_an_offer_is_paid_to_the_fen_and_no_cell_grows(data: st.DataObject, bought: Order) -> None:
    """Any lower sum for any units, accepted whole or in part: whole it is the sum, in part its lowest units'.

    No unit is paid more of any tender than it cost; what was waived stays spent.
    """
    ledger = Ledger(bought)
    wanted = data.draw(partitions(bought))[0]
    kind = data.draw(st.sampled_from([Kind.REFUND_ONLY, Kind.RETURN_REFUND]))
    case = ledger.submit(Request(kind, "quality", wanted), NOW)
    offer = data.draw(st.integers(0, case.quote.goods_fen))
    no, before = case.after_sales_no, ledger.book()
    ledger.decide(no, Propose("less", goods_fen=offer), SUPPLIER, NOW)
    agreed = ledger.decide(no, AcceptProposal(), CUSTOMER, NOW).case
    assert agreed.quote.goods_fen == offer
    for one in agreed.lines:
        assert one.lowered is not None
        for ordinal, lowered in zip(one.units, one.lowered, strict=True):
            full = before.value([Unit(one.line_id, ordinal)])
            assert all(0 <= low <= high for low, high in zip(lowered, full, strict=True))
    if kind is Kind.REFUND_ONLY:
        ledger.settle_all(NOW)
        assert sum(ledger.spent()) == offer + ledger.cases[no].quote.freight_fen
        return
    units = {one.line_id: data.draw(st.integers(0, one.quantity)) for one in wanted}
    if not any(units.values()):
        units = {one.line_id: one.quantity for one in wanted}
    done = pay_approved(ledger, no, kind, units)
    lowest = [worth for one in done.lines for worth in (one.lowered or ())[: units[one.line_id]]]
    assert done.quote.goods == tuple(map(sum, zip(*lowest, strict=True)))
    assert sum(ledger.spent()) == done.quote.total_fen <= offer + bought.freight_fen


@pytest.mark.parametrize("seed", range(4))
async def test_what_vendors_really_paid_is_what_was_paid_to_the_fen(shop: Shop, seed: int) -> None:
    """Odd prices, discounts and tenders; units back one by one, as every kind, half of a line accepted.

    The vendors' books are the judge, by tender.
    """
    dice = Random(seed)
    prices = [dice.randint(1, 3_333) for _ in range(3)]
    goods = sum(price * 3 for price in prices)
    off = dice.randint(1, goods // 3)
    order = await shop.order(
        *(line(str(i), 3, price) for i, price in enumerate(prices, 1)),
        freight_fen=dice.choice((1, 599)),
        discounts=(Discount("D1", off),),
        paid=Payment(points_fen=dice.randint(1, goods // 4), voucher_fen=dice.randint(1, goods // 4)),
    )
    kinds = dice.sample(KINDS, 3)
    half = await shop.ask(order, Kind.RETURN_REFUND, ("1", 3), reason="quality")
    await shop.received(half)
    await shop.accepted(half, ("1", 2))
    await shop.reaches_state(half, State.RETURNING_TO_CUSTOMER)
    others = [
        shop.paid(order, kind, (line_id, n)) for kind, line_id, n in zip(kinds, "233", (3, 1, 2), strict=True)
    ]
    await asyncio.gather(*others)
    await shop.way_back(half)
    await shop.world.finished(half)
    await shop.paid(order, kinds[0], ("1", 1))
    by_tender: dict[str, int] = {}
    for row in await shop.books(order):
        tender = row.get("tender", "cash")
        by_tender[tender] = by_tender.get(tender, 0) + row["amount_fen"] * row["paid_count"]
    assert by_tender == {tender.tender.value: tender.amount_fen for tender in order.tenders}
