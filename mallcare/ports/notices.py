"""Notices to people at suppliers, whom to reach there, and the notification centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, SupplierChannels
from mallcare.domain.notices import Notice
from mallcare.domain.notifications import Notification


@dataclass(frozen=True, slots=True)
class KeptContact:
    """A contact as it is on record; `set_by`: role and subject of who said so last."""

    contact: Contact
    set_by: str
    set_at: datetime


@dataclass(frozen=True, slots=True)
class KeptChannels:
    """How a supplier wants to be reached, as it is on record."""

    channels: SupplierChannels
    set_by: str
    set_at: datetime


class Contacts(Protocol):
    """Whom to reach at a supplier, and how."""

    async def of(self, supplier_id: str) -> list[Contact]:
        """All contacts of a supplier, by id."""
        ...

    async def channels(self, supplier_id: str) -> SupplierChannels:
        """How a supplier wants to be reached; SMS where it never said."""
        ...

    async def kept_of(self, supplier_id: str) -> list[KeptContact]:
        """All contacts of a supplier with who set them, by id."""
        ...

    async def find(self, supplier_id: str, contact_id: str) -> KeptContact | None:
        """One contact of a supplier."""
        ...

    async def set(self, contact: Contact, actor: Actor, now: datetime) -> None:
        """Add a contact, or replace all of what was known of it."""
        ...

    async def remove(self, supplier_id: str, contact_id: str) -> bool:
        """Forget a contact; False when there is none."""
        ...

    async def kept_channels(self, supplier_id: str) -> KeptChannels | None:
        """How a supplier wants to be reached and who said so; None if it never said."""
        ...

    async def set_channels(self, channels: SupplierChannels, actor: Actor, now: datetime) -> None:
        """From the next notice on."""
        ...


class Notices(Protocol):
    """The outbox of messages to people."""

    async def add(self, notices: Sequence[Notice]) -> int:
        """Insert notices; one whose `once` or `fallback_of` is there already is left out. Answers how many
        are new."""
        ...

    async def claim(self, channel: Channel, *, room: int, now: datetime, until: datetime) -> list[Notice]:
        """At most `room` notices of a channel that are due, ours until then, once this unit of work is
        committed."""
        ...


class Notifications(Protocol):
    """The notification centre."""

    async def add(self, notifications: Sequence[Notification]) -> None:
        """Insert messages; one whose `once` is there already is left out.

        A message to everyone at a supplier is inserted for each of its contacts.
        """
        ...
