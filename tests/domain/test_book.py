"""The order's book: free units, their worth, and the caps of tenders and transactions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.book import Holding, Transaction, Unit
from mallcare.domain.errors import RefundCapExceeded, UnitsUnavailable
from mallcare.domain.orders import FREIGHT_LINE, Order, TransactionKey
from mallcare.domain.quotes import CaseLine, RequestedLine, choose_units
from mallcare.domain.vocabulary import Kind
from tests.domain.builders import PLACED_AT, POLICY, T1, book, cash, line, order, points
from tests.domain.strategies import orders


def held(line_id: str, *ordinals: int, holder: str | None = "AS1", decided: bool = False) -> list[Holding]:
    """Some units of a line in one hand."""
    return [Holding(Unit(line_id, j), holder, decided) for j in ordinals]


@pytest.mark.rule("A4")
@given(st.sets(st.integers(1, 12)), st.integers(1, 12))
def test_the_lowest_free_units_are_taken(taken: set[int], wanted: int) -> None:
    """A request gets the lowest ordinals nobody holds, or is told exactly how many are left."""
    known = book(order(line("A", 12)), holdings=tuple(held("A", *taken)))
    free = sorted(set(range(1, 13)) - taken)
    assert known.refundable_quantity("A") == len(free)
    assert known.free("A") == tuple(free)
    request = (RequestedLine("A", wanted),)
    if wanted <= len(free):
        chosen = choose_units(known, Kind.REFUND_ONLY, request, POLICY, PLACED_AT)
        assert chosen == (CaseLine("A", tuple(free[:wanted])),)
    else:
        with pytest.raises(UnitsUnavailable) as refused:
            choose_units(known, Kind.REFUND_ONLY, request, POLICY, PLACED_AT)
        assert refused.value.facts == {"line_id": "A", "available": len(free), "requested": wanted}


def test_a_line_the_order_lacks_has_no_units() -> None:
    """Nothing can be taken of an unknown line."""
    assert book().refundable_quantity("X") == 0
    assert book().free("X") == ()


@given(orders())
def test_all_units_and_the_freight_are_worth_what_was_paid(bought: Order) -> None:
    """The book's units with the freight's one unit are worth every tender to the fen."""
    units = [Unit(x.line_id, j) for x in bought.lines for j in range(1, x.quantity + 1)]
    paid = tuple(tender.amount_fen for tender in bought.tenders)
    assert book(bought).value([*units, Unit(FREIGHT_LINE, 1)]) == paid


@pytest.mark.parametrize(
    ("others", "last"),
    [
        ([], False),
        (held("B", 1, holder="AS2"), False),
        (held("B", 1, holder="AS2", decided=True), True),
        (held("B", 1, holder=None, decided=True), True),
        (held("B", 1), False),
    ],
)
def test_a_case_is_last_when_all_other_units_are_decided(others: list[Holding], last: bool) -> None:
    """Free units and undecided holdings of others still wait; the mall's own refunds do not."""
    known = book(order(line("A", 2), line("B")), holdings=(*held("A", 1, 2), *others))
    assert known.leaves_nothing([Unit("A", 1), Unit("A", 2)]) is last


def test_the_freight_is_decided_once_somebody_holds_it() -> None:
    """Its one unit is held like any other."""
    assert not book().freight_decided
    assert book(holdings=tuple(held(FREIGHT_LINE, 1))).freight_decided


@pytest.mark.parametrize("asked", [0, 300, 301])
def test_a_tender_is_capped_by_what_it_paid(asked: int) -> None:
    """Exactly what is left of a tender may still be refunded, and not one fen more."""
    known = book(order(tenders=(cash(600), points(400))), spent_fen=(300, 0))
    if asked <= 300:
        known.check_caps((asked, 400))
    else:
        with pytest.raises(RefundCapExceeded) as refused:
            known.check_caps((asked, 0))
        assert refused.value.facts == {"tender": "cash", "left_fen": 300, "asked_fen": 301}


def test_one_tender_never_lends_to_another() -> None:
    """Points spent up are refused although plenty of cash is left."""
    with pytest.raises(RefundCapExceeded, match="points"):
        book(order(tenders=(cash(600), points(400))), spent_fen=(0, 400)).check_caps((0, 1))


def test_a_tender_asked_for_nothing_is_not_refused() -> None:
    """Where the mall refunded too much of one tender, a refund over another one can go on."""
    bought = order(tenders=(cash(600), points(400)))
    book(bought, spent_fen=(601, 0), transactions={T1: Transaction(600, 601)}).check_caps((0, 400))


@pytest.mark.parametrize("asked", [200, 201])
def test_a_transaction_of_several_orders_is_capped_as_a_whole(asked: int) -> None:
    """What other orders already took of the shared payment counts, though this tender has enough left."""
    known = book(order(tenders=(cash(1_000, 3_000),)), transactions={T1: Transaction(3_000, spent_fen=2_800)})
    if asked == 200:
        known.check_caps((asked,))
    else:
        with pytest.raises(RefundCapExceeded) as refused:
            known.check_caps((asked,))
        assert refused.value.facts == {"left_fen": 200, "asked_fen": 201}


def test_tenders_of_one_transaction_are_summed() -> None:
    """Two tenders paid by one payment cannot each take the rest of it."""
    known = book(order(tenders=(cash(600), cash(400))), transactions={T1: Transaction(1_000, 500)})
    known.check_caps((300, 200))
    with pytest.raises(RefundCapExceeded, match="transaction"):
        known.check_caps((300, 201))


def test_one_id_at_two_providers_is_two_transactions() -> None:
    """Cash and points that happen to name the same id do not share a cap."""
    paid = (cash(900, 900), replace(points(100), transaction_id="T1", transaction_total_fen=100))
    both = {T1: Transaction(900, 0), TransactionKey("mall", "T1"): Transaction(100, 0)}
    book(order(tenders=paid), transactions=both).check_caps((900, 100))
    with pytest.raises(RefundCapExceeded, match="transaction"):
        book(order(tenders=paid), transactions=both | {T1: Transaction(900, 1)}).check_caps((900, 0))


def test_an_unregistered_transaction_is_capped_by_its_tender_alone() -> None:
    """A book read without its transactions still caps every tender."""
    book(order(tenders=(cash(1_000),))).check_caps((1_000,))
