"""Commands of people and of the mall, and the two ways a request begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from mallcare.domain.after_sales import (
    SYSTEM,
    AfterSalesCase,
    CaseEvent,
    Decision,
    MintRefundNo,
    arm,
    disarm,
    step,
)
from mallcare.domain.book import OrderBook
from mallcare.domain.commands import Actor, Approve, Cancel, Command, ExtendDeadline, Reject, RetryRefund
from mallcare.domain.errors import Fact, IllegalTransition, InvalidInput, VersionConflict
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.refunding import retry_refund, start_refund
from mallcare.domain.transitions import require
from mallcare.domain.vocabulary import DeadlineEffect, State


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
    match command:
        case Approve():
            decided = start_refund(case, actor, book, policy, now, mint, "approved", {})
        case Reject():
            decided = _end(case, actor, now, State.REJECTED, "rejected", {"reason": command.reason})
        case Cancel():
            decided = _end(case, actor, now, State.CANCELLED, "cancelled", {})
        case ExtendDeadline():
            decided = _extend(case, actor, command, now)
        case RetryRefund():
            decided = retry_refund(case, actor, book, now)
        case _:
            assert_never(command)
    assert decided.case.state in rule.leads_to, f"{command.action} led past the transition table"
    return decided


def begin_review(
    case: AfterSalesCase, actor: Actor, policy: AfterSalesPolicy, now: datetime, facts: Mapping[str, Fact]
) -> Decision:
    """A new request before its supplier, with the clock of the review running."""
    effect = (
        DeadlineEffect.AUTO_APPROVE
        if policy.review_timeout is ReviewTimeout.AUTO_APPROVE
        else DeadlineEffect.ESCALATE
    )
    opened = replace(arm(case, now + policy.review, effect), state=State.PENDING_REVIEW, version=1)
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
    decided = start_refund(
        opened, SYSTEM, book, policy, now, mint, "approved", {"automatic": True, "cooling_off": True}
    )
    return Decision(decided.case, (event, *decided.events))


def _clock_owns(case: AfterSalesCase, now: datetime) -> bool:
    return (
        case.deadline_at is not None
        and now >= case.deadline_at
        and case.deadline_effect is not DeadlineEffect.ESCALATE
    )


def _end(
    case: AfterSalesCase, actor: Actor, now: datetime, to: State, name: str, facts: Mapping[str, Fact]
) -> Decision:
    return step(case, disarm(case), actor, now, to, name, facts)


def _extend(case: AfterSalesCase, actor: Actor, command: ExtendDeadline, now: datetime) -> Decision:
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
    moved = arm(disarm(case), command.until, effect)
    return step(case, moved, actor, now, case.state, "deadline_extended", facts)
