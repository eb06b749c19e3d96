"""Starting reconciliations: of any day when asked, of yesterday by a Schedule."""

from __future__ import annotations

from datetime import date, timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleCalendarSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleRange,
    ScheduleSpec,
    ScheduleState,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from mallcare.contracts.names import Queue, WorkflowName, reconciliation_workflow_id
from mallcare.contracts.reconciliation import ReconcileInput
from mallcare.gateways.temporal_client import upsert_schedule
from mallcare.gateways.temporal_engine import RPC_TIMEOUT
from mallcare.ports import EngineUnavailable

HALF_PAST_TEN = ScheduleCalendarSpec(hour=[ScheduleRange(10)], minute=[ScheduleRange(30)])
"""The vendor's bill of a day is there from about ten on the next morning."""
CATCH_UP = timedelta(hours=6)


class TemporalReconciler:
    """See `ports.reconciliation.Reconciler`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def reconcile(self, provider: str, day: date) -> None:
        """One at a time for each day; a day that was done is done again.

        Raises:
            EngineUnavailable
        """
        try:
            await self._client.start_workflow(
                WorkflowName.RECONCILIATION,
                ReconcileInput(provider=provider, day=day),
                id=reconciliation_workflow_id(provider, day),
                task_queue=Queue.MAINTENANCE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                static_summary=f"bill of {provider}, {day}",
                rpc_timeout=RPC_TIMEOUT,
            )
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error


async def upsert_reconciliation_schedule(client: Client, provider: str) -> None:
    """Reconcile each day at 10:30 on the next one, Shanghai's time; up to six hours late after an outage.

    Its runs bear the id `reconciliation/{provider}/daily-{time}`. Repeatable.
    """
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            WorkflowName.RECONCILIATION,
            ReconcileInput(provider=provider),
            id=f"reconciliation/{provider}/daily",
            task_queue=Queue.MAINTENANCE,
            static_summary=f"bill of {provider}, yesterday's",
        ),
        spec=ScheduleSpec(calendars=[HALF_PAST_TEN], time_zone_name="Asia/Shanghai"),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
        state=ScheduleState(note="compares the vendor's bill of yesterday with our refunds"),
    )
    await upsert_schedule(client, f"reconciliation-{provider}", schedule)
