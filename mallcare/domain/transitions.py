"""Who may command what in which state. The one table; nothing assigns a state past it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.errors import IllegalTransition, NotAllowed
from mallcare.domain.vocabulary import Action, DeadlineEffect, Kind, ParcelPurpose, Role, State

Condition = Callable[[AfterSalesCase], bool]

ALL_KINDS = frozenset(Kind)
WITH_GOODS = frozenset({Kind.RETURN_REFUND, Kind.EXCHANGE})
EXCHANGES = frozenset({Kind.EXCHANGE})

SUPPLIER_SIDE = frozenset({Role.SUPPLIER, Role.MALL, Role.OPERATIONS})
CUSTOMER_SIDE = frozenset({Role.CUSTOMER, Role.MALL})
OPERATIONS = frozenset({Role.OPERATIONS})
FINANCE = frozenset({Role.FINANCE})

REFUNDED = frozenset({State.REFUNDING, State.COMPLETED})
"""Where a decided refund leads: a case of zero completes at once."""
ENDED_WITH_GOODS = frozenset({State.COMPLETED, State.RETURNING_TO_CUSTOMER})
"""Where a request that is through with its money or its exchange leads: refused goods still go back."""


def always(_: AfterSalesCase) -> bool:
    """No further condition."""
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """An action a state offers: to whom, where it may lead, for which kinds, and `when` beyond the state."""

    roles: frozenset[Role]
    leads_to: frozenset[State]
    kinds: frozenset[Kind] = ALL_KINDS
    when: Condition = always


def _has_proposal(case: AfterSalesCase) -> bool:
    return case.proposal is not None


def _evidence_asked(case: AfterSalesCase) -> bool:
    return case.proposal is None


def _no_return_address(case: AfterSalesCase) -> bool:
    return not case.return_address_set


def _received(case: AfterSalesCase) -> bool:
    return case.received


def _to_be_shipped_back(case: AfterSalesCase) -> bool:
    return bool(case.refused_units) and case.parcel(ParcelPurpose.SHIP_BACK) is None


def _on_its_way_back(case: AfterSalesCase) -> bool:
    return case.parcel(ParcelPurpose.SHIP_BACK) is not None


def _missing_reported(case: AfterSalesCase) -> bool:
    return case.missing_reported


def _not_reported(case: AfterSalesCase) -> bool:
    return not case.missing_reported


def _taken_over(case: AfterSalesCase) -> bool:
    return case.taken_over


def _not_taken_over(case: AfterSalesCase) -> bool:
    """Else it may be paid twice: the mall says that it refunded what the failed legs owe."""
    return not case.taken_over


def _taken_over_undecided(case: AfterSalesCase) -> bool:
    """A request with legs is never closed: money may have moved on them."""
    return case.taken_over and not case.refund_decided


def _to(*states: State) -> frozenset[State]:
    return frozenset(states)


def _stays(
    action: Action,
    roles: frozenset[Role],
    kinds: frozenset[Kind],
    states: tuple[State, ...],
    when: Condition = always,
) -> dict[tuple[State, Action], Rule]:
    """The same action in several states, none of which it leaves."""
    return {(state, action): Rule(roles, _to(state), kinds, when) for state in states}


REVIEWED = _to(State.REFUNDING, State.COMPLETED, State.AWAITING_RETURN)
INSPECTED = REFUNDED | _to(State.AWAITING_RESHIPMENT, State.RETURNING_TO_CUSTOMER)

AWAITING_SOMEBODY = (
    State.PENDING_REVIEW,
    State.PENDING_CUSTOMER,
    State.AWAITING_RETURN,
    State.RETURN_IN_TRANSIT,
    State.INSPECTING,
    State.AWAITING_RESHIPMENT,
    State.OUT_OF_STOCK,
    State.RESHIPPED,
    State.RETURNING_TO_CUSTOMER,
)
"""Every wait but those for money."""

TABLE: Mapping[tuple[State, Action], Rule] = {
    (State.PENDING_REVIEW, Action.APPROVE): Rule(SUPPLIER_SIDE, REVIEWED),
    (State.PENDING_REVIEW, Action.REJECT): Rule(SUPPLIER_SIDE, _to(State.REJECTED)),
    (State.PENDING_REVIEW, Action.PROPOSE): Rule(SUPPLIER_SIDE, _to(State.PENDING_CUSTOMER)),
    (State.PENDING_REVIEW, Action.REQUEST_EVIDENCE): Rule(SUPPLIER_SIDE, _to(State.PENDING_CUSTOMER)),
    (State.PENDING_REVIEW, Action.CANCEL): Rule(CUSTOMER_SIDE, _to(State.CANCELLED)),
    (State.PENDING_CUSTOMER, Action.ACCEPT_PROPOSAL): Rule(CUSTOMER_SIDE, REVIEWED, when=_has_proposal),
    (State.PENDING_CUSTOMER, Action.DECLINE_PROPOSAL): Rule(
        CUSTOMER_SIDE, _to(State.PENDING_REVIEW), when=_has_proposal
    ),
    (State.PENDING_CUSTOMER, Action.SUBMIT_EVIDENCE): Rule(
        CUSTOMER_SIDE, _to(State.PENDING_REVIEW), when=_evidence_asked
    ),
    (State.PENDING_CUSTOMER, Action.CANCEL): Rule(CUSTOMER_SIDE, _to(State.CANCELLED)),
    (State.AWAITING_RETURN, Action.SET_RETURN_ADDRESS): Rule(
        SUPPLIER_SIDE, _to(State.AWAITING_RETURN), WITH_GOODS, _no_return_address
    ),
    (State.AWAITING_RETURN, Action.SUBMIT_WAYBILL): Rule(
        CUSTOMER_SIDE, _to(State.RETURN_IN_TRANSIT, State.INSPECTING), WITH_GOODS
    ),
    (State.AWAITING_RETURN, Action.CANCEL): Rule(CUSTOMER_SIDE, _to(State.CANCELLED), WITH_GOODS),
    (State.RETURN_IN_TRANSIT, Action.CORRECT_WAYBILL): Rule(
        CUSTOMER_SIDE, _to(State.RETURN_IN_TRANSIT, State.INSPECTING), WITH_GOODS
    ),
    (State.RETURN_IN_TRANSIT, Action.RECEIVE): Rule(SUPPLIER_SIDE, _to(State.INSPECTING), WITH_GOODS),
    (State.INSPECTING, Action.RECEIVE): Rule(SUPPLIER_SIDE, _to(State.INSPECTING), WITH_GOODS),
    (State.INSPECTING, Action.ACCEPT): Rule(SUPPLIER_SIDE, INSPECTED, WITH_GOODS, _received),
    (State.INSPECTING, Action.REFUSE): Rule(
        SUPPLIER_SIDE, _to(State.RETURNING_TO_CUSTOMER, State.REJECTED), WITH_GOODS, _received
    ),
    **_stays(
        Action.SHIP_BACK,
        SUPPLIER_SIDE,
        WITH_GOODS,
        (
            State.RETURNING_TO_CUSTOMER,
            State.REFUNDING,
            State.REFUND_FAILED,
            State.AWAITING_RESHIPMENT,
            State.OUT_OF_STOCK,
            State.RESHIPPED,
        ),
        _to_be_shipped_back,
    ),
    (State.RETURNING_TO_CUSTOMER, Action.CONFIRM): Rule(
        CUSTOMER_SIDE, _to(State.REJECTED, State.COMPLETED), WITH_GOODS, _on_its_way_back
    ),
    **_stays(
        Action.CHANGE_ADDRESS,
        CUSTOMER_SIDE | OPERATIONS,
        EXCHANGES,
        (
            State.PENDING_REVIEW,
            State.PENDING_CUSTOMER,
            State.AWAITING_RETURN,
            State.RETURN_IN_TRANSIT,
            State.INSPECTING,
            State.AWAITING_RESHIPMENT,
            State.OUT_OF_STOCK,
        ),
    ),
    (State.AWAITING_RESHIPMENT, Action.RESHIP): Rule(SUPPLIER_SIDE, _to(State.RESHIPPED), EXCHANGES),
    (State.AWAITING_RESHIPMENT, Action.OUT_OF_STOCK): Rule(SUPPLIER_SIDE, _to(State.OUT_OF_STOCK), EXCHANGES),
    (State.OUT_OF_STOCK, Action.CHOOSE): Rule(
        CUSTOMER_SIDE | OPERATIONS, REFUNDED | ENDED_WITH_GOODS | _to(State.AWAITING_RESHIPMENT), EXCHANGES
    ),
    (State.RESHIPPED, Action.CONFIRM): Rule(CUSTOMER_SIDE | OPERATIONS, ENDED_WITH_GOODS, EXCHANGES),
    (State.RESHIPPED, Action.REPORT_MISSING): Rule(
        CUSTOMER_SIDE, _to(State.RESHIPPED), EXCHANGES, _not_reported
    ),
    (State.RESHIPPED, Action.RESHIP): Rule(SUPPLIER_SIDE, _to(State.RESHIPPED), EXCHANGES, _missing_reported),
    (State.RESHIPPED, Action.OUT_OF_STOCK): Rule(
        SUPPLIER_SIDE, _to(State.OUT_OF_STOCK), EXCHANGES, _missing_reported
    ),
    (State.REFUND_FAILED, Action.RETRY_REFUND): Rule(FINANCE, _to(State.REFUNDING), when=_not_taken_over),
    (State.REFUND_FAILED, Action.SETTLE_OFFLINE): Rule(
        FINANCE, _to(State.REFUND_FAILED, State.REFUNDING) | ENDED_WITH_GOODS, when=_not_taken_over
    ),
    (State.REFUND_FAILED, Action.RESUME): Rule(OPERATIONS, _to(State.REFUND_FAILED), when=_taken_over),
    **_stays(Action.EXTEND_DEADLINE, OPERATIONS, ALL_KINDS, AWAITING_SOMEBODY),
    **{
        (state, Action.CLOSE): Rule(OPERATIONS, _to(State.CLOSED), when=_taken_over_undecided)
        for state in AWAITING_SOMEBODY
    },
}

ROLES_OF: Mapping[Action, frozenset[Role]] = {
    action: frozenset(role for (_, other), rule in TABLE.items() if other is action for role in rule.roles)
    for action in Action
}


def _offers(case: AfterSalesCase, rule: Rule, role: Role) -> bool:
    return role in rule.roles and case.kind in rule.kinds and not case.disputed and rule.when(case)


def require(case: AfterSalesCase, action: Action, role: Role) -> Rule:
    """The rule that lets `role` do `action` here.

    Raises:
        NotAllowed: the role may never do it, whatever the state.
        IllegalTransition: not in this state, with the state the caller lost to.
    """
    if role not in ROLES_OF[action]:
        raise NotAllowed(f"{role.value} may not {action.value}", action=action.value, role=role.value)
    rule = TABLE.get((case.state, action))
    if rule is None or not _offers(case, rule, role):
        raise IllegalTransition(
            f"{action.value} is not possible in {case.state.value}",
            action=action.value,
            current_state=case.state.value,
        )
    return rule


def allowed_actions(case: AfterSalesCase, role: Role) -> tuple[Action, ...]:
    """What `role` may do now, in the table's order; empty for a final state."""

    def offered() -> Iterator[Action]:
        for (at, action), rule in TABLE.items():
            if at is case.state and _offers(case, rule, role):
                yield action

    return tuple(offered())


