"""Errors of the domain: one class per rule, each with a stable code.

The code is part of the HTTP contract and of stored command outcomes; HTTP status is decided in
`api/errors.py`, retryability in `activities/errors.py`, never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

Fact = str | int | bool | None | list[str] | list[int] | list[dict[str, str | int]]


class DomainError(Exception):
    """A rule said no. Carries facts a caller can act on; never personal data."""

    code: ClassVar[str] = "domain_error"

    def __init__(self, detail: str, **facts: Fact) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts: Mapping[str, Fact] = facts


class InvalidInput(DomainError):
    """The request contradicts itself or the order it speaks of."""

    code = "invalid"


class NotFound(DomainError):
    """Unknown, or another tenant's: the two must look the same (tenancy)."""

    code = "not_found"


class NotAllowed(DomainError):
    """The caller's role may never do this, whatever the state."""

    code = "not_allowed"


class IllegalTransition(DomainError):
    """The state does not allow the command: the loser of a race sees this with the current state."""

    code = "illegal_transition"


class VersionConflict(DomainError):
    """The caller expected another version, or sent another body under a stored version."""

    code = "version_conflict"


class IdempotencyMismatch(DomainError):
    """A key or command id was used before, for something else."""

    code = "idempotency_mismatch"


class OrderFrozen(DomainError):
    """An order version changes amounts although units are reserved or refunded."""

    code = "order_frozen"


class OrderNotPaid(DomainError):
    """Nothing was paid yet, so nothing can be refunded."""

    code = "order_not_paid"


class OrderClosed(DomainError):
    """The mall closed the order."""

    code = "order_closed"


class WindowClosed(DomainError):
    """The after-sales window of the order has passed (A5 reopens it)."""

    code = "window_closed"


class WindowStillOpen(DomainError):
    """The after-sales window has not passed, so it cannot be extended (A5)."""

    code = "window_open"


class UnitsUnavailable(DomainError):
    """More units asked for than are free on a line (A4)."""

    code = "units_unavailable"


class LineNotReturnable(DomainError):
    """The line is sold as not returnable."""

    code = "line_not_returnable"


class WaybillInUse(DomainError):
    """The waybill belongs to another parcel: another customer's, another supplier's, or the order's own."""

    code = "waybill_in_use"


class FourEyes(DomainError):
    """Maker and checker must be two people."""

    code = "four_eyes"


class RefundCapExceeded(DomainError):
    """Refunding would pay out more than a tender or payment transaction received."""

    code = "refund_cap_exceeded"


class MoneyDoesNotAddUp(InvalidInput):
    """Tenders, lines, freight and discounts of an order contradict each other."""

    code = "money_does_not_add_up"


REFUSALS: Mapping[str, type[DomainError]] = {
    error.code: error
    for error in (
        InvalidInput,
        NotFound,
        NotAllowed,
        IllegalTransition,
        VersionConflict,
        IdempotencyMismatch,
        OrderFrozen,
        OrderNotPaid,
        OrderClosed,
        WindowClosed,
        WindowStillOpen,
        UnitsUnavailable,
        LineNotReturnable,
        WaybillInUse,
        FourEyes,
        RefundCapExceeded,
        MoneyDoesNotAddUp,
    )
}
"""Every error by its code, for outcomes that were stored."""


def refused_as(code: str, detail: str, facts: Mapping[str, Fact]) -> DomainError:
    """A stored refusal, as the error it was."""
    return REFUSALS[code](detail, **facts)
