"""What a deadline does once it has passed: call for a person, or decide in the policy's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Decision, MintRefundNo, arm, disarm, step
from mallcare.domain.book import OrderBook
from mallcare.domain.errors import Fact, RefundCapExceeded, UnitsUnavailable
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage, refuse_auto_refund
from mallcare.domain.refunding import start_refund
from mallcare.domain.transitions import CLOCKS
from mallcare.domain.vocabulary import DeadlineEffect, State


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
        decided = escalate(case, policy, now, {})
    assert decided.case.state in leads_to, "a clock led past the transition table"
    return decided


def _auto_approve(
    case: AfterSalesCase,
    book: OrderBook,
    policy: AfterSalesPolicy,
    usage: AutoRefundUsage,
    now: datetime,
    mint: MintRefundNo,
) -> Decision:
    if book.fulfilment.closed_at is not None:
        return escalate(case, policy, now, {"auto_refund_refused": "order_closed"})
    refusal = refuse_auto_refund(policy, case.quote.total_fen + case.quote.freight_if_last_fen, usage)
    if refusal is not None:
        return escalate(case, policy, now, {"auto_refund_refused": refusal.value})
    try:
        return start_refund(case, SYSTEM, book, policy, now, mint, "approved", {"automatic": True})
    except (RefundCapExceeded, UnitsUnavailable) as refused:
        # The clock owns the case: were it only refused, no command could ever move it again.
        return escalate(case, policy, now, {"auto_refund_refused": refused.code})


def escalate(
    case: AfterSalesCase, policy: AfterSalesPolicy, now: datetime, facts: Mapping[str, Fact]
) -> Decision:
    """Call for a person. A failed refund calls again after each period until somebody acts."""
    changed = replace(disarm(case), escalated_at=now)
    if case.state is State.REFUND_FAILED:
        changed = arm(changed, now + policy.refund_failed_reminder, DeadlineEffect.ESCALATE)
    lateness = now - (case.deadline_at or now)
    told: dict[str, Fact] = {**facts, "late_ms": lateness // timedelta(milliseconds=1)}
    return step(case, changed, SYSTEM, now, case.state, "escalated", told)
