"""What suppliers told about themselves, in PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text, bindparam, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.commands import Actor
from mallcare.persistence.tables import supplier_return_addresses
from mallcare.ports.records import Address

A = supplier_return_addresses.c
FIND = select(A.address).where(A.supplier_id == bindparam("supplier", type_=Text()))
_new = insert(supplier_return_addresses)
SET = _new.on_conflict_do_update(
    index_elements=[A.supplier_id],
    set_={name: _new.excluded[name] for name in ("address", "set_by_role", "set_by_subject", "set_at")},
)


class SqlSuppliers:
    """See `ports.storage.Suppliers`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def return_address(self, supplier_id: str) -> Address | None:
        """As last committed."""
        return (await self._connection.execute(FIND, {"supplier": supplier_id})).scalar_one_or_none()

    async def set_return_address(
        self, supplier_id: str, address: Address, actor: Actor, now: datetime
    ) -> None:
        """The last word counts; cases keep copies of their own."""
        values = {
            "supplier_id": supplier_id,
            "address": dict(address),
            "set_by_role": actor.role.value,
            "set_by_subject": actor.subject,
            "set_at": now,
        }
        await self._connection.execute(SET, values)
