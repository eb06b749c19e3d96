"""What came back: counted by condition, accepted in whole or in part, and what becomes of the stock."""

from __future__ import annotations

import pytest

from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Receive,
    ReceivedLine,
    Refuse,
)
from mallcare.domain.deciding import decide
from mallcare.domain.errors import InvalidInput, UnitsUnavailable
from mallcare.domain.inspection import Counts, Stock, refused_of, stock_of
from mallcare.domain.vocabulary import DeadlineEffect, Kind, OrderEventType, State
from tests.domain import journeys
from tests.domain.builders import (
    POLICY,
    SUPPLIER,
    mall_refunded,
    reported,
)
from tests.domain.journeys import COMING_BACK, DAY, NO, NOW, RR, WITH_GOODS, only
from tests.domain.ledger import Ledger

RECEIVE_ALL = Receive((ReceivedLine("A", good=3),))


def fates(ledger: Ledger) -> dict[str, object]:
    """What was told of line A when the goods were inspected."""
    told = next(event for _, event in ledger.events if event.name == "inspected").facts["lines"]
    assert isinstance(told, list)
    (line,) = told
    assert isinstance(line, dict)
    return dict(line)


# counting


@pytest.mark.rule("A4")
def test_what_arrived_is_counted_by_condition() -> None:
    """What is not named did not come; the inspection's 48 hours run from the count."""
    ledger = journeys.sent(RR)
    decision = ledger.decide(NO, Receive((ReceivedLine("A", good=1, damaged=1),)), SUPPLIER, NOW + DAY)
    case = decision.case
    assert case.lines[0].received == Counts(good=1, damaged=1, wrong=0, missing=1)
    assert (case.state, case.received) == (State.INSPECTING, True)
    assert (case.deadline_at, case.deadline_effect) == (NOW + 3 * DAY, DeadlineEffect.ESCALATE)
    told = {"line_id": "A", "good": 1, "damaged": 1, "wrong": 0, "missing": 1}
    assert decision.events[0].facts == {"lines": [told]}
    assert decision.tasks == ()


def test_a_count_can_be_corrected_but_wins_no_time() -> None:
    """The last count is the one that holds, and the clock of the first one goes on."""
    ledger = journeys.counted(RR, good=1)
    again = ledger.decide(NO, Receive((ReceivedLine("A", 1, 1, 1),)), SUPPLIER, NOW + DAY).case
    assert again.lines[0].received == Counts(1, 1, 1, 0)
    assert again.deadline_at == NOW + POLICY.inspection


def test_a_count_after_delivery_keeps_the_clock_of_the_delivery() -> None:
    """Signed for on day one, counted on day two: due on day three."""
    ledger = journeys.sent(RR)
    ledger.hear(NO, reported(OrderEventType.DELIVERED, NOW + DAY, COMING_BACK), NOW + DAY)
    assert ledger.decide(NO, RECEIVE_ALL, SUPPLIER, NOW + 2 * DAY).case.deadline_at == NOW + 3 * DAY


@pytest.mark.parametrize("received", [Receive(()), Receive((ReceivedLine("A", missing=3),))])
def test_nothing_arrived_asks_operations_to_look_for_it(received: Receive) -> None:
    """Named as missing or not named at all: the parcel has to be found."""
    ledger = journeys.sent(RR)
    case = ledger.decide(NO, received, SUPPLIER, NOW).case
    assert case.lines[0].received == Counts(missing=3)
    assert ledger.task_kinds() == ["return_not_arrived"]


@pytest.mark.parametrize(
    "lines",
    [
        (ReceivedLine("B", 1),),
        (ReceivedLine("A", 1), ReceivedLine("A", 1)),
        (ReceivedLine("A", 4),),
        (ReceivedLine("A", 1, 1, 1, 1),),
        (ReceivedLine("A", good=-1),),
        (ReceivedLine("A", missing=-1),),
    ],
)
def test_counts_that_make_no_sense_are_refused(lines: tuple[ReceivedLine, ...]) -> None:
    """Lines of other requests, lines twice, more than was asked for, less than nothing."""
    ledger = journeys.sent(RR)
    with pytest.raises(InvalidInput):
        ledger.decide(NO, Receive(lines), SUPPLIER, NOW)
    assert only(ledger).state is State.RETURN_IN_TRANSIT


# accepting


def test_an_accepted_return_is_refunded() -> None:
    """All good, all accepted: inspected and refunded in one decision, by the supplier."""
    ledger = journeys.accepted(RR)
    case = only(ledger)
    assert (case.state, case.deadline_at, case.inspected_at) == (State.REFUNDING, None, NOW)
    assert sum(leg.amount_fen for leg in case.legs) == 3_000
    assert [event.name for _, event in ledger.events][-2:] == ["inspected", "accepted"]
    ledger.settle_all(NOW)
    assert only(ledger).state is State.COMPLETED


@pytest.mark.rule("A4")
@pytest.mark.parametrize("kind", WITH_GOODS)
def test_missing_units_are_free_and_refused_ones_held_until_they_are_back(kind: Kind) -> None:
    """One good, one damaged, one missing; one accepted: ordinals 1, 2 and 3 have these three fates."""
    ledger = journeys.accepted(kind, 1, good=1, damaged=1)
    case = only(ledger)
    assert (case.accepted_units, case.refused_units) == ((Unit("A", 1),), (Unit("A", 2),))
    decided = kind is RR
    assert case.holdings == (Holding(Unit("A", 1), NO, decided), Holding(Unit("A", 2), NO, False))
    assert ledger.book().free("A") == (3,)
    assert case.quote.goods_fen == 1_000
    assert fates(ledger) == {
        "line_id": "A",
        "sku": "sku-A",
        "good": 1,
        "damaged": 1,
        "wrong": 0,
        "missing": 1,
        "accepted": 1,
        "refused": 1,
        "restock": 1,
        "scrap": 0,
    }


