"""The order's freight: one unit, decided with the last refund, whatever went before."""

from __future__ import annotations

import pytest

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
    Reship,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.vocabulary import Choice, Kind, State
from tests.domain import journeys
from tests.domain.builders import CUSTOMER, SUPPLIER, asking, mall_refunded
from tests.domain.journeys import DELIVERED, EX, NO, NOW, RO, RR
from tests.domain.ledger import Ledger

LIABLE = "damaged"
FREIGHT = 300


def ledger_of() -> Ledger:
    """Three A, one B and freight, delivered."""
    ledger = Ledger(journeys.bought(freight_fen=FREIGHT))
    ledger.parcels = [DELIVERED]
    return ledger


def refunded(ledger: Ledger, *wanted: tuple[str, int], reason: str = LIABLE) -> int:
    """Freight that a refund-only request for these units gets."""
    no = ledger.submit(asking(*wanted, reason=reason), NOW).after_sales_no
    return ledger.decide(no, Approve(), SUPPLIER, NOW).case.quote.freight_fen


def returned(
    ledger: Ledger, wanted: tuple[str, int], *, good: int, damaged: int = 0, take: int, kind: Kind = RR
) -> str:
    """A request for goods of one line, taken to its inspection's end; for the supplier's fault."""
    no = ledger.submit(asking(wanted, reason=LIABLE, kind=kind), NOW).after_sales_no
    ledger.decide(no, Approve(), SUPPLIER, NOW)
    ledger.decide(no, SubmitWaybill("SF", f"SF-{no}"), CUSTOMER, NOW)
    ledger.decide(no, Receive((ReceivedLine(wanted[0], good, damaged),)), SUPPLIER, NOW)
    ledger.decide(no, Accept((AcceptedLine(wanted[0], take),), "goodwill"), SUPPLIER, NOW)
    return no


def freight_of(ledger: Ledger, no: str) -> int:
    """Freight in what a request refunds."""
    return ledger.cases[no].quote.freight_fen


@pytest.mark.rule("A4")
def test_part_acceptance_does_not_get_the_freight() -> None:
    """A unit goes back to the customer, so the order is not refunded whole."""
    ledger = ledger_of()
    assert refunded(ledger, ("B", 1)) == 0
    no = returned(ledger, ("A", 3), good=2, damaged=1, take=2)
    assert freight_of(ledger, no) == 0


@pytest.mark.rule("A4")
def test_a_missing_unit_keeps_the_freight_until_it_is_refunded_too() -> None:
    """The missing unit is free: who asks for it last gets the freight, once."""
    ledger = ledger_of()
    refunded(ledger, ("B", 1))
    no = returned(ledger, ("A", 3), good=2, take=2)
    assert freight_of(ledger, no) == 0
    assert refunded(ledger, ("A", 1)) == FREIGHT
    assert [h.unit.line_id for h in ledger.holdings()].count(FREIGHT_LINE) == 1


def test_goodwill_for_missing_units_completes_the_order() -> None:
    """All units accepted, arrived or not: the last of them brings the freight."""
    ledger = ledger_of()
    refunded(ledger, ("B", 1))
    assert freight_of(ledger, returned(ledger, ("A", 3), good=0, take=3)) == FREIGHT


def test_a_refused_unit_brings_the_freight_when_it_is_refunded_after_all() -> None:
    """Back with its customer it is free again; its own later refund is the order's last."""
    ledger = ledger_of()
    refunded(ledger, ("B", 1))
    no = returned(ledger, ("A", 3), good=2, damaged=1, take=2)
    ledger.settle_all(NOW)
    ledger.decide(no, ShipBack("SF", "SF-BACK"), SUPPLIER, NOW)
    ledger.decide(no, Confirm(), CUSTOMER, NOW)
    assert refunded(ledger, ("A", 1)) == FREIGHT


@pytest.mark.rule("A4")
def test_exchanged_units_keep_the_freight_until_they_are_refunded() -> None:
    """An exchange refunds nothing; the replacement's own refund can be the order's last."""
    ledger = ledger_of()
    no = returned(ledger, ("A", 3), good=3, take=3, kind=EX)
    assert refunded(ledger, ("B", 1)) == 0
    ledger.decide(no, Reship("SF", "SF-NEW"), SUPPLIER, NOW)
    ledger.decide(no, Confirm(), CUSTOMER, NOW)
    assert ledger.cases[no].state is State.COMPLETED
    assert freight_of(ledger, no) == 0
    assert freight_of(ledger, returned(ledger, ("A", 3), good=3, take=3)) == FREIGHT


def test_an_exchange_that_ends_as_a_refund_may_be_the_last() -> None:
    """Out of stock, refunded instead: it is a refund like any other."""
    ledger = ledger_of()
    refunded(ledger, ("B", 1))
    no = returned(ledger, ("A", 3), good=3, take=3, kind=EX)
    ledger.decide(no, OutOfStock(), SUPPLIER, NOW)
    case = ledger.decide(no, Choose(Choice.REFUND), CUSTOMER, NOW).case
    assert case.quote.freight_fen == FREIGHT
    assert sum(leg.amount_fen for leg in case.legs) == 3_000 + FREIGHT


def test_the_mall_s_own_refunds_leave_the_freight_to_the_last_request() -> None:
    """What the mall refunded is refunded; the rest, for the supplier's fault, brings the freight."""
    ledger = ledger_of()
    ledger.mall_refunds(mall_refunded({"A": 3}))
    assert refunded(ledger, ("B", 1)) == FREIGHT


@pytest.mark.parametrize(
    ("shipped", "reason", "freight"), [(True, "no_longer_wanted", 0), (True, LIABLE, 300)]
)
def test_after_delivery_liability_alone_decides(shipped: bool, reason: str, freight: int) -> None:
    """The last request of a delivered order gets the freight for the supplier's fault, and else none."""
    ledger = ledger_of()
    assert refunded(ledger, ("A", 3), reason=reason) == 0
    assert refunded(ledger, ("B", 1), reason=reason) == freight


def test_a_lowered_offer_is_spent_and_still_completes_the_order() -> None:
    """What was waived is spent: the freight comes with the last unit, not with the last fen."""
    ledger = journeys.requested(RO, ("A", 3), shipped=False)
    ledger.decide(NO, Propose("half of it", 1_500), SUPPLIER, NOW)
    ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW)
    assert refunded(ledger, ("B", 1), reason="no_longer_wanted") == FREIGHT
