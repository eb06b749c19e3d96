"""Opening a request: the guards of its entry, and the cooling-off refund (A1) with its limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mallcare.domain.after_sales import SYSTEM
from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import Actor, Cancel
from mallcare.domain.errors import (
    OrderClosed,
    OrderNotPaid,
    UnitsUnavailable,
    WindowClosed,
)
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.policy import (
    AfterSalesPolicy,
    AutoRefundRefusal,
    AutoRefundUsage,
    ReviewTimeout,
    refuse_auto_refund,
)
from mallcare.domain.submission import check_entry, quote_request
from mallcare.domain.vocabulary import (
    PARCEL_EVENTS,
    Channel,
    DeadlineEffect,
    Kind,
    LegStatus,
    OrderEventType,
    Role,
    State,
)
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    PLACED_AT,
    POLICY,
    TICK,
    UNUSED,
    asking,
    book,
    cash,
    line,
    mall_refunded,
    order,
    points,
)
from tests.domain.ledger import Ledger

END = PLACED_AT + timedelta(minutes=30)


def two_lines() -> Ledger:
    """Two lines and freight, paid by two tenders."""
    return Ledger(order(line("A", 2), line("B"), tenders=(cash(2_500), points(600)), freight_fen=100))


@pytest.mark.rule("A1")
@pytest.mark.parametrize("now", [PLACED_AT, END - TICK])
def test_the_whole_order_within_cooling_off_is_refunded_by_the_system(now: datetime) -> None:
    """To the last microsecond before 30 minutes nobody reviews: every tender is on its way back."""
    ledger = two_lines()
    case = ledger.submit(asking(), now)
    assert (case.state, case.cooling_off, case.deadline_at) == (State.REFUNDING, True, None)
    assert [(leg.amount_fen, leg.status) for leg in case.legs] == [
        (2_500, LegStatus.PENDING),
        (600, LegStatus.PENDING),
    ]
    told = [(event.name, event.actor, event.version) for _, event in ledger.events]
    assert told == [("submitted", CUSTOMER, 1), ("approved", SYSTEM, 2)]
    assert ledger.events[-1][1].facts["cooling_off"] is True


@pytest.mark.rule("A1")
@pytest.mark.parametrize("now", [END, END + TICK, END + timedelta(days=1)])
def test_from_thirty_minutes_on_the_whole_order_is_reviewed(now: datetime) -> None:
    """At the very instant of 30 minutes the cooling-off is over and the supplier decides."""
    case = two_lines().submit(asking(), now)
    assert (case.state, case.cooling_off, case.legs) == (State.PENDING_REVIEW, False, ())
    assert (case.deadline_at, case.deadline_effect) == (now + POLICY.review, DeadlineEffect.ESCALATE)


@pytest.mark.rule("A1")
def test_named_lines_are_reviewed_even_within_cooling_off() -> None:
    """Only a request for the whole order is refunded unseen, not one that happens to name all lines."""
    assert two_lines().submit(asking(("A", 2), ("B", 1)), PLACED_AT).state is State.PENDING_REVIEW


@pytest.mark.rule("A1")
@pytest.mark.parametrize("type_", sorted(PARCEL_EVENTS))
def test_a_parcel_event_ends_the_cooling_off(type_: OrderEventType) -> None:
    """Whatever a carrier said about the order, from then on a person looks at it."""
    ledger = two_lines()
    ledger.parcels = [OrderEvent("E1", type_, PLACED_AT, line_ids=("B",))]
    assert ledger.submit(asking(), PLACED_AT).state is State.PENDING_REVIEW


@pytest.mark.rule("A1")
def test_a_unit_already_held_ends_the_cooling_off_until_it_is_free_again() -> None:
    """The rest of an order is not the whole order; a request withdrawn in time makes it whole again."""
    ledger = two_lines()
    first = ledger.submit(asking(("B", 1)), PLACED_AT).after_sales_no
    second = ledger.submit(asking(), PLACED_AT)
    assert (second.state, second.whole_order) == (State.PENDING_REVIEW, True)
    ledger.decide(first, Cancel(), CUSTOMER, PLACED_AT)
    ledger.decide(second.after_sales_no, Cancel(), CUSTOMER, PLACED_AT)
    assert ledger.submit(asking(), PLACED_AT).state is State.REFUNDING


@pytest.mark.rule("A1")
def test_a_unit_the_mall_refunded_ends_the_cooling_off() -> None:
    """What the mall did by itself counts like a request of its own."""
    ledger = two_lines()
    ledger.mall_refunds(mall_refunded({"A": 1}))
    case = ledger.submit(asking(), PLACED_AT)
    assert case.state is State.PENDING_REVIEW
    assert [(x.line_id, x.units) for x in case.lines] == [("A", (2,)), ("B", (1,))]


@pytest.mark.rule("A1")
def test_a_cooling_off_refund_respects_the_caps() -> None:
    """Money the mall gave back by itself is not given back twice: a person looks at the request."""
    ledger = two_lines()
    ledger.mall_spent = [1, 0]
    case = ledger.submit(asking(), PLACED_AT)
    assert (case.state, case.cooling_off, case.legs) == (State.PENDING_REVIEW, False, ())
    assert ledger.mint.minted == []


@pytest.mark.rule("A1")
def test_a_free_order_in_cooling_off_completes_at_once() -> None:
    """Nothing was paid, so there is no leg to wait for: submitted, approved, completed."""
    ledger = Ledger(order(line("A", 2, 0), tenders=()))
    case = ledger.submit(asking(), PLACED_AT)
    assert (case.state, case.version, case.legs) == (State.COMPLETED, 3, ())
    assert [event.name for _, event in ledger.events] == ["submitted", "approved", "completed"]


LIMITS = AfterSalesPolicy(
    auto_refund_ceiling_fen=3_100, auto_refunds_per_customer=2, auto_refunds_per_supplier=5
)


@pytest.mark.parametrize(
    ("amount", "usage", "refusal"),
    [
        (3_100, AutoRefundUsage(by_customer=1, by_supplier=4), None),
        (3_101, UNUSED, AutoRefundRefusal.CEILING),
        (1, AutoRefundUsage(by_customer=2), AutoRefundRefusal.CUSTOMER_VELOCITY),
        (1, AutoRefundUsage(by_supplier=5), AutoRefundRefusal.SUPPLIER_VELOCITY),
        (0, AutoRefundUsage(stopped=True), AutoRefundRefusal.STOPPED),
    ],
)
def test_limits_of_automatic_refunds(
    amount: int, usage: AutoRefundUsage, refusal: AutoRefundRefusal | None
) -> None:
    """Up to the ceiling and below each count a refund is automatic; the stop switch stops all."""
    assert refuse_auto_refund(LIMITS, amount, usage) is refusal


@pytest.mark.rule("A1")
@pytest.mark.parametrize(
    ("usage", "ceiling", "refusal"),
    [
        (AutoRefundUsage(stopped=True), 3_100, "stopped"),
        (UNUSED, 3_099, "ceiling"),
        (AutoRefundUsage(by_customer=2), 3_100, "customer_velocity"),
        (AutoRefundUsage(by_supplier=5), 3_100, "supplier_velocity"),
    ],
)
def test_beyond_the_limits_a_cooling_off_request_goes_to_review(
    usage: AutoRefundUsage, ceiling: int, refusal: str
) -> None:
    """The customer's request is kept and its units reserved; the record says why nobody refunded it."""
    ledger = two_lines()
    ledger.policy, ledger.usage = replace(LIMITS, auto_refund_ceiling_fen=ceiling), usage
    case = ledger.submit(asking(), PLACED_AT)
    assert (case.state, case.cooling_off, case.legs) == (State.PENDING_REVIEW, False, ())
    assert len(case.holdings) == 3
    assert ledger.events[-1][1].facts == {"auto_refund_refused": refusal}


