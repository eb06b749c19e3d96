"""The outbox of messages to people, in PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.contacts import Channel
from mallcare.domain.errors import InvalidInput
from mallcare.domain.notices import Notice, NoticeKind, NoticeStatus
from mallcare.persistence import notice_claims
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import notices
from mallcare.ports.messaging import Receipt
from mallcare.ports.notices import AddressQuota, KeptReceipt, NoticeFilter, StoredNotice
from mallcare.ports.queries import Page

N = notices.c
CURSOR = re.compile(r"n([0-9]{1,18})", re.ASCII)
ADD = (
    insert_rows(
        notices,
        [
            "notice_id",
            "kind",
            "channel",
            "supplier_id",
            "contact_id",
            "facts",
            "once",
            "fallback_of",
            "status",
            "created_at",
            "next_attempt_at",
        ],
    )
    .on_conflict_do_nothing()
    .returning(N.notice_id)
)
FIND = select(notices).where(N.notice_id == bindparam("which", type_=Text()))
LOCK = FIND.with_for_update()
LAST_REMINDED = (
    select(N.created_at)
    .where(
        N.supplier_id == bindparam("supplier", type_=Text()),
        N.kind == NoticeKind.REMINDER.value,
        N.fallback_of.is_(None),
        N.once.is_(None),
    )
    .order_by(N.seq.desc())
    .limit(1)
)
LOCK_BY_VENDOR_ID = (
    select(notices)
    .where(
        N.channel == bindparam("over", type_=Text()),
        N.vendor_message_id == bindparam("vendor_id", type_=Text()),
    )
    .order_by(N.seq.desc())
    .limit(1)
    .with_for_update()
)
_receipt = bindparam("receipt", type_=JSONB())
ADD_RECEIPT = (
    update(notices)
    .where(
        N.notice_id == bindparam("which", type_=Text()),
        ~N.receipts.op("@>")(func.jsonb_build_array(_receipt)),
        func.jsonb_array_length(N.receipts) < bindparam("most"),
    )
    .values(receipts=N.receipts.op("||")(func.jsonb_build_array(cast(_receipt, JSONB))))
    .returning(N.notice_id)
)


class SqlNotices:
    """See `ports.notices.Notices`. `written`: channels of the messages that were added so far."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.written: set[Channel] = set()

    async def add(self, notices: Sequence[Notice]) -> int:
        """In one statement; what is due when it is written is due at once, even where a demo runs ahead."""
        now = datetime.now(UTC)
        rows = [
            {
                "notice_id": notice.notice_id,
                "kind": notice.kind.value,
                "channel": notice.channel.value,
                "supplier_id": notice.supplier_id,
                "contact_id": notice.contact_id,
                "facts": dict(notice.facts),
                "once": notice.once,
                "fallback_of": notice.fallback_of,
                "status": notice.status.value,
                "created_at": notice.created_at,
                "next_attempt_at": _first_attempt(notice, now),
            }
            for notice in notices
        ]
        if not rows:
            return 0
        self.written.update(notice.channel for notice in notices)
        return len((await self._connection.execute(ADD, {"rows": rows})).all())

    async def claim(
        self,
        channel: Channel,
        *,
        room: int,
        now: datetime,
        until: datetime,
        quota: AddressQuota | None = None,
    ) -> list[Notice]:
        """Longest due first; what others have locked is left out."""
        rows = await notice_claims.claim(self._connection, channel, room, now, until, quota)
        return [_notice(row) for row in rows]

    async def next_due(self, channel: Channel) -> datetime | None:
        """By what is committed; a claim that runs out counts as its end."""
        return utc(await notice_claims.next_due(self._connection, channel))

    async def last_reminded(self, supplier_id: str) -> datetime | None:
        """By the index of a supplier's notices, backwards."""
        found = await self._connection.execute(LAST_REMINDED, {"supplier": supplier_id})
        return utc(found.scalar_one_or_none())

    async def find(self, notice_id: str) -> StoredNotice | None:
        """Without a lock."""
        return await self._one(FIND, {"which": notice_id})

    async def lock(self, notice_id: str) -> StoredNotice | None:
        """Waits for whoever has it."""
        return await self._one(LOCK, {"which": notice_id})

    async def lock_by_vendor_id(self, channel: Channel, vendor_message_id: str) -> StoredNotice | None:
        """Of several the newest: vendors use their ids again after years."""
        return await self._one(LOCK_BY_VENDOR_ID, {"over": channel.value, "vendor_id": vendor_message_id})

    async def save(self, notice: Notice, *, claimed_until: datetime | None = None) -> None:
        """All that can change."""
        changed = (
            update(notices)
            .where(N.notice_id == notice.notice_id)
            .values(
                facts=dict(notice.facts),
                status=notice.status.value,
                next_attempt_at=notice.next_attempt_at,
                claimed_until=claimed_until,
                attempts=notice.attempts,
                handed_at=notice.handed_at,
                settled_at=notice.settled_at,
                vendor_message_id=notice.vendor_message_id,
                error_code=notice.error_code,
            )
        )
        await self._connection.execute(changed)

    async def add_receipt(self, notice_id: str, receipt: Receipt, most: int) -> bool:
        """In the order they come."""
        kept = {
            "vendor_message_id": receipt.vendor_message_id,
            "standing": receipt.standing.value,
            "at": receipt.at.isoformat(),
            "code": receipt.code,
        }
        given = {"which": notice_id, "receipt": kept, "most": most}
        return (await self._connection.execute(ADD_RECEIPT, given)).one_or_none() is not None

    async def page(self, where: NoticeFilter, limit: int, cursor: str | None) -> Page[StoredNotice]:
        """By the order in which notices were written."""
        rows = (await self._connection.execute(list_notices(where, limit + 1, cursor))).all()
        items = tuple(_stored(row) for row in rows[:limit])
        return Page(items, f"n{rows[limit - 1].seq}" if len(rows) > limit else None)

    async def _one(self, statement: Select[Any], given: dict[str, object]) -> StoredNotice | None:
        row = (await self._connection.execute(statement, given)).one_or_none()
        return None if row is None else _stored(row)


