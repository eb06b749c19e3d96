"""Every situation a request can come to, walked through: what the table lets happen is what happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache

import pytest

from mallcare.domain.after_sales import AfterSalesCase, Decision
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Choose,
    Command,
    ExtendDeadline,
    Propose,
    Receive,
    Reship,
    SettleOffline,
    WaybillCommand,
)
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.deciding import decide
from mallcare.domain.errors import DomainError
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.tracking import WAITED_FOR, hear_of_parcel
from mallcare.domain.transitions import CLOCKS, SETTLEMENT, TABLE, allowed_actions
from mallcare.domain.vocabulary import (
    FINAL_STATES,
    Action,
    Choice,
    DeadlineEffect,
    Kind,
    OrderEventType,
    Role,
    State,
)
from mallcare.domain.voiding import void
from tests.domain.builders import CHECKER, POLICY, Actor, asking, line, order, reported
from tests.domain.journeys import DAY, EX, NOW, RO, RR, bought, only
from tests.domain.ledger import Ledger
from tests.domain.situations import COMMANDS

OFFERS: dict[Kind, tuple[Command, ...]] = {
    RO: (Propose("less", 1),),
    RR: (Propose("less", 1),),
    EX: (),
}
"""Offers that leave a request of its kind."""

OTHER_KINDS: tuple[Command, ...] = tuple(Propose("otherwise", None, kind) for kind in Kind)

CHOICES: tuple[Command, ...] = (
    *(command for action, command in COMMANDS.items() if action not in (Action.PROPOSE, Action.ACCEPT)),
    Accept((AcceptedLine("A", 1),)),
    Accept((AcceptedLine("A", 2),)),
    Receive(()),
    Choose(Choice.REFUND),
)
AUTOMATIC = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)


@dataclass
class Walk:
    """What was found from one kind of request: situations, and where each move led from each state."""

    situations: dict[Hashable, AfterSalesCase] = field(default_factory=dict[Hashable, AfterSalesCase])
    moves: dict[tuple[State, Action], set[State]] = field(default_factory=lambda: defaultdict(set))
    clocks: dict[tuple[State, DeadlineEffect], set[State]] = field(default_factory=lambda: defaultdict(set))
    words: dict[State, set[State]] = field(default_factory=lambda: defaultdict(set))
    exits: dict[Hashable, set[Hashable]] = field(default_factory=lambda: defaultdict(set))

    @property
    def states(self) -> set[State]:
        """Every state that was come to."""
        return {case.state for case in self.situations.values()}


def likeness(case: AfterSalesCase) -> Hashable:
    """Two cases of one likeness have the same future: all but instants, numbers and amounts."""
    return (
        (case.state, case.kind, case.proposal and case.proposal.kind, case.return_address_set),
        (case.quote.total_fen > 0, case.received, len(case.accepted_units), len(case.refused_units)),
        tuple(line.received and line.received.arrived for line in case.lines),
        tuple(sorted((p.purpose, p.signed_at is None) for p in case.parcels)),
        (
            case.taken_over,
            case.missing_reported,
            case.deadline_effect,
            case.settlement is None,
            case.refund_decided,
        ),
        tuple(leg.status for leg in case.legs),
    )


def commands(case: AfterSalesCase, *, changing: bool) -> Iterator[tuple[Command, Actor]]:
    """Every command that is offered, by one who may give it, and by the second person of finance."""
    for command in (*CHOICES, *OFFERS[case.kind], *(OTHER_KINDS if changing else ())):
        role = next((role for role in Role if command.action in allowed_actions(case, role)), None)
        if role is not None:
            yield command, Actor(role, "somebody")
    if case.settlement is not None:
        yield SettleOffline(1), CHECKER


def steps(ledger: Ledger, now: datetime, *, changing: bool) -> Iterator[tuple[object, datetime, Decision]]:
    """Everything that may happen to the one case next, each from the case as it is."""
    case = only(ledger)
    at = ledger.at(now)
    for command, actor in commands(case, changing=changing):
        if isinstance(command, ExtendDeadline):
            command = replace(command, until=max(now, case.deadline_at or now) + DAY)
        if isinstance(command, Reship):
            command = replace(command, waybill=f"SF-{case.version}")
        try:
            decision = decide(case, command, actor, at)
        except DomainError:
            continue
        yield command.action, now, decision
        if isinstance(command, WaybillCommand):
            known = [reported(OrderEventType.DELIVERED, now, command.waybill)]
            heard = hear_of_parcel(decision.case, command.waybill, known, ledger.policy, now)
            yield command.action, now, decision.then(heard)
    if case.deadline_at is not None:
        then = max(now, case.deadline_at)
        for stopped in (False, True):
            usage = AutoRefundUsage(stopped=stopped)
            fired = fire_deadline(case, case.deadline_at, replace(ledger.at(then), usage=usage))
            yield case.deadline_effect, then, fired
    for leg in case.legs:
        for succeeded in (False, True):
            outcome = LegOutcome(leg.refund_no, succeeded, "NOT_ENOUGH")
            yield "word", now, settle_refund(case, outcome, ledger.policy, now)
    for parcel in (p for p in case.parcels if WAITED_FOR[p.purpose] is case.state):
        for type_ in (OrderEventType.IN_TRANSIT, OrderEventType.DELIVERED):
            heard = reported(type_, now, parcel.waybill)
            yield "report", now, hear_of_parcel(case, parcel.waybill, [heard], ledger.policy, now)
    closed = replace(at.book, fulfilment=replace(at.book.fulfilment, closed_at=now))
    yield "closed", now, void(case, replace(at, book=closed))
    yield "refunded", now, void(case, replace(at, book=replace(at.book, holdings=())), ("A",))


def walk_from(found: Walk, ledger: Ledger, *, changing: bool) -> None:
    """Walk on from the ledger's one case until nothing new is come to."""
    waiting = [(only(ledger), NOW)]
    while waiting:
        case, now = waiting.pop()
        here = likeness(case)
        if here in found.situations:
            continue
        found.situations[here] = case
        ledger.cases[case.after_sales_no] = case
        for why, then, decision in steps(ledger, now, changing=changing):
            after = decision.case
            if isinstance(why, Action):
                found.moves[case.state, why].add(after.state)
            elif isinstance(why, DeadlineEffect):
                found.clocks[case.state, why].add(after.state)
            elif why == "word" and decision.events:
                found.words[case.state].add(after.state)
            found.exits[here].add(likeness(after))
            waiting.append((after, then))


