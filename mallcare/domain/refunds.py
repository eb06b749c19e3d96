"""Refund legs: one (case, tender), one refund number for life, at most one success."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mallcare.domain.vocabulary import LegStatus, TenderKind


@dataclass(frozen=True, slots=True)
class RefundLeg:
    """Money on its way back over one tender. Written before the vendor is called.

    `tender_seq` is the tender's place in the order; `round` counts how often finance retried.
    """

    refund_no: str
    tender_seq: int
    tender: TenderKind
    provider: str
    transaction_id: str | None
    amount_fen: int
    status: LegStatus = LegStatus.PENDING
    failure_code: str | None = None
    vendor_refund_id: str | None = None
    round: int = 1
    settled_at: datetime | None = None
    settled_offline: bool = False
    """Paid by other means than its vendor, as two people of finance say."""


@dataclass(frozen=True, slots=True)
class LegOutcome:
    """A vendor's final word on one leg: paid, or refused for good with its code."""

    refund_no: str
    succeeded: bool
    failure_code: str | None = None
    vendor_refund_id: str | None = None
    round: int | None = None
    """The round a failure speaks of; None for the present one."""


def settle(leg: RefundLeg, outcome: LegOutcome, now: datetime) -> RefundLeg | None:
    """The leg after the vendor's word, None when the word changes nothing.

    Success is for ever: a later failure changes nothing. A failure can still turn into success,
    because a vendor may finish by hand what it first refused. A failure of a round before the present
    one says nothing about the retry.
    """
    if leg.status is LegStatus.SUCCEEDED:
        return None
    if outcome.succeeded:
        return replace(
            leg,
            status=LegStatus.SUCCEEDED,
            failure_code=None,
            vendor_refund_id=outcome.vendor_refund_id or leg.vendor_refund_id,
            settled_at=now,
        )
    if leg.status is LegStatus.FAILED or outcome.round not in (None, leg.round):
        return None
    return replace(
        leg,
        status=LegStatus.FAILED,
        failure_code=outcome.failure_code,
        vendor_refund_id=outcome.vendor_refund_id or leg.vendor_refund_id,
        settled_at=now,
    )


def reopen(leg: RefundLeg) -> RefundLeg:
    """A failed leg asked for once more: the same number, the next round."""
    return replace(leg, status=LegStatus.PENDING, round=leg.round + 1, settled_at=None)


def settled_offline(leg: RefundLeg, now: datetime) -> RefundLeg:
    """A failed leg that was paid by other means: it counts in every cap, and no vendor is asked again."""
    return replace(leg, status=LegStatus.SUCCEEDED, settled_offline=True, settled_at=now)
