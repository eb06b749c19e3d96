"""A notice: one message to one person over one channel, and what may become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mallcare.domain.contacts import Channel
from mallcare.domain.errors import Fact


class NoticeKind(StrEnum):
    """What a notice is about."""

    REMINDER = "reminder"
    """Clocks of a supplier reached a rung of the ladder (T3). Facts: `batch_id`, `parties`."""
    DAILY_SMS = "daily_sms"
    """Counts of what is overdue (T4). Facts: `day`, `orders`, `after_sales`."""


class NoticeStatus(StrEnum):
    """Where a notice stands. WAITING: to be handed over. SENT: the vendor took it; a receipt may tell more.

    ASKING: it may have been sent, and its vendor is asked. UNKNOWN: nobody can tell, and it is never sent
    again. MOOT: nothing was left to tell just before it was sent.
    """

    WAITING = "waiting"
    ASKING = "asking"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    FAILED = "failed"
    UNKNOWN = "unknown"
    MOOT = "moot"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one contact of a supplier is told over one channel. No personal data: address and text are made
    from what it names just before it is sent.

    `notice_id`: <= 32 alphanumeric characters, the key at the vendor. `once`: what may be told only once for
    ever. `fallback_of`: the notice that did not arrive, in whose place this one goes.
    """

    notice_id: str
    kind: NoticeKind
    channel: Channel
    supplier_id: str
    contact_id: str
    created_at: datetime
    next_attempt_at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    once: str | None = None
    fallback_of: str | None = None
    status: NoticeStatus = NoticeStatus.WAITING
    attempts: int = 0
    handed_at: datetime | None = None
    settled_at: datetime | None = None
    vendor_message_id: str | None = None
    error_code: str | None = None
