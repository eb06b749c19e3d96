"""Queue `maintenance`: the sweeper."""

from __future__ import annotations

from activities.maintenance import MaintenanceActivities
from mallcare.application.sweep import Sweep
from mallcare.contracts.names import Queue
from workers.process import WorkerPlan
from workflows.sweep import SweepWorkflow


def plan(sweep: Sweep) -> WorkerPlan:
    """Losses between database and engine are healed here."""
    return WorkerPlan(Queue.MAINTENANCE, [SweepWorkflow], [MaintenanceActivities(sweep).sweep])
