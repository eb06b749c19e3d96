"""One after-sales request: its facts, and how every command, deadline and refund outcome changes it.

Pure: each function takes the case, the order's book and `now`, and answers a `Decision`; the use
cases write what it says in one transaction. Illegal moves raise, they are never ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from mallcare.domain.book import OrderBook, Unit
from mallcare.domain.commands import Actor, Approve, Cancel, Command, ExtendDeadline, Reject, RetryRefund
from mallcare.domain.errors import (
    Fact,
    IllegalTransition,
    InvalidInput,
    RefundCapExceeded,
    UnitsUnavailable,
    VersionConflict,
)
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, ReviewTimeout, refuse_auto_refund
from mallcare.domain.quotes import CaseLine, Quote, decide_freight, units_of
from mallcare.domain.refunds import LegOutcome, RefundLeg, reopen, settle
from mallcare.domain.transitions import CLOCKS, SETTLEMENT, allowed_actions, require
from mallcare.domain.vocabulary import (
    REFUND_DECIDED_STATES,
    Action,
    DeadlineEffect,
    Kind,
    LegStatus,
    Role,
    State,
)

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


def decide(
    case: AfterSalesCase,
    command: Command,
    actor: Actor,
    book: OrderBook,
    policy: AfterSalesPolicy,
    now: datetime,
    mint: MintRefundNo,
    expected_version: int | None = None,
) -> Decision:
    """Apply a command of a person or the mall.

    From the instant of a deadline that changes the state, only the clock may act, however late it
    fires: who wins depends on `now` alone, never on how busy a worker is.

    Raises:
        VersionConflict: the caller had seen another version.
        NotAllowed, IllegalTransition: see `transitions.require`.
        UnitsUnavailable, RefundCapExceeded, InvalidInput: the command's own guard.
    """
    if expected_version is not None and expected_version != case.version:
        raise VersionConflict(
            f"the request is at version {case.version}, not {expected_version}",
            current_version=case.version,
            current_state=case.state.value,
        )
    rule = require(case.kind, case.state, command.action, actor.role, disputed=case.disputed)
    if _clock_owns(case, now):
        raise IllegalTransition(
            f"the deadline has passed, {command.action.value} comes too late",
            action=command.action.value,
            current_state=case.state.value,
            deadline_effect=str(case.deadline_effect),
        )
    if isinstance(command, Approve):
        decided = _start_refund(case, actor, book, policy, now, mint, "approved", {})
    elif isinstance(command, Reject):
        decided = _end(case, actor, now, State.REJECTED, "rejected", {"reason": command.reason})
    elif isinstance(command, Cancel):
        decided = _end(case, actor, now, State.CANCELLED, "cancelled", {})
    elif isinstance(command, ExtendDeadline):
        decided = _extend(case, actor, command, policy, now)
    else:
        decided = _retry(case, actor, command, book, now)
    assert decided.case.state in rule.leads_to, f"{command.action} led past the transition table"
    return decided


def fire_deadline(
    case: AfterSalesCase,
    deadline_at: datetime,
    book: OrderBook,
    policy: AfterSalesPolicy,
    usage: AutoRefundUsage,
    now: datetime,
    mint: MintRefundNo,
) -> Decision:
    """What a deadline does once it passed. A stale or early alarm changes nothing.

    The deadline is half-open: at its very instant it has passed.
    """
    if case.deadline_at != deadline_at or case.deadline_effect is None or now < deadline_at:
        return Decision(case)
    leads_to = CLOCKS[case.state, case.deadline_effect]
    if case.deadline_effect is DeadlineEffect.AUTO_APPROVE:
        decided = _auto_approve(case, book, policy, usage, now, mint)
    else:
        decided = _escalate(case, policy, now, {})
    assert decided.case.state in leads_to, "a clock led past the transition table"
    return decided


def settle_refund(
    case: AfterSalesCase, outcome: LegOutcome, policy: AfterSalesPolicy, now: datetime
) -> Decision:
    """Record a vendor's final word on one leg; repeated words change nothing.

    All legs succeeded: COMPLETED. One failed: REFUND_FAILED at once, the others keep their truth and
    are still pursued. Once nothing is failed any more, by a late success, it is REFUNDING again.

    Raises:
        InvalidInput: the case has no such leg.
    """
    leg = next((leg for leg in case.legs if leg.refund_no == outcome.refund_no), None)
    if leg is None:
        raise InvalidInput("the request has no such refund", refund_no=outcome.refund_no)
    settled = settle(leg, outcome, now)
    if settled is None:
        return Decision(case)
    changed = _with_leg(case, settled)
    facts: dict[str, Fact] = {
        "refund_no": leg.refund_no,
        "tender": leg.tender.value,
        "amount_fen": leg.amount_fen,
    }
    if settled.status is LegStatus.FAILED:
        facts["failure_code"] = settled.failure_code
    name = "refund_succeeded" if settled.status is LegStatus.SUCCEEDED else "refund_failed"
    to = _state_after_settlement(changed)
    assert to in SETTLEMENT[case.state], "a settlement led past the transition table"
    first = _record(case, changed, SYSTEM, now, to if to is not State.COMPLETED else case.state, name, facts)
    if to is State.COMPLETED:
        return _complete(first, now)
    if to is State.REFUNDING:
        return Decision(_disarm(first.case), first.events)
    if case.state is not State.REFUND_FAILED:
        return Decision(
            _arm(first.case, now + policy.refund_failed_reminder, DeadlineEffect.ESCALATE), first.events
        )
    return first


SYSTEM = Actor(Role.SYSTEM, "mallcare")


def begin_review(
    case: AfterSalesCase, actor: Actor, policy: AfterSalesPolicy, now: datetime, facts: Mapping[str, Fact]
) -> Decision:
    """A new request before its supplier, with the clock of the review running."""
    effect = (
        DeadlineEffect.AUTO_APPROVE
        if policy.review_timeout is ReviewTimeout.AUTO_APPROVE
        else DeadlineEffect.ESCALATE
    )
    opened = replace(_arm(case, now + policy.review, effect), state=State.PENDING_REVIEW, version=1)
    event = CaseEvent("submitted", actor, now, 1, None, State.PENDING_REVIEW, facts)
    return Decision(opened, (event,))


def begin_cooling_off(
    case: AfterSalesCase,
    actor: Actor,
    book: OrderBook,
    policy: AfterSalesPolicy,
    now: datetime,
    mint: MintRefundNo,
) -> Decision:
    """A new request that the system refunds by itself (A1): submitted and decided in one step."""
    event = CaseEvent("submitted", actor, now, 1, None, State.PENDING_REVIEW, {"cooling_off": True})
    opened = replace(case, state=State.PENDING_REVIEW, version=1, cooling_off=True)
    decided = _start_refund(
        opened, SYSTEM, book, policy, now, mint, "approved", {"automatic": True, "cooling_off": True}
    )
    return Decision(decided.case, (event, *decided.events))


def _clock_owns(case: AfterSalesCase, now: datetime) -> bool:
    return (
        case.deadline_at is not None
        and now >= case.deadline_at
        and case.deadline_effect is not DeadlineEffect.ESCALATE
    )


def _start_refund(
    case: AfterSalesCase,
    actor: Actor,
    book: OrderBook,
    policy: AfterSalesPolicy,
    now: datetime,
    mint: MintRefundNo,
    name: str,
    facts: Mapping[str, Fact],
) -> Decision:
    """Cross the pivot: freight decided, units and caps checked, one leg written for each tender that pays."""
    final_quote = decide_freight(book, case.after_sales_no, case.quote, case.reason_code, policy)
    book.check_held(case.after_sales_no, units_of(case.lines))
    book.check_caps(final_quote.by_tender)
    legs = tuple(
        RefundLeg(mint(), seq, tender.tender, tender.provider, tender.transaction_id, amount)
        for seq, (tender, amount) in enumerate(zip(book.order.tenders, final_quote.by_tender, strict=True))
        if amount
    )
    changed = replace(_disarm(case), quote=final_quote, legs=legs)
    told: dict[str, Fact] = {
        **facts,
        "total_fen": final_quote.total_fen,
        "freight_fen": final_quote.freight_fen,
    }
    decided = _record(case, changed, actor, now, State.REFUNDING, name, told)
    return decided if legs else _complete(decided, now)


def _complete(decided: Decision, now: datetime) -> Decision:
    done = _record(decided.case, _disarm(decided.case), SYSTEM, now, State.COMPLETED, "completed", {})
    return Decision(done.case, decided.events + done.events)


def _end(
    case: AfterSalesCase, actor: Actor, now: datetime, to: State, name: str, facts: Mapping[str, Fact]
) -> Decision:
    return _record(case, _disarm(case), actor, now, to, name, facts)


def _extend(
    case: AfterSalesCase, actor: Actor, command: ExtendDeadline, policy: AfterSalesPolicy, now: datetime
) -> Decision:
    if command.until <= now or (case.deadline_at is not None and command.until <= case.deadline_at):
        raise InvalidInput(
            "the new deadline must be later than now and than the present one",
            deadline_at=case.deadline_at.isoformat() if case.deadline_at else None,
        )
    effect = case.deadline_effect or DeadlineEffect.ESCALATE
    facts: dict[str, Fact] = {
        "until": command.until.isoformat(),
        "before": case.deadline_at.isoformat() if case.deadline_at else None,
        "reason": command.reason,
    }
    moved = _arm(case, command.until, effect)
    return _record(case, moved, actor, now, case.state, "deadline_extended", facts)


def _retry(
    case: AfterSalesCase, actor: Actor, command: RetryRefund, book: OrderBook, now: datetime
) -> Decision:
    failed = [leg for leg in case.legs if leg.status is LegStatus.FAILED]
    again = [0] * len(book.order.tenders)
    for leg in failed:
        again[leg.tender_seq] += leg.amount_fen
    book.check_caps(tuple(again))
    changed = _disarm(case)
    for leg in failed:
        changed = _with_leg(changed, reopen(leg))
    facts: dict[str, Fact] = {"refund_nos": [leg.refund_no for leg in failed]}
    return _record(case, changed, actor, now, State.REFUNDING, "refund_retried", facts)


def _auto_approve(
    case: AfterSalesCase,
    book: OrderBook,
    policy: AfterSalesPolicy,
    usage: AutoRefundUsage,
    now: datetime,
    mint: MintRefundNo,
) -> Decision:
    if book.fulfilment.closed_at is not None:
        return _escalate(case, policy, now, {"auto_refund_refused": "order_closed"})
    refusal = refuse_auto_refund(policy, case.quote.total_fen + case.quote.freight_if_last_fen, usage)
    if refusal is not None:
        return _escalate(case, policy, now, {"auto_refund_refused": refusal.value})
    try:
        return _start_refund(case, SYSTEM, book, policy, now, mint, "approved", {"automatic": True})
    except (RefundCapExceeded, UnitsUnavailable) as refused:
        # The clock owns the case: were it only refused, no command could ever move it again.
        return _escalate(case, policy, now, {"auto_refund_refused": refused.code})


def _escalate(
    case: AfterSalesCase, policy: AfterSalesPolicy, now: datetime, facts: Mapping[str, Fact]
) -> Decision:
    """Call for a person. A failed refund calls again after each period until somebody acts."""
    changed = replace(_disarm(case), escalated_at=now)
    if case.state is State.REFUND_FAILED:
        changed = _arm(changed, now + policy.refund_failed_reminder, DeadlineEffect.ESCALATE)
    lateness = now - (case.deadline_at or now)
    told: dict[str, Fact] = {**facts, "late_ms": lateness // timedelta(milliseconds=1)}
    return _record(case, changed, SYSTEM, now, case.state, "escalated", told)


def _state_after_settlement(case: AfterSalesCase) -> State:
    statuses = {leg.status for leg in case.legs}
    if statuses == {LegStatus.SUCCEEDED}:
        return State.COMPLETED
    return State.REFUND_FAILED if LegStatus.FAILED in statuses else State.REFUNDING


def _with_leg(case: AfterSalesCase, leg: RefundLeg) -> AfterSalesCase:
    return replace(case, legs=tuple(leg if x.refund_no == leg.refund_no else x for x in case.legs))


def _arm(case: AfterSalesCase, at: datetime, effect: DeadlineEffect) -> AfterSalesCase:
    return replace(case, deadline_at=at, deadline_effect=effect)


def _disarm(case: AfterSalesCase) -> AfterSalesCase:
    return replace(case, deadline_at=None, deadline_effect=None)


def _record(
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