def list_notices(where: NoticeFilter, limit: int, cursor: str | None) -> Select[Any]:
    """The statement of a page.

    Raises:
        InvalidInput: see `Notices.page`.
    """
    statement = select(notices).order_by(N.seq.desc()).limit(limit)
    wanted: list[tuple[ColumnElement[Any], str | None]] = [
        (N.status, where.status),
        (N.channel, where.channel),
        (N.kind, where.kind),
        (N.supplier_id, where.supplier_id),
        (N.contact_id, where.contact_id),
    ]
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == str(value))
    if where.status in (NoticeStatus.WAITING, NoticeStatus.ASKING):
        statement = statement.where(text(f"notices.{notice_claims.TO_SEND}"))
    if cursor is not None:
        found = CURSOR.fullmatch(cursor)
        if found is None:
            raise InvalidInput("the cursor was not made by this list")
        statement = statement.where(N.seq < literal_column(found[1]))
    return statement


def _stored(row: Row[*tuple[Any, ...]]) -> StoredNotice:
    receipts = tuple(
        KeptReceipt(one["vendor_message_id"], one["standing"], instant(one["at"]), one["code"])
        for one in row.receipts
    )
    return StoredNotice(_notice(row), utc(row.claimed_until), receipts)


def _notice(row: Row[*tuple[Any, ...]]) -> Notice:
    return Notice(
        notice_id=row.notice_id,
        kind=NoticeKind(row.kind),
        channel=Channel(row.channel),
        supplier_id=row.supplier_id,
        contact_id=row.contact_id,
        created_at=instant(row.created_at),
        next_attempt_at=instant(row.next_attempt_at),
        facts=row.facts,
        once=row.once,
        fallback_of=row.fallback_of,
        status=NoticeStatus(row.status),
        attempts=row.attempts,
        handed_at=utc(row.handed_at),
        settled_at=utc(row.settled_at),
        vendor_message_id=row.vendor_message_id,
        error_code=row.error_code,
    )


def _first_attempt(notice: Notice, now: datetime) -> datetime:
    at_once = notice.next_attempt_at <= notice.created_at
    return min(notice.next_attempt_at, now) if at_once else notice.next_attempt_at