@pytest.mark.parametrize(
    ("timeout", "effect"),
    [
        (ReviewTimeout.ESCALATE, DeadlineEffect.ESCALATE),
        (ReviewTimeout.AUTO_APPROVE, DeadlineEffect.AUTO_APPROVE),
    ],
)
def test_a_review_gets_the_clock_of_its_policy(timeout: ReviewTimeout, effect: DeadlineEffect) -> None:
    """A new case shows when its review ends and what happens then, and pins the policy's version."""
    ledger = two_lines()
    ledger.policy = AfterSalesPolicy(version=7, review=timedelta(hours=5), review_timeout=timeout)
    case = ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF)
    assert case.deadline_at == AFTER_COOLING_OFF + timedelta(hours=5)
    assert (case.deadline_effect, case.policy_version, case.version) == (effect, 7, 1)
    assert not case.refund_decided
    assert case.holdings == (Holding(Unit("A", 1), case.after_sales_no, decided=False),)


@pytest.mark.rule("A4")
def test_the_same_units_are_never_reserved_twice() -> None:
    """Two requests of part of a line get different units; the third finds none."""
    ledger = two_lines()
    first, second = (ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF) for _ in range(2))
    assert (first.lines[0].units, second.lines[0].units) == ((1,), (2,))
    with pytest.raises(UnitsUnavailable) as refused:
        ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF)
    assert refused.value.facts == {"line_id": "A", "available": 0, "requested": 1}


@pytest.mark.parametrize("kind", [Kind.RETURN_REFUND, Kind.EXCHANGE])
@pytest.mark.rule("A1")
def test_only_refund_only_is_refunded_in_cooling_off(kind: Kind) -> None:
    """The whole order in time, but with goods to come back: its supplier reviews it."""
    case = two_lines().submit(asking(kind=kind), PLACED_AT)
    assert (case.state, case.kind, case.cooling_off, case.legs) == (State.PENDING_REVIEW, kind, False, ())
    assert len(case.holdings) == 3


def test_an_unpaid_order_has_no_entry() -> None:
    """Before payment there is nothing to refund, in quoting as in submitting."""
    unpaid = book(order(tenders=(), paid=False))
    with pytest.raises(OrderNotPaid):
        quote_request(unpaid, asking(), POLICY, PLACED_AT)


def test_an_order_closed_by_the_mall_has_no_entry() -> None:
    """After the mall closed an order no request is opened, and the refusal says since when."""
    with pytest.raises(OrderClosed) as refused:
        check_entry(book(fulfilment=Fulfilment(closed_at=PLACED_AT)), POLICY, PLACED_AT)
    assert refused.value.facts == {"closed_at": PLACED_AT.isoformat()}


def test_nothing_is_kept_of_a_refused_request() -> None:
    """After the window a request leaves no case and no event behind."""
    ledger = two_lines()
    ledger.parcels = [OrderEvent("E1", OrderEventType.DELIVERED, PLACED_AT)]
    with pytest.raises(WindowClosed):
        ledger.submit(asking(), PLACED_AT + POLICY.window)
    assert (ledger.cases, ledger.events) == ({}, [])


@pytest.mark.parametrize("channel", list(Channel))
def test_every_channel_has_the_same_rules(channel: Channel) -> None:
    """Consumers, companies and group purchasers are refunded alike, and the mall may ask for them."""
    ledger = Ledger(replace(order(), channel=channel))
    assert ledger.submit(asking(), PLACED_AT, Actor(Role.MALL, "mall")).state is State.REFUNDING
