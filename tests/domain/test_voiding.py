"""What the mall does by itself under live requests: it ends them, or nobody is late any more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mallcare.domain.book import Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    Choose,
    Close,
    Confirm,
    ExtendDeadline,
    OutOfStock,
    Refuse,
    Reship,
    Resume,
    RetryRefund,
    SettleOffline,
)
from mallcare.domain.errors import IllegalTransition, UnitsUnavailable
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.transitions import allowed_actions
from mallcare.domain.vocabulary import (
    Action,
    Choice,
    DeadlineEffect,
    Kind,
    LegStatus,
    OrderEventType,
    Role,
    State,
)
from mallcare.domain.voiding import refunded_lines
from tests.domain import journeys
from tests.domain.builders import (
    CHECKER,
    CUSTOMER,
    FINANCE,
    OPERATIONS,
    SUPPLIER,
    asking,
    mall_refunded,
    order,
    reported,
)
from tests.domain.journeys import COMING_BACK, DAY, EX, HOUR, NO, NOW, RO, RR, bought, only
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


@pytest.mark.parametrize("name", sorted(set(UNDECIDED) - NOTHING_SENT))
def test_goods_on_their_way_are_seen_to_by_operations(name: str) -> None:
    """The request keeps its state, nobody is late, and somebody is asked to settle it."""
    before = only(SITUATIONS[name]())
    ledger = after_refund(SITUATIONS[name])
    case = only(ledger)
    assert (case.state, case.deadline_at, case.deadline_effect) == (before.state, None, None)
    assert ledger.task_kinds() == ["taken_over_by_mall"]
    assert ledger.tasks[0][1].facts == {"reason": "refunded_by_the_mall"}
    assert case.taken_over
    assert case.escalated_at == NOW + HOUR
    assert ledger.events[-1][1].name == ("taken_over" if before.deadline_at is None else "clock_voided")


def test_losing_one_refused_unit_hands_the_request_over() -> None:
    """What goes back to the customer although the mall refunded it is a person's business too."""
    ledger = journeys.refused(RR)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    ledger.void_all(NOW)
    assert (only(ledger).taken_over, only(ledger).deadline_at) == (True, None)
    assert ledger.decide(NO, Close("the customer has the money"), OPERATIONS, NOW).case.holdings == ()


def test_refused_units_of_a_decided_refund_are_told_of() -> None:
    """They go back all the same, so that nothing changes; but operations has to know."""
    ledger = journeys.accepted(RR, 2, good=2, damaged=1)
    known = only(ledger)
    assert known.refused_units == (Unit("A", 3),)
    ledger.mall_refunds(mall_refunded({"A": 1}))
    (decision,) = ledger.void_all(NOW).values()
    assert (decision.case, decision.events) == (known, ())
    assert ledger.task_kinds() == ["taken_over_by_mall"]


@pytest.mark.parametrize("name", UNDECIDED)
def test_an_order_closed_by_the_mall_stops_every_clock(name: str) -> None:
    """No automatic approval, expiry or completion behind the mall's back; people can still go on."""
    ledger = SITUATIONS[name]()
    before = only(ledger)
    ledger.tasks.clear()
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    case = only(ledger)
    assert (case.state, case.deadline_at, case.taken_over) == (before.state, None, True)
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
    """It has no clock to void, but is taken over as well; told again it only asks again."""
    ledger = journeys.counted(RR)
    ledger.ring(NO)
    ledger.mall_refunds(mall_refunded({"A": 3}))
    (decision,) = ledger.void_all(NOW + 3 * DAY).values()
    assert [event.name for event in decision.events] == ["taken_over"]
    assert ledger.task_kinds() == ["taken_over_by_mall"]
    (again,) = ledger.void_all(NOW + 4 * DAY).values()
    assert (again.case, again.events) == (decision.case, ())
    assert ledger.task_kinds() == ["taken_over_by_mall"] * 2
    assert ledger.decide(NO, Refuse("refunded"), SUPPLIER, NOW + 4 * DAY).events


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


