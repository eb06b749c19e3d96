"""Queue `delivery`: webhooks to the mall. Only where a receiver is configured; else messages wait."""

from __future__ import annotations

from activities.webhooks import WebhookActivities
from mallcare.application.webhook_delivery import DeliverWebhooks
from mallcare.contracts.names import Queue
from workers.process import WorkerPlan
from workflows.webhook_delivery import WebhookDeliveryWorkflow


def plan(deliver: DeliverWebhooks) -> WorkerPlan:
    """The outbox is pumped here, one long activity a shard."""
    return WorkerPlan(
        Queue.DELIVERY, [WebhookDeliveryWorkflow], [WebhookActivities(deliver).deliver_webhooks]
    )
