"""The notification centre (站内信) in PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Integer,
    Row,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.errors import InvalidInput
from mallcare.domain.notifications import EVERYONE, Audience, Notification
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.statements import rows_parameter
from mallcare.persistence.tables import contacts, notifications
from mallcare.ports.notices import Box, KeptNotification
from mallcare.ports.queries import Page

N = notifications.c
C = contacts.c
ID = re.compile(r"n([0-9]{1,18})", re.ASCII)
COLUMNS = ["audience", "owner", "reader", "kind", "link", "facts", "once", "created_at"]


def _insert() -> Insert:
    """Insert the parameter `told`; one for everyone at a supplier becomes one for each of its contacts."""
    given = rows_parameter(notifications, COLUMNS, "told").subquery("told")
    everyone = and_(given.c.reader == EVERYONE, given.c.audience == Audience.STAFF.value)
    reader = case((everyone, C.contact_id), else_=given.c.reader)
    once = case((everyone, func.concat(given.c.once + ":", C.contact_id)), else_=given.c.once)
    named = {"reader": reader, "once": case((given.c.once.is_(None), None), else_=once)}
    told = (
        select(*(named.get(name, given.c[name]).label(name) for name in COLUMNS))
        .select_from(given.outerjoin(contacts, and_(everyone, C.supplier_id == given.c.owner)))
        .where(reader.is_not(None))
    )
    return (
        insert(notifications)
        .from_select(COLUMNS, told)
        .on_conflict_do_nothing(index_elements=[N.once], index_where=text("once IS NOT NULL"))
    )


ADD = _insert()
"""Also part of the statement that writes a change's webhooks."""


IN_BOX = (
    N.audience == bindparam("of_audience", type_=Text()),
    N.owner == bindparam("of_owner", type_=Text()),
    N.reader == bindparam("of_reader", type_=Text()),
)
UNREAD = text("read_at IS NULL")
_number = bindparam("number", type_=BigInteger())
_now = bindparam("now", type_=DateTime(timezone=True))
PAGE = (
    select(notifications)
    .where(*IN_BOX)
    .order_by(N.id.desc())
    .limit(bindparam("room", type_=Integer()))  # one statement for all pages, prepared once
)
BEFORE = N.id < _number
COUNT = select(func.count()).select_from(
    select(literal(1)).where(*IN_BOX, UNREAD).limit(bindparam("most", type_=Integer())).subquery()
)
MARK = (
    update(notifications)
    .where(*IN_BOX, N.id == _number)
    .values(read_at=func.coalesce(N.read_at, _now))
    .returning(notifications)
)
FIND = select(N.id).where(*IN_BOX, N.id == _number)
MARK_UP_TO = update(notifications).where(*IN_BOX, N.id <= _number, UNREAD).values(read_at=_now)


class SqlNotifications:
    """See `ports.notices.Notifications`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, notifications: Sequence[Notification]) -> None:
        """In one statement, however many; none for none."""
        if notifications:
            await self._connection.execute(ADD, {"told": notification_rows(notifications)})

    async def page(
        self, box: Box, limit: int, cursor: str | None, *, unread: bool = False
    ) -> Page[KeptNotification]:
        """By number; the cursor is the id of the last message of its page."""
        given: dict[str, Any] = {**_box(box), "room": limit + 1}
        statement = PAGE.where(UNREAD) if unread else PAGE
        if cursor is not None:
            number = _number_of(cursor)
            if number is None:
                raise InvalidInput("the cursor was not made by this list")
            statement, given["number"] = statement.where(BEFORE), number
        rows = (await self._connection.execute(statement, given)).all()
        items = tuple(_kept(row) for row in rows[:limit])
        return Page(items, items[-1].notification_id if len(rows) > limit else None)

    async def unread(self, box: Box, most: int) -> int:
        """By the partial index of unread messages alone."""
        return (await self._connection.execute(COUNT, {**_box(box), "most": most})).scalar_one()

    async def mark_read(self, box: Box, notification_id: str, now: datetime) -> KeptNotification | None:
        """The first mark counts."""
        number = _number_of(notification_id)
        if number is None:
            return None
        given = {**_box(box), "number": number, "now": now}
        row = (await self._connection.execute(MARK, given)).one_or_none()
        return None if row is None else _kept(row)

    async def mark_read_up_to(self, box: Box, notification_id: str, now: datetime) -> int | None:
        """In one statement, however many."""
        number = _number_of(notification_id)
        if number is None:
            return None
        given = {**_box(box), "number": number}
        if (await self._connection.execute(FIND, given)).one_or_none() is None:
            return None
        return (await self._connection.execute(MARK_UP_TO, {**given, "now": now})).rowcount


def _box(box: Box) -> dict[str, Any]:
    return {"of_audience": box.audience.value, "of_owner": box.owner, "of_reader": box.reader}


def _number_of(notification_id: str) -> int | None:
    found = ID.fullmatch(notification_id)
    return int(found[1]) if found else None


def _kept(row: Row[*tuple[Any, ...]]) -> KeptNotification:
    notification = Notification(
        audience=Audience(row.audience),
        owner=row.owner,
        reader=row.reader,
        kind=row.kind,
        link=row.link,
        created_at=instant(row.created_at),
        facts=row.facts,
        once=row.once,
    )
    return KeptNotification(f"n{row.id}", notification, utc(row.read_at))


def notification_rows(notifications: Sequence[Notification]) -> list[dict[str, Any]]:
    """What `ADD` takes."""
    return [_values(notification) for notification in notifications]


def _values(notification: Notification) -> dict[str, Any]:
    return {
        "audience": notification.audience.value,
        "owner": notification.owner,
        "reader": notification.reader,
        "kind": notification.kind,
        "link": notification.link,
        "facts": dict(notification.facts),
        "once": notification.once,
        "created_at": notification.created_at.isoformat(),
    }
