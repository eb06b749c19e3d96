"""One after-sales request: its facts, and the single steps every change of it is made of.

Pure: decisions (`deciding`, `deadlines`, `tracking`, `refunding`, `submission`) take the case and the
circumstances, and answer a `Decision`; the use cases write what it says in one transaction. Illegal
moves raise, they are never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mallcare.domain.book import Holding, OrderBook, Unit
from mallcare.domain.commands import Actor
from mallcare.domain.errors import Fact
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.parcels import Parcel
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.quotes import CaseLine, Quote, accepted_units, refused_units
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.tasks import TaskWanted
from mallcare.domain.vocabulary import DeadlineEffect, Kind, ParcelPurpose, Role, State

MintRefundNo = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the supplier offers instead: `kind` in place of the one asked for, `goods_fen` for the goods."""

    kind: Kind
    goods_fen: int | None = None


@dataclass(frozen=True, slots=True)
class OfflineSettlement:
    """One person of finance says that the failed legs were paid otherwise; a second one has to agree."""

    maker: str
    at: datetime


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
    parcels: tuple[Parcel, ...] = ()
    disputed: bool = False
    cooling_off: bool = False
    intercept: bool = False
    """Refund-only while the parcel is under way: it has to be stopped or asked back."""
    escalated_at: datetime | None = None
    """Since when the case calls for a person; None again once somebody acted."""
    deadline_at: datetime | None = None
    deadline_effect: DeadlineEffect | None = None
    extended_until: datetime | None = None
    """Operations gave the present wait this much time; no report of a carrier shortens it."""
    refund_decided_at: datetime | None = None
    """Past the pivot: the accepted units are refunded or being refunded, only forward from here."""
    proposal: Proposal | None = None
    return_address_set: bool = False
    inspected_at: datetime | None = None
    missing_reported: bool = False
    """The customer says that the replacement did not arrive."""
    settlement: OfflineSettlement | None = None
    taken_over: bool = False
    """The mall refunded units of it, or closed its order: nobody is late, and operations sees to the end."""

    @property
    def refund_decided(self) -> bool:
        """Past the pivot: only forward from here."""
        return self.refund_decided_at is not None

    @property
    def received(self) -> bool:
        """The supplier said what arrived."""
        return all(line.received is not None for line in self.lines)

    @property
    def goods_stay(self) -> bool:
        """A compensation: the customer agreed to less money, and keeps the goods or still gets them."""
        return self.kind is Kind.REFUND_ONLY and any(line.lowered is not None for line in self.lines)

    @property
    def accepted_units(self) -> tuple[Unit, ...]:
        """Units the case goes on with: all of them, unless an inspection accepted fewer."""
        return accepted_units(self.lines)

    @property
    def refused_units(self) -> tuple[Unit, ...]:
        """Units with the supplier that go back to the customer."""
        return refused_units(self.lines)

    @property
    def holdings(self) -> tuple[Holding, ...]:
        """Units that are not free because of this case; missing ones are free once goods were accepted.

        An end without a refund holds nothing, and neither does a completed exchange; freight is held
        once it was decided for the case.
        """
        if self.state.final and not self.refund_decided:
            return ()
        mine = self.accepted_units + (() if self.state.final else self.refused_units)
        freight = (Unit(FREIGHT_LINE, 1),) if self.quote.freight_fen else ()
        decided = frozenset((*self.accepted_units, *freight)) if self.refund_decided else frozenset[Unit]()
        return tuple(Holding(unit, self.after_sales_no, unit in decided) for unit in mine + freight)

    @property
    def exchanged_at(self) -> datetime | None:
        """When the replacements of a completed exchange were signed for, or at the latest confirmed."""
        if self.kind is not Kind.EXCHANGE or self.state is not State.COMPLETED or self.refund_decided:
            return None
        reshipped = self.parcel(ParcelPurpose.RESHIPMENT)
        return (reshipped.signed_at if reshipped else None) or self.updated_at

    def parcel(self, purpose: ParcelPurpose) -> Parcel | None:
        """The parcel of a purpose, None while it has no waybill."""
        return next((parcel for parcel in self.parcels if parcel.purpose is purpose), None)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a decision depends on beside its case, as read under the locks of order and case."""

    book: OrderBook
    policy: AfterSalesPolicy
    now: datetime
    mint: MintRefundNo
    usage: AutoRefundUsage = field(default_factory=AutoRefundUsage)
    return_address_known: bool = False
    """The supplier has an address for returns, or the command names one."""


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
    """The case as it is now, what happened to make it so, and what it asks of operations.

    No events: nothing happened to the case.
    """

    case: AfterSalesCase
    events: tuple[CaseEvent, ...] = ()
    tasks: tuple[TaskWanted, ...] = ()

    def then(self, following: Decision) -> Decision:
        """This decision and one that was taken on its case."""
        return Decision(following.case, self.events + following.events, self.tasks + following.tasks)

    def asking(self, *tasks: TaskWanted) -> Decision:
        """The same, calling for a person."""
        return replace(self, tasks=self.tasks + tasks)


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
    return replace(case, deadline_at=None, deadline_effect=None, extended_until=None, escalated_at=None)


def with_leg(case: AfterSalesCase, leg: RefundLeg) -> AfterSalesCase:
    """The case with one of its legs replaced by a newer one of the same number."""
    return replace(case, legs=tuple(leg if x.refund_no == leg.refund_no else x for x in case.legs))


def with_parcel(case: AfterSalesCase, parcel: Parcel) -> AfterSalesCase:
    """The case with its parcel of that purpose, in place of the one it may have had."""
    others = tuple(other for other in case.parcels if other.purpose is not parcel.purpose)
    return replace(case, parcels=tuple(sorted((*others, parcel), key=lambda one: (one.sent_at, one.purpose))))
