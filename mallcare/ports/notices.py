"""Notices to people at suppliers, whom to reach there, and the notification centre."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, SupplierChannels
from mallcare.domain.notices import Notice, NoticeKind, NoticeStatus
from mallcare.domain.notifications import Audience, Notification
from mallcare.ports.messaging import Receipt

if TYPE_CHECKING:
    from mallcare.ports.queries import Page


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


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """A vendor's later word on a notice, as it came."""

    vendor_message_id: str
    standing: str
    at: datetime
    code: str | None = None


@dataclass(frozen=True, slots=True)
class StoredNotice:
    """A notice with who works on it until when, and what its vendor said of it later, oldest first."""

    notice: Notice
    claimed_until: datetime | None = None
    receipts: tuple[KeptReceipt, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticeFilter:
    """Which notices to list; None does not restrict."""

    status: NoticeStatus | None = None
    channel: Channel | None = None
    kind: NoticeKind | None = None
    supplier_id: str | None = None
    contact_id: str | None = None


@dataclass(frozen=True, slots=True)
class AddressQuota:
    """At most `most` messages to one address of a channel within any `window`; vendors drop or block more."""

    most: int
    window: timedelta


class Notices(Protocol):
    """The outbox of messages to people: written with what they tell of, worked through by a dispatcher a
    channel."""

    async def add(self, notices: Sequence[Notice]) -> int:
        """Insert notices; one whose `once` or `fallback_of` is there already is left out. Answers how many
        are new."""
        ...

    async def claim(
        self,
        channel: Channel,
        *,
        room: int,
        now: datetime,
        until: datetime,
        quota: AddressQuota | None = None,
    ) -> list[Notice]:
        """At most `room` notices of a channel that are due, ours until then, once this unit of work is
        committed: to be sent, or to be asked for.

        What would be too much for its address is put off. One claim of a channel at a time keeps the quota.
        """
        ...

    async def next_due(self, channel: Channel) -> datetime | None:
        """When something of a channel can next be claimed; None: nothing waits."""
        ...

    async def last_reminded(self, supplier_id: str) -> datetime | None:
        """When the newest reminder to a supplier was written, apart from what stands in for another one."""
        ...

    async def find(self, notice_id: str) -> StoredNotice | None:
        """A notice, as last committed."""
        ...

    async def lock(self, notice_id: str) -> StoredNotice | None:
        """A notice under its row lock."""
        ...

    async def lock_by_vendor_id(self, channel: Channel, vendor_message_id: str) -> StoredNotice | None:
        """The notice of a vendor's id, under its row lock."""
        ...

    async def save(self, notice: Notice, *, claimed_until: datetime | None = None) -> None:
        """Write what became of a locked notice; without a time it is nobody's to work on any more."""
        ...

    async def add_receipt(self, notice_id: str, receipt: Receipt, most: int) -> bool:
        """Keep a receipt of a locked notice; False where it is there already or `most` are."""
        ...

    async def page(self, where: NoticeFilter, limit: int, cursor: str | None) -> Page[StoredNotice]:
        """Newest first, by keyset.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...


class NoticeDispatchers(Protocol):
    """The endless processes that send notices, one a channel. Every call may be repeated."""

    async def start(self) -> None:
        """Make sure that every dispatcher runs; running ones are left alone.

        Raises:
            EngineUnavailable
        """
        ...

    async def wake(self, channels: Collection[Channel]) -> None:
        """There is something to send. Losing a wake costs a minute.

        Raises:
            EngineUnavailable
        """
        ...


@dataclass(frozen=True, slots=True)
class Box:
    """One reader's part of the notification centre; see `Notification`."""

    audience: Audience
    owner: str
    reader: str


@dataclass(frozen=True, slots=True)
class KeptNotification:
    """A message under its id; `read_at` None while it is unread."""

    notification_id: str
    notification: Notification
    read_at: datetime | None


class Notifications(Protocol):
    """The notification centre."""

    async def add(self, notifications: Sequence[Notification]) -> None:
        """Insert messages; one whose `once` is there already is left out.

        A message to everyone at a supplier is inserted for each of its contacts.
        """
        ...

    async def page(
        self, box: Box, limit: int, cursor: str | None, *, unread: bool = False
    ) -> Page[KeptNotification]:
        """Newest first, by keyset; `unread`: only what is.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...

    async def unread(self, box: Box, most: int) -> int:
        """How many messages of a box are unread, counted up to `most`."""
        ...

    async def mark_read(self, box: Box, notification_id: str, now: datetime) -> KeptNotification | None:
        """Mark a message of a box; one that is read keeps its mark. None: the box has no such message."""
        ...

    async def mark_read_up_to(self, box: Box, notification_id: str, now: datetime) -> int | None:
        """Mark a message of a box and all before it; answers how many were unread. None: as above."""
        ...
