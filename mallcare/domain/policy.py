"""Policies: the durations and limits operations may set, versioned and pinned to each case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class ReviewTimeout(StrEnum):
    """What a review that nobody answers turns into."""

    ESCALATE = "escalate"
    AUTO_APPROVE = "auto_approve"


@dataclass(frozen=True, slots=True)
class AfterSalesPolicy:
    """One version of the rules; a case keeps the version it was opened under for its whole life.

    The automatic-refund limits bind every refund that no person decided (cooling-off and
    auto-approval): beyond them the case goes to a person.
    """

    version: int = 1
    window: timedelta = timedelta(days=7)
    window_extension: timedelta = timedelta(days=7)
    cooling_off: timedelta = timedelta(minutes=30)
    hold_during_cooling_off: bool = True
    review: timedelta = timedelta(hours=48)
    review_timeout: ReviewTimeout = ReviewTimeout.ESCALATE
    customer_answer: timedelta = timedelta(days=7)
    return_shipment: timedelta = timedelta(days=7)
    return_transit: timedelta = timedelta(days=10)
    return_silence: timedelta = timedelta(hours=72)
    inspection: timedelta = timedelta(hours=48)
    reshipment: timedelta = timedelta(hours=48)
    stock_choice: timedelta = timedelta(days=7)
    confirm_after_signed: timedelta = timedelta(days=7)
    confirm_untracked: timedelta = timedelta(days=10)
    ship_back: timedelta = timedelta(hours=48)
    ship_back_confirm: timedelta = timedelta(days=10)
    refund_failed_reminder: timedelta = timedelta(hours=24)
    auto_refund_ceiling_fen: int = 500_000
    auto_refund_period: timedelta = timedelta(hours=24)
    auto_refunds_per_customer: int = 10
    auto_refunds_per_supplier: int = 1_000
    supplier_liable_reasons: frozenset[str] = frozenset(
        {
            "damaged",
            "late_shipment",
            "missing_items",
            "not_as_described",
            "not_received",
            "quality",
            "wrong_item",
        }
    )


AUTOMATIC_REFUNDS = "automatic-refunds"
"""Name of the stop switch: while it is on, every refund waits for a person."""


@dataclass(frozen=True, slots=True)
class AutoRefundUsage:
    """How much of the limits is used: automatic refunds within the period, and the stop switch."""

    stopped: bool = False
    by_customer: int = 0
    by_supplier: int = 0


class AutoRefundRefusal(StrEnum):
    """Why a refund is not made automatically."""

    STOPPED = "stopped"
    CEILING = "ceiling"
    CUSTOMER_VELOCITY = "customer_velocity"
    SUPPLIER_VELOCITY = "supplier_velocity"


def refuse_auto_refund(
    policy: AfterSalesPolicy, amount_fen: int, usage: AutoRefundUsage
) -> AutoRefundRefusal | None:
    """Why `amount_fen` may not be refunded without a person, None if it may."""
    if usage.stopped:
        return AutoRefundRefusal.STOPPED
    if amount_fen > policy.auto_refund_ceiling_fen:
        return AutoRefundRefusal.CEILING
    if usage.by_customer >= policy.auto_refunds_per_customer:
        return AutoRefundRefusal.CUSTOMER_VELOCITY
    if usage.by_supplier >= policy.auto_refunds_per_supplier:
        return AutoRefundRefusal.SUPPLIER_VELOCITY
    return None
