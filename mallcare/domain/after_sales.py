"""One after-sales request: its facts, and the single steps every change of it is made of.

Pure: decisions (`deciding`, `deadlines`, `refunding`, `submission`) take the case, the order's book and
`now`, and answer a `Decision`; the use cases write what it says in one transaction. Illegal moves raise,
they are never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mallcare.domain.book import Unit
from mallcare.domain.commands import Actor
from mallcare.domain.errors import Fact
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.quotes import CaseLine, Quote, units_of
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.transitions import allowed_actions
from mallcare.domain.vocabulary import REFUND_DECIDED_STATES, Action, DeadlineEffect, Kind, Role, State

MintRefundNo = Callable[[], str]


@dataclass(frozen=True, slots=True)
class AfterSalesCase:
    """One request. `version` counts its changes; `deadline_at` and `deadline_effect` come together."""

    after_sales_no: str
    order_no: str
    supplier_id: str
    customer_id: str
    kind: Kind
    state: State
    version: int
    whole_order: bool
    lines: tuple[CaseLine, ...]
    quote: Quote
    reason_code: str
    policy_version: int
    created_at: datetime
    updated_at: datetime
    legs: tuple[RefundLeg, ...] = ()
    disputed: bool = False
    cooling_off: bool = False
    escalated_at: datetime | None = None
    """Since when the case calls for a person; None again once somebody acted."""
    deadline_at: datetime | None = None
    deadline_effect: DeadlineEffect | None = None

    @property
    def refund_decided(self) -> bool:
        """Past the pivot: only forward from here."""
        return self.state in REFUND_DECIDED_STATES

    @property
    def held_units(self) -> tuple[Unit, ...]:
        """Units the case holds: none once it ended without a refund; freight if it was decided for it."""
        if self.state.final and not self.refund_decided:
            return ()
        freight = (Unit(FREIGHT_LINE, 1),) if self.quote.freight_fen else ()
        return units_of(self.lines) + freight

    def allowed_actions(self, role: Role) -> tuple[Action, ...]:
        """What `role` may do now; empty for a final state."""
        return allowed_actions(self.kind, self.state, role, disputed=self.disputed)


@dataclass(frozen=True, slots=True)
class CaseEvent:
    """A change that happened, named in the past tense (`approved`), for the record and for webhooks."""

    name: str
    actor: Actor
    at: datetime
    version: int
    from_state: State | None
    to_state: State
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])


@dataclass(frozen=True, slots=True)
class Decision:
    """The case as it is now, and what happened to make it so. No events: nothing happened."""

    case: AfterSalesCase
    events: tuple[CaseEvent, ...] = ()


SYSTEM = Actor(Role.SYSTEM, "mallcare")
"""The platform itself, where no person decided."""


def step(
    before: AfterSalesCase,
    changed: AfterSalesCase,
    actor: Actor,
    now: datetime,
    to: State,
    name: str,
    facts: Mapping[str, Fact],
) -> Decision:
    """One step: the next version in state `to`, with the event that tells of it."""
    after = replace(changed, state=to, version=before.version + 1, updated_at=now)
    return Decision(after, (CaseEvent(name, actor, now, after.version, before.state, to, facts),))


def arm(case: AfterSalesCase, at: datetime, effect: DeadlineEffect) -> AfterSalesCase:
    """The case with its clock set."""
    return replace(case, deadline_at=at, deadline_effect=effect)


def disarm(case: AfterSalesCase) -> AfterSalesCase:
    """The case without a clock, and without a call for somebody: both end with the wait they belong to."""
    return replace(case, deadline_at=None, deadline_effect=None, escalated_at=None)


def with_leg(case: AfterSalesCase, leg: RefundLeg) -> AfterSalesCase:
    """The case with one of its legs replaced by a newer one of the same number."""
    return replace(case, legs=tuple(leg if x.refund_no == leg.refund_no else x for x in case.legs))
