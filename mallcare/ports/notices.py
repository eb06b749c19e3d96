"""Notices to people at suppliers, whom to reach there, and the notification centre."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from mallcare.domain.contacts import Channel, Contact, SupplierChannels
from mallcare.domain.notices import Notice
from mallcare.domain.notifications import Notification


class Contacts(Protocol):
    """Whom to reach at a supplier, and how."""

    async def of(self, supplier_id: str) -> list[Contact]:
        """All contacts of a supplier, by id."""
        ...

    async def channels(self, supplier_id: str) -> SupplierChannels:
        """How a supplier wants to be reached; SMS where it never said."""
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
        """Insert messages; one whose `once` is there already is left out."""
        ...
