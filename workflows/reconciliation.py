"""The comparison of a vendor's bill with our refund legs, daily by a Temporal Schedule or for any day."""

from __future__ import annotations

from datetime import date, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.names import ActivityName, WorkflowName
    from mallcare.contracts.reconciliation import ReconcileDayInput, ReconcileInput, ReconcileReport
    from mallcare.domain.reconciliation import BEIJING

SCHEDULED_FOR = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
AGAIN = RetryPolicy(
    initial_interval=timedelta(seconds=30), backoff_coefficient=2.0, maximum_interval=timedelta(minutes=30)
)
LONGEST = timedelta(hours=20)
"""A bill that is later than this asks for a person, before the next day's turn."""


@workflow.defn(name=WorkflowName.RECONCILIATION)
class ReconciliationWorkflow:
    """One vendor's day: the bill, waited for if need be; and a person if it does not come."""

    @workflow.run
    async def run(self, given: ReconcileInput) -> ReconcileReport:
        """The day's counts.

        Raises:
            ActivityError: the day could not be reconciled; a task says so.
        """
        day = ReconcileDayInput(provider=given.provider, day=given.day or _day_before())
        try:
            return await workflow.execute_activity(
                ActivityName.RECONCILE_DAY,
                day,
                result_type=ReconcileReport,
                start_to_close_timeout=timedelta(minutes=15),
                schedule_to_close_timeout=LONGEST,
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=AGAIN,
                summary=f"{day.provider} {day.day}",
            )
        except ActivityError:
            await workflow.execute_activity(
                ActivityName.GIVE_UP_RECONCILIATION,
                day,
                start_to_close_timeout=timedelta(minutes=1),
                retry_policy=AGAIN,
            )
            raise


def _day_before() -> date:
    """The day before the one this run was scheduled for: a late or backfilled run keeps its own."""
    scheduled = workflow.info().typed_search_attributes.get(SCHEDULED_FOR) or workflow.now()
    return scheduled.astimezone(BEIJING).date() - timedelta(days=1)
