"""What crosses Temporal about messages to people: ids, counts and instants. Addresses and texts never do."""

from __future__ import annotations

from pydantic import AwareDatetime

from mallcare.contracts.after_sales import Contract
from mallcare.domain.contacts import Channel


class NoticeDispatchInput(Contract):
    """The dispatcher of one channel: at most `room` messages on their way, a look at the latest after
    `longest_sleep_seconds`. Messages are sent on the task queue `sending`, at its rate; who sends and is not
    heard of for `heartbeat_seconds` is taken for dead."""

    channel: Channel
    sending: str
    room: int = 20
    longest_sleep_seconds: int = 60
    heartbeat_seconds: int = 10


class ClaimNoticesInput(Contract):
    """Take at most `room` notices that are due by `now`."""

    channel: Channel
    room: int
    now: AwareDatetime


class ClaimedNotices(Contract):
    """What was taken, and when the next one is known to fall due."""

    notice_ids: tuple[str, ...] = ()
    next_due_at: AwareDatetime | None = None


class SendNoticeInput(Contract):
    """Send one claimed notice, or ask what became of it."""

    channel: Channel
    notice_id: str
    now: AwareDatetime


class SentNotice(Contract):
    """What came of an attempt: None: it was not ours any more. `next_attempt_at`: there is more to do."""

    status: str | None = None
    next_attempt_at: AwareDatetime | None = None
