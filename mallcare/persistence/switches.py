"""Stop switches of operations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.commands import Actor
from mallcare.persistence.tables import switches

STOPPED = select(switches.c.stopped).where(switches.c.name == bindparam("which", type_=Text()))
_new = insert(switches)
SET = _new.on_conflict_do_update(
    index_elements=[switches.c.name],
    set_={name: _new.excluded[name] for name in ("stopped", "reason", "changed_by", "changed_at")},
)


class SqlSwitches:
    """Switches in PostgreSQL; see `ports.storage.Switches`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def stopped(self, name: str) -> bool:
        """A switch nobody ever set is not stopped."""
        return bool((await self._connection.execute(STOPPED, {"which": name})).scalar_one_or_none())

    async def set(self, name: str, *, stopped: bool, reason: str, actor: Actor, now: datetime) -> None:
        """The last setting counts."""
        values = {
            "name": name,
            "stopped": stopped,
            "reason": reason,
            "changed_by": f"{actor.role.value}:{actor.subject}",
            "changed_at": now,
        }
        await self._connection.execute(SET, values)
