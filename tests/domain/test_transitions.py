"""The transition table: who may do what, and that every state can be left or is an end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Holding, Unit
from mallcare.domain.commands import Actor, Approve, Cancel, Command, ExtendDeadline, Reject, RetryRefund
from mallcare.domain.deciding import decide
from mallcare.domain.errors import IllegalTransition, NotAllowed
from mallcare.domain.quotes import CaseLine
from mallcare.domain.transitions import CLOCKS, ROLES_OF, SETTLEMENT, TABLE, allowed_actions, require
from mallcare.domain.vocabulary import (
    FINAL_STATES,
    REFUND_DECIDED_STATES,
    Action,
    DeadlineEffect,
    Kind,
    Role,
    State,
)
from tests.domain.builders import AFTER_COOLING_OFF, POLICY, Mint, asking, book, line, order
from tests.domain.ledger import Ledger

RO = Kind.REFUND_ONLY
TRUTH = {
    State.PENDING_REVIEW: {
        Role.SUPPLIER: {Action.APPROVE, Action.REJECT},
        Role.CUSTOMER: {Action.CANCEL},
        Role.MALL: {Action.APPROVE, Action.REJECT, Action.CANCEL},
        Role.OPERATIONS: {Action.APPROVE, Action.REJECT, Action.EXTEND_DEADLINE},
    },
    State.REFUND_FAILED: {Role.FINANCE: {Action.RETRY_REFUND}},
}
"""What a refund-only request offers, written down a second time by hand."""

COMMANDS: dict[Action, Command] = {
    Action.APPROVE: Approve(),
    Action.REJECT: Reject("no_evidence"),
    Action.CANCEL: Cancel(),
    Action.EXTEND_DEADLINE: ExtendDeadline(AFTER_COOLING_OFF + timedelta(days=9), "holiday"),
    Action.RETRY_REFUND: RetryRefund(),
}
EVERY_MOVE = list(product(State, Action))


def offered(state: State, role: Role) -> set[Action]:
    """What the hand-written truth lets `role` do in `state`."""
    return TRUTH.get(state, {}).get(role, set())


def case_in(state: State) -> AfterSalesCase:
    """A refund-only case as if it had come to `state`, without a clock."""
    ledger = Ledger(order(line("A", 2)))
    case = ledger.submit(asking(("A", 1)), AFTER_COOLING_OFF)
    return replace(case, state=state, deadline_at=None, deadline_effect=None)


def reachable() -> dict[State, set[State]]:
    """Every state a refund-only case can come to, with the states each leads to."""
    edges: dict[State, set[State]] = {state: set() for state in State}
    for (state, _), rule in TABLE.items():
        if RO in rule.kinds:
            edges[state] |= rule.leads_to
    for (state, _), leads_to in CLOCKS.items():
        edges[state] |= leads_to
    for state, leads_to in SETTLEMENT.items():
        edges[state] |= leads_to
    found, waiting = set[State](), [State.PENDING_REVIEW, State.REFUNDING]
    while waiting:
        state = waiting.pop()
        if state not in found:
            found.add(state)
            waiting += edges[state]
    return {state: edges[state] for state in found}


@pytest.mark.rule("A2")
@pytest.mark.parametrize(("state", "action"), EVERY_MOVE)
def test_every_move_is_in_the_table_or_refused_by_type(state: State, action: Action) -> None:
    """For every role a move is allowed, or never its to make, or not possible in that state."""
    case = case_in(state)
    known = book(order(line("A", 2)), holdings=(Holding(Unit("A", 1), case.after_sales_no, False),))
    for role in Role:
        actor = Actor(role, "somebody")
        if action in offered(state, role):
            decision = decide(case, COMMANDS[action], actor, known, POLICY, AFTER_COOLING_OFF, Mint())
            assert decision.case.version > case.version
            assert decision.events[0].actor == actor
            continue
        ever = any(action in offered(other, role) for other in State)
        with pytest.raises(IllegalTransition if ever else NotAllowed) as refused:
            decide(case, COMMANDS[action], actor, known, POLICY, AFTER_COOLING_OFF, Mint())
        expected = {"current_state": state.value} if ever else {"role": role.value}
        assert refused.value.facts == {"action": action.value, **expected}


@pytest.mark.parametrize("state", list(State))
def test_the_actions_shown_are_the_actions_accepted(state: State) -> None:
    """A caller is shown exactly what the table would accept, for a case as for a bare state."""
    for role in Role:
        shown = allowed_actions(RO, state, role, disputed=False)
        assert set(shown) == offered(state, role)
        assert len(set(shown)) == len(shown)
        assert case_in(state).allowed_actions(role) == shown


@pytest.mark.parametrize("state", list(State))
def test_a_disputed_case_offers_nothing(state: State) -> None:
    """While the platform arbitrates nobody can go on, and the refusal is typed as ever."""
    for action, role in product(Action, Role):
        assert allowed_actions(RO, state, role, disputed=True) == ()
        with pytest.raises((IllegalTransition, NotAllowed)):
            require(RO, state, action, role, disputed=True)


@pytest.mark.parametrize("kind", [Kind.RETURN_REFUND, Kind.EXCHANGE])
def test_goods_that_come_back_are_not_refunded_by_approval(kind: Kind) -> None:
    """Approving a return or an exchange unseen would pay before the goods are back."""
    assert Action.APPROVE not in allowed_actions(kind, State.PENDING_REVIEW, Role.SUPPLIER, disputed=False)
    with pytest.raises(IllegalTransition):
        require(kind, State.PENDING_REVIEW, Action.APPROVE, Role.SUPPLIER, disputed=False)


def test_every_action_has_a_role_and_a_command() -> None:
    """No word of the contract is dead: each action is somebody's, and a command carries it."""
    assert all(ROLES_OF[action] for action in Action)
    assert {command.action for command in COMMANDS.values()} == set(Action)


def test_a_refund_only_case_reaches_these_states_and_no_others() -> None:
    """States of the kinds to come cannot be reached by accident."""
    assert set(reachable()) == {
        State.PENDING_REVIEW,
        State.REFUNDING,
        State.REFUND_FAILED,
        State.COMPLETED,
        State.REJECTED,
        State.CANCELLED,
    }


@pytest.mark.parametrize("state", sorted(set(reachable()) - FINAL_STATES))
def test_every_waiting_state_has_a_way_out_and_somebody_who_must_act(state: State) -> None:
    """No case can be stuck: it can be left, and a clock, a person or an open leg drives it."""
    assert reachable()[state] - {state}
    clock = any((state, effect) in CLOCKS for effect in DeadlineEffect)
    person = any(allowed_actions(RO, state, role, disputed=False) for role in Role)
    assert clock or person or state in SETTLEMENT


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_final_states_are_ends(state: State) -> None:
    """Nobody, no clock and no vendor can move a final case."""
    assert state.final
    assert not any(at is state for at, _ in TABLE)
    assert not any(at is state for at, _ in CLOCKS)
    assert state not in SETTLEMENT


@pytest.mark.parametrize("state", list(State))
def test_only_a_refunded_end_keeps_its_units(state: State) -> None:
    """Rejected, cancelled, expired and closed cases give their units back; all others hold them."""
    gives_back = state in FINAL_STATES - {State.COMPLETED}
    case = replace(case_in(state), lines=(CaseLine("A", (1, 2)),))
    assert case.held_units == (() if gives_back else (Unit("A", 1), Unit("A", 2)))
    assert case.refund_decided is (state in REFUND_DECIDED_STATES)
