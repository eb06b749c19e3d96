"""Messaging vendors: what the platform asks of them, and what they answer.

An adapter makes one call and says honestly what is known of it. When to repeat, to ask, to turn to another
channel or to give up is decided by whoever calls it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from mallcare.domain.contacts import Channel


@dataclass(frozen=True, slots=True)
class MessageToSend:
    """One message to one address. Personal data: made just before it is sent, never kept or logged.

    `message_id`: our key, <= 32 alphanumeric characters, the same at every attempt.
    `address`: a WeCom user id, a robot's key or access token, a phone number.
    `secret`: what signs for the address, where it has one of its own (DingTalk robots).
    `mention`: phone numbers in the group that are called by name (DingTalk).
    `template` and `variables`: an SMS is a template of the vendor's with variables of <= 12 characters and
    no links; the other channels send `title`, `text` and `url`.
    """

    message_id: str
    address: str
    title: str = ""
    text: str = ""
    url: str | None = None
    secret: str | None = None
    mention: tuple[str, ...] = ()
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])


class SendStanding(StrEnum):
    """What a vendor says of a message."""

    ACCEPTED = "accepted"
    """Taken; whether it arrives is told by a receipt, if ever."""
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    """The vendor knows that it never arrives: another channel is to be tried."""
    NOT_FOUND = "not_found"
    """The vendor knows of no such message, at the moment it was asked."""


@dataclass(frozen=True, slots=True)
class SendReport:
    """A vendor's word on one message. `code`: its own, for why it does not arrive."""

    standing: SendStanding
    vendor_message_id: str | None = None
    code: str | None = None


class MessageGateway(Protocol):
    """One channel of one vendor. Both calls raise `GatewayError`, by codes.

    Retryable: worth the same call later (busy, over quota: with `retry_after_seconds`). Not retryable: it
    would be refused for ever. `outcome_unknown`: it may have been sent; ask with `look_up`, and where that
    cannot be asked, never send it again.
    """

    async def send(self, message: MessageToSend) -> SendReport:
        """Hand the message to the vendor, once.

        UNDELIVERABLE where the vendor took the call but not this receiver (partial failure).

        Raises:
            GatewayError
        """
        ...

    @property
    def repeatable(self) -> bool:
        """Sending the same message again soon is harmless: the vendor itself drops the second one."""
        ...

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        """What became of a message that was handed over about `sent_at`; None: the vendor cannot be asked.

        Raises:
            GatewayError
        """
        ...


@dataclass(frozen=True, slots=True)
class Receipt:
    """A vendor's later word on a message, by its own id. Told more than once, and in any order."""

    channel: Channel
    vendor_message_id: str
    standing: SendStanding
    at: datetime
    code: str | None = None
    message_id: str | None = None


class Receipts(Protocol):
    """Reads a vendor's receipt callbacks."""

    def read(self, body: bytes) -> Sequence[Receipt]:
        """The receipts in a callback's body.

        Raises:
            InvalidInput: it is not what the vendor sends.
        """
        ...
