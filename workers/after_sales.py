"""Queue `after-sales`: the workflows of cases and their transactions."""

from __future__ import annotations

from activities.after_sales import AfterSalesActivities
from mallcare.application.use_cases import UseCases
from mallcare.contracts.names import Queue
from mallcare.ports import Clock
from workers.process import WorkerPlan
from workflows.after_sales import AfterSalesWorkflow


def plan(use_cases: UseCases, clock: Clock) -> WorkerPlan:
    """Workflows wait here; deadlines fire here."""
    return WorkerPlan(
        Queue.AFTER_SALES, [AfterSalesWorkflow], [AfterSalesActivities(use_cases, clock).fire_deadline]
    )
