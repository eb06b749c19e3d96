"""Which units a request takes, what they are worth, and who gets the freight."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import Approve
from mallcare.domain.errors import InvalidInput, LineNotReturnable, UnitsUnavailable
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.orders import FREIGHT_LINE, Order
from mallcare.domain.quotes import CaseLine, RequestedLine, choose_units, decide_freight, quote
from mallcare.domain.submission import Request, quote_request
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    PLACED_AT,
    POLICY,
    SUPPLIER,
    asking,
    book,
    line,
    order,
)
from tests.domain.ledger import Ledger
from tests.domain.strategies import orders, partitions

LIABLE = "damaged"
CHANGED_MIND = "no_longer_wanted"
DELIVERED = OrderEvent("E1", OrderEventType.DELIVERED, PLACED_AT)


def refund_in_parts(
    data: st.DataObject, parcels: list[OrderEvent], reason: str = CHANGED_MIND
) -> tuple[Order, Ledger]:
    """An order of which every unit is asked for in some partition, and refunded in some order."""
    bought = data.draw(orders(most_lines=4))
    ledger = Ledger(bought)
    ledger.parcels = parcels
    for hand in data.draw(partitions(bought)):
        ledger.submit(Request(Kind.REFUND_ONLY, reason, hand), AFTER_COOLING_OFF)
    for no in data.draw(st.permutations(sorted(ledger.cases))):
        ledger.decide(no, Approve(), SUPPLIER, AFTER_COOLING_OFF)
        if data.draw(st.booleans()):
            ledger.settle_all(AFTER_COOLING_OFF)
    ledger.settle_all(AFTER_COOLING_OFF)
    return bought, ledger


def freight_payments(ledger: Ledger) -> list[int]:
    """What each case got of the freight, where it got some."""
    return [case.quote.freight_fen for case in ledger.cases.values() if case.quote.freight_fen]


@pytest.mark.rule("A4")
@given(st.data())
def test_any_partition_returns_all_that_was_paid_when_nothing_was_shipped(data: st.DataObject) -> None:
    """Whatever parts an order is refunded in, each tender gets back what it paid; freight comes once."""
    bought, ledger = refund_in_parts(data, [])
    assert {case.state for case in ledger.cases.values()} == {State.COMPLETED}
    assert ledger.spent() == tuple(tender.amount_fen for tender in bought.tenders)
    assert freight_payments(ledger) == ([bought.freight_fen] if bought.freight_fen else [])


@pytest.mark.rule("A4")
@given(st.data(), st.sampled_from([CHANGED_MIND, LIABLE]))
def test_after_delivery_freight_returns_only_when_the_supplier_is_liable(
    data: st.DataObject, reason: str
) -> None:
    """The goods come back to the fen; the freight only for the supplier's own fault, and then once."""
    bought, ledger = refund_in_parts(data, [DELIVERED], reason)
    goods = [tender.amount_fen - f for tender, f in zip(bought.tenders, ledger.cells.freight, strict=True)]
    with_freight = tuple(tender.amount_fen for tender in bought.tenders)
    assert ledger.spent() == (with_freight if reason == LIABLE else tuple(goods))
    assert len(freight_payments(ledger)) == (1 if reason == LIABLE and bought.freight_fen else 0)


@given(st.data())
def test_every_quote_is_executed_to_the_fen(data: st.DataObject) -> None:
    """What was quoted at submission is what the legs pay; freight adds all that was announced, or none."""
    bought = data.draw(orders(most_lines=3))
    ledger = Ledger(bought)
    for hand in data.draw(partitions(bought)):
        request = Request(Kind.REFUND_ONLY, CHANGED_MIND, hand)
        lines, quoted = quote_request(ledger.book(), request, POLICY, AFTER_COOLING_OFF)
        case = ledger.submit(request, AFTER_COOLING_OFF)
        assert (case.lines, case.quote) == (lines, quoted)
        done = ledger.decide(case.after_sales_no, Approve(), SUPPLIER, AFTER_COOLING_OFF).case
        assert done.quote.goods == quoted.goods
        assert done.quote.freight_fen in (0, quoted.freight_if_last_fen)
        paid = {leg.tender_seq: leg.amount_fen for leg in done.legs}
        assert paid == {i: amount for i, amount in enumerate(done.quote.by_tender) if amount}
        assert sum(paid.values()) == done.quote.total_fen


@pytest.mark.rule("A1")
@given(orders())
def test_a_cooling_off_quote_is_executed_with_its_freight(bought: Order) -> None:
    """Within the cooling-off the quote already has the freight in it, for nothing is conditional."""
    ledger = Ledger(bought)
    lines, quoted = quote_request(ledger.book(), asking(), POLICY, PLACED_AT)
    assert quoted.total_fen == bought.paid_fen
    assert quoted.freight_if_last_fen == 0
    if bought.paid_fen <= POLICY.auto_refund_ceiling_fen:
        case = ledger.submit(asking(), PLACED_AT)
        assert (case.lines, case.quote) == (lines, quoted)


