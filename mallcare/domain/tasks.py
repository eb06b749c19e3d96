"""What asks for a person: opened by the platform, claimed by one person, resolved with a note."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from mallcare.domain.errors import Fact, IllegalTransition


class TaskKind(StrEnum):
    """Why a person is needed."""

    RECONCILIATION_DIFFERENCE = "reconciliation_difference"
    RECONCILIATION_FAILED = "reconciliation_failed"
    REFUND_FAILED = "refund_failed"
    PAID_TWICE = "paid_twice"
    RETURN_ADDRESS_MISSING = "return_address_missing"
    RETURN_OVERDUE = "return_overdue"
    RETURN_NOT_ARRIVED = "return_not_arrived"
    RESHIPMENT_OVERDUE = "reshipment_overdue"
    RESHIPMENT_MISSING = "reshipment_missing"
    PARCEL_ABNORMAL = "parcel_abnormal"
    INTERCEPT = "intercept"
    TAKEN_OVER_BY_MALL = "taken_over_by_mall"
    REMINDERS_IGNORED = "reminders_ignored"
    CONTACTS_MISSING = "contacts_missing"
    MESSAGE_UNKNOWN = "message_unknown"
    MESSAGE_UNDELIVERED = "message_undelivered"
    DAILY_SMS_MISSING = "daily_sms_missing"
    CALENDAR_ENDS = "calendar_ends"

    @property
    def once(self) -> bool:
        """Opened once for ever for a subject; any other may be opened again once it is resolved."""
        return self in (
            TaskKind.RECONCILIATION_DIFFERENCE,
            TaskKind.RECONCILIATION_FAILED,
            TaskKind.PAID_TWICE,
        )


ABOUT_A_SUPPLIER = frozenset(
    {TaskKind.REMINDERS_IGNORED, TaskKind.CONTACTS_MISSING, TaskKind.MESSAGE_UNDELIVERED}
)
"""Kinds whose subject is a supplier; of others the fact `supplier_id` tells whose they are, if anybody's."""


class TaskStatus(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class TaskWanted:
    """A decision's call for a person, about the request that was decided on."""

    kind: TaskKind
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    subject: str | None = None
    """What it is about, where that is less than the whole request."""


@dataclass(frozen=True, slots=True)
class OperationsTask:
    """One thing for a person to see to; of a kind and subject at most one is unresolved at a time.

    `facts` hold no personal data.
    """

    task_id: str
    kind: TaskKind
    subject: str
    opened_at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    claimed_by: str | None = None
    claimed_at: datetime | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    note: str | None = None

    @property
    def status(self) -> TaskStatus:
        """Resolved before claimed before open."""
        if self.resolved_at is not None:
            return TaskStatus.RESOLVED
        return TaskStatus.CLAIMED if self.claimed_at is not None else TaskStatus.OPEN


def claim(task: OperationsTask, who: str, now: datetime) -> OperationsTask:
    """The task as `who`'s; claiming what is one's own already changes nothing.

    Raises:
        IllegalTransition: another one claimed it, or it is resolved.
    """
    if task.status is TaskStatus.CLAIMED and task.claimed_by == who:
        return task
    if task.status is not TaskStatus.OPEN:
        raise IllegalTransition(f"the task is {task.status}", current_state=task.status.value)
    return replace(task, claimed_by=who, claimed_at=now)


def resolve(task: OperationsTask, who: str, note: str, now: datetime) -> OperationsTask:
    """The task as done, with what was done; claimed or not, so that nobody's absence holds it up.

    The same word of the same person again changes nothing.

    Raises:
        IllegalTransition: it was resolved by another one, or with another note.
    """
    if task.status is TaskStatus.RESOLVED:
        if (task.resolved_by, task.note) == (who, note):
            return task
        raise IllegalTransition("the task is resolved", current_state=task.status.value)
    return replace(task, resolved_by=who, resolved_at=now, note=note)
