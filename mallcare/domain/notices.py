"""A notice: one message to one person over one channel, and what may become of it."""

from __future__ import annotations

from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice is about."""

    REMINDER = "reminder"
    """Clocks of a supplier reached a rung of the ladder (T3)."""
    DAILY_SMS = "daily_sms"
    """Counts of what is overdue (T4)."""


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
