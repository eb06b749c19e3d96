"""Who may command what in which state. The one table; nothing assigns a state past it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mallcare.domain.errors import IllegalTransition, NotAllowed
from mallcare.domain.vocabulary import Action, DeadlineEffect, Kind, Role, State

ALL_KINDS = frozenset(Kind)
SUPPLIER_SIDE = frozenset({Role.SUPPLIER, Role.MALL, Role.OPERATIONS})
CUSTOMER_SIDE = frozenset({Role.CUSTOMER, Role.MALL})


@dataclass(frozen=True, slots=True)
class Rule:
    """An action a state offers, to whom, for which kinds, and the states it may lead to."""

    roles: frozenset[Role]
    leads_to: frozenset[State]
    kinds: frozenset[Kind] = ALL_KINDS


TABLE: Mapping[tuple[State, Action], Rule] = {
    (State.PENDING_REVIEW, Action.APPROVE): Rule(
        SUPPLIER_SIDE, frozenset({State.REFUNDING, State.COMPLETED}), frozenset({Kind.REFUND_ONLY})
    ),
    (State.PENDING_REVIEW, Action.REJECT): Rule(SUPPLIER_SIDE, frozenset({State.REJECTED})),
    (State.PENDING_REVIEW, Action.CANCEL): Rule(CUSTOMER_SIDE, frozenset({State.CANCELLED})),
    (State.PENDING_REVIEW, Action.EXTEND_DEADLINE): Rule(
        frozenset({Role.OPERATIONS}), frozenset({State.PENDING_REVIEW})
    ),
    (State.REFUND_FAILED, Action.RETRY_REFUND): Rule(frozenset({Role.FINANCE}), frozenset({State.REFUNDING})),
}

ROLES_OF: Mapping[Action, frozenset[Role]] = {
    action: frozenset(role for (_, other), rule in TABLE.items() if other is action for role in rule.roles)
    for action in Action
}


def require(kind: Kind, state: State, action: Action, role: Role, *, disputed: bool) -> Rule:
    """The rule that lets `role` do `action` here.

    Raises:
        NotAllowed: the role may never do it, whatever the state.
        IllegalTransition: not in this state, with the state the caller lost to.
    """
    if role not in ROLES_OF[action]:
        raise NotAllowed(f"{role.value} may not {action.value}", action=action.value, role=role.value)
    rule = TABLE.get((state, action))
    if rule is None or kind not in rule.kinds or role not in rule.roles or disputed:
        raise IllegalTransition(
            f"{action.value} is not possible in {state.value}",
            action=action.value,
            current_state=state.value,
        )
    return rule


def allowed_actions(kind: Kind, state: State, role: Role, *, disputed: bool) -> tuple[Action, ...]:
    """What `role` may do now, in the table's order."""
    if disputed:
        return ()
    return tuple(
        action
        for (at, action), rule in TABLE.items()
        if at is state and kind in rule.kinds and role in rule.roles
    )


CLOCKS: Mapping[tuple[State, DeadlineEffect], frozenset[State]] = {
    (State.PENDING_REVIEW, DeadlineEffect.ESCALATE): frozenset({State.PENDING_REVIEW}),
    (State.PENDING_REVIEW, DeadlineEffect.AUTO_APPROVE): frozenset(
        {State.PENDING_REVIEW, State.REFUNDING, State.COMPLETED}
    ),
    (State.REFUND_FAILED, DeadlineEffect.ESCALATE): frozenset({State.REFUND_FAILED}),
}
"""Where a state's clock may lead when it runs out."""

SETTLEMENT: Mapping[State, frozenset[State]] = {
    State.REFUNDING: frozenset({State.REFUNDING, State.REFUND_FAILED, State.COMPLETED}),
    State.REFUND_FAILED: frozenset({State.REFUND_FAILED, State.REFUNDING, State.COMPLETED}),
}
"""Where a vendor's word on a refund leg may lead."""
