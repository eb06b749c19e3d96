"""The platform's own upkeep."""

from __future__ import annotations

from datetime import timedelta

from temporalio import activity

from activities.alive import alive
from activities.errors import typed_failures
from activities.metrics import SWEPT
from mallcare.application.sweep import Sweep
from mallcare.contracts.maintenance import SweepInput, SweepReport
from mallcare.contracts.names import ActivityName


class MaintenanceActivities:
    """Healing between the database and the engine."""

    def __init__(self, sweep: Sweep, *, heartbeat_every: timedelta = timedelta(seconds=3)) -> None:
        self._sweep = sweep
        self._heartbeat_every = heartbeat_every

    @activity.defn(name=ActivityName.SWEEP)
    async def sweep(self, given: SweepInput) -> SweepReport:
        """Repeat lost hints, start missing workflows and pumps."""
        async with alive(self._heartbeat_every):
            with typed_failures():
                healed = await self._sweep(given.now)
        for what, cases in healed.items():
            SWEPT.labels(what=what).inc(cases)
        return SweepReport(**healed)
