"""Before anything is sent or paid: the supplier's review, its offers and questions, and the ways it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import (
    SYSTEM,
    AfterSalesCase,
    CaseEvent,
    Circumstances,
    Decision,
    Proposal,
    arm,
    disarm,
    step,
)
from mallcare.domain.commands import Actor, Propose, Reject, RequestEvidence
from mallcare.domain.errors import Fact, InvalidInput
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.quotes import check_returnable, lower, requote
from mallcare.domain.refunding import start_refund
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.vocabulary import DeadlineEffect, Kind, State


def begin_review(
    case: AfterSalesCase, actor: Actor, policy: AfterSalesPolicy, now: datetime, facts: Mapping[str, Fact]
) -> Decision:
    """A new request before its supplier, with the clock of the review running."""
    opened = replace(_under_review(case, policy, now), state=State.PENDING_REVIEW, version=1)
    event = CaseEvent("submitted", actor, now, 1, None, State.PENDING_REVIEW, facts)
    return Decision(opened, (event,))


def begin_cooling_off(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """A new request that the system refunds by itself (A1): submitted and decided in one step."""
    event = CaseEvent("submitted", actor, at.now, 1, None, State.PENDING_REVIEW, {"cooling_off": True})
    opened = replace(case, state=State.PENDING_REVIEW, version=1, cooling_off=True)
    decided = start_refund(opened, SYSTEM, at, "approved", {"automatic": True, "cooling_off": True})
    return Decision(opened, (event,)).then(decided)


def approve(
    case: AfterSalesCase, actor: Actor, at: Circumstances, name: str, facts: Mapping[str, Fact]
) -> Decision:
    """The request is agreed to: refund-only is paid back, for anything else the goods come back first.

    The customer's 7 days to send them back run from here (A3). A supplier without an address for returns
    does not hold the approval up, but operations is asked to find one.

    Raises:
        UnitsUnavailable, RefundCapExceeded: see `start_refund`.
    """
    if case.kind is Kind.REFUND_ONLY:
        return start_refund(case, actor, at, name, facts)
    at.book.check_held(case.after_sales_no, case.accepted_units)
    waiting = arm(disarm(case), at.now + at.policy.return_shipment, DeadlineEffect.EXPIRE)
    waiting = replace(waiting, proposal=None, return_address_set=at.return_address_known)
    decided = step(case, waiting, actor, at.now, State.AWAITING_RETURN, name, facts)
    return decided if at.return_address_known else decided.asking(TaskWanted(TaskKind.RETURN_ADDRESS_MISSING))


def reject(case: AfterSalesCase, actor: Actor, command: Reject, now: datetime) -> Decision:
    """Declined for the reason the customer is told; the units are free again."""
    return step(case, disarm(case), actor, now, State.REJECTED, "rejected", {"reason": command.reason})


def cancel(case: AfterSalesCase, actor: Actor, now: datetime) -> Decision:
    """Withdrawn before the supplier handled it, or before the goods were sent back (A2)."""
    return step(case, disarm(case), actor, now, State.CANCELLED, "cancelled", {})


def propose(case: AfterSalesCase, actor: Actor, command: Propose, at: Circumstances) -> Decision:
    """Offer less money for the goods, another kind of request, or both; the customer has 7 days.

    Raises:
        InvalidInput: nothing is offered, more than the goods are worth, or money for an exchange.
        LineNotReturnable: the kind offered needs goods back that may not come back.
    """
    kind = command.kind or case.kind
    if command.goods_fen is None and kind is case.kind:
        raise InvalidInput("a proposal offers another amount or another kind of request")
    if command.goods_fen is not None:
        if kind is Kind.EXCHANGE:
            raise InvalidInput("an exchange pays no money back, so no amount can be offered")
        lower(at.book, case.lines, command.goods_fen)
    check_returnable(at.book, kind, [line.line_id for line in case.lines])
    facts: dict[str, Fact] = {
        "kind": kind.value,
        "goods_fen": command.goods_fen,
        "message": command.message,
    }
    asked = replace(_before_customer(case, at), proposal=Proposal(kind, command.goods_fen))
    return step(case, asked, actor, at.now, State.PENDING_CUSTOMER, "proposed", facts)


def request_evidence(
    case: AfterSalesCase, actor: Actor, command: RequestEvidence, at: Circumstances
) -> Decision:
    """Ask the customer to show more; the customer has 7 days."""
    asked = replace(_before_customer(case, at), proposal=None)
    facts: dict[str, Fact] = {"message": command.message}
    return step(case, asked, actor, at.now, State.PENDING_CUSTOMER, "evidence_requested", facts)


def accept_proposal(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """Go on as approved, as the kind and for the amount that were offered, frozen from here on."""
    assert case.proposal is not None, "offered by the table only while there is a proposal"
    kind = case.proposal.kind
    intercept = case.intercept and kind is Kind.REFUND_ONLY
    agreed = replace(case, kind=kind, intercept=intercept, proposal=None)
    facts: dict[str, Fact] = {"kind": agreed.kind.value, "goods_fen": case.proposal.goods_fen}
    if case.proposal.goods_fen is not None:
        lines = lower(at.book, case.lines, case.proposal.goods_fen)
        agreed = replace(agreed, lines=lines, quote=requote(at.book, lines, case.quote))
    return approve(agreed, actor, at, "proposal_accepted", facts)


def back_to_review(
    case: AfterSalesCase, actor: Actor, at: Circumstances, name: str, facts: Mapping[str, Fact]
) -> Decision:
    """The customer declined, answered or stayed silent: the supplier reviews anew, for the full time."""
    reviewed = _under_review(replace(disarm(case), proposal=None), at.policy, at.now)
    return step(case, reviewed, actor, at.now, State.PENDING_REVIEW, name, facts)


def _under_review(case: AfterSalesCase, policy: AfterSalesPolicy, now: datetime) -> AfterSalesCase:
    automatic = policy.review_timeout is ReviewTimeout.AUTO_APPROVE
    effect = DeadlineEffect.AUTO_APPROVE if automatic else DeadlineEffect.ESCALATE
    return arm(case, now + policy.review, effect)


def _before_customer(case: AfterSalesCase, at: Circumstances) -> AfterSalesCase:
    return arm(disarm(case), at.now + at.policy.customer_answer, DeadlineEffect.DECLINE)
