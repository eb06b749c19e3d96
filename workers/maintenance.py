"""Queue `maintenance`: the sweeper, reconciliation with the vendors' bills, and the daily SMS."""

from __future__ import annotations

from activities.daily_sms import DailySmsActivities
from activities.maintenance import MaintenanceActivities
from activities.reconciliation import ReconciliationActivities
from mallcare.application.daily_sms import SendDailySms
from mallcare.application.reconciliation import ReconcileDay
from mallcare.application.sweep import Sweep
from mallcare.contracts.names import Queue
from mallcare.ports import Clock
from workers.process import WorkerPlan
from workflows.daily_sms import DailySmsWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sweep import SweepWorkflow


def plan(sweep: Sweep, reconcile: ReconcileDay, send: SendDailySms, clock: Clock) -> WorkerPlan:
    """Losses between database and engine are healed here, differences with vendors found, suppliers told."""
    reconciliation = ReconciliationActivities(reconcile)
    daily_sms = DailySmsActivities(send, clock)
    return WorkerPlan(
        Queue.MAINTENANCE,
        [SweepWorkflow, ReconciliationWorkflow, DailySmsWorkflow],
        [
            MaintenanceActivities(sweep).sweep,
            reconciliation.reconcile_day,
            reconciliation.give_up_reconciliation,
            daily_sms.next_daily_sms,
            daily_sms.plan_daily_sms,
            daily_sms.report_daily_sms,
        ],
    )
