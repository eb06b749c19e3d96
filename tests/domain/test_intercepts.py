"""Refunded goods that travel: when an intercept begins, what moves it, and that a closed one stays closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Decision
from mallcare.domain.commands import AcceptProposal, Actor, Approve, Propose
from mallcare.domain.deciding import decide
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.fulfilment import Fulfilment, OrderEvent, fold
from mallcare.domain.intercepts import (
    CLOSING,
    SPEAKERS,
    WAYS,
    Intercept,
    InterceptLine,
    InterceptStatus,
    begin,
    hear,
    say,
)
from mallcare.domain.submission import submit
from mallcare.domain.vocabulary import Kind, OrderEventType, Role
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    OPERATIONS,
    PLACED_AT,
    SUPPLIER,
    TICK,
    asking,
    book,
    circumstances,
    line,
    order,
    reported,
)

COLLECTED, MOVING, DELIVERED = (
    OrderEventType.COLLECTED,
    OrderEventType.IN_TRANSIT,
    OrderEventType.DELIVERED,
)
WANTED, STOPPED, ARRIVED = InterceptStatus.WANTED, InterceptStatus.INTERCEPTED, InterceptStatus.DELIVERED
BEFORE = PLACED_AT + timedelta(minutes=30)
DECIDED = AFTER_COOLING_OFF + timedelta(hours=1)
LATER = DECIDED + timedelta(hours=1)
NOBODY = Fulfilment()


def decided(
    *asked: tuple[str, int],
    events: tuple[OrderEvent, ...] = (),
    kind: Kind = Kind.REFUND_ONLY,
    proposed: Kind | None = None,
) -> AfterSalesCase:
    """A request approved at `DECIDED`, of an order of two units of A and one of B, after `events`."""
    bought = order(line("A", 2), line("B"))
    known = book(bought, fulfilment=fold(events, ["A", "B"]))
    opened: Decision = submit(
        asking(*asked, kind=kind), "AS1", CUSTOMER, circumstances(known, AFTER_COOLING_OFF)
    )
    case = opened.case
    known = replace(known, holdings=case.holdings)
    at = circumstances(known, DECIDED)
    if proposed is None:
        return decide(case, Approve(), SUPPLIER, at).case
    case = decide(case, Propose(message="instead", kind=proposed), SUPPLIER, at).case
    return decide(case, AcceptProposal(), CUSTOMER, at).case


def after(case: AfterSalesCase, *events: OrderEvent, known: Intercept | None = None) -> Intercept | None:
    """What has become of the goods once the events were reported one after the other."""
    heard: tuple[OrderEvent, ...] = ()
    for event in events:
        before = fold(heard, ["A", "B"])
        heard = (*heard, event)
        known = hear(case, known, before, heard, LATER)
    return known


def begun(*asked: tuple[str, int]) -> Intercept:
    """An intercept that is wanted since the decision."""
    events = (reported(MOVING, BEFORE, "W1"),)
    started = begin(decided(*(asked or (("A", 1),)), events=events), events)
    assert started is not None
    return started


def test_it_begins_with_the_decision_where_goods_are_under_way() -> None:
    """With the units that are refunded, their parcel and their money; who decided is the platform."""
    events = (reported(MOVING, BEFORE, "W1"),)
    case = decided(("A", 1), events=events)
    started = begin(case, events)
    assert started is not None
    assert (started.status, started.version, started.quantity) == (WANTED, 1, 1)
    assert started.lines == (InterceptLine("A", 1),)
    assert started.waybills == ("W1",)
    assert started.refunded_fen == case.quote.total_fen == 1_000
    assert (started.refund_decided_at, started.began_at, started.updated_at) == (DECIDED,) * 3
    assert started.steps[0].actor == SYSTEM


@pytest.mark.parametrize(
    "events",
    [
        (),
        (reported(MOVING, BEFORE, "W1", "B"),),
        (reported(DELIVERED, BEFORE),),
        (reported(MOVING, BEFORE), reported(DELIVERED, DECIDED + TICK)),
    ],
    ids=["nothing left", "another line left", "arrived", "arrived by a clock that is ahead"],
)
def test_it_does_not_begin_where_nothing_of_the_request_travels(events: tuple[OrderEvent, ...]) -> None:
    """A delivery that was reported before the decision was known to it."""
    assert begin(decided(("A", 1), events=events), events) is None


def test_goods_that_leave_after_the_decision_are_wanted_too() -> None:
    """Whether the supplier sent them in spite of the refund, or the report was late."""
    case = decided(("A", 1))
    for at in (BEFORE, LATER):
        started = after(case, reported(COLLECTED, at, "W1"))
        assert started is not None
        assert (started.status, started.waybills, started.began_at) == (WANTED, ("W1",), LATER)
    assert after(case, reported(COLLECTED, LATER, "W1", "B")) is None


@pytest.mark.parametrize(("at", "begins"), [(DECIDED - TICK, False), (DECIDED, True), (DECIDED + TICK, True)])
def test_a_first_report_of_delivery_counts_from_the_decision_on(at: datetime, begins: bool) -> None:
    """By when it happened, half-open: what had arrived before is the customer's, however late it is told."""
    case = decided(("A", 2))
    started = after(case, reported(DELIVERED, at, "W1"))
    assert (started is not None) is begins
    if started is not None:
        assert started.status is ARRIVED
        assert started.lines == (InterceptLine("A", 2, at),)
    later = after(case, reported(DELIVERED, at, "W1"), reported(MOVING, BEFORE, "W1"), known=None)
    assert (later is not None) is begins


