"""Outgoing messages, written in the transaction of the change they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.notifications import Notification
from mallcare.persistence import notifications, outbox_delivery, outbox_messages
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import outgoing_messages
from mallcare.ports.queries import Page
from mallcare.ports.records import OutgoingMessage
from mallcare.ports.webhooks import (
    ClaimedMessage,
    MessageFilter,
    ReplaySelection,
    Settlement,
    Shard,
    StoredMessage,
)

ADD = insert_rows(outgoing_messages, ["id", "subject", "type", "data", "occurred_at", "next_attempt_at"])
ADD_BOTH = ADD.add_cte(notifications.ADD.cte("told_people"))
"""Messages to the mall and to people, in one round trip."""


class SqlOutbox:
    """The outbox in PostgreSQL; see `ports.storage.Outbox`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, messages: Sequence[OutgoingMessage], told: Sequence[Notification] = ()) -> None:
        """Numbered in the order given; due at once, even where a demo's case runs ahead of the wall."""
        now = datetime.now(UTC)
        rows = [
            {
                "id": message.message_id,
                "subject": message.subject,
                "type": message.type,
                "data": message.data,
                "occurred_at": message.occurred_at,
                "next_attempt_at": min(message.occurred_at, now),
            }
            for message in messages
        ]
        if told:
            people = notifications.notification_rows(told)
            await self._connection.execute(ADD_BOTH, {"rows": rows, "told": people})
        elif rows:
            await self._connection.execute(ADD, {"rows": rows})

    async def settle(self, settled: Sequence[Settlement], now: datetime) -> None:
        """Only under a claim that still holds."""
        await outbox_delivery.settle(self._connection, settled, now)

    async def claim(self, shard: Shard, *, room: int, now: datetime, until: datetime) -> list[ClaimedMessage]:
        """In the order in which messages fell due."""
        return await outbox_delivery.claim(self._connection, shard, room=room, now=now, until=until)

    async def page(self, where: MessageFilter, limit: int, cursor: str | None) -> Page[StoredMessage]:
        """By number."""
        return await outbox_messages.page(self._connection, where, limit, cursor)

    async def replay(self, chosen: ReplaySelection, *, limit: int, now: datetime) -> int:
        """The oldest `limit` of those chosen."""
        return await outbox_messages.replay(self._connection, chosen, limit=limit, now=now)
