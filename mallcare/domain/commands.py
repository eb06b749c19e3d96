"""Commands on a case, and who gives them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from mallcare.domain.vocabulary import Action, Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a role, and the subject of the token (never a name)."""

    role: Role
    subject: str


@dataclass(frozen=True, slots=True)
class Approve:
    """Agree to the request (supplier)."""

    action: ClassVar[Action] = Action.APPROVE


@dataclass(frozen=True, slots=True)
class Reject:
    """Decline the request, with the reason the customer is told."""

    reason: str
    action: ClassVar[Action] = Action.REJECT


@dataclass(frozen=True, slots=True)
class Cancel:
    """Withdraw the request (customer, rule A2)."""

    action: ClassVar[Action] = Action.CANCEL


@dataclass(frozen=True, slots=True)
class ExtendDeadline:
    """Move the deadline to a later instant, audited (operations)."""

    until: datetime
    reason: str
    action: ClassVar[Action] = Action.EXTEND_DEADLINE


@dataclass(frozen=True, slots=True)
class RetryRefund:
    """Ask for the failed legs once more, under their own numbers (finance)."""

    action: ClassVar[Action] = Action.RETRY_REFUND


Command = Approve | Reject | Cancel | ExtendDeadline | RetryRefund
