"""First answers by caller and Idempotency-Key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, bindparam, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.persistence.tables import idempotency_keys
from mallcare.ports.records import Answered, StoredAnswer

LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name", type_=Text()), 7300)))
FIND = select(idempotency_keys.c.body_hash, idempotency_keys.c.status, idempotency_keys.c.body).where(
    idempotency_keys.c.caller == bindparam("by", type_=Text()),
    idempotency_keys.c.key == bindparam("under", type_=Text()),
)
STORE = insert(idempotency_keys)


class SqlIdempotency:
    """Answers in PostgreSQL; see `ports.storage.Idempotency`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, caller: str, key: str) -> Answered:
        """Waits for an equal call that is still being answered.

        Two statements on purpose: the one that waits would not see what the other call stored.
        """
        await self._connection.execute(LOCK, {"name": f"{len(caller)}:{caller}{key}"})
        row = (await self._connection.execute(FIND, {"by": caller, "under": key})).one_or_none()
        return None if row is None else StoredAnswer(row.body_hash, row.status, row.body)

    async def store(self, caller: str, key: str, answer: StoredAnswer, now: datetime) -> None:
        """Keep the first answer; `find` was asked before in this unit of work."""
        values = {
            "caller": caller,
            "key": key,
            "body_hash": answer.body_hash,
            "status": answer.status,
            "body": dict(answer.body),
            "created_at": now,
        }
        await self._connection.execute(STORE, values)