@pytest.mark.parametrize("name", UNDECIDED)
def test_operations_ends_what_the_mall_took_over(name: str) -> None:
    """Closed, with its reason; nothing is refunded by it, and what it held is free. Else not offered."""
    ledger = SITUATIONS[name]()
    assert Action.CLOSE not in allowed_actions(only(ledger), Role.OPERATIONS)
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    decision = ledger.decide(NO, Close("settled with the mall"), OPERATIONS, NOW + DAY)
    case = decision.case
    assert (case.state, case.holdings, case.legs, case.deadline_at) == (State.CLOSED, (), (), None)
    assert (decision.events[0].name, decision.events[0].facts) == (
        "closed",
        {"reason": "settled with the mall"},
    )


def test_a_decided_refund_is_never_closed() -> None:
    """Money may have moved: not even where the request was taken over and only goods go back."""
    ledger = journeys.failed(2, good=2, damaged=1)
    ledger.mall_refunds(mall_refunded({"A": 3}))
    ledger.void_all(NOW)
    for leg in only(ledger).legs:
        ledger.settle(NO, leg.refund_no, NOW, succeeded=True)
    assert (only(ledger).state, only(ledger).taken_over) == (State.RETURNING_TO_CUSTOMER, True)
    with pytest.raises(IllegalTransition):
        ledger.decide(NO, Close("done with it"), OPERATIONS, NOW)


def test_no_replacement_is_sent_for_units_the_mall_refunded() -> None:
    """The customer would have the money and the goods: neither sent, nor waited for, nor sent once more."""
    due, out, missing = journeys.accepted(EX), journeys.out_of_stock(), journeys.reported_missing()
    for ledger, command, actor in (
        (due, Reship("SF", "SF-NEXT"), SUPPLIER),
        (out, Choose(Choice.WAIT), CUSTOMER),
        (out, Choose(Choice.REFUND), CUSTOMER),
        (missing, Reship("SF", "SF-NEXT"), SUPPLIER),
    ):
        ledger.mall_refunds(mall_refunded({"A": 1}))
        ledger.void_all(NOW)
        known = only(ledger)
        with pytest.raises(UnitsUnavailable):
            ledger.decide(NO, command, actor, NOW)
        assert only(ledger) == known


def test_an_exchange_that_nobody_can_go_on_with_is_closed() -> None:
    """Out of stock after the mall's refund: its clock may not pay, and operations ends it."""
    ledger = after_refund(lambda: journeys.accepted(EX))
    ledger.decide(NO, OutOfStock(), SUPPLIER, NOW)
    rung = ledger.ring(NO)
    assert rung.events[0].facts["auto_refund_refused"] == "units_unavailable"
    assert ledger.decide(NO, Close("refunded"), OPERATIONS, NOW + 9 * DAY).case.state is State.CLOSED


def failed_and_refunded(quantities: dict[str, int] | None = None) -> Ledger:
    """The cash of a refund failed, and then the mall reported a refund of its own."""
    ledger = journeys.failed()
    ledger.decide(NO, SettleOffline(1), FINANCE, NOW)
    ledger.tasks.clear()
    ledger.mall_refunds(mall_refunded(quantities))
    ledger.void_all(NOW + HOUR)
    return ledger


@pytest.mark.parametrize("quantities", [None, {"A": 1}])
def test_a_failed_refund_is_not_paid_over_the_malls_own(quantities: dict[str, int] | None) -> None:
    """Neither retried nor settled, not even half of it, until operations says what the report was about."""
    ledger = failed_and_refunded(quantities)
    case, told = only(ledger), ledger.events[-1][1]
    assert (case.state, case.taken_over, case.settlement) == (State.REFUND_FAILED, True, None)
    assert (case.deadline_at, case.escalated_at) == (None, NOW + HOUR)
    assert (told.name, told.facts) == (
        "refunded_by_the_mall",
        {"reason": "refunded_by_the_mall", "line_ids": ["A"]},
    )
    assert [task.facts for _, task in ledger.tasks] == [told.facts]
    for command in (RetryRefund(), SettleOffline(1)):
        with pytest.raises(IllegalTransition):
            ledger.decide(NO, command, FINANCE, NOW + HOUR)
    ledger.mall_refunds(mall_refunded(quantities))
    (again,) = ledger.void_all(NOW + DAY).values()
    assert (again.events, ledger.task_kinds()) == ((), ["taken_over_by_mall"] * 2)


