"""Outgoing webhooks: the outbox as its pump and its operators see it, and the wire to the mall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mallcare.ports.records import OutgoingMessage


class MessageStatus(StrEnum):
    """Where an outgoing message stands. DEAD: given up after the last attempt, for a person to see."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` of `of`: the subjects one pump looks after. 0 <= number < of."""

    number: int
    of: int


@dataclass(frozen=True, slots=True)
class ClaimedMessage:
    """A message that is ours to send until `claimed_until`, for its `attempt`-th time (from 1)."""

    message: OutgoingMessage
    attempt: int
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of one attempt: delivered, dead, or pending again until `next_attempt_at`.

    `error` is a short code (`http_503`, `timeout`), never what the receiver wrote.
    """

    claimed: ClaimedMessage
    status: MessageStatus
    at: datetime
    next_attempt_at: datetime
    error: str | None = None


class WebhookSender(Protocol):
    """Sends one message to the mall."""

    async def send(self, message: OutgoingMessage) -> None:
        """Return once the mall has answered 2xx.

        Raises:
            GatewayError: anything else; `retryable=False` means the mall asks never to see it again.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """An outgoing message with what came of it so far."""

    message: OutgoingMessage
    status: MessageStatus
    attempts: int
    next_attempt_at: datetime | None
    delivered_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class MessageFilter:
    """Which messages to list; None does not restrict."""

    status: MessageStatus | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class ReplaySelection:
    """Which messages to send again: all that is given must match, and something must be given.

    `since` <= occurred_at < `until`.
    """

    subject: str | None = None
    message_ids: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
