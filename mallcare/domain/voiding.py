"""What the mall does by itself under a live request: refunding its units, or closing the order."""

from __future__ import annotations

from dataclasses import replace

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Circumstances, Decision, disarm, step
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.vocabulary import State

NOTHING_SENT = frozenset({State.PENDING_REVIEW, State.PENDING_CUSTOMER, State.AWAITING_RETURN})
"""Undecided, and no goods on their way: the request can simply end."""


def void(case: AfterSalesCase, at: Circumstances) -> Decision:
    """The request after the mall acted on its order; a decided or untouched one stays as it is.

    Units the mall refunded cannot be refunded again: where no goods travel the request is closed, and the
    customer may ask anew for what is left. Otherwise, and where the order was only closed, nobody is late
    any more, and operations sees to it.
    """
    if case.state.final or case.refund_decided:
        return Decision(case)
    held = {h.unit for h in at.book.holdings if h.holder == case.after_sales_no}
    lost = any(unit not in held for unit in case.accepted_units)
    if lost and case.state in NOTHING_SENT:
        facts = {"reason": "refunded_by_the_mall"}
        return step(case, disarm(case), SYSTEM, at.now, State.CLOSED, "closed", facts)
    if not (lost or at.book.fulfilment.closed_at is not None):
        return Decision(case)
    facts = {"reason": "refunded_by_the_mall" if lost else "order_closed"}
    task = TaskWanted(TaskKind.TAKEN_OVER_BY_MALL, facts)
    if case.deadline_at is None:
        return Decision(case).asking(task)
    waiting = replace(disarm(case), escalated_at=at.now)
    return step(case, waiting, SYSTEM, at.now, case.state, "clock_voided", facts).asking(task)
