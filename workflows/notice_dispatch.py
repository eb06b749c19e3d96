"""The endless process that sends the messages of one channel."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from mallcare.contracts.names import ActivityName, WorkflowName
    from mallcare.contracts.notices import (
        ClaimedNotices,
        ClaimNoticesInput,
        NoticeDispatchInput,
        SendNoticeInput,
        SentNotice,
    )

FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2.0, maximum_interval=timedelta(seconds=30)
)
WITHIN_THE_CLAIM = timedelta(minutes=4)
"""Waiting for its turn included, a message is sent while its claim of five minutes holds, or left to the next
claim."""
BREATH = timedelta(seconds=1)
"""Between two looks at the least, unless there was more than could be taken."""


@workflow.defn(name=WorkflowName.NOTICE_DISPATCH)
class NoticeDispatchWorkflow:
    """Claims what is due, sends several side by side, sleeps until more is due or somebody wakes it.

    Ids alone pass through here. Whether a message may be sent again is decided by the database, never by
    how often something is tried here.
    """

    @workflow.init
    def __init__(self, given: NoticeDispatchInput) -> None:
        self._woken = False
        self._sending: set[asyncio.Task[None]] = set()

    @workflow.run
    async def run(self, given: NoticeDispatchInput) -> None:
        """Claim, send and sleep, for ever."""
        while not workflow.info().is_continue_as_new_suggested():
            self._woken = False
            looked_at = workflow.now()
            room = given.room - len(self._sending)
            claimed = await self._claim(given, room, looked_at)
            for notice_id in claimed.notice_ids:
                self._begin(given, notice_id)
            if len(claimed.notice_ids) == room:
                await workflow.wait_condition(lambda: len(self._sending) <= given.room // 2)
            else:
                await self._sleep(claimed.next_due_at, looked_at, given.longest_sleep_seconds)
        await workflow.wait_condition(lambda: not self._sending)
        workflow.continue_as_new(given)

    @workflow.signal
    def wake(self) -> None:
        """There is something to send."""
        self._woken = True

    async def _claim(self, given: NoticeDispatchInput, room: int, now: datetime) -> ClaimedNotices:
        return await workflow.execute_activity(
            ActivityName.CLAIM_NOTICES,
            ClaimNoticesInput(channel=given.channel, room=room, now=now),
            result_type=ClaimedNotices,
            start_to_close_timeout=timedelta(minutes=1),
            retry_policy=FOR_EVER,
            summary=given.channel.value,
        )

    def _begin(self, given: NoticeDispatchInput, notice_id: str) -> None:
        task = asyncio.create_task(self._send(given, notice_id))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, given: NoticeDispatchInput, notice_id: str) -> None:
        """One attempt; what fails here is due again when its claim ends."""
        with suppress(ActivityError):
            sent = await workflow.execute_activity(
                ActivityName.SEND_NOTICE,
                SendNoticeInput(channel=given.channel, notice_id=notice_id, now=workflow.now()),
                result_type=SentNotice,
                task_queue=given.sending,
                schedule_to_close_timeout=WITHIN_THE_CLAIM,
                start_to_close_timeout=timedelta(minutes=2),
                heartbeat_timeout=timedelta(seconds=given.heartbeat_seconds),
                retry_policy=FOR_EVER,
                summary=notice_id,
            )
            if sent.next_attempt_at is not None:
                self._woken = True

    async def _sleep(self, next_due_at: datetime | None, looked_at: datetime, longest_seconds: int) -> None:
        longest = timedelta(seconds=longest_seconds)
        left = longest if next_due_at is None else min(longest, next_due_at - workflow.now())
        with suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._woken, timeout=max(BREATH, left))
        early = looked_at + BREATH - workflow.now()
        if early > timedelta(0):
            await workflow.sleep(early)
