"""The end of a request that is through with its money or its exchange, or with neither."""

from __future__ import annotations

from datetime import datetime

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Decision, arm, disarm, step
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import DeadlineEffect, ParcelPurpose, State


def finish(decided: Decision, policy: AfterSalesPolicy, now: datetime) -> Decision:
    """Complete, unless refused goods still have to go back to their customer."""
    case = decided.case
    if case.refused_units:
        going_back = _on_the_way_back(case, policy, now)
        told = step(case, going_back, SYSTEM, now, State.RETURNING_TO_CUSTOMER, "goods_going_back", {})
        return decided.then(told)
    return decided.then(step(case, disarm(case), SYSTEM, now, State.COMPLETED, "completed", {}))


def send_back(case: AfterSalesCase, policy: AfterSalesPolicy, refused_at: datetime) -> AfterSalesCase:
    """The case with the supplier's 48 hours to ship refused goods back running."""
    return arm(disarm(case), refused_at + policy.ship_back, DeadlineEffect.ESCALATE)


def await_confirmation(case: AfterSalesCase, policy: AfterSalesPolicy, sent_at: datetime) -> AfterSalesCase:
    """The case with the customer's 10 days to confirm the goods that came back running."""
    return arm(disarm(case), sent_at + policy.ship_back_confirm, DeadlineEffect.COMPLETE)


def end_of_way_back(case: AfterSalesCase) -> State:
    """How a request ends once its refused goods are back: rejected, if nothing of it was accepted."""
    return State.COMPLETED if case.accepted_units else State.REJECTED


def _on_the_way_back(case: AfterSalesCase, policy: AfterSalesPolicy, now: datetime) -> AfterSalesCase:
    parcel = case.parcel(ParcelPurpose.SHIP_BACK)
    if parcel is not None:
        return await_confirmation(case, policy, parcel.sent_at)
    return send_back(case, policy, case.inspected_at or now)
