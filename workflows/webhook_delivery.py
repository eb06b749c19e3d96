"""The endless process that keeps one shard of the outbox moving."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.maintenance import DeliveryInput
    from mallcare.contracts.names import ActivityName, WorkflowName

MARGIN = timedelta(minutes=5)
FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)


@workflow.defn(name=WorkflowName.WEBHOOK_DELIVERY)
class WebhookDeliveryWorkflow:
    """A loop around one long activity: history grows with time, never with messages (ADR-0004)."""

    @workflow.run
    async def run(self, given: DeliveryInput) -> None:
        """Pump for ever; a pump that dies is started again within the heartbeat's patience."""
        while not workflow.info().is_continue_as_new_suggested():
            await workflow.execute_activity(
                ActivityName.DELIVER_WEBHOOKS,
                given,
                start_to_close_timeout=timedelta(seconds=given.until_seconds) + MARGIN,
                heartbeat_timeout=timedelta(seconds=given.heartbeat_seconds),
                retry_policy=FOR_EVER,
                summary=f"outbox, shard {given.shard} of {given.shards}",
            )
        workflow.continue_as_new(given)