def test_the_delivery_of_wanted_goods_is_told_whenever_it_happened() -> None:
    """The decision counted on stopping them: a report from before it that comes too late is news."""
    case, known = decided(("A", 1)), begun()
    for at in (DECIDED - TICK, LATER):
        arrived = hear(case, known, NOBODY, [reported(DELIVERED, at, "W1")], LATER)
        assert arrived is not None
        assert [step.status for step in arrived.steps] == [WANTED, ARRIVED]
        assert arrived.lines == (InterceptLine("A", 1, at),)
        assert arrived.steps[-1].actor == SYSTEM


def test_goods_that_were_stopped_and_arrive_all_the_same_are_told() -> None:
    """The customer may have both, so a person has to look."""
    stopped = say(begun(), STOPPED, SUPPLIER, "turned round", DECIDED)
    arrived = hear(decided(("A", 1)), stopped, NOBODY, [reported(DELIVERED, LATER, "W1")], LATER)
    assert arrived is not None
    assert [step.status for step in arrived.steps] == [WANTED, STOPPED, ARRIVED]


@pytest.mark.parametrize("stopped", [False, True])
def test_a_delivery_that_was_another_parcel_s_is_taken_back(stopped: bool) -> None:
    """A return was read as the goods' arrival: they are again where they were, and may yet arrive."""
    case = decided(("A", 1), ("B", 1))
    left, wrong = reported(COLLECTED, BEFORE, "SF1"), reported(DELIVERED, LATER, "SF2")
    known = after(case, left)
    assert known is not None
    known = say(known, STOPPED, SUPPLIER, "stopped", LATER) if stopped else known
    arrived = hear(case, known, fold([left], ["A", "B"]), [left, wrong], LATER)
    assert arrived is not None
    again = hear(case, arrived, fold([left, wrong], ["A", "B"]), [left], LATER + TICK)
    assert again is not None
    assert (again.lines, again.waybills, again.version) == (known.lines, ("SF1",), known.version + 2)
    assert (again.status, again.steps[-1].actor) == (STOPPED if stopped else WANTED, SYSTEM)
    one = reported(DELIVERED, LATER, "SF1", "A")
    told = hear(case, again, fold([left], ["A", "B"]), [left, one, wrong], LATER)
    assert told is not None
    fewer = hear(case, told, fold([left, wrong], ["A", "B"]), [left, one], LATER)
    assert fewer is not None
    assert (fewer.status, fewer.version) == (ARRIVED, told.version)
    assert [line.delivered_at is None for line in fewer.lines] == [False, True]


def test_an_intercept_that_began_with_another_parcel_s_delivery_is_wanted() -> None:
    """Nothing else was ever said of it."""
    case = decided(("A", 1))
    moving, wrong = reported(MOVING, LATER, "SF1"), reported(DELIVERED, LATER, "SF2")
    begun = hear(case, None, NOBODY, [moving, wrong], LATER)
    assert begun is not None
    assert begun.status is ARRIVED
    again = hear(case, begun, fold([moving, wrong], ["A"]), [moving], LATER)
    assert again is not None
    assert again.status is WANTED