def test_lines_not_named_are_not_accepted() -> None:
    """Of two lines one is accepted: the other's units go back, and its money is not paid."""
    ledger = journeys.sent(RR, ("A", 2), ("B", 1))
    ledger.decide(NO, Receive((ReceivedLine("A", 2), ReceivedLine("B", 1))), SUPPLIER, NOW)
    case = ledger.decide(NO, Accept((AcceptedLine("B", 1),)), SUPPLIER, NOW).case
    assert case.accepted_units == (Unit("B", 1),)
    assert case.refused_units == (Unit("A", 1), Unit("A", 2))
    assert sum(leg.amount_fen for leg in case.legs) == 700


@pytest.mark.parametrize(("good", "damaged", "quantity"), [(1, 0, 2), (0, 3, 1), (0, 0, 3), (2, 1, 3)])
def test_more_than_arrived_good_is_accepted_only_with_a_reason(
    good: int, damaged: int, quantity: int
) -> None:
    """Goodwill for damaged or missing units is the supplier's to give, on record."""
    ledger = journeys.counted(RR, good=good, damaged=damaged)
    with pytest.raises(InvalidInput) as refused:
        ledger.decide(NO, Accept((AcceptedLine("A", quantity),)), SUPPLIER, NOW)
    assert refused.value.facts == {"line_id": "A", "good": good}
    decision = ledger.decide(NO, Accept((AcceptedLine("A", quantity),), "goodwill"), SUPPLIER, NOW)
    assert decision.events[-1].facts["reason"] == "goodwill"
    assert sum(leg.amount_fen for leg in decision.case.legs) == quantity * 1_000
    assert decision.case.refused_units == journeys.A_UNITS[quantity : max(quantity, good + damaged)]


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (AcceptedLine("A", 0),),
        (AcceptedLine("B", 1),),
        (AcceptedLine("A", 1), AcceptedLine("A", 1)),
        (AcceptedLine("A", 4),),
        (AcceptedLine("A", -1),),
    ],
)
def test_acceptances_that_make_no_sense_are_refused(lines: tuple[AcceptedLine, ...]) -> None:
    """Nothing at all, other lines, lines twice, more than was asked for; even with a reason."""
    ledger = journeys.counted(RR)
    with pytest.raises(InvalidInput):
        ledger.decide(NO, Accept(lines, "goodwill"), SUPPLIER, NOW)
    assert only(ledger).state is State.INSPECTING


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_units_the_mall_refunded_meanwhile_are_not_accepted(kind: Kind) -> None:
    """They would be paid or replaced a second time; what the mall left can be accepted, or go back."""
    ledger = journeys.counted(kind)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    with pytest.raises(UnitsUnavailable):
        ledger.decide(NO, Accept((AcceptedLine("A", 3),)), SUPPLIER, NOW)
    left = decide(only(ledger), Accept((AcceptedLine("A", 2),)), SUPPLIER, ledger.at(NOW))
    assert left.case.accepted_units == journeys.A_UNITS[:2]
    assert ledger.decide(NO, Refuse("refunded"), SUPPLIER, NOW).case.state is State.RETURNING_TO_CUSTOMER


# stock


@pytest.mark.parametrize(
    ("counts", "accepted", "stock", "refused"),
    [
        (Counts(3, 0, 0, 0), 3, Stock(3, 0), 0),
        (Counts(3, 0, 0, 0), 1, Stock(1, 0), 2),
        (Counts(1, 1, 1, 0), 2, Stock(1, 1), 1),
        (Counts(1, 1, 1, 0), 3, Stock(1, 1), 0),
        (Counts(0, 0, 0, 3), 3, Stock(0, 0), 0),
        (Counts(0, 2, 0, 1), 3, Stock(0, 2), 0),
        (Counts(2, 1, 0, 0), 0, Stock(0, 0), 3),
    ],
)
def test_only_accepted_goods_are_stock(counts: Counts, accepted: int, stock: Stock, refused: int) -> None:
    """Good ones are sold again, damaged ones scrapped, wrong and missing ones neither; others go back."""
    assert stock_of(counts, accepted) == stock
    assert refused_of(counts, accepted) == refused


@pytest.mark.parametrize("shipped", [True, False])
def test_goods_that_were_never_shipped_are_never_stock(shipped: bool) -> None:
    """Failure 8: restocking what never left would invent goods; the line's own parcels count."""
    ledger = journeys.accepted(RR, 3, good=2, damaged=1, shipped=shipped)
    assert (fates(ledger)["restock"], fates(ledger)["scrap"]) == ((2, 1) if shipped else (0, 0))
    other_line = journeys.counted(RR, shipped=False)
    other_line.parcels = [reported(OrderEventType.DELIVERED, NOW, None, "B")]
    other_line.decide(NO, Accept((AcceptedLine("A", 3),)), SUPPLIER, NOW)
    assert fates(other_line)["restock"] == 0
