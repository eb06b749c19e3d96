"""The transition table: who may do what, and that what it lets happen is what can happen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import (
    Actor,
    Cancel,
)
from mallcare.domain.deciding import decide
from mallcare.domain.errors import IllegalTransition, NotAllowed
from mallcare.domain.quotes import CaseLine
from mallcare.domain.transitions import CLOCKS, ROLES_OF, SETTLEMENT, TABLE, allowed_actions, require
from mallcare.domain.vocabulary import FINAL_STATES, Action, Kind, Role, State
from tests.domain import journeys
from tests.domain.builders import CUSTOMER
from tests.domain.journeys import EX, NO, NOW, WITH_GOODS, only
from tests.domain.situations import (
    ALL_SITUATIONS,
    COMMANDS,
    GONE_BACK,
    TAKEN_OVER,
    TO_GO_BACK,
    ended,
    situation,
)

A = Action

SIDES: Mapping[str, frozenset[Role]] = {
    "supplier": frozenset({Role.SUPPLIER, Role.MALL, Role.OPERATIONS}),
    "customer": frozenset({Role.CUSTOMER, Role.MALL}),
    "operations": frozenset({Role.OPERATIONS}),
    "finance": frozenset({Role.FINANCE}),
}
"""Who acts for whom: the mall for its customers and suppliers, operations for suppliers and by itself."""

EXTENDS = {"operations": {A.EXTEND_DEADLINE}}
MOVES_HOUSE = {"customer": {A.CHANGE_ADDRESS}, "operations": {A.CHANGE_ADDRESS}}


def either(*truths: Mapping[str, set[Action]]) -> dict[str, set[Action]]:
    """What several truths offer together."""
    return {side: set[Action]().union(*(t.get(side, set()) for t in truths)) for side in SIDES}


TRUTH: Mapping[str, dict[str, set[Action]]] = {
    "under review": either(
        {"supplier": {A.APPROVE, A.REJECT, A.PROPOSE, A.REQUEST_EVIDENCE}, "customer": {A.CANCEL}},
        EXTENDS,
        MOVES_HOUSE,
    ),
    "offered": either({"customer": {A.ACCEPT_PROPOSAL, A.DECLINE_PROPOSAL, A.CANCEL}}, EXTENDS, MOVES_HOUSE),
    "evidence asked": either({"customer": {A.SUBMIT_EVIDENCE, A.CANCEL}}, EXTENDS, MOVES_HOUSE),
    "to be sent back": either({"customer": {A.SUBMIT_WAYBILL, A.CANCEL}}, EXTENDS, MOVES_HOUSE),
    "without return address": either(
        {"customer": {A.SUBMIT_WAYBILL, A.CANCEL}, "supplier": {A.SET_RETURN_ADDRESS}}, EXTENDS, MOVES_HOUSE
    ),
    "coming back": either({"customer": {A.CORRECT_WAYBILL}, "supplier": {A.RECEIVE}}, EXTENDS, MOVES_HOUSE),
    "signed for": either({"supplier": {A.RECEIVE}}, EXTENDS, MOVES_HOUSE),
    "counted": either({"supplier": {A.RECEIVE, A.ACCEPT, A.REFUSE}}, EXTENDS, MOVES_HOUSE),
    "replacement due": either({"supplier": {A.RESHIP, A.OUT_OF_STOCK}}, EXTENDS, MOVES_HOUSE),
    "out of stock": either({"customer": {A.CHOOSE}, "operations": {A.CHOOSE}}, EXTENDS, MOVES_HOUSE),
    "reshipped": either({"customer": {A.CONFIRM, A.REPORT_MISSING}, "operations": {A.CONFIRM}}, EXTENDS),
    "reported missing": either(
        {"customer": {A.CONFIRM}, "operations": {A.CONFIRM}, "supplier": {A.RESHIP, A.OUT_OF_STOCK}}, EXTENDS
    ),
    "refunding": {},
    "refund failed": {"finance": {A.RETRY_REFUND, A.SETTLE_OFFLINE}},
    "refused": either({"supplier": {A.SHIP_BACK}}, EXTENDS),
    "refused, sent back": either({"customer": {A.CONFIRM}}, EXTENDS),
    "completed": {},
    "rejected": {},
    "cancelled": {},
    "expired": {},
    "closed": {},
}
"""What each situation offers to each side, written down a second time by hand."""

STAGES: Mapping[Kind, frozenset[State]] = {
    Kind.REFUND_ONLY: frozenset(),
    Kind.RETURN_REFUND: frozenset(
        {State.AWAITING_RETURN, State.RETURN_IN_TRANSIT, State.INSPECTING, State.RETURNING_TO_CUSTOMER}
    ),
    Kind.EXCHANGE: frozenset(
        {State.AWAITING_RETURN, State.RETURN_IN_TRANSIT, State.INSPECTING, State.RETURNING_TO_CUSTOMER}
    )
    | {State.AWAITING_RESHIPMENT, State.OUT_OF_STOCK, State.RESHIPPED},
}
"""Stages that not every kind of request has."""


def offered(name: str, case: AfterSalesCase, role: Role) -> set[Action]:
    """What the hand-written truth lets `role` do in a situation."""
    before = name.removesuffix(TAKEN_OVER)
    stage = before.removesuffix(TO_GO_BACK).removesuffix(GONE_BACK)
    truth = TRUTH[stage] if before == name else taken_over(stage)
    mine = set[Action]().union(*(truth.get(side, set()) for side, roles in SIDES.items() if role in roles))
    if before.endswith(TO_GO_BACK) and role in SIDES["supplier"]:
        mine.add(A.SHIP_BACK)
    return {action for action in mine if has(case.kind, case.state, action)}


def taken_over(stage: str) -> dict[str, set[Action]]:
    """Operations may end it where nothing is decided; a failed refund waits for its word."""
    if stage == "refund failed":
        return {"operations": {A.RESUME}}
    return either(TRUTH[stage], {"operations": {A.CLOSE}}) if stage != "refunding" else TRUTH[stage]


def has(kind: Kind, state: State, action: Action) -> bool:
    """Whether requests of a kind know the action there at all."""
    if action in {A.EXTEND_DEADLINE, A.CLOSE}:
        return True
    if action is A.CHANGE_ADDRESS:
        return kind is EX
    if action is A.SHIP_BACK:
        return kind in WITH_GOODS
    return state not in STAGES[EX] or state in STAGES[kind]


@pytest.mark.rule("A2")
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", ALL_SITUATIONS)
def test_every_move_is_in_the_table_or_refused_by_type(name: str, kind: Kind) -> None:
    """For every role each move is allowed, or never its to make, or not possible as things stand."""
    ledger = situation(name, kind)
    case = only(ledger)
    for action, role in product(Action, Role):
        actor = Actor(role, "somebody")
        if action in offered(name, case, role):
            decision = decide(case, COMMANDS[action], actor, ledger.at(NOW))
            assert decision.case.version > case.version
            assert decision.events[0].actor == actor
            continue
        known = (*TRUTH.values(), taken_over("under review"), taken_over("refund failed"))
        ever = any(action in truth.get(side, ()) for truth in known for side in sides_of(role))
        with pytest.raises(IllegalTransition if ever else NotAllowed) as refused:
            decide(case, COMMANDS[action], actor, ledger.at(NOW))
        expected = {"current_state": case.state.value} if ever else {"role": role.value}
        assert refused.value.facts == {"action": action.value, **expected}


def sides_of(role: Role) -> list[str]:
    """Whom a role acts for."""
    return [side for side, roles in SIDES.items() if role in roles]


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", ALL_SITUATIONS)
def test_the_actions_shown_are_the_actions_accepted(name: str, kind: Kind) -> None:
    """A caller is shown exactly what the table would accept, each action once."""
    case = only(situation(name, kind))
    for role in Role:
        shown = allowed_actions(case, role)
        assert set(shown) == offered(name, case, role)
        assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("name", ALL_SITUATIONS)
def test_a_disputed_case_offers_nothing(name: str) -> None:
    """While the platform arbitrates nobody can go on, and the refusal is typed as ever."""
    case = replace(only(situation(name, EX)), disputed=True)
    for action, role in product(Action, Role):
        assert allowed_actions(case, role) == ()
        with pytest.raises((IllegalTransition, NotAllowed)):
            require(case, action, role)


@pytest.mark.rule("A2")
@pytest.mark.parametrize("kind", WITH_GOODS)
def test_a_request_can_be_cancelled_until_the_goods_are_sent_back(kind: Kind) -> None:
    """Before the waybill the customer withdraws and the units are free; with it there is no way back."""
    ledger = journeys.approved(kind)
    gone = ledger.decide(NO, Cancel(), CUSTOMER, NOW).case
    assert (gone.state, gone.holdings, gone.deadline_at) == (State.CANCELLED, (), None)
    travelling = journeys.sent(kind)
    with pytest.raises(IllegalTransition) as refused:
        travelling.decide(NO, Cancel(), CUSTOMER, NOW)
    assert refused.value.facts == {"action": "cancel", "current_state": "RETURN_IN_TRANSIT"}


@pytest.mark.parametrize("kind", WITH_GOODS)
def test_goods_that_come_back_are_not_refunded_by_approval(kind: Kind) -> None:
    """Approving a return or an exchange unseen would pay before the goods are back."""
    case = only(journeys.approved(kind))
    assert (case.state, case.legs, case.refund_decided) == (State.AWAITING_RETURN, (), False)


def test_every_action_has_a_role_and_a_command() -> None:
    """No word of the contract is dead: each action is somebody's, and a command carries it."""
    assert all(ROLES_OF[action] for action in Action)
    assert set(COMMANDS) == set(Action)


