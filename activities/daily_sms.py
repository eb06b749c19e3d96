"""The daily SMS: whose turn it is, its messages, what came of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity

from activities.alive import alive
from activities.errors import ask_again, typed_failures
from activities.metrics import DAILY_SMS
from mallcare.application.daily_sms import SendDailySms
from mallcare.contracts.daily_sms import (
    DailySmsInput,
    DailySmsPage,
    DailySmsReport,
    DailySmsTurn,
    NextDailySmsInput,
)
from mallcare.contracts.names import ActivityName
from mallcare.ports import Clock


class DailySmsActivities:
    """What the workflow of the daily SMS does to the world; one transaction each."""

    def __init__(self, send: SendDailySms, clock: Clock) -> None:
        self._send = send
        self._clock = clock

    @activity.defn(name=ActivityName.NEXT_DAILY_SMS)
    async def next_daily_sms(self, given: NextDailySmsInput) -> DailySmsTurn:
        """Answer the day to see to next, by this process's settings."""
        with typed_failures():
            turn = await self._send.next_turn(self._now(given.now))
        return DailySmsTurn(day=turn.day, begins_at=turn.begins_at, send_at=turn.send_at)

    @activity.defn(name=ActivityName.PLAN_DAILY_SMS)
    async def plan_daily_sms(self, given: DailySmsInput) -> DailySmsPage:
        """Write a page of messages, and answer whether there are more."""
        async with alive():
            with typed_failures():
                run = await self._send.plan(given.day, self._now(given.now))
        return DailySmsPage(done=run.planned_at is not None, suppliers=run.suppliers, planned=run.planned)

    @activity.defn(name=ActivityName.REPORT_DAILY_SMS)
    async def report_daily_sms(self, given: DailySmsInput) -> DailySmsReport:
        """Answer what a day came to; while messages are under way, fail to be retried, later and later."""
        async with alive():
            with typed_failures():
                look = await self._send.report(given.day, self._now(given.now + _waited()))
        if look.ask_in is not None:
            raise ask_again("daily_sms_under_way", "messages of the day are under way", look.ask_in)
        outcomes = {status.value: count for status, count in look.run.outcomes.items()}
        for status, count in outcomes.items():
            DAILY_SMS.labels(outcome=status).inc(count)
        return DailySmsReport(day=given.day, missed=look.run.missed, outcomes=outcomes)

    def _now(self, of_workflow: datetime) -> datetime:
        """The present, on the workflow's clock where that is ahead of this machine's."""
        return max(of_workflow, self._clock.now())


def _waited() -> timedelta:
    """How long ago the server first asked for this, by its own clock: a workflow's time may be skipped."""
    told = activity.info()
    return max(timedelta(0), told.current_attempt_scheduled_time - told.scheduled_time)