def test_operations_gives_a_failed_refund_back_to_finance() -> None:
    """With its reminder a day later: finance retries, or two of it settle what the mall paid."""
    for settling in (False, True):
        ledger = failed_and_refunded()
        resumed = ledger.decide(NO, Resume("another unit"), OPERATIONS, NOW + DAY)
        assert (resumed.events[0].name, resumed.events[0].facts) == ("resumed", {"reason": "another unit"})
        assert (resumed.case.taken_over, resumed.case.escalated_at) == (False, None)
        assert (resumed.case.deadline_at, resumed.case.deadline_effect) == (
            NOW + 2 * DAY,
            DeadlineEffect.ESCALATE,
        )
        with pytest.raises(IllegalTransition):
            ledger.decide(NO, Resume("once more"), OPERATIONS, NOW + DAY)
        if settling:
            ledger.decide(NO, SettleOffline(1), FINANCE, NOW + DAY)
            ledger.decide(NO, SettleOffline(1), CHECKER, NOW + DAY)
        else:
            ledger.decide(NO, RetryRefund(), FINANCE, NOW + DAY)
        ledger.settle_all(NOW + 2 * DAY)
        assert only(ledger).state is State.COMPLETED


def test_a_failed_refund_of_other_lines_is_finances_alone() -> None:
    """A report that names none of its lines changes nothing; neither does a closing of the order."""
    ledger = journeys.failed()
    known = only(ledger)
    ledger.mall_refunds(mall_refunded({"B": 1}))
    ledger.void_all(NOW)
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    assert (only(ledger), ledger.tasks) == (known, [])


def test_what_a_vendor_pays_beside_the_mall_is_looked_into() -> None:
    """Every leg that succeeds after the report may be paid twice, the one that had failed too."""
    ledger = failed_and_refunded()
    ledger.tasks.clear()
    legs: tuple[RefundLeg, ...] = only(ledger).legs
    for leg in legs:
        ledger.settle(NO, leg.refund_no, NOW + DAY, succeeded=True)
    assert only(ledger).state is State.COMPLETED
    assert [(task.kind.value, task.subject) for _, task in ledger.tasks] == [
        ("paid_twice", leg.refund_no) for leg in legs
    ]
    assert [task.facts["reason"] for _, task in ledger.tasks] == ["refunded_by_the_mall"] * len(legs)


def test_a_failure_after_the_report_is_no_payment() -> None:
    """The other leg is refused as well: still with operations, and nothing is paid twice."""
    ledger = failed_and_refunded()
    ledger.tasks.clear()
    open_leg = only(ledger).legs[1]
    assert open_leg.status is LegStatus.PENDING
    case = ledger.settle(NO, open_leg.refund_no, NOW + DAY, succeeded=False).case
    assert (case.state, case.taken_over, ledger.tasks) == (State.REFUND_FAILED, True, [])


def test_a_refund_decided_after_the_closing_is_finances() -> None:
    """Who approves under a closed order decided on units that are still the request's: it may be retried."""
    ledger = journeys.requested(RO)
    ledger.mall_closes(NOW)
    ledger.void_all(NOW)
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    ledger.settle(NO, only(ledger).legs[0].refund_no, NOW, succeeded=False)
    assert not only(ledger).taken_over
    assert ledger.decide(NO, RetryRefund(), FINANCE, NOW).case.state is State.REFUNDING


def test_lines_a_report_speaks_of() -> None:
    """Those with quantities, or those named, or all of the order; a closing speaks of none."""
    known = bought()
    assert refunded_lines(known, mall_refunded({"B": 1})) == {"B"}
    assert refunded_lines(known, mall_refunded(None, "A")) == {"A"}
    assert refunded_lines(known, mall_refunded()) == {"A", "B"}
    assert refunded_lines(order(), OrderEvent("C1", OrderEventType.CLOSED, NOW)) == frozenset()
