"""Queue `maintenance`: the sweeper, and reconciliation with the vendors' bills."""

from __future__ import annotations

from activities.maintenance import MaintenanceActivities
from activities.reconciliation import ReconciliationActivities
from mallcare.application.reconciliation import ReconcileDay
from mallcare.application.sweep import Sweep
from mallcare.contracts.names import Queue
from workers.process import WorkerPlan
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sweep import SweepWorkflow


def plan(sweep: Sweep, reconcile: ReconcileDay) -> WorkerPlan:
    """Losses between database and engine are healed here, differences with vendors found."""
    reconciliation = ReconciliationActivities(reconcile)
    return WorkerPlan(
        Queue.MAINTENANCE,
        [SweepWorkflow, ReconciliationWorkflow],
        [
            MaintenanceActivities(sweep).sweep,
            reconciliation.reconcile_day,
            reconciliation.give_up_reconciliation,
        ],
    )
