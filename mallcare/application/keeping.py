"""Use case: let what fell due in a timekeeper's shard take place, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.release import ReleaseOrders
from mallcare.ports import Ids, UnitOfWorkFactory

PAGE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What one look of a timekeeper came to, and when the next thing is known to fall due."""

    released: int = 0
    withheld: int = 0
    next_due_at: datetime | None = None


class KeepTime:
    """One look of a timekeeper: orders are released."""

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids, *, page: int = PAGE) -> None:
        self._uow = uow
        self._release = ReleaseOrders(uow, ids, page=page)

    async def __call__(self, shard: int, now: datetime) -> Kept:
        """Everything of the shard that is due by `now`."""
        orders = await self._release(shard, now)
        async with self._uow() as uow:
            next_due_at = await uow.releases.next_due(shard)
        return Kept(orders.released, orders.withheld, next_due_at)
