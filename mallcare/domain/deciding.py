"""One command of a person or of the mall, led to the room where it is decided."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from mallcare.domain import commands as given
from mallcare.domain import exchanging, refunding, returning, reviewing, voiding
from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision, arm, disarm, step
from mallcare.domain.commands import Actor, Command
from mallcare.domain.errors import Fact, IllegalTransition, InvalidInput, VersionConflict
from mallcare.domain.transitions import require
from mallcare.domain.vocabulary import DeadlineEffect


def decide(
    case: AfterSalesCase,
    command: Command,
    actor: Actor,
    at: Circumstances,
    expected_version: int | None = None,
) -> Decision:
    """Apply a command of a person or the mall.

    From the instant of a deadline that changes the state, only the clock may act, however late it
    fires: who wins depends on `now` alone, never on how busy a worker is.

    Raises:
        VersionConflict: the caller had seen another version.
        NotAllowed, IllegalTransition: see `transitions.require`.
        UnitsUnavailable, RefundCapExceeded, LineNotReturnable, FourEyes, InvalidInput: the command's
            own guard.
    """
    if expected_version is not None and expected_version != case.version:
        raise VersionConflict(
            f"the request is at version {case.version}, not {expected_version}",
            current_version=case.version,
            current_state=case.state.value,
        )
    rule = require(case, command.action, actor.role)
    if _clock_owns(case, at.now):
        raise IllegalTransition(
            f"the deadline has passed, {command.action.value} comes too late",
            action=command.action.value,
            current_state=case.state.value,
            deadline_effect=str(case.deadline_effect),
        )
    decided = _apply(case, command, actor, at)
    assert decided.case.state in rule.leads_to, f"{command.action} led past the transition table"
    return decided


def _apply(  # noqa: C901 - one branch for each command, and nothing else
    case: AfterSalesCase, command: Command, actor: Actor, at: Circumstances
) -> Decision:
    """The one place that knows which room decides which command."""
    match command:
        case given.Approve():
            return reviewing.approve(case, actor, at, "approved", {})
        case given.Reject():
            return reviewing.reject(case, actor, command, at.now)
        case given.Propose():
            return reviewing.propose(case, actor, command, at)
        case given.RequestEvidence():
            return reviewing.request_evidence(case, actor, command, at)
        case given.AcceptProposal():
            return reviewing.accept_proposal(case, actor, at)
        case given.DeclineProposal():
            return reviewing.back_to_review(case, actor, at, "proposal_declined", {})
        case given.SubmitEvidence():
            return reviewing.back_to_review(case, actor, at, "evidence_submitted", {"items": command.items})
        case given.Cancel():
            return reviewing.cancel(case, actor, at.now)
        case given.SetReturnAddress():
            return returning.set_return_address(case, actor, at)
        case given.SubmitWaybill():
            return returning.submit_waybill(case, actor, command, at)
        case given.CorrectWaybill():
            return returning.correct_waybill(case, actor, command, at)
        case given.Receive():
            return returning.receive(case, actor, command, at)
        case given.Accept():
            return returning.accept(case, actor, command, at)
        case given.Refuse():
            return returning.refuse(case, actor, command, at)
        case given.ShipBack():
            return returning.ship_back(case, actor, command, at)
        case given.ChangeAddress():
            return exchanging.change_address(case, actor, at.now)
        case given.Reship():
            return exchanging.reship(case, actor, command, at)
        case given.OutOfStock():
            return exchanging.out_of_stock(case, actor, at)
        case given.Choose():
            return exchanging.choose(case, actor, command, at)
        case given.Confirm():
            return exchanging.confirm(case, actor, at)
        case given.ReportMissing():
            return exchanging.report_missing(case, actor, at)
        case given.RetryRefund():
            return refunding.retry_refund(case, actor, at)
        case given.SettleOffline():
            return refunding.settle_offline(case, actor, command, at)
        case given.ExtendDeadline():
            return _extend(case, actor, command, at.now)
        case given.Close():
            return voiding.close(case, actor, command, at)
        case given.Resume():
            return voiding.resume(case, actor, command, at)
        case _:
            assert_never(command)


def _clock_owns(case: AfterSalesCase, now: datetime) -> bool:
    return (
        case.deadline_at is not None
        and now >= case.deadline_at
        and case.deadline_effect is not DeadlineEffect.ESCALATE
    )


def _extend(case: AfterSalesCase, actor: Actor, command: given.ExtendDeadline, now: datetime) -> Decision:
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
    moved = replace(arm(disarm(case), command.until, effect), extended_until=command.until)
    return step(case, moved, actor, now, case.state, "deadline_extended", facts)
