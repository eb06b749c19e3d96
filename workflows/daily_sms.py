"""The durable process that waits for each day's hour, and tells suppliers what is overdue (T4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.daily_sms import (
        DailySmsInput,
        DailySmsPage,
        DailySmsReport,
        DailySmsTurn,
        NextDailySmsInput,
    )
    from mallcare.contracts.names import ActivityName, WorkflowName

FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)


@workflow.defn(name=WorkflowName.DAILY_SMS)
class DailySmsWorkflow:
    """Day after day: waits for the hour, has every supplier told, waits for what came of it.

    The hours are read when a local day begins, so that a change of them holds from the next day on. Which
    day is next and how far it has come is the database's to say: a run that was lost is none the poorer.
    """

    @workflow.run
    async def run(self) -> None:
        """See to one day after the other, for ever."""
        while not workflow.info().is_continue_as_new_suggested():
            turn = await self._next()
            while turn.begins_at > workflow.now():
                await _sleep_until(turn.begins_at, f"{turn.day} begins")
                turn = await self._next()
            await _sleep_until(turn.send_at, f"daily SMS of {turn.day}")
            while not (await self._plan(turn)).done:
                pass
            await self._report(turn)
        workflow.continue_as_new()

    async def _next(self) -> DailySmsTurn:
        return await workflow.execute_activity(
            ActivityName.NEXT_DAILY_SMS,
            NextDailySmsInput(now=workflow.now()),
            result_type=DailySmsTurn,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=FOR_EVER,
        )

    async def _plan(self, turn: DailySmsTurn) -> DailySmsPage:
        return await workflow.execute_activity(
            ActivityName.PLAN_DAILY_SMS,
            DailySmsInput(day=turn.day, now=workflow.now()),
            result_type=DailySmsPage,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=FOR_EVER,
            summary=f"{turn.day}",
        )

    async def _report(self, turn: DailySmsTurn) -> DailySmsReport:
        """Retried by the server until the day's messages are settled or their time is over: no history."""
        return await workflow.execute_activity(
            ActivityName.REPORT_DAILY_SMS,
            DailySmsInput(day=turn.day, now=workflow.now()),
            result_type=DailySmsReport,
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=30),
            retry_policy=FOR_EVER,
            summary=f"{turn.day}",
        )


async def _sleep_until(at: datetime, summary: str) -> None:
    left = at - workflow.now()
    if left > timedelta(0):
        await workflow.sleep(left, summary=summary)
