"""Use case: let what fell due in a timekeeper's shard take place, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.clock_looks import LookAtClocks
from mallcare.application.release import ReleaseOrders
from mallcare.application.reminding import TellReminders
from mallcare.ports import Ids, UnitOfWorkFactory

PAGE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What one look of a timekeeper came to, and when the next thing is known to fall due.

    `clocks`: looked at. `breached`: seen broken for the first time. Of reminders: `planned`, `told` by so
    many `notices`, given up as `moot` or `unaddressed`, `postponed` to waking hours.
    """

    released: int = 0
    withheld: int = 0
    next_due_at: datetime | None = None
    clocks: int = 0
    breached: int = 0
    planned: int = 0
    told: int = 0
    moot: int = 0
    postponed: int = 0
    unaddressed: int = 0
    notices: int = 0


class KeepTime:
    """One look of a timekeeper: orders are released, clocks looked at, people reminded, in this order.

    Every step commits for itself and goes on where an earlier look stopped, so that looks may be killed,
    repeated, and go on side by side.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids, *, page: int = PAGE) -> None:
        self._uow = uow
        self._release = ReleaseOrders(uow, ids, page=page)
        self._look = LookAtClocks(uow, page=page)
        self._tell = TellReminders(uow, ids, page=page)

    async def __call__(self, shard: int, now: datetime) -> Kept:
        """Everything of the shard that is due by `now`."""
        orders = await self._release(shard, now)
        seen = await self._look(shard, now)
        told = await self._tell(shard, now)
        return Kept(
            released=orders.released,
            withheld=orders.withheld,
            next_due_at=await self._next_due(shard),
            clocks=seen.clocks,
            breached=seen.breached,
            planned=seen.planned,
            told=told.told,
            moot=told.moot,
            postponed=told.postponed,
            unaddressed=told.unaddressed,
            notices=told.notices,
        )

    async def _next_due(self, shard: int) -> datetime | None:
        """The next release, look at a clock or reminder, whichever comes first."""
        async with self._uow() as uow:
            falls_due = (
                await uow.releases.next_due(shard),
                await uow.clocks.next_look(shard),
                await uow.reminders.next_reminder(shard),
            )
        return min((at for at in falls_due if at is not None), default=None)
