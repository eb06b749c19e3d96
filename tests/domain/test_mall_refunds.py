"""The mall's own refunds: they take free units first, and count inside every cap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.book import Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    Cancel,
    Receive,
    ReceivedLine,
    SubmitWaybill,
)
from mallcare.domain.errors import UnitsUnavailable
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import Kind, State
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    PLACED_AT,
    SUPPLIER,
    asking,
    cash,
    line,
    mall_refunded,
    order,
    points,
)
from tests.domain.ledger import Ledger
from tests.domain.strategies import orders


def two_lines() -> Ledger:
    """Three A of 1.00, one B of 2.00, freight 1.00; 4.00 in cash and 2.00 in points."""
    bought = order(line("A", 3, 100), line("B", 1, 200), freight_fen=100, tenders=(cash(400), points(200)))
    return Ledger(bought)


@pytest.mark.parametrize(
    ("report", "units"),
    [
        (mall_refunded({"A": 2}), (Unit("A", 1), Unit("A", 2))),
        (mall_refunded({"A": 1, "X": 5}), (Unit("A", 1),)),
        (mall_refunded(None, "B", "X"), (Unit("B", 1),)),
        (
            mall_refunded(),
            (*(Unit("A", j) for j in (1, 2, 3)), Unit("B", 1), Unit(FREIGHT_LINE, 1)),
        ),
    ],
)
def test_a_report_takes_quantities_or_lines_or_everything(
    report: OrderEvent, units: tuple[Unit, ...]
) -> None:
    """Quantities win over line ids; neither means the whole order with freight; unknown lines are nothing."""
    ledger = two_lines()
    assert ledger.mall_refunds(report) == MallRefund(ledger.book().value(units), units)


@pytest.mark.rule("A4")
def test_free_units_go_first() -> None:
    """A request under review keeps its units as long as others are free."""
    ledger = two_lines()
    ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF)
    assert ledger.mall_refunds(mall_refunded({"A": 2})).units == (Unit("A", 2), Unit("A", 3))


def test_units_under_review_change_hands() -> None:
    """A unit the mall refunded is not refunded again by approving the request, though the cap has room."""
    ledger = two_lines()
    no = ledger.submit(asking(("B", 1)), AFTER_COOLING_OFF).after_sales_no
    taken = ledger.mall_refunds(mall_refunded({"B": 1}))
    assert (taken.units, taken.taken_over) == ((), (Unit("B", 1),))
    assert sum(taken.by_tender) == 200
    with pytest.raises(UnitsUnavailable) as refused:
        ledger.decide(no, Approve(), SUPPLIER, AFTER_COOLING_OFF)
    assert refused.value.facts == {"line_ids": ["B"]}


def test_units_that_changed_hands_stay_with_the_mall_when_the_request_ends() -> None:
    """Rejecting or withdrawing the request frees what was still its own, and nothing else."""
    ledger = two_lines()
    no = ledger.submit(asking(), AFTER_COOLING_OFF).after_sales_no
    ledger.mall_refunds(mall_refunded({"A": 1, "B": 1}))
    ledger.decide(no, Cancel(), CUSTOMER, AFTER_COOLING_OFF)
    assert [(x.line_id, x.units) for x in ledger.submit(asking(), AFTER_COOLING_OFF).lines] == [("A", (1, 2))]


def test_the_mall_takes_the_highest_units_of_a_request_so_that_its_lowest_can_still_be_accepted() -> None:
    """Two of three units are on their way back when the mall refunds one by itself: the other is accepted."""
    ledger = two_lines()
    no = ledger.submit(asking(("A", 3), kind=Kind.RETURN_REFUND), AFTER_COOLING_OFF).after_sales_no
    ledger.decide(no, Approve(), SUPPLIER, AFTER_COOLING_OFF)
    ledger.decide(no, SubmitWaybill("sf", "SF100001"), CUSTOMER, AFTER_COOLING_OFF)
    ledger.decide(no, Receive((ReceivedLine("A", good=3),)), SUPPLIER, AFTER_COOLING_OFF)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    ledger.decide(no, Accept((AcceptedLine("A", 2),)), SUPPLIER, AFTER_COOLING_OFF)
    assert ledger.cases[no].accepted_units == (Unit("A", 1), Unit("A", 2))
    assert ledger.cases[no].state is State.REFUNDING


def test_an_automatic_approval_of_units_that_changed_hands_calls_a_person() -> None:
    """The clock must not fail on it: the supplier is asked, and rejects or lets the customer ask anew."""
    ledger = two_lines()
    ledger.policy = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)
    case = ledger.submit(asking(), AFTER_COOLING_OFF)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    assert case.deadline_at is not None
    decision = ledger.fire(case.after_sales_no, case.deadline_at, case.deadline_at)
    assert decision.case.state is State.PENDING_REVIEW
    assert decision.events[0].facts["auto_refund_refused"] == "units_unavailable"


@pytest.mark.parametrize("settled", [False, True])
def test_units_of_a_decided_refund_are_not_taken_again(settled: bool) -> None:
    """A mall that reports what we refunded, or are refunding, adds nothing to it."""
    ledger = two_lines()
    no = ledger.submit(asking(), PLACED_AT).after_sales_no
    assert ledger.cases[no].state is State.REFUNDING
    if settled:
        ledger.settle_all(PLACED_AT)
    assert ledger.mall_refunds(mall_refunded()) == MallRefund((0, 0), ())
    assert ledger.spent() == (400, 200)


def test_a_repeated_report_of_the_whole_order_adds_nothing() -> None:
    """What the mall refunded once is decided; said again it is no more."""
    ledger = two_lines()
    ledger.mall_refunds(mall_refunded())
    assert ledger.mall_refunds(mall_refunded()) == MallRefund((0, 0), ())
    with pytest.raises(UnitsUnavailable):
        ledger.submit(asking(), AFTER_COOLING_OFF)


@given(st.data())
def test_no_report_drives_a_tender_beyond_what_it_paid(data: st.DataObject) -> None:
    """Any reports between any requests: every tender stays within zero and what it paid."""
    ledger = Ledger(data.draw(orders(most_lines=3)))
    ids = [x.line_id for x in ledger.order.lines]
    for _ in range(data.draw(st.integers(1, 4))):
        if data.draw(st.booleans()) and ledger.book().refundable_quantity(ids[0]):
            ledger.submit(asking((ids[0], 1)), AFTER_COOLING_OFF)
        quantities = data.draw(st.none() | st.dictionaries(st.sampled_from(ids), st.integers(0, 12)))
        before = ledger.spent()
        ledger.mall_refunds(mall_refunded(quantities))
        for was, now, tender in zip(before, ledger.spent(), ledger.order.tenders, strict=True):
            assert was <= now <= tender.amount_fen
