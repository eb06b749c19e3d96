"""What is stored, as use cases see it: plain records, without a word of how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
from mallcare.domain.commands import Actor
from mallcare.domain.errors import Fact
from mallcare.domain.fulfilment import Fulfilment
from mallcare.domain.orders import Cells, Order


class StorageUnavailable(Exception):
    """The database cannot be reached; nothing was written that is not acknowledged."""


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What identifies people: kept in PostgreSQL only, never in payloads, logs or ids."""

    customer: Mapping[str, str | None] = field(default_factory=dict[str, str | None])
    ship_to: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """A stored order: the snapshot, its cells once paid, and what events say of it."""

    order: Order
    body_hash: str
    cells: Cells | None
    fulfilment: Fulfilment
    personal: PersonalData
    extended_until: datetime | None = None
    exchanged_at: Mapping[Unit, datetime] = field(default_factory=dict[Unit, datetime])
    release_due_at: datetime | None = None
    """When its supplier may have it (A1); None: not paid, released, or withheld."""
    released_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WindowExtension:
    """One reopening of the customer's entry (A5): until when, by whom, and why."""

    until: datetime
    reason: str
    actor: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class CaseDetails:
    """What the customer wrote: shown to people, never to the engine."""

    description: str | None = None
    evidence: tuple[str, ...] = ()


Address = Mapping[str, str]
"""Name, phone, province, city, district, address: personal data, in PostgreSQL only."""


class AddressUse(StrEnum):
    """Whose goods go where."""

    RETURN = "return"
    """Where the customer sends goods back to, frozen at approval."""
    DELIVERY = "delivery"
    """Where the replacement of an exchange goes."""


@dataclass(frozen=True, slots=True)
class CaseEvidence:
    """Something a party showed during a request: addresses of pictures, a text, or both."""

    about: str
    actor: Actor
    at: datetime
    urls: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """A stored case with what the customer wrote."""

    case: AfterSalesCase
    details: CaseDetails


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """A command that was answered: accepted at `version`, or refused with a code."""

    command_id: str
    name: str
    body_hash: str
    actor: Actor
    at: datetime
    version: int
    code: str | None = None
    detail: str = ""
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])

    @property
    def accepted(self) -> bool:
        """The command changed the case."""
        return self.code is None


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A line of a case's record: what happened, or what was refused (`refused_code`)."""

    seq: int
    name: str
    actor: Actor
    at: datetime
    version: int
    from_state: str | None
    to_state: str | None
    command_id: str | None
    refused_code: str | None
    facts: Mapping[str, Fact]


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The first answer to an Idempotency-Key."""

    body_hash: str
    status: int
    body: Mapping[str, object]


Answered = StoredAnswer | None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A webhook to be: ordered per `subject`, delivered at least once under one `message_id`."""

    message_id: str
    subject: str
    type: str
    occurred_at: datetime
    data: Mapping[str, object]
