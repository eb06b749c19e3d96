"""Letting things fall due: one look of a timekeeper."""

from __future__ import annotations

from datetime import datetime

from temporalio import activity

from activities.alive import alive
from activities.errors import typed_failures
from activities.metrics import BREACHES, CLOCKS_LOOKED_AT, ORDERS_RELEASED, REMINDERS
from mallcare.application.keeping import KeepTime, Kept
from mallcare.contracts.names import ActivityName
from mallcare.contracts.timekeeping import KeepTimeInput, KeepTimeReport
from mallcare.ports import Clock


class TimekeepingActivities:
    """What timekeepers do to the world."""

    def __init__(self, keep_time: KeepTime, clock: Clock) -> None:
        self._keep_time = keep_time
        self._clock = clock

    @activity.defn(name=ActivityName.KEEP_TIME)
    async def keep_time(self, given: KeepTimeInput) -> KeepTimeReport:
        """Answer what took place and when the next thing is due."""
        async with alive():
            with typed_failures():
                kept = await self._keep_time(given.shard, self._now(given.now))
        _count(kept)
        return KeepTimeReport(
            released=kept.released,
            withheld=kept.withheld,
            next_due_at=kept.next_due_at,
            clocks=kept.clocks,
            breached=kept.breached,
            planned=kept.planned,
            told=kept.told,
            notices=kept.notices,
        )

    def _now(self, of_workflow: datetime) -> datetime:
        """The present, on the workflow's clock where that is ahead of this machine's."""
        return max(of_workflow, self._clock.now())


def _count(kept: Kept) -> None:
    ORDERS_RELEASED.labels(outcome="released").inc(kept.released)
    ORDERS_RELEASED.labels(outcome="withheld").inc(kept.withheld)
    CLOCKS_LOOKED_AT.inc(kept.clocks)
    BREACHES.inc(kept.breached)
    for outcome in ("planned", "told", "moot", "postponed", "unaddressed"):
        REMINDERS.labels(outcome=outcome).inc(getattr(kept, outcome))
