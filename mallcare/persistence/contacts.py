"""Whom to reach at suppliers, and how, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Text, bindparam, delete, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.calendars import Hours
from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, ContactRole, SupplierChannels
from mallcare.persistence.codec import instant
from mallcare.persistence.tables import contacts, supplier_channels
from mallcare.ports.notices import KeptChannels, KeptContact

SECOND = timedelta(seconds=1)
C = contacts.c
H = supplier_channels.c
_supplier = bindparam("supplier", type_=Text())
_contact = bindparam("contact", type_=Text())
ALL = select(contacts).where(C.supplier_id == _supplier).order_by(C.contact_id)
ONE = select(contacts).where(C.supplier_id == _supplier, C.contact_id == _contact)
REMOVE = delete(contacts).where(C.supplier_id == _supplier, C.contact_id == _contact)
CHANNELS = select(supplier_channels).where(H.supplier_id == _supplier)


def _replace(new: Insert, key: Sequence[str], rest: Sequence[str]) -> Insert:
    replaced = {name: new.excluded[name] for name in rest}
    return new.on_conflict_do_update(index_elements=list(key), set_=replaced)


SET = _replace(
    insert(contacts),
    ["supplier_id", "contact_id"],
    ["role", "name", "phone", "wecom_user_id", "duty", "set_by", "set_at"],
)
SET_CHANNELS = _replace(
    insert(supplier_channels),
    ["supplier_id"],
    ["preferred", "wecom_robot_key", "dingtalk_token", "dingtalk_secret", "set_by", "set_at"],
)


class SqlContacts:
    """See `ports.notices.Contacts`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, supplier_id: str) -> list[Contact]:
        """As last committed."""
        return [kept.contact for kept in await self.kept_of(supplier_id)]

    async def channels(self, supplier_id: str) -> SupplierChannels:
        """As last committed."""
        kept = await self.kept_channels(supplier_id)
        return SupplierChannels(supplier_id) if kept is None else kept.channels

    async def kept_of(self, supplier_id: str) -> list[KeptContact]:
        """As last committed."""
        rows = await self._connection.execute(ALL, {"supplier": supplier_id})
        return [_kept(row) for row in rows]

    async def find(self, supplier_id: str, contact_id: str) -> KeptContact | None:
        """As last committed."""
        found = await self._connection.execute(ONE, {"supplier": supplier_id, "contact": contact_id})
        row = found.one_or_none()
        return None if row is None else _kept(row)

    async def set(self, contact: Contact, actor: Actor, now: datetime) -> None:
        """The last word counts."""
        values = {
            "supplier_id": contact.supplier_id,
            "contact_id": contact.contact_id,
            "role": contact.role.value,
            "name": contact.name,
            "phone": contact.phone,
            "wecom_user_id": contact.wecom_user_id,
            "duty": None if contact.duty is None else [_spans(hours) for hours in contact.duty],
            **_set_values(actor, now),
        }
        await self._connection.execute(SET, values)

    async def remove(self, supplier_id: str, contact_id: str) -> bool:
        """Nothing of the person stays but what they were told."""
        removed = await self._connection.execute(REMOVE, {"supplier": supplier_id, "contact": contact_id})
        return removed.rowcount > 0

    async def kept_channels(self, supplier_id: str) -> KeptChannels | None:
        """As last committed."""
        row = (await self._connection.execute(CHANNELS, {"supplier": supplier_id})).one_or_none()
        if row is None:
            return None
        channels = SupplierChannels(
            supplier_id=row.supplier_id,
            preferred=Channel(row.preferred),
            wecom_robot_key=row.wecom_robot_key,
            dingtalk_token=row.dingtalk_token,
            dingtalk_secret=row.dingtalk_secret,
        )
        return KeptChannels(channels, row.set_by, instant(row.set_at))

    async def set_channels(self, channels: SupplierChannels, actor: Actor, now: datetime) -> None:
        """The last word counts."""
        values = {
            "supplier_id": channels.supplier_id,
            "preferred": channels.preferred.value,
            "wecom_robot_key": channels.wecom_robot_key,
            "dingtalk_token": channels.dingtalk_token,
            "dingtalk_secret": channels.dingtalk_secret,
            **_set_values(actor, now),
        }
        await self._connection.execute(SET_CHANNELS, values)


def _set_values(actor: Actor, now: datetime) -> dict[str, Any]:
    return {"set_by": f"{actor.role}:{actor.subject}", "set_at": now}


def _kept(row: Row[*tuple[Any, ...]]) -> KeptContact:
    contact = Contact(
        supplier_id=row.supplier_id,
        contact_id=row.contact_id,
        role=ContactRole(row.role),
        name=row.name,
        phone=row.phone,
        wecom_user_id=row.wecom_user_id,
        duty=None if row.duty is None else tuple(_hours(spans) for spans in row.duty),
    )
    return KeptContact(contact, row.set_by, instant(row.set_at))


def _spans(hours: Hours) -> list[list[int]]:
    """Spans in seconds since midnight."""
    return [[opens // SECOND, closes // SECOND] for opens, closes in hours.spans]


def _hours(spans: Sequence[Sequence[int]]) -> Hours:
    return Hours(tuple((opens * SECOND, closes * SECOND) for opens, closes in spans))
