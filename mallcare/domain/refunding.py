"""Crossing the pivot: money is on its way back, one leg for each tender, and only forward from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import (
    SYSTEM,
    AfterSalesCase,
    Circumstances,
    Decision,
    OfflineSettlement,
    arm,
    disarm,
    step,
    with_leg,
)
from mallcare.domain.commands import Actor, SettleOffline
from mallcare.domain.ending import finish
from mallcare.domain.errors import Fact, FourEyes, InvalidInput
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import decide_freight, requote
from mallcare.domain.refunds import LegOutcome, RefundLeg, reopen, settle, settled_offline
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.transitions import SETTLEMENT
from mallcare.domain.vocabulary import DeadlineEffect, Kind, LegStatus, State


def start_refund(
    case: AfterSalesCase, actor: Actor, at: Circumstances, name: str, facts: Mapping[str, Fact]
) -> Decision:
    """Cross the pivot: freight decided, units and caps checked, one leg written for each tender that pays.

    Raises:
        UnitsUnavailable: the mall refunded units of the request by itself meanwhile.
        RefundCapExceeded: a tender or a payment would pay back more than it received.
    """
    book = at.book
    units = case.accepted_units
    worth = requote(book, case.lines, case.quote)
    final_quote = decide_freight(book, units, worth, case.reason_code, at.policy)
    book.check_held(case.after_sales_no, units)
    book.check_caps(final_quote.by_tender)
    legs = tuple(
        RefundLeg(at.mint(), seq, tender.tender, tender.provider, tender.transaction_id, amount)
        for seq, (tender, amount) in enumerate(zip(book.order.tenders, final_quote.by_tender, strict=True))
        if amount
    )
    changed = replace(
        disarm(case),
        quote=final_quote,
        legs=legs,
        refund_decided_at=at.now,
        taken_over=False,  # all units are still the request's, and a person decided
        intercept=not case.goods_stay and (case.intercept or _under_way(case, at)),
    )
    told: dict[str, Fact] = {
        **facts,
        "total_fen": final_quote.total_fen,
        "freight_fen": final_quote.freight_fen,
    }
    decided = step(case, changed, actor, at.now, State.REFUNDING, name, told)
    return decided if legs else finish(decided, at.policy, at.now)


def settle_refund(
    case: AfterSalesCase, outcome: LegOutcome, policy: AfterSalesPolicy, now: datetime
) -> Decision:
    """Record a vendor's final word on one leg; repeated words change nothing.

    All legs succeeded: the money is through. One failed: REFUND_FAILED at once, the others keep their
    truth and are still pursued. Once nothing is failed any more, by a late success, it is REFUNDING
    again. A leg that was settled offline, or said to be by one person, or that the mall says it refunded,
    and is then paid by its vendor may be paid twice: operations. A settlement that waits for its second
    person ends with any news.

    Raises:
        InvalidInput: the case has no such leg.
    """
    leg = next((leg for leg in case.legs if leg.refund_no == outcome.refund_no), None)
    if leg is None:
        raise InvalidInput("the request has no such refund", refund_no=outcome.refund_no)
    if leg.settled_offline and outcome.succeeded:
        return Decision(case).asking(_maybe_paid_twice(leg, "settled_offline"))
    settled = settle(leg, outcome, now)
    if settled is None:
        return Decision(case)
    # Who said that the failed legs were paid otherwise spoke of the legs as they were before.
    changed = replace(with_leg(case, settled), settlement=None)
    facts: dict[str, Fact] = {
        "refund_no": leg.refund_no,
        "tender": leg.tender.value,
        "amount_fen": leg.amount_fen,
    }
    if settled.status is LegStatus.FAILED:
        facts["failure_code"] = settled.failure_code
    name = "refund_succeeded" if settled.status is LegStatus.SUCCEEDED else "refund_failed"
    decided = _go_on(case, changed, SYSTEM, policy, now, name, facts)
    assert decided.case.state in SETTLEMENT[case.state], "a settlement led past the transition table"
    if case.taken_over and outcome.succeeded:
        return decided.asking(_maybe_paid_twice(leg, "refunded_by_the_mall"))
    spoken_of = case.settlement is not None and leg.status is LegStatus.FAILED
    return decided.asking(_maybe_paid_twice(leg, "said_to_be_settled")) if spoken_of else decided


def retry_refund(case: AfterSalesCase, actor: Actor, at: Circumstances) -> Decision:
    """Ask for all failed legs once more, under their own numbers, if the caps still allow it.

    Who said that they were paid otherwise may take it back by this, and operations looks after it.

    Raises:
        FourEyes: somebody else said so, and money may be on its way.
        RefundCapExceeded: the money went elsewhere in the meantime.
    """
    failed = _failed(case)
    if case.settlement is not None and case.settlement.maker != actor.subject:
        raise FourEyes("somebody said that this was paid otherwise, and has to take it back first")
    at.book.check_caps(_by_tender(failed, at))
    changed = replace(disarm(case), settlement=None)
    for leg in failed:
        changed = with_leg(changed, reopen(leg))
    facts: dict[str, Fact] = {"refund_nos": [leg.refund_no for leg in failed]}
    decided = step(case, changed, actor, at.now, State.REFUNDING, "refund_retried", facts)
    if case.settlement is None:
        return decided
    return decided.asking(*(_maybe_paid_twice(leg, "settlement_taken_back") for leg in failed))


def settle_offline(case: AfterSalesCase, actor: Actor, command: SettleOffline, at: Circumstances) -> Decision:
    """Failed legs were paid by other means: one person of finance says so, another one confirms it.

    Raises:
        FourEyes: the one who said so cannot confirm it.
        InvalidInput: no evidence was given.
        RefundCapExceeded: the money went elsewhere in the meantime.
    """
    if not command.items:
        raise InvalidInput("paying by other means needs evidence of the payment")
    failed = _failed(case)
    facts: dict[str, Fact] = {"refund_nos": [leg.refund_no for leg in failed], "items": command.items}
    if case.settlement is None:
        said = replace(case, settlement=OfflineSettlement(actor.subject, at.now))
        return step(case, said, actor, at.now, case.state, "offline_settlement_proposed", facts)
    if case.settlement.maker == actor.subject:
        raise FourEyes("another person of finance has to confirm the settlement")
    at.book.check_caps(_by_tender(failed, at))
    changed = replace(case, settlement=None)
    for leg in failed:
        changed = with_leg(changed, settled_offline(leg, at.now))
    return _go_on(case, changed, actor, at.policy, at.now, "settled_offline", facts)


def _go_on(
    case: AfterSalesCase,
    changed: AfterSalesCase,
    actor: Actor,
    policy: AfterSalesPolicy,
    now: datetime,
    name: str,
    facts: Mapping[str, Fact],
) -> Decision:
    """Where the legs as they are now lead: the end, a failure with its reminder, or on with the rest."""
    statuses = {leg.status for leg in changed.legs}
    if statuses == {LegStatus.SUCCEEDED}:
        return finish(step(case, disarm(changed), actor, now, case.state, name, facts), policy, now)
    if LegStatus.FAILED not in statuses:
        return step(case, disarm(changed), actor, now, State.REFUNDING, name, facts)
    if case.state is not State.REFUND_FAILED:
        changed = arm(changed, now + policy.refund_failed_reminder, DeadlineEffect.ESCALATE)
    return step(case, changed, actor, now, State.REFUND_FAILED, name, facts)


def _maybe_paid_twice(leg: RefundLeg, why: str) -> TaskWanted:
    """About the one leg, once for ever: vendors repeat themselves."""
    facts: dict[str, Fact] = {"refund_no": leg.refund_no, "amount_fen": leg.amount_fen, "reason": why}
    return TaskWanted(TaskKind.PAID_TWICE, facts, leg.refund_no)


def _failed(case: AfterSalesCase) -> list[RefundLeg]:
    return [leg for leg in case.legs if leg.status is LegStatus.FAILED]


def _by_tender(legs: list[RefundLeg], at: Circumstances) -> tuple[int, ...]:
    amounts = [0] * len(at.book.order.tenders)
    for leg in legs:
        amounts[leg.tender_seq] += leg.amount_fen
    return tuple(amounts)


def _under_way(case: AfterSalesCase, at: Circumstances) -> bool:
    """A refund-only is decided while its goods travel: the parcel has to be stopped or asked back."""
    lines = [line.line_id for line in case.lines]
    return case.kind is Kind.REFUND_ONLY and at.book.fulfilment.under_way(lines)
