"""Starting the pumps of the outbox."""

from __future__ import annotations

from typing import Final

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from mallcare.contracts.maintenance import DeliveryInput
from mallcare.contracts.names import Queue, WorkflowName, webhook_delivery_workflow_id
from mallcare.gateways.temporal_engine import RPC_TIMEOUT
from mallcare.ports import EngineUnavailable

SHARDS: Final = 2


async def start_delivery(client: Client, shards: int = SHARDS) -> None:
    """Make sure that every shard's pump runs; running ones are left alone. May be repeated.

    For deployments with a webhook address only. More shards than before may be started beside the old
    ones (claims keep them apart); for fewer, terminate all `webhook-delivery/*`: the sweeper starts the
    right ones again.

    Raises:
        EngineUnavailable
    """
    for shard in range(shards):
        try:
            await client.start_workflow(
                WorkflowName.WEBHOOK_DELIVERY,
                DeliveryInput(shard=shard, shards=shards),
                id=webhook_delivery_workflow_id(shard),
                task_queue=Queue.DELIVERY,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"webhooks, shard {shard} of {shards}",
                rpc_timeout=RPC_TIMEOUT,
            )
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error


class TemporalPumps:
    """See `ports.engine.Pumps`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self) -> None:
        """Every shard's pump runs.

        Raises:
            EngineUnavailable
        """
        await start_delivery(self._client)
