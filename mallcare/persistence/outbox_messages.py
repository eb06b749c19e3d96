"""The outbox as people see it: its list, and sending again."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Row,
    Text,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.errors import InvalidInput
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.tables import outgoing_messages
from mallcare.ports.queries import Page
from mallcare.ports.records import OutgoingMessage
from mallcare.ports.webhooks import MessageFilter, MessageStatus, ReplaySelection, StoredMessage

M = outgoing_messages.c
CURSOR = re.compile(r"m([0-9]{1,18})", re.ASCII)
AGAIN = (
    update(outgoing_messages)
    .where(M.id == func.any(bindparam("ids", type_=ARRAY(Text()))))
    .values(
        status=MessageStatus.PENDING.value,
        attempts=0,
        next_attempt_at=bindparam("now", type_=DateTime(timezone=True)),
        claimed_until=None,
        delivered_at=None,
        last_error=None,
    )
)


async def page(
    connection: AsyncConnection, where: MessageFilter, limit: int, cursor: str | None
) -> Page[StoredMessage]:
    """By the order in which messages were written; see `ports.storage.Outbox.page`."""
    statement = select(outgoing_messages).order_by(M.seq.desc()).limit(limit + 1)
    if where.status is not None:
        statement = statement.where(M.status == _word(where.status))
    if where.subject is not None:
        statement = statement.where(M.subject == where.subject)
    if cursor is not None:
        statement = statement.where(M.seq < _place(cursor))
    rows = (await connection.execute(statement)).all()
    items = tuple(_stored(row) for row in rows[:limit])
    return Page(items, f"m{rows[limit - 1].seq}" if len(rows) > limit else None)


async def replay(connection: AsyncConnection, chosen: ReplaySelection, *, limit: int, now: datetime) -> int:
    """See `ports.storage.Outbox.replay`. Numbers stay, so each subject's messages keep their order.

    Messages are locked in the order of their numbers, as pumps do.
    """
    waits = or_(M.claimed_until.is_(None), M.claimed_until <= now)
    matching = (
        select(M.id)
        .where(*_conditions(chosen), or_(M.status != _word(MessageStatus.PENDING), waits))
        .order_by(M.seq)
        .limit(limit)
        .with_for_update()
    )
    ids = (await connection.execute(matching)).scalars().all()
    if ids:
        await connection.execute(AGAIN, {"ids": list(ids), "now": now})
    return len(ids)


def _word(status: MessageStatus) -> ColumnElement[str]:
    """A status as part of the statement, so that partial indexes are used."""
    return literal_column(f"'{status.value}'")


def _place(cursor: str) -> int:
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise InvalidInput("the cursor was not made by this list")
    return int(found[1])


def _conditions(chosen: ReplaySelection) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if chosen.subject is not None:
        conditions.append(M.subject == chosen.subject)
    if chosen.message_ids is not None:
        conditions.append(M.id.in_(chosen.message_ids))
    if chosen.since is not None:
        conditions.append(M.occurred_at >= chosen.since)
    if chosen.until is not None:
        conditions.append(M.occurred_at < chosen.until)
    assert conditions, "a replay without any condition would be one of everything"
    return conditions


def _stored(row: Row[*tuple[Any, ...]]) -> StoredMessage:
    status = MessageStatus(row.status)
    return StoredMessage(
        OutgoingMessage(row.id, row.subject, row.type, instant(row.occurred_at), row.data),
        status,
        row.attempts,
        instant(row.next_attempt_at) if status is MessageStatus.PENDING else None,
        utc(row.delivered_at),
        row.last_error,
    )