def test_each_line_is_told_once() -> None:
    """Two parcels are two pieces of news, a repeated report none; a parcel that only moves names itself."""
    case = decided(("A", 1), ("B", 1))
    first, second = reported(DELIVERED, LATER, "W1", "A"), reported(DELIVERED, LATER + TICK, "W2", "B")
    left = reported(COLLECTED, DECIDED, "W1", "A")
    known = after(case, left)
    assert known is not None
    assert known.lines == (InterceptLine("A", 1), InterceptLine("B", 1))
    other = reported(OrderEventType.EXCEPTION, LATER, "W2", "B", event_id="E2")
    moved = hear(case, known, NOBODY, [left, other], LATER)
    assert moved is not None
    assert (moved.waybills, moved.steps) == (("W1", "W2"), known.steps)
    one = hear(case, known, NOBODY, [left, first], LATER)
    assert one is not None
    assert (one.status, one.version) == (ARRIVED, 2)
    assert hear(case, one, NOBODY, [left, first, first], LATER) == one
    both = hear(case, one, NOBODY, [left, first, second], LATER)
    assert both is not None
    assert [line.delivered_at for line in both.lines] == [LATER, LATER + TICK]
    assert both.version == 3


def test_lines_that_had_arrived_at_the_decision_are_left_out() -> None:
    """Only goods that still travel are to be stopped; a waybill nobody names is not known."""
    events = (reported(DELIVERED, BEFORE, "W1", "A"), reported(MOVING, BEFORE, None, "B"))
    started = begin(decided(("A", 1), ("B", 1), events=events), events)
    assert started is not None
    assert (started.lines, started.waybills) == ((InterceptLine("B", 1),), ())


@pytest.mark.parametrize("kind", [Kind.RETURN_REFUND, Kind.EXCHANGE])
def test_other_kinds_are_never_intercepted(kind: Kind) -> None:
    """Their goods come back by themselves; nor are requests whose refund is not decided."""
    events = (reported(MOVING, BEFORE, "W1"),)
    case = decided(("A", 1), events=events, kind=kind)
    refunded = replace(case, refund_decided_at=DECIDED)
    for any_of_them in (case, refunded):
        assert begin(any_of_them, events) is None
        assert after(any_of_them, reported(DELIVERED, LATER)) is None
    assert begin(replace(decided(("A", 1), events=events), refund_decided_at=None), events) is None


def test_a_request_that_became_refund_only_is_intercepted() -> None:
    """What was agreed counts, not what was asked for first."""
    events = (reported(MOVING, BEFORE, "W1"),)
    case = decided(("A", 1), events=events, kind=Kind.RETURN_REFUND, proposed=Kind.REFUND_ONLY)
    assert begin(case, events) is not None


@pytest.mark.parametrize("events", [(), (reported(MOVING, BEFORE, "W1"),)], ids=["at hand", "under way"])
@pytest.mark.parametrize("kind", [Kind.REFUND_ONLY, Kind.RETURN_REFUND])
def test_goods_of_which_less_was_agreed_travel_on(kind: Kind, events: tuple[OrderEvent, ...]) -> None:
    """The money compensates for them: nothing is to be stopped, before the decision or after it."""
    known = book(order(line("A")), fulfilment=fold(events, ["A"]))
    case = submit(asking(kind=kind), "AS1", CUSTOMER, circumstances(known, AFTER_COOLING_OFF)).case
    at = circumstances(replace(known, holdings=case.holdings), DECIDED)
    case = decide(case, Propose("keep it", 100, Kind.REFUND_ONLY), SUPPLIER, at).case
    case = decide(case, AcceptProposal(), CUSTOMER, at).case
    assert case.refund_decided
    assert not case.intercept
    assert begin(case, events) is None
    assert after(case, *events, reported(COLLECTED, LATER, "W2"), reported(DELIVERED, LATER, "W2")) is None


