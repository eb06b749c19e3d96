"""The platform's own upkeep."""

from __future__ import annotations

from temporalio import activity

from activities.errors import typed_failures
from activities.metrics import SWEPT
from mallcare.application.sweep import Sweep
from mallcare.contracts.maintenance import SweepInput, SweepReport
from mallcare.contracts.names import ActivityName


class MaintenanceActivities:
    """Healing between the database and the engine."""

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep

    @activity.defn(name=ActivityName.SWEEP)
    async def sweep(self, given: SweepInput) -> SweepReport:
        """Repeat lost hints, start missing workflows."""
        with typed_failures():
            healed = await self._sweep(given.now)
        for what, cases in healed.items():
            SWEPT.labels(what=what).inc(cases)
        return SweepReport(**healed)
