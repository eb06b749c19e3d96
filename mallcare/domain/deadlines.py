"""What a deadline does once it has passed: call for a person, or decide in the policy's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Circumstances, Decision, arm, disarm, step
from mallcare.domain.errors import Fact, RefundCapExceeded, UnitsUnavailable
from mallcare.domain.exchanging import end_exchange
from mallcare.domain.policy import refuse_auto_refund
from mallcare.domain.quotes import decide_freight, requote
from mallcare.domain.refunding import start_refund
from mallcare.domain.returning import confirm_way_back
from mallcare.domain.reviewing import approve, back_to_review
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.transitions import CLOCKS
from mallcare.domain.vocabulary import DeadlineEffect, Kind, ParcelPurpose, State

CALLS_OPERATIONS: Mapping[State, TaskKind] = {
    State.RETURN_IN_TRANSIT: TaskKind.RETURN_OVERDUE,
    State.RESHIPPED: TaskKind.RESHIPMENT_OVERDUE,
    State.REFUND_FAILED: TaskKind.REFUND_FAILED,
}
"""Waits for nobody's decision: when they last too long, operations has to look into them."""


def fire_deadline(case: AfterSalesCase, deadline_at: datetime, at: Circumstances) -> Decision:
    """What a deadline does once it passed. A stale or early alarm changes nothing.

    The deadline is half-open: at its very instant it has passed.
    """
    effect = case.deadline_effect
    if case.deadline_at != deadline_at or effect is None or at.now < deadline_at:
        return Decision(case)
    leads_to = CLOCKS[case.state, effect]
    decided = _take_effect(case, effect, at)
    assert decided.case.state in leads_to, "a clock led past the transition table"
    return decided


def _take_effect(case: AfterSalesCase, effect: DeadlineEffect, at: Circumstances) -> Decision:
    match effect:
        case DeadlineEffect.ESCALATE:
            return escalate(case, at, {})
        case DeadlineEffect.AUTO_APPROVE:
            return _auto_approve(case, at)
        case DeadlineEffect.DECLINE:
            return back_to_review(case, SYSTEM, at, "answer_overdue", {})
        case DeadlineEffect.EXPIRE:
            return step(case, disarm(case), SYSTEM, at.now, State.EXPIRED, "expired", {})
        case DeadlineEffect.REFUND:
            return _auto_refund(case, at, "refund_by_default")
        case DeadlineEffect.COMPLETE:
            if case.state is State.RETURNING_TO_CUSTOMER:
                return confirm_way_back(case, SYSTEM, at)
            return end_exchange(case, SYSTEM, at)
        case _:
            assert_never(effect)


def _auto_approve(case: AfterSalesCase, at: Circumstances) -> Decision:
    if case.kind is Kind.REFUND_ONLY:
        return _auto_refund(case, at, "approved")
    try:
        return approve(case, SYSTEM, at, "approved", {"automatic": True})
    except UnitsUnavailable as refused:
        return escalate(case, at, {"approval_refused": refused.code})


def _auto_refund(case: AfterSalesCase, at: Circumstances, name: str) -> Decision:
    """Pay without a person, within the limits of automatic refunds; beyond them a person decides."""
    if at.book.fulfilment.closed_at is not None:
        return escalate(case, at, {"auto_refund_refused": "order_closed"})
    worth = requote(at.book, case.lines, case.quote)
    final = decide_freight(at.book, case.accepted_units, worth, case.reason_code, at.policy)
    refusal = refuse_auto_refund(at.policy, final.total_fen, at.usage)
    if refusal is not None:
        return escalate(case, at, {"auto_refund_refused": refusal.value})
    try:
        return start_refund(case, SYSTEM, at, name, {"automatic": True})
    except (RefundCapExceeded, UnitsUnavailable) as refused:
        # The clock owns the case: were it only refused, no command could ever move it again.
        return escalate(case, at, {"auto_refund_refused": refused.code})


def escalate(case: AfterSalesCase, at: Circumstances, facts: Mapping[str, Fact]) -> Decision:
    """Call for a person; where nobody is to decide, by a task of operations."""
    changed = replace(_armed_again(case, at), escalated_at=at.now)
    lateness = at.now - (case.deadline_at or at.now)
    told: dict[str, Fact] = {**facts, "late_ms": lateness // timedelta(milliseconds=1)}
    decided = step(case, changed, SYSTEM, at.now, case.state, "escalated", told)
    task = CALLS_OPERATIONS.get(case.state)
    return decided if task is None else decided.asking(TaskWanted(task))


def _armed_again(case: AfterSalesCase, at: Circumstances) -> AfterSalesCase:
    """A failed refund calls again after each period; a silent return once more at the end of its 10 days."""
    if case.state is State.REFUND_FAILED:
        return arm(disarm(case), at.now + at.policy.refund_failed_reminder, DeadlineEffect.ESCALATE)
    parcel = case.parcel(ParcelPurpose.RETURN)
    if case.state is State.RETURN_IN_TRANSIT and parcel is not None:
        latest = parcel.sent_at + at.policy.return_transit
        if latest > at.now:
            return arm(disarm(case), latest, DeadlineEffect.ESCALATE)
    return disarm(case)
