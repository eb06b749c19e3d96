"""What carriers report of a request's parcels, and where it moves the request.

A report moves what waits for the parcel, whenever it comes: instants are those of the events, so a late
or repeated report changes no figure twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase, Decision, arm, disarm, step, with_parcel
from mallcare.domain.errors import Fact
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.parcels import Parcel, track
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.tasks import TaskKind, TaskWanted
from mallcare.domain.vocabulary import DeadlineEffect, ParcelPurpose, State

WAITED_FOR: Mapping[ParcelPurpose, State] = {
    ParcelPurpose.RETURN: State.RETURN_IN_TRANSIT,
    ParcelPurpose.RESHIPMENT: State.RESHIPPED,
    ParcelPurpose.SHIP_BACK: State.RETURNING_TO_CUSTOMER,
}
"""The state in which each parcel is what the request waits for."""


def hear_of_parcel(
    case: AfterSalesCase, waybill: str, events: Iterable[OrderEvent], policy: AfterSalesPolicy, now: datetime
) -> Decision:
    """The case after reports on the parcel with that waybill; what tells nothing new changes nothing."""
    known = next((parcel for parcel in case.parcels if parcel.waybill == waybill), None)
    if known is None or case.state.final:
        return Decision(case)
    parcel = track(known, events)
    if parcel == known:
        return Decision(case)
    changed, to = _rearmed(with_parcel(case, parcel), parcel, policy, now)
    name = _name(known, parcel)
    facts: dict[str, Fact] = {
        "purpose": parcel.purpose.value,
        "waybill": parcel.waybill,
        "heard_at": parcel.heard_at.isoformat() if parcel.heard_at else None,
    }
    decided = step(case, changed, SYSTEM, now, to, name, facts)
    if parcel.abnormal and not known.abnormal:
        return decided.asking(TaskWanted(TaskKind.PARCEL_ABNORMAL, facts))
    return decided


def transit_deadline(parcel: Parcel, policy: AfterSalesPolicy) -> datetime:
    """When a return calls for a person: 10 days after it was sent, or after 72 hours of silence."""
    latest = parcel.sent_at + policy.return_transit
    return latest if parcel.heard_at is None else min(latest, parcel.heard_at + policy.return_silence)


def _rearmed(
    case: AfterSalesCase, parcel: Parcel, policy: AfterSalesPolicy, now: datetime
) -> tuple[AfterSalesCase, State]:
    """The clock of what is waited for, and the state the report leads to."""
    if case.state is not WAITED_FOR[parcel.purpose] or case.missing_reported or _clock_owns(case, now):
        return case, case.state
    if parcel.purpose is ParcelPurpose.RETURN:
        if parcel.signed_at is not None:
            since = max(parcel.signed_at, parcel.sent_at)  # a waybill named late is not the supplier's fault
            inspecting = arm(disarm(case), since + policy.inspection, DeadlineEffect.ESCALATE)
            return inspecting, State.INSPECTING
        return _called_at(case, transit_deadline(parcel, policy), now), case.state
    if parcel.purpose is ParcelPurpose.RESHIPMENT:
        if parcel.signed_at is not None:
            since = max(parcel.signed_at, parcel.sent_at)  # the customer's time begins once it is known
            due = since + policy.confirm_after_signed
            return move_clock(case, due, DeadlineEffect.COMPLETE), case.state
        return _called_at(case, parcel.sent_at + policy.confirm_untracked, now), case.state
    return case, case.state


def _called_at(case: AfterSalesCase, due: datetime, now: datetime) -> AfterSalesCase:
    """The clock that calls for a person, as it was where it would have run out already."""
    moved = move_clock(case, due, DeadlineEffect.ESCALATE)
    return case if moved.deadline_at is None or moved.deadline_at <= now else moved


def move_clock(case: AfterSalesCase, due: datetime, effect: DeadlineEffect) -> AfterSalesCase:
    """The clock moved within its wait, never before what operations granted."""
    granted = case.extended_until
    moved = arm(disarm(case), due if granted is None else max(due, granted), effect)
    return moved if granted is None else replace(moved, extended_until=granted)


def _clock_owns(case: AfterSalesCase, now: datetime) -> bool:
    """The replacement counts as arrived from that instant on, whatever is heard before the clock fires."""
    return (
        case.deadline_effect is DeadlineEffect.COMPLETE
        and case.deadline_at is not None
        and now >= case.deadline_at
    )


def _name(known: Parcel, parcel: Parcel) -> str:
    if parcel.signed_at is not None and known.signed_at is None:
        return f"{parcel.purpose.value}_delivered"
    if parcel.abnormal and not known.abnormal:
        return f"{parcel.purpose.value}_abnormal"
    return f"{parcel.purpose.value}_moved"
