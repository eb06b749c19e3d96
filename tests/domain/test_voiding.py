"""What the mall does by itself under live requests: it ends them, or nobody is late any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mallcare.domain.commands import Accept, AcceptedLine, Approve, Confirm, ExtendDeadline, Refuse
from mallcare.domain.vocabulary import DeadlineEffect, Kind, OrderEventType, State
from tests.domain import journeys
from tests.domain.builders import CUSTOMER, OPERATIONS, SUPPLIER, asking, mall_refunded, reported
from tests.domain.journeys import COMING_BACK, DAY, EX, HOUR, NO, NOW, RO, RR, WITH_GOODS, only
from tests.domain.ledger import Ledger
from tests.domain.situations import SITUATIONS

UNDECIDED = [
    name
    for name, begin in SITUATIONS.items()
    if not only(begin()).refund_decided and not only(begin()).state.final
]
NOTHING_SENT = {"under review", "offered", "evidence asked", "to be sent back", "without return address"}


def after_refund(begin: Callable[[], Ledger]) -> Ledger:
    """The mall refunded all units of the request by itself."""
    ledger = begin()
    ledger.mall_refunds(mall_refunded({"A": 3}))
    ledger.tasks.clear()
    ledger.void_all(NOW + HOUR)
    return ledger


@pytest.mark.parametrize("name", sorted(NOTHING_SENT))
def test_a_request_whose_units_the_mall_refunded_is_closed(name: str) -> None:
    """Before anything is sent it ends, by the platform; the customer may ask anew for what is left."""
    ledger = after_refund(SITUATIONS[name])
    case = only(ledger)
    assert (case.state, case.holdings, case.deadline_at) == (State.CLOSED, (), None)
    assert ledger.events[-1][1].name == "closed"
    assert ledger.events[-1][1].facts == {"reason": "refunded_by_the_mall"}
    assert ledger.task_kinds() == []


@pytest.mark.parametrize("kind", list(Kind))
def test_losing_one_unit_of_several_closes_the_request_too(kind: Kind) -> None:
    """What is left is free again, and can be asked for anew."""
    ledger = journeys.requested(kind)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    ledger.void_all(NOW)
    assert only(ledger).state is State.CLOSED
    assert ledger.submit(asking(("A", 2), kind=kind), NOW).lines[0].units == (1, 2)


@pytest.mark.parametrize("name", sorted(set(UNDECIDED) - NOTHING_SENT - {"refused", "refused, sent back"}))
def test_goods_on_their_way_are_seen_to_by_operations(name: str) -> None:
    """The request keeps its state, nobody is late, and somebody is asked to settle it."""
    before = only(SITUATIONS[name]())
    ledger = after_refund(SITUATIONS[name])
    case = only(ledger)
    assert (case.state, case.deadline_at, case.deadline_effect) == (before.state, None, None)
    assert ledger.task_kinds() == ["taken_over_by_mall"]
    assert ledger.tasks[0][1].facts == {"reason": "refunded_by_the_mall"}
    assert case.deadline_at is None
    if before.deadline_at is not None:
        assert case.escalated_at == NOW + HOUR
        assert ledger.events[-1][1].name == "clock_voided"


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_refused_goods_go_back_whatever_the_mall_refunded(kind: Kind) -> None:
    """Nothing of such a request was accepted, so it lost nothing; its clock runs on."""
    ledger = after_refund(lambda: journeys.refused(kind))
    assert (only(ledger).state, only(ledger).deadline_at) == (State.RETURNING_TO_CUSTOMER, NOW + 2 * DAY)
    assert ledger.task_kinds() == []


@pytest.mark.parametrize("name", UNDECIDED)
def test_an_order_closed_by_the_mall_stops_every_clock(name: str) -> None:
    """No automatic approval, expiry or completion behind the mall's back; people can still go on."""
    ledger = SITUATIONS[name]()
    before = only(ledger)
    ledger.tasks.clear()
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    case = only(ledger)
    assert (case.state, case.deadline_at) == (before.state, None)
    assert ledger.task_kinds() == ["taken_over_by_mall"]
    assert ledger.tasks[0][1].facts == {"reason": "order_closed"}
    if before.deadline_at is not None:
        assert ledger.fire(NO, before.deadline_at, before.deadline_at).events == ()


@pytest.mark.parametrize("name", UNDECIDED)
def test_operations_can_set_a_new_clock_for_a_voided_request(name: str) -> None:
    """It calls for a person and decides nothing, whatever the clock before it would have done."""
    ledger = SITUATIONS[name]()
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    case = ledger.decide(NO, ExtendDeadline(NOW + DAY, "ask the mall"), OPERATIONS, NOW).case
    assert (case.deadline_at, case.deadline_effect) == (NOW + DAY, DeadlineEffect.ESCALATE)
    rung = ledger.ring(NO).case
    assert (rung.state, rung.escalated_at) == (case.state, NOW + DAY)


def test_a_request_that_already_called_is_handed_to_operations_too() -> None:
    """It has no clock to void, so nothing happens to it, but the mall's act must not go unseen."""
    ledger = journeys.counted(RR)
    ledger.ring(NO)
    known = only(ledger)
    ledger.mall_refunds(mall_refunded({"A": 3}))
    (decision,) = ledger.void_all(NOW + 3 * DAY).values()
    assert (decision.case, decision.events) == (known, ())
    assert ledger.task_kinds() == ["taken_over_by_mall"]
    assert ledger.decide(NO, Refuse("refunded"), SUPPLIER, NOW + 3 * DAY).events


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("kind", [RO, RR])
def test_a_decided_refund_goes_on(kind: Kind, settled: bool) -> None:
    """Past the pivot neither a closing nor a refund of the mall's own changes the request."""
    ledger = journeys.approved(RO) if kind is RO else journeys.accepted(RR)
    if settled:
        ledger.settle_all(NOW)
    known = only(ledger)
    ledger.mall_refunds(mall_refunded())
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    assert only(ledger) == known


def test_a_request_the_mall_did_not_touch_goes_on() -> None:
    """A refund of other units of the order changes nothing here."""
    ledger = journeys.requested(RR, ("A", 2))
    known = only(ledger)
    ledger.mall_refunds(mall_refunded({"A": 1, "B": 1}))
    (decision,) = ledger.void_all(NOW).values()
    assert (decision.case, decision.events, decision.tasks) == (known, (), ())


def test_missing_units_are_not_lost_to_the_mall() -> None:
    """Once goods were accepted, what did not arrive is the request's no more."""
    ledger = journeys.accepted(EX, 2, good=2)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    (decision,) = ledger.void_all(NOW).values()
    assert (decision.events, decision.tasks) == ((), ())


def test_people_end_what_the_clocks_no_longer_do() -> None:
    """Voided stages go on by hand: approve, accept, confirm."""
    for ledger, command, actor in (
        (journeys.requested(RR), Approve(), SUPPLIER),
        (journeys.counted(RR), Accept((AcceptedLine("A", 3),)), SUPPLIER),
        (journeys.reshipped(), Confirm(), CUSTOMER),
    ):
        ledger.mall_closes(NOW)
        ledger.void_all(NOW)
        assert ledger.decide(NO, command, actor, NOW + 30 * DAY).events


def test_a_parcel_of_a_voided_return_still_moves_it() -> None:
    """The goods arrive whatever the mall did to the order, and are inspected."""
    ledger = journeys.sent(RR)
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    delivered = reported(OrderEventType.DELIVERED, NOW + DAY, COMING_BACK)
    assert ledger.hear(NO, delivered, NOW + DAY).case.state is State.INSPECTING
