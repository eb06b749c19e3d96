"""Releasing orders to their suppliers, as part of a timekeeper's look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.order_timing import start_shipments
from mallcare.ports import DueRelease, Ids, OutgoingMessage, UnitOfWork, UnitOfWorkFactory


@dataclass(frozen=True, slots=True)
class Released:
    """What became of the orders that were due."""

    released: int = 0
    withheld: int = 0


class ReleaseOrders:
    """Release orders whose cooling-off has ended (A1); each page is one transaction.

    Whoever has an order locked just now, a customer who asks for all of it or a newer version, goes first:
    the order is left for the next look, which comes at once.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids, *, page: int) -> None:
        self._uow = uow
        self._ids = ids
        self._page = page

    async def __call__(self, shard: int, now: datetime) -> Released:
        """Every order of the shard that is due by `now`."""
        released = withheld = 0
        while True:
            async with self._uow() as uow:
                due = await uow.releases.due(shard, now, self._page)
                if due:
                    await uow.releases.settle(due)
                    await start_shipments(uow, due)
                    await self._announce(uow, due)
                    await uow.commit()
            released += sum(not one.withheld for one in due)
            withheld += sum(one.withheld for one in due)
            if len(due) < self._page:
                return Released(released, withheld)

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