def test_every_situation_is_told_of() -> None:
    """The second truth leaves no state out, and tells of nothing that is never tried."""
    assert {only(situation(name, EX)).state for name in ALL_SITUATIONS} == set(State)
    stages = {name.removesuffix(TAKEN_OVER) for name in ALL_SITUATIONS}
    assert set(TRUTH) == {name.removesuffix(TO_GO_BACK).removesuffix(GONE_BACK) for name in stages}


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_final_states_are_ends(state: State) -> None:
    """Nobody, no clock and no vendor can move a final case."""
    assert state.final
    assert not any(at is state for at, _ in TABLE)
    assert not any(at is state for at, _ in CLOCKS)
    assert state not in SETTLEMENT


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("decided", [False, True])
def test_only_a_refunded_end_keeps_its_units(state: State, kind: Kind, decided: bool) -> None:
    """An end without a refund gives its units back, a completed exchange too; all others hold them."""
    case = only(ended(state))
    case = replace(
        case, kind=kind, lines=(CaseLine("A", (1, 2)),), refund_decided_at=NOW if decided else None
    )
    gives_back = state in FINAL_STATES and not decided
    assert [h.unit.ordinal for h in case.holdings] == ([] if gives_back else [1, 2])
    assert all(h.decided is decided and h.holder == NO for h in case.holdings)
