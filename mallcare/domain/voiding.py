"""What the mall does by itself under a live request: refunding its units, or closing the order."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Circumstances, Decision, arm, disarm, step
from mallcare.domain.commands import Actor, Close, Resume
from mallcare.domain.errors import Fact
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.vocabulary import DeadlineEffect, OrderEventType, State

NOTHING_SENT = frozenset({State.PENDING_REVIEW, State.PENDING_CUSTOMER, State.AWAITING_RETURN})
"""Undecided, and no goods on their way: the request can simply end."""


def refunded_lines(order: Order, event: OrderEvent) -> frozenset[str]:
    """Lines that a report says the mall refunded by itself: those it names, or else all of the order."""
    if event.type is not OrderEventType.REFUNDED:
        return frozenset()
    if event.refunded_lines is not None:
        return frozenset(event.refunded_lines)
    named = [line.line_id for line in order.lines] if event.line_ids is None else event.line_ids
    return frozenset(named)


def void(case: AfterSalesCase, at: Circumstances, refunded: Collection[str] = ()) -> Decision:
    """The request after the mall acted on its order; `refunded` are the lines it says it refunded.

    Units the mall refunded cannot be refunded again: where no goods travel the request is closed, and the
    customer may ask anew for what is left. Otherwise, and where the order was only closed, nobody is late
    any more, and operations sees to it. A decided refund goes on, but one that failed waits for operations:
    what it owes may be what the mall paid.
    """
    if case.state.final:
        return Decision(case)
    lost = _lost(case, at)
    if case.refund_decided:
        return _void_decided(case, at, refunded, lost=lost)
    if lost and case.state in NOTHING_SENT:
        facts = {"reason": "refunded_by_the_mall"}
        return step(case, disarm(case), SYSTEM, at.now, State.CLOSED, "closed", facts)
    if not (lost or at.book.fulfilment.closed_at is not None):
        return Decision(case)
    facts = {"reason": "refunded_by_the_mall" if lost else "order_closed"}
    if case.deadline_at is not None:
        return _hand_over(case, at, "clock_voided", facts)
    return _hand_over(case, at, "taken_over", facts)


def close(case: AfterSalesCase, actor: Actor, command: Close, at: Circumstances) -> Decision:
    """End a request that the mall took over: what it still holds is free, nothing is refunded by it."""
    facts: dict[str, Fact] = {"reason": command.reason}
    return step(case, disarm(case), actor, at.now, State.CLOSED, "closed", facts)


def resume(case: AfterSalesCase, actor: Actor, command: Resume, at: Circumstances) -> Decision:
    """The failed refund is finance's again: the mall paid something else, or is the proof of a settlement."""
    reminder = at.now + at.policy.refund_failed_reminder
    resumed = arm(replace(disarm(case), taken_over=False), reminder, DeadlineEffect.ESCALATE)
    facts: dict[str, Fact] = {"reason": command.reason}
    return step(case, resumed, actor, at.now, case.state, "resumed", facts)


def _void_decided(
    case: AfterSalesCase, at: Circumstances, refunded: Collection[str], *, lost: bool
) -> Decision:
    """Refused goods that the mall refunded go back all the same; of that operations only has to know."""
    named = sorted({unit.line_id for unit in case.accepted_units} & set(refunded))
    facts: dict[str, Fact] = {"reason": "refunded_by_the_mall"}
    if case.state is State.REFUND_FAILED and named:
        said = replace(case, settlement=None)
        return _hand_over(said, at, "refunded_by_the_mall", {**facts, "line_ids": list(named)})
    return Decision(case).asking(_task(facts)) if lost else Decision(case)


def _hand_over(case: AfterSalesCase, at: Circumstances, name: str, facts: Mapping[str, Fact]) -> Decision:
    """From here operations sees to it; what is in its hands without a clock is only asked about again."""
    if case.taken_over and case.deadline_at is None:
        return Decision(case).asking(_task(facts))
    taken = replace(disarm(case), escalated_at=at.now, taken_over=True)
    return step(case, taken, SYSTEM, at.now, case.state, name, facts).asking(_task(facts))


def _lost(case: AfterSalesCase, at: Circumstances) -> bool:
    """The mall refunded units that the request goes on with, or that go back to its customer."""
    held = {h.unit for h in at.book.holdings if h.holder == case.after_sales_no}
    return any(unit not in held for unit in (*case.accepted_units, *case.refused_units))


def _task(facts: Mapping[str, Fact]) -> TaskWanted:
    return TaskWanted(TaskKind.TAKEN_OVER_BY_MALL, facts)