def test_quoting_names_the_tenders_in_their_order() -> None:
    """A quote's amounts can be read without the order beside it."""
    bought = order(freight_fen=100)
    quoted = quote(book(bought), (CaseLine("A", (1,)),), CHANGED_MIND, POLICY)
    assert quoted.tenders == tuple(tender.tender for tender in bought.tenders)
    assert (quoted.goods_fen, quoted.freight_fen, quoted.freight_if_last_fen) == (1_000, 0, 100)


@pytest.mark.parametrize(
    ("shipped", "decided", "reason", "announced"),
    [
        (False, False, CHANGED_MIND, 100),
        (False, True, CHANGED_MIND, 0),
        (True, False, CHANGED_MIND, 0),
        (True, False, LIABLE, 100),
        (True, True, LIABLE, 0),
    ],
)
def test_freight_is_announced_only_where_it_could_come(
    shipped: bool, decided: bool, reason: str, announced: int
) -> None:
    """No hope is raised once parcels moved without the supplier's fault, or the freight has gone."""
    known = book(
        order(freight_fen=100),
        fulfilment=Fulfilment(first_parcel_at=PLACED_AT if shipped else None),
        holdings=(Holding(Unit(FREIGHT_LINE, 1), "AS0", True),) if decided else (),
    )
    assert quote(known, (), reason, POLICY).freight_if_last_fen == announced


@pytest.mark.parametrize("decided", [False, True])
def test_freight_that_went_to_somebody_does_not_go_again(decided: bool) -> None:
    """Even the order's last case gets none once the freight's one unit is in another hand."""
    taken = (Holding(Unit(FREIGHT_LINE, 1), None, True),) if decided else ()
    known = book(order(freight_fen=100), holdings=(Holding(Unit("A", 1), "AS1", False), *taken))
    quoted = quote(known, (CaseLine("A", (1,)),), CHANGED_MIND, POLICY)
    assert decide_freight(known, (Unit("A", 1),), quoted, CHANGED_MIND, POLICY).freight_fen == (
        0 if decided else 100
    )


def test_a_parcel_between_two_approvals_keeps_the_freight() -> None:
    """The freight is decided at the last decision: a parcel on its way by then means none is due."""
    ledger = Ledger(order(line("A", 2), freight_fen=100))
    first = ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF).after_sales_no
    second = ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF).after_sales_no
    ledger.decide(first, Approve(), SUPPLIER, AFTER_COOLING_OFF)
    ledger.parcels = [OrderEvent("E1", OrderEventType.COLLECTED, AFTER_COOLING_OFF)]
    ledger.decide(second, Approve(), SUPPLIER, AFTER_COOLING_OFF + timedelta(hours=1))
    assert freight_payments(ledger) == []


@pytest.mark.rule("A4")
def test_the_whole_order_means_all_that_is_left() -> None:
    """Units that another request holds are left out, wherever in the line they are."""
    holdings = tuple(Holding(unit, "AS0", False) for unit in (Unit("A", 2), Unit("B", 1)))
    chosen = choose_units(
        book(order(line("A", 3), line("B")), holdings=holdings), Kind.REFUND_ONLY, None, POLICY, PLACED_AT
    )
    assert chosen == (CaseLine("A", (1, 3)),)
    assert chosen[0].quantity == 2


def test_nothing_left_of_the_order_is_refused() -> None:
    """Asking for the rest of an order that has no rest is an error, not an empty request."""
    known = book(holdings=(Holding(Unit("A", 1), None, True),))
    with pytest.raises(UnitsUnavailable):
        choose_units(known, Kind.REFUND_ONLY, None, POLICY, PLACED_AT)


@pytest.mark.parametrize(
    "requested",
    [
        (),
        (RequestedLine("X", 1),),
        (RequestedLine("A", 1), RequestedLine("A", 1)),
        (RequestedLine("A", 0),),
        (RequestedLine("A", -1),),
    ],
)
def test_requests_that_make_no_sense_are_refused(requested: tuple[RequestedLine, ...]) -> None:
    """No lines, unknown lines, repeated lines and empty quantities never become a case."""
    with pytest.raises(InvalidInput):
        choose_units(book(order(line("A", 3))), Kind.REFUND_ONLY, requested, POLICY, PLACED_AT)


@pytest.mark.parametrize("kind", list(Kind))
def test_only_a_refund_without_return_takes_what_is_not_returnable(kind: Kind) -> None:
    """Goods sold as not returnable cannot be asked back, but their money can."""
    known, wanted = book(order(line("A", returnable=False))), (RequestedLine("A", 1),)
    if kind is Kind.REFUND_ONLY:
        assert choose_units(known, kind, wanted, POLICY, PLACED_AT) == (CaseLine("A", (1,)),)
    else:
        with pytest.raises(LineNotReturnable):
            choose_units(known, kind, wanted, POLICY, PLACED_AT)