def _escalates(*states: State) -> dict[tuple[State, DeadlineEffect], frozenset[State]]:
    return {(state, DeadlineEffect.ESCALATE): _to(state) for state in states}


CLOCKS: Mapping[tuple[State, DeadlineEffect], frozenset[State]] = {
    **_escalates(
        State.PENDING_REVIEW,
        State.PENDING_CUSTOMER,
        State.AWAITING_RETURN,
        State.RETURN_IN_TRANSIT,
        State.INSPECTING,
        State.AWAITING_RESHIPMENT,
        State.OUT_OF_STOCK,
        State.RESHIPPED,
        State.RETURNING_TO_CUSTOMER,
        State.REFUND_FAILED,
    ),
    (State.PENDING_REVIEW, DeadlineEffect.AUTO_APPROVE): REVIEWED | _to(State.PENDING_REVIEW),
    (State.PENDING_CUSTOMER, DeadlineEffect.DECLINE): _to(State.PENDING_REVIEW),
    (State.AWAITING_RETURN, DeadlineEffect.EXPIRE): _to(State.EXPIRED),
    (State.OUT_OF_STOCK, DeadlineEffect.REFUND): REFUNDED | ENDED_WITH_GOODS | _to(State.OUT_OF_STOCK),
    (State.RESHIPPED, DeadlineEffect.COMPLETE): ENDED_WITH_GOODS,
    (State.RETURNING_TO_CUSTOMER, DeadlineEffect.COMPLETE): _to(State.REJECTED, State.COMPLETED),
}
"""Where a state's clock may lead when it runs out. A clock set anew by operations only calls for a person."""

SETTLEMENT: Mapping[State, frozenset[State]] = {
    State.REFUNDING: _to(State.REFUNDING, State.REFUND_FAILED) | ENDED_WITH_GOODS,
    State.REFUND_FAILED: _to(State.REFUND_FAILED, State.REFUNDING) | ENDED_WITH_GOODS,
}
"""Where a vendor's word on a refund leg may lead."""
