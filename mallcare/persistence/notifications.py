"""The notification centre (站内信) in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, case, func, select, text
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.notifications import EVERYONE, Audience, Notification
from mallcare.persistence.statements import rows_parameter
from mallcare.persistence.tables import contacts, notifications

N = notifications.c
C = contacts.c
COLUMNS = ["audience", "owner", "reader", "kind", "link", "facts", "once", "created_at"]


def _insert() -> Insert:
    """Insert the parameter `rows`; one for everyone at a supplier becomes one for each of its contacts."""
    given = rows_parameter(notifications, COLUMNS).subquery("told")
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


class SqlNotifications:
    """See `ports.notices.Notifications`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, notifications: Sequence[Notification]) -> None:
        """In one statement, however many; none for none."""
        if notifications:
            rows = [_values(notification) for notification in notifications]
            await self._connection.execute(ADD, {"rows": rows})


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
