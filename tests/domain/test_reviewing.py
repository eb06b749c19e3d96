"""The supplier's review: offers, questions, answers, and money lowered to the fen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mallcare.domain.after_sales import SYSTEM, Proposal
from mallcare.domain.book import Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    AcceptProposal,
    Approve,
    Command,
    DeclineProposal,
    Propose,
    Receive,
    ReceivedLine,
    RequestEvidence,
    SubmitEvidence,
    SubmitWaybill,
)
from mallcare.domain.errors import IllegalTransition, InvalidInput, LineNotReturnable
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.quotes import RequestedLine, lower
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import DeadlineEffect, Kind, OrderEventType, State
from tests.domain import journeys
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    POLICY,
    SUPPLIER,
    TICK,
    asking,
    cash,
    line,
    order,
    points,
    reported,
)
from tests.domain.journeys import DAY, EX, HOUR, NO, NOW, RO, RR, WITH_GOODS, only
from tests.domain.ledger import Ledger
from tests.domain.strategies import orders


def offered(kind: Kind, command: Command) -> Ledger:
    """The supplier answered a request for three A otherwise than by yes or no."""
    ledger = journeys.requested(kind)
    ledger.decide(NO, command, SUPPLIER, NOW)
    return ledger


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_an_approved_return_waits_seven_days_for_its_goods(kind: Kind) -> None:
    """Nothing is paid yet; the units are reserved, and the clock of A3 runs from the approval."""
    case = only(journeys.approved(kind))
    assert (case.state, case.return_address_set, case.legs) == (State.AWAITING_RETURN, True, ())
    assert (case.deadline_at, case.deadline_effect) == (NOW + 7 * DAY, DeadlineEffect.EXPIRE)
    assert [h.unit for h in case.holdings] == list(journeys.A_UNITS)


def test_an_approval_without_return_address_asks_operations_for_one() -> None:
    """The approval is not held up; somebody is told that the customer does not know where to send it."""
    ledger = journeys.requested(RR)
    ledger.return_address_known = False
    case = ledger.decide(NO, Approve(), SUPPLIER, NOW).case
    assert (case.state, case.return_address_set) == (State.AWAITING_RETURN, False)
    assert ledger.task_kinds() == ["return_address_missing"]


@pytest.mark.parametrize("kind", [RO, RR])
def test_an_offer_waits_seven_days_for_the_customer(kind: Kind) -> None:
    """It is shown as it was made, and changes neither the quote nor the units before it is accepted."""
    ledger = offered(kind, Propose("half of it", 1_500))
    case = only(ledger)
    assert (case.state, case.proposal) == (State.PENDING_CUSTOMER, Proposal(kind, 1_500))
    assert (case.deadline_at, case.deadline_effect) == (NOW + 7 * DAY, DeadlineEffect.DECLINE)
    assert (case.quote.goods_fen, len(case.holdings)) == (3_000, 3)
    facts = {"kind": kind.value, "goods_fen": 1_500, "message": "half of it"}
    assert ledger.events[-1][1].facts == facts


def test_an_accepted_offer_is_refunded_as_offered() -> None:
    """A lowered refund-only goes on as approved: its legs are the offer, its units are spent for good."""
    ledger = offered(RO, Propose("half of it", 1_501))
    decision = ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW + DAY)
    assert (decision.case.state, decision.case.proposal) == (State.REFUNDING, None)
    assert [e.name for e in decision.events] == ["proposal_accepted"]
    assert sum(leg.amount_fen for leg in decision.case.legs) == decision.case.quote.goods_fen == 1_501
    assert ledger.book().free("A") == ()


def test_an_offer_of_nothing_completes_when_it_is_accepted() -> None:
    """Zero fen make no leg: the request ends, and what was waived is spent."""
    ledger = offered(RO, Propose("nothing", 0))
    case = ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW).case
    assert (case.state, case.legs, case.quote.total_fen) == (State.COMPLETED, (), 0)
    assert ledger.book().free("A") == ()


@pytest.mark.parametrize(("kind", "instead"), [(RO, RR), (RO, EX), (RR, RO), (RR, EX), (EX, RO), (EX, RR)])
def test_another_kind_can_be_offered_and_becomes_the_request_s_own(kind: Kind, instead: Kind) -> None:
    """Accepted, the request goes on as approved in the kind that was offered; declined, it stays its own."""
    ledger = offered(kind, Propose("otherwise", None, instead))
    case = ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW).case
    assert case.kind is instead
    assert case.state is (State.REFUNDING if instead is RO else State.AWAITING_RETURN)
    declined = offered(kind, Propose("otherwise", None, instead))
    assert declined.decide(NO, DeclineProposal(), CUSTOMER, NOW).case.kind is kind


def test_a_return_agreed_instead_of_a_refund_needs_no_intercept() -> None:
    """Goods under way are to be stopped only while nobody sends them back."""
    ledger = Ledger(journeys.bought())
    ledger.parcels = [reported(OrderEventType.COLLECTED, NOW)]
    ledger.submit(asking(("A", 1)), NOW)
    assert only(ledger).intercept
    ledger.decide(NO, Propose("send it back", None, RR), SUPPLIER, NOW)
    assert not ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW).case.intercept


def test_a_refund_agreed_instead_of_a_return_intercepts_what_is_under_way() -> None:
    """The other way round the parcel has to be stopped from then on."""
    ledger = Ledger(journeys.bought())
    ledger.parcels = [reported(OrderEventType.COLLECTED, NOW)]
    ledger.submit(asking(("A", 1), kind=RR), NOW)
    assert not only(ledger).intercept
    ledger.decide(NO, Propose("keep it", None, RO), SUPPLIER, NOW)
    assert ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW).case.intercept


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        (RR, Propose("the same")),
        (RR, Propose("the same", None, RR)),
        (RR, Propose("more", 3_001)),
        (RR, Propose("less than nothing", -1)),
        (EX, Propose("money", 100)),
        (RR, Propose("money for an exchange", 100, EX)),
    ],
)
def test_offers_that_make_no_sense_are_refused(kind: Kind, command: Propose) -> None:
    """An offer differs from the request, is not more than it is worth, and an exchange pays no money."""
    ledger = journeys.requested(kind)
    with pytest.raises(InvalidInput):
        ledger.decide(NO, command, SUPPLIER, NOW)
    assert only(ledger).state is State.PENDING_REVIEW


@pytest.mark.parametrize("instead", WITH_GOODS)
def test_goods_that_may_not_come_back_are_not_asked_back_by_an_offer(instead: Kind) -> None:
    """The customer is not offered what the line does not allow."""
    ledger = Ledger(order(line("A", 2, returnable=False)))
    ledger.submit(asking(("A", 1)), NOW)
    with pytest.raises(LineNotReturnable) as refused:
        ledger.decide(NO, Propose("send it back", None, instead), SUPPLIER, NOW)
    assert refused.value.facts == {"line_id": "A"}


@pytest.mark.parametrize("kind", list(Kind))
def test_evidence_brings_the_request_before_the_supplier_again(kind: Kind) -> None:
    """Asked for with a message, answered with items, reviewed anew for the full time."""
    ledger = offered(kind, RequestEvidence("show us"))
    assert (only(ledger).state, only(ledger).proposal) == (State.PENDING_CUSTOMER, None)
    assert ledger.events[-1][1].facts == {"message": "show us"}
    decision = ledger.decide(NO, SubmitEvidence(3), CUSTOMER, NOW + DAY)
    assert (decision.events[0].name, decision.events[0].facts) == ("evidence_submitted", {"items": 3})
    assert decision.case.state is State.PENDING_REVIEW
    assert decision.case.deadline_at == NOW + DAY + POLICY.review
    assert decision.case.deadline_effect is DeadlineEffect.ESCALATE


def test_a_declined_offer_is_reviewed_anew() -> None:
    """The offer is gone; another one may follow, and the request can still be approved in full."""
    ledger = offered(RO, Propose("half of it", 1_500))
    back = ledger.decide(NO, DeclineProposal(), CUSTOMER, NOW + DAY).case
    assert (back.state, back.proposal) == (State.PENDING_REVIEW, None)
    ledger.decide(NO, Propose("two thirds", 2_000), SUPPLIER, NOW + DAY)
    ledger.decide(NO, DeclineProposal(), CUSTOMER, NOW + DAY)
    assert ledger.decide(NO, Approve(), SUPPLIER, NOW + DAY).case.quote.total_fen == 3_000


@pytest.mark.parametrize(
    ("asked", "answer"),
    [(Propose("half", 1_500, RR), AcceptProposal()), (RequestEvidence("show us"), SubmitEvidence(1))],
)
@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
def test_a_silent_customer_counts_as_declining(asked: Command, answer: Command, offset: timedelta) -> None:
    """Before its end the answer wins; from the very instant on the clock does, and the review goes on."""
    ledger = offered(RR, asked)
    due = NOW + POLICY.customer_answer
    if offset < timedelta(0):
        assert ledger.decide(NO, answer, CUSTOMER, due + offset).case.state is not State.PENDING_CUSTOMER
        return
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, answer, CUSTOMER, due + offset)
    decision = ledger.fire(NO, due, due + HOUR)
    assert [(e.name, e.actor) for e in decision.events] == [("answer_overdue", SYSTEM)]
    assert (decision.case.state, decision.case.proposal) == (State.PENDING_REVIEW, None)
    assert decision.case.deadline_at == due + HOUR + POLICY.review


def test_a_lowered_offer_is_shared_over_units_and_tenders() -> None:
    """Six cells of 500 fen: 1000 fen are 166 each, and the four fen that are left go to the first ones."""
    ledger = Ledger(order(line("A", 3), tenders=(cash(1_500), points(1_500))))
    case = ledger.submit(asking(("A", 3)), NOW)
    lowered = lower(ledger.book(), case.lines, 1_000)
    assert lowered[0].lowered == ((167, 167), (167, 167), (166, 166))


@given(st.data())
def test_lowering_loses_no_fen_and_lets_no_cell_grow(data: st.DataObject) -> None:
    """Any offer over any units: the sum is exact, and no (unit, tender) is more than it was."""
    bought = data.draw(orders(most_lines=3))
    ledger = Ledger(bought)
    wanted = [RequestedLine(x.line_id, data.draw(st.integers(0, min(4, x.quantity)))) for x in bought.lines]
    wanted = [x for x in wanted if x.quantity]
    assume(wanted)
    case = ledger.submit(Request(RR, "no_longer_wanted", tuple(wanted)), AFTER_COOLING_OFF)
    offer = data.draw(st.integers(0, case.quote.goods_fen))
    book = ledger.book()
    lines = lower(book, case.lines, offer)
    assert sum(sum(x.worth(book)) for x in lines) == offer
    for x in lines:
        assert x.lowered is not None
        for ordinal, cells in zip(x.units, x.lowered, strict=True):
            whole = book.value([Unit(x.line_id, ordinal)])
            assert all(0 <= part <= cell for part, cell in zip(cells, whole, strict=True))


@pytest.mark.rule("A4")
@given(st.data())
def test_after_a_lowered_offer_part_acceptance_pays_the_lowest_ordinals(data: st.DataObject) -> None:
    """The offer is frozen unit by unit: accepting k units pays what the k lowest were lowered to."""
    bought = data.draw(orders(most_lines=2))
    ledger = Ledger(bought)
    case = ledger.submit(asking(kind=RR), AFTER_COOLING_OFF)
    offer = data.draw(st.integers(0, case.quote.goods_fen))
    ledger.decide(NO, Propose("less", offer), SUPPLIER, NOW)
    agreed = ledger.decide(NO, AcceptProposal(), CUSTOMER, NOW).case
    assert agreed.quote.goods_fen == offer
    ledger.parcels = [OrderEvent("E1", OrderEventType.DELIVERED, NOW)]
    ledger.decide(NO, SubmitWaybill("SF", "SF-1"), CUSTOMER, NOW)
    back = tuple(ReceivedLine(x.line_id, good=x.quantity) for x in agreed.lines)
    ledger.decide(NO, Receive(back), SUPPLIER, NOW)
    kept = {x.line_id: data.draw(st.integers(0, x.quantity)) for x in agreed.lines}
    assume(any(kept.values()))
    command = Accept(tuple(AcceptedLine(line_id, n) for line_id, n in kept.items()))
    done = ledger.decide(NO, command, SUPPLIER, NOW).case
    expected = sum(sum(unit) for x in agreed.lines for unit in (x.lowered or ())[: kept[x.line_id]])
    assert done.quote.goods_fen == expected == sum(leg.amount_fen for leg in done.legs)
