"""Starting the daily SMS."""

from __future__ import annotations

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from mallcare.contracts.names import DAILY_SMS_WORKFLOW_ID, Queue, WorkflowName
from mallcare.gateways.temporal_engine import RPC_TIMEOUT
from mallcare.ports import EngineUnavailable


class TemporalDailySms:
    """See `ports.daily_sms.DailySmsProcess`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self) -> None:
        """One for the whole platform; what runs is left alone.

        Raises:
            EngineUnavailable
        """
        try:
            await self._client.start_workflow(
                WorkflowName.DAILY_SMS,
                id=DAILY_SMS_WORKFLOW_ID,
                task_queue=Queue.MAINTENANCE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary="tells principals once a day what is overdue",
                rpc_timeout=RPC_TIMEOUT,
            )
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error
