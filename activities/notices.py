"""Sending messages to people: one claim, or one message."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity

from activities.alive import alive
from activities.errors import typed_failures
from activities.metrics import NOTICE_AGE, NOTICES
from mallcare.application.notice_dispatch import ClaimNotices, SendNotice
from mallcare.contracts.names import ActivityName
from mallcare.contracts.notices import ClaimedNotices, ClaimNoticesInput, SendNoticeInput, SentNotice
from mallcare.ports import Clock

HEARTBEAT_EVERY = timedelta(seconds=1)


class NoticeActivities:
    """What dispatchers do to the world."""

    def __init__(self, claim: ClaimNotices, send: SendNotice, clock: Clock) -> None:
        self._claim = claim
        self._send = send
        self._clock = clock

    @activity.defn(name=ActivityName.CLAIM_NOTICES)
    async def claim_notices(self, given: ClaimNoticesInput) -> ClaimedNotices:
        """Answer which notices of a channel are ours to send now."""
        with typed_failures():
            claimed = await self._claim(given.channel, given.room, self._now(given.now))
        return ClaimedNotices(notice_ids=claimed.notice_ids, next_due_at=claimed.next_due_at)

    @activity.defn(name=ActivityName.SEND_NOTICE)
    async def send_notice(self, given: SendNoticeInput) -> SentNotice:
        """Send a message at most once, however often this runs; answer what came of it."""
        async with alive(HEARTBEAT_EVERY):
            with typed_failures():
                dealt = await self._send(given.notice_id, self._now(given.now))
        if dealt is None:
            return SentNotice()
        NOTICES.labels(channel=given.channel.value, outcome=dealt.status.value).inc()
        if dealt.age is not None:
            NOTICE_AGE.labels(channel=given.channel.value).observe(max(0.0, dealt.age.total_seconds()))
        return SentNotice(status=dealt.status.value, next_attempt_at=dealt.next_attempt_at)

    def _now(self, of_workflow: datetime) -> datetime:
        """The present, on the workflow's clock where that is ahead of this machine's."""
        return max(of_workflow, self._clock.now())
