"""The periodic healing of lost hints and missing workflows, started by a Temporal Schedule."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.maintenance import SweepInput, SweepReport
    from mallcare.contracts.names import ActivityName, WorkflowName


@workflow.defn(name=WorkflowName.SWEEP)
class SweepWorkflow:
    """One sweep; the next run of the schedule takes over what this one could not finish."""

    @workflow.run
    async def run(self) -> SweepReport:
        """Heal once and tell what was healed."""
        return await workflow.execute_activity(
            ActivityName.SWEEP,
            SweepInput(now=workflow.now()),
            result_type=SweepReport,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=RetryPolicy(maximum_attempts=2),
        )
