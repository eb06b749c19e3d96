"""Queue `timekeeping`: the timekeepers, apart so that a flood of due things holds up no request."""

from __future__ import annotations

from activities.timekeeping import TimekeepingActivities
from mallcare.application.keeping import KeepTime
from mallcare.contracts.names import Queue
from mallcare.ports import Clock
from workers.process import WorkerPlan
from workflows.timekeeper import TimekeeperWorkflow


def plan(keep_time: KeepTime, clock: Clock) -> WorkerPlan:
    """Orders are released here."""
    return WorkerPlan(
        Queue.TIMEKEEPING, [TimekeeperWorkflow], [TimekeepingActivities(keep_time, clock).keep_time]
    )
