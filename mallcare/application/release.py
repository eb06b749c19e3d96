"""Use case: let what fell due in a timekeeper's shard take place, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.ports import DueRelease, Ids, OutgoingMessage, UnitOfWork, UnitOfWorkFactory

PAGE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What one look of a timekeeper came to, and when the next thing is known to fall due."""

    released: int = 0
    withheld: int = 0
    next_due_at: datetime | None = None


class KeepTime:
    """Release orders whose cooling-off has ended (A1); each page is one transaction.

    Whoever has an order locked just now, a customer who asks for all of it or a newer version, goes first:
    the order is left for the next look, which comes at once.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids, *, page: int = PAGE) -> None:
        self._uow = uow
        self._ids = ids
        self._page = page

    async def __call__(self, shard: int, now: datetime) -> Kept:
        """Everything of the shard that is due by `now`."""
        released = withheld = 0
        while True:
            async with self._uow() as uow:
                due = await uow.releases.due(shard, now, self._page)
                if due:
                    await uow.releases.settle(due)
                    await self._announce(uow, due)
                    await uow.commit()
            released += sum(not one.withheld for one in due)
            withheld += sum(one.withheld for one in due)
            if len(due) < self._page:
                break
        async with self._uow() as uow:
            next_due_at = await uow.releases.next_due(shard)
        return Kept(released, withheld, next_due_at)

    async def _announce(self, uow: UnitOfWork, due: list[DueRelease]) -> None:
        """Tell the mall, in order with all that is told of the order."""
        await uow.outbox.add(
            [
                OutgoingMessage(
                    message_id=self._ids.message_id(),
                    subject=one.order_no,
                    type="order.released",
                    occurred_at=one.due_at,
                    data={
                        "order_no": one.order_no,
                        "supplier_id": one.supplier_id,
                        "released_at": one.due_at.isoformat(),
                    },
                )
                for one in due
                if not one.withheld
            ]
        )
