"""Queue `payments`: calls to payment vendors, apart so that a slow vendor holds up nothing else."""

from __future__ import annotations

from activities.payments import PaymentActivities
from mallcare.application.use_cases import UseCases
from mallcare.contracts.names import Queue
from mallcare.ports import Clock, PaymentGateways
from workers.process import WorkerPlan


def plan(use_cases: UseCases, gateways: PaymentGateways, clock: Clock) -> WorkerPlan:
    """Refund legs are pursued here."""
    return WorkerPlan(Queue.PAYMENTS, activities=[PaymentActivities(use_cases, gateways, clock).issue_refund])
