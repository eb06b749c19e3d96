"""The durable process that lets things fall due: one for each shard, however many things there are."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.names import ActivityName, WorkflowName
    from mallcare.contracts.timekeeping import KeepTimeInput, KeepTimeReport, TimekeeperInput

FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)
BREATH = timedelta(seconds=1)
"""Between two looks at the least, however often it is woken; what somebody has locked waits as long."""


@workflow.defn(name=WorkflowName.TIMEKEEPER)
class TimekeeperWorkflow:
    """Sleeps until the earliest thing due in its shard, at most minutes, and looks when it is woken.

    A wake that gets lost costs those minutes; one too many costs a query.
    """

    @workflow.init
    def __init__(self, given: TimekeeperInput) -> None:
        self._woken = False

    @workflow.run
    async def run(self, given: TimekeeperInput) -> None:
        """Look and sleep, for ever."""
        while not workflow.info().is_continue_as_new_suggested():
            self._woken = False
            report = await workflow.execute_activity(
                ActivityName.KEEP_TIME,
                KeepTimeInput(shard=given.shard, now=workflow.now()),
                result_type=KeepTimeReport,
                start_to_close_timeout=timedelta(minutes=5),
                heartbeat_timeout=timedelta(seconds=30),
                retry_policy=FOR_EVER,
                summary=f"shard {given.shard}",
            )
            await self._sleep(report, timedelta(seconds=given.longest_sleep_seconds))
        workflow.continue_as_new(given)

    @workflow.signal
    def wake(self) -> None:
        """Something falls due earlier than this timekeeper may know."""
        self._woken = True

    async def _sleep(self, report: KeepTimeReport, longest: timedelta) -> None:
        looked_at = workflow.now()
        left = longest if report.next_due_at is None else min(longest, report.next_due_at - looked_at)
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=max(BREATH, left))
        early = looked_at + BREATH - workflow.now()
        if early > timedelta(0):
            await workflow.sleep(early)