@cache
def walked(kind: Kind | None) -> Walk:
    """Everything a request of a kind can come to; None: of any kind, offers of other kinds included."""
    found = Walk()
    for start in Kind if kind is None else [kind]:
        # Two tenders where nothing else makes a difference; with goods one of them fails or pays as well.
        paid, free = (bought() if start is RO else order(line("A", 3))), order(line("A", 2, 0))
        for policy, worth, known in ((POLICY, paid, True), (AUTOMATIC, paid, True), (AUTOMATIC, free, False)):
            ledger = Ledger(worth, policy)
            ledger.return_address_known = known
            ledger.submit(asking(("A", 2), kind=start), NOW)
            walk_from(found, ledger, changing=kind is None and start is not RO)
    return found


BY_ALL = {
    State.PENDING_REVIEW,
    State.PENDING_CUSTOMER,
    State.REFUNDING,
    State.REFUND_FAILED,
    State.COMPLETED,
    State.REJECTED,
    State.CANCELLED,
    State.CLOSED,
}
WITH_GOODS = BY_ALL | {
    State.AWAITING_RETURN,
    State.RETURN_IN_TRANSIT,
    State.INSPECTING,
    State.RETURNING_TO_CUSTOMER,
    State.EXPIRED,
}


@pytest.mark.parametrize(("kind", "states"), [(RO, BY_ALL), (RR, WITH_GOODS), (EX, set(State))])
def test_each_kind_reaches_its_own_states_and_no_others(kind: Kind, states: set[State]) -> None:
    """A refund-only never waits for goods, a return never for a replacement; an exchange knows it all."""
    assert walked(kind).states == states


@pytest.mark.parametrize("kind", [*Kind, None])
def test_every_situation_can_be_left_or_is_an_end(kind: Kind | None) -> None:
    """From everywhere an end can be come to, and until then a clock, a person or an open leg drives on."""
    found = walked(kind)
    leads_to_an_end = {here for here, case in found.situations.items() if case.state in FINAL_STATES}
    assert all(found.exits[here] <= {here} for here in leads_to_an_end)
    grown = True
    while grown:
        more = {here for here, exits in found.exits.items() if exits & leads_to_an_end} - leads_to_an_end
        leads_to_an_end |= more
        grown = bool(more)
    assert leads_to_an_end == set(found.situations)
    for case in found.situations.values():
        person = any(allowed_actions(case, role) for role in Role)
        open_leg = any(leg.status.open for leg in case.legs)
        driven = case.deadline_at is not None or person or open_leg
        assert driven is not case.state.final


def test_the_table_allows_what_happens_and_nothing_else() -> None:
    """Each move of the table leads, in some situation, to each state it names: no permission is dead."""
    found = walked(None)
    assert found.moves == {move: rule.leads_to for move, rule in TABLE.items()}


def test_the_clocks_lead_where_they_can_lead_and_nowhere_else() -> None:
    """Each effect is armed in some situation, and leads to each state the table names."""
    assert walked(None).clocks == CLOCKS


def test_vendors_words_lead_where_they_can_lead_and_nowhere_else() -> None:
    """A word on a leg moves what refunds, or failed to; every other state hears none, or is deaf to it."""
    heard = walked(None).words
    assert {state: heard[state] for state in SETTLEMENT} == SETTLEMENT


def test_refunds_are_settled_while_refunding_or_failed_alone() -> None:
    """Goods on their way back to their customer wait for no money: all of it is through by then."""
    assert set(walked(None).words) <= set(SETTLEMENT)