TOLD = [
    reported(COLLECTED, DECIDED - TICK, "W1", "A", event_id="E1"),
    reported(MOVING, DECIDED, "W1", "A", event_id="E2"),
    reported(DELIVERED, LATER, "W1", "A", event_id="E3"),
    reported(COLLECTED, LATER, "W2", "B", event_id="E4"),
    reported(OrderEventType.EXCEPTION, LATER, "W2", "B", event_id="E5"),
    reported(OrderEventType.CLOSED, LATER, event_id="E6"),
]


@given(st.permutations([*TOLD, *TOLD[:4]]))
def test_reports_in_any_order_and_repeated_say_the_same(events: list[OrderEvent]) -> None:
    """The goods of line A arrived and those of line B travel, however the mall tells of it."""
    known = after(decided(("A", 1), ("B", 1)), *events)
    assert known is not None
    assert known.status is ARRIVED
    assert known.lines == (InterceptLine("A", 1, LATER), InterceptLine("B", 1))
    assert known.waybills == ("W1", "W2")
    assert [step.status for step in known.steps] in ([WANTED, ARRIVED], [ARRIVED])


def standing(status: InterceptStatus) -> Intercept:
    """An intercept in any status."""
    known = begun()
    if status is ARRIVED:
        return replace(known, steps=(*known.steps, replace(known.steps[0], status=ARRIVED)))
    return known if status is WANTED else say(known, status, OPERATIONS, "said before", DECIDED)


@pytest.mark.parametrize("word", InterceptStatus)
@pytest.mark.parametrize("status", InterceptStatus)
def test_a_word_follows_from_where_it_stands_or_is_refused(
    status: InterceptStatus, word: InterceptStatus
) -> None:
    """Each with who, when and why; what is refused names where it stands."""
    known = standing(status)
    if word in WAYS[status]:
        said = say(known, word, OPERATIONS, "because", LATER)
        assert said.status is word
        assert said.steps[:-1] == known.steps
        step = said.steps[-1]
        assert (step.actor, step.at, step.note) == (OPERATIONS, LATER, "because")
    else:
        with pytest.raises(IllegalTransition) as caught:
            say(known, word, OPERATIONS, "because", LATER)
        assert caught.value.facts == {"current_state": status.value}


def test_what_people_may_say_in_full() -> None:
    """The end can be told without a report; what the carrier stopped is not paid for by the customer."""
    assert WAYS[WANTED] == CLOSING | {STOPPED}
    assert WAYS[ARRIVED] == CLOSING
    assert WAYS[STOPPED] == {InterceptStatus.RECOVERED, InterceptStatus.WRITTEN_OFF}
    assert {status for status in InterceptStatus if status.closed} == CLOSING
    assert {role for role in Role if begun().sayable(role) == WAYS[WANTED]} == {Role.OPERATIONS}
    for role in (Role.SUPPLIER, Role.MALL):
        assert begun().sayable(role) == {STOPPED}
        assert standing(ARRIVED).sayable(role) == frozenset()
    assert all(Role.CUSTOMER not in speakers for speakers in SPEAKERS.values())


def test_a_person_is_needed_until_the_goods_were_stopped_or_nothing_is_left_to_do() -> None:
    """To call the carrier while they travel, and to talk with the customer once they arrived."""
    assert {status for status in InterceptStatus if status.asks_for_a_person} == {WANTED, ARRIVED}


def test_one_s_own_word_again_is_no_news() -> None:
    """Even when the goods went on meanwhile; another person's or another note is."""
    stopped = say(begun(), STOPPED, SUPPLIER, "turned round", DECIDED)
    assert say(stopped, STOPPED, SUPPLIER, "turned round", LATER) == stopped
    closed = say(stopped, InterceptStatus.RECOVERED, OPERATIONS, "in the warehouse", LATER)
    assert say(closed, STOPPED, SUPPLIER, "turned round", LATER) == closed
    for who, note in ((Actor(Role.MALL, "mall"), "turned round"), (SUPPLIER, "otherwise")):
        with pytest.raises(IllegalTransition):
            say(stopped, STOPPED, who, note, LATER)


@pytest.mark.parametrize("word", sorted(CLOSING))
def test_a_closed_one_stays_closed(word: InterceptStatus) -> None:
    """Whatever is reported afterwards."""
    closed = standing(word)
    assert hear(decided(("A", 1)), closed, NOBODY, [reported(DELIVERED, LATER)], LATER) is closed
