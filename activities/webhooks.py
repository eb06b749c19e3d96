"""The long activity that pumps one shard of the outbox."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from temporalio import activity

from activities.errors import typed_failures
from activities.metrics import WEBHOOK_ATTEMPTS, WEBHOOK_DELAY
from mallcare.application.webhook_delivery import DeliverWebhooks
from mallcare.contracts.maintenance import DeliveryInput
from mallcare.contracts.names import ActivityName
from mallcare.ports import MessageStatus, Settlement, Shard


class WebhookActivities:
    """Calls to the mall's webhook receiver."""

    def __init__(self, deliver: DeliverWebhooks) -> None:
        self._deliver = deliver

    @activity.defn(name=ActivityName.DELIVER_WEBHOOKS)
    async def deliver_webhooks(self, given: DeliveryInput) -> None:
        """Deliver until the time is over or the worker shuts down; a heartbeat at every turn.

        What is on its way is waited for at the end. A worker that is killed instead leaves claims behind
        that end by themselves.
        """
        stop = asyncio.Event()
        end = asyncio.get_running_loop().call_later(given.until_seconds, stop.set)
        shutdown = asyncio.create_task(_at_shutdown(stop))
        try:
            with typed_failures():
                await self._deliver(Shard(given.shard, given.shards), stop, _count)
        finally:
            end.cancel()
            shutdown.cancel()


async def _at_shutdown(stop: asyncio.Event) -> None:
    await activity.wait_for_worker_shutdown()
    stop.set()


def _count(settled: Sequence[Settlement]) -> None:
    activity.heartbeat()
    for one in settled:
        again = one.status is MessageStatus.PENDING
        WEBHOOK_ATTEMPTS.labels(outcome="failed" if again else one.status.value).inc()
        if one.status is MessageStatus.DELIVERED:
            delay = (one.at - one.claimed.message.occurred_at).total_seconds()
            WEBHOOK_DELAY.observe(max(0.0, delay))
