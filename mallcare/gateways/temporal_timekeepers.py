"""Starting and waking the timekeepers."""

from __future__ import annotations

from collections.abc import Collection

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from mallcare.contracts.names import TIMEKEEPER_WAKE, Queue, WorkflowName, timekeeper_workflow_id
from mallcare.contracts.timekeeping import TimekeeperInput
from mallcare.gateways.temporal_engine import RPC_TIMEOUT
from mallcare.ports import TIMEKEEPERS, EngineUnavailable


class TemporalTimekeepers:
    """See `ports.timekeeping.Timekeepers`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self) -> None:
        """One for each shard; what runs is left alone.

        Raises:
            EngineUnavailable
        """
        for shard in range(TIMEKEEPERS):
            await self._start(shard, None)

    async def wake(self, shards: Collection[int]) -> None:
        """A missing one is started, which is as good.

        Raises:
            EngineUnavailable
        """
        for shard in shards:
            await self._start(shard, TIMEKEEPER_WAKE)

    async def _start(self, shard: int, signal: str | None) -> None:
        try:
            await self._client.start_workflow(
                WorkflowName.TIMEKEEPER,
                TimekeeperInput(shard=shard),
                id=timekeeper_workflow_id(shard),
                task_queue=Queue.TIMEKEEPING,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=signal,
                static_summary=f"timekeeper, shard {shard} of {TIMEKEEPERS}",
                rpc_timeout=RPC_TIMEOUT,
            )
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error
