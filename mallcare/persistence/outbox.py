"""Outgoing messages, written in the transaction of the change they tell of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import outgoing_messages
from mallcare.ports.storage import OutgoingMessage

ADD = insert_rows(outgoing_messages, ["id", "subject", "type", "data", "occurred_at", "next_attempt_at"])


class SqlOutbox:
    """The outbox in PostgreSQL; see `ports.storage.Outbox`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, messages: Sequence[OutgoingMessage]) -> None:
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
        if rows:
            await self._connection.execute(ADD, {"rows": rows})
