"""Crossing the pivot: money is on its way back, one leg for each tender, and only forward from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import (
    SYSTEM,
    AfterSalesCase,
    Decision,
    MintRefundNo,
    arm,
    disarm,
    step,
    with_leg,
)
from mallcare.domain.book import OrderBook
from mallcare.domain.commands import Actor
from mallcare.domain.errors import Fact, InvalidInput
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import decide_freight, units_of
from mallcare.domain.refunds import LegOutcome, RefundLeg, reopen, settle
from mallcare.domain.transitions import SETTLEMENT
from mallcare.domain.vocabulary import DeadlineEffect, LegStatus, State


def start_refund(
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
    changed = replace(disarm(case), quote=final_quote, legs=legs)
    told: dict[str, Fact] = {
        **facts,
        "total_fen": final_quote.total_fen,
        "freight_fen": final_quote.freight_fen,
    }
    decided = step(case, changed, actor, now, State.REFUNDING, name, told)
    return decided if legs else complete(decided, now)


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
    changed = with_leg(case, settled)
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
    first = step(case, changed, SYSTEM, now, to if to is not State.COMPLETED else case.state, name, facts)
    if to is State.COMPLETED:
        return complete(first, now)
    if to is State.REFUNDING:
        return Decision(disarm(first.case), first.events)
    if case.state is not State.REFUND_FAILED:
        return Decision(
            arm(first.case, now + policy.refund_failed_reminder, DeadlineEffect.ESCALATE), first.events
        )
    return first


def retry_refund(case: AfterSalesCase, actor: Actor, book: OrderBook, now: datetime) -> Decision:
    """Ask for all failed legs once more, under their own numbers, if the caps still allow it.

    Raises:
        RefundCapExceeded: the money went elsewhere in the meantime.
    """
    failed = [leg for leg in case.legs if leg.status is LegStatus.FAILED]
    again = [0] * len(book.order.tenders)
    for leg in failed:
        again[leg.tender_seq] += leg.amount_fen
    book.check_caps(tuple(again))
    changed = disarm(case)
    for leg in failed:
        changed = with_leg(changed, reopen(leg))
    facts: dict[str, Fact] = {"refund_nos": [leg.refund_no for leg in failed]}
    return step(case, changed, actor, now, State.REFUNDING, "refund_retried", facts)


def _state_after_settlement(case: AfterSalesCase) -> State:
    statuses = {leg.status for leg in case.legs}
    if statuses == {LegStatus.SUCCEEDED}:
        return State.COMPLETED
    return State.REFUND_FAILED if LegStatus.FAILED in statuses else State.REFUNDING


def complete(decided: Decision, now: datetime) -> Decision:
    done = step(decided.case, disarm(decided.case), SYSTEM, now, State.COMPLETED, "completed", {})
    return Decision(done.case, decided.events + done.events)
