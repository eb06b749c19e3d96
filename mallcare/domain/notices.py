"""A notice: one message to one person over one channel, and what may become of it.

A vendor that does not answer may have sent all the same. So a notice is ASKING from before its vendor is
called until the vendor's word on it is known, and what is unclear is asked for and never sent blindly again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from mallcare.domain.contacts import Channel
from mallcare.domain.errors import Fact
from mallcare.domain.reconciliation import BEIJING

REMINDER_LASTS: Final = timedelta(hours=12)
"""A reminder that could not be sent for so long is not sent any more."""
RETRY_AFTER: Final = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
)
"""Wait after the n-th attempt that its vendor put off; once more, and it has failed, unless it is an SMS."""
LONGEST_WAIT: Final = timedelta(minutes=30)
"""What a vendor may ask us to wait; robots are silenced for ten minutes."""
ASK_AFTER: Final = (
    timedelta(minutes=1),
    timedelta(minutes=3),
    timedelta(minutes=10),
    timedelta(minutes=30),
)
"""Since a message was handed over: when its vendor, who knew nothing of it, is asked again. Records lag."""
ASKED_FOR: Final = timedelta(days=1)
"""How long a vendor that cannot answer is asked."""
REPEATED_FOR: Final = timedelta(hours=3)
"""How long after its first handing over a message may be repeated to a vendor that drops the second one,
which is less than the four hours for which it does."""
STALE: Final = "stale"
NOT_CONFIGURED: Final = "not_configured"
NO_ADDRESS: Final = "no_address"
NO_WORD: Final = "no_word"
"""Codes of ours beside the vendors' own: too old to be told, a channel without a vendor, a contact without
an address there, a vendor that cannot tell what became of it."""


class NoticeKind(StrEnum):
    """What a notice is about."""

    REMINDER = "reminder"
    """Clocks of a supplier reached a rung of the ladder (T3). Facts: `batch_id`, `parties`."""
    DAILY_SMS = "daily_sms"
    """Counts of what is overdue (T4). Facts: `day`, `orders`, `after_sales`; `until`: told no more."""


class NoticeStatus(StrEnum):
    """Where a notice stands. WAITING: to be handed over. SENT: the vendor took it; a receipt may tell more.

    ASKING: it may have been sent, and its vendor is asked. UNKNOWN: nobody can tell, and it is never sent
    again. MOOT: nothing was left to tell just before it was sent.
    """

    WAITING = "waiting"
    ASKING = "asking"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    FAILED = "failed"
    UNKNOWN = "unknown"
    MOOT = "moot"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one contact of a supplier is told over one channel. No personal data: address and text are made
    from what it names just before it is sent.

    `notice_id`: <= 32 alphanumeric characters, the key at the vendor. `once`: what may be told only once for
    ever. `fallback_of`: the notice that did not arrive, in whose place this one goes.
    """

    notice_id: str
    kind: NoticeKind
    channel: Channel
    supplier_id: str
    contact_id: str
    created_at: datetime
    next_attempt_at: datetime
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])
    once: str | None = None
    fallback_of: str | None = None
    status: NoticeStatus = NoticeStatus.WAITING
    attempts: int = 0
    handed_at: datetime | None = None
    settled_at: datetime | None = None
    vendor_message_id: str | None = None
    error_code: str | None = None


OPEN: Final = frozenset({NoticeStatus.WAITING, NoticeStatus.ASKING})
"""Something is still to be done about it."""
REACHED_NOBODY: Final = frozenset({NoticeStatus.UNDELIVERABLE, NoticeStatus.FAILED})
LAST_WORDS: Final = frozenset({NoticeStatus.DELIVERED, NoticeStatus.UNDELIVERABLE})


class News(StrEnum):
    """What an answer of a vendor says of a message."""

    TAKEN = "taken"
    ARRIVED = "arrived"
    NOT_ARRIVED = "not_arrived"
    NOT_KNOWN = "not_known"
    """The vendor knows no such message, yet."""
    NOT_TOLD = "not_told"
    """The vendor cannot be asked."""
    LATER = "later"
    """Not taken now; worth the same call later."""
    REFUSED = "refused"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of a vendor. `code`: its own; `wait`: the least time it wants to be left alone."""

    news: News
    code: str | None = None
    vendor_message_id: str | None = None
    wait: timedelta = timedelta(0)


class Step(StrEnum):
    """What is to be done about a notice that is due."""

    SEND = "send"
    REPEAT = "repeat"
    """Send it again, unchanged: the vendor drops the second one."""
    ASK = "ask"
    DROP = "drop"
    """Too old to be told."""
    GIVE_UP = "give_up"
    """It may have been sent long ago, and nobody can tell."""
    NOTHING = "nothing"


def next_step(notice: Notice, now: datetime, *, repeatable: bool) -> Step:
    """What is to be done now, over a channel whose vendor drops repetitions (`repeatable`) or does not."""
    if notice.status is NoticeStatus.WAITING:
        return Step.DROP if stale(notice, now) else Step.SEND
    if notice.status is not NoticeStatus.ASKING:
        return Step.NOTHING
    if not repeatable:
        return Step.ASK
    begun = notice.handed_at or notice.created_at
    in_time = now - begun < REPEATED_FOR and notice.attempts <= len(RETRY_AFTER)
    return Step.REPEAT if in_time else Step.GIVE_UP


def stale(notice: Notice, now: datetime) -> bool:
    """Too late to be told: a reminder after `REMINDER_LASTS`, a daily SMS once its day is over.

    The day is its own zone's; of a message that does not say when it ends, Beijing's.
    """
    if notice.kind is NoticeKind.DAILY_SMS:
        until = notice.facts.get("until")
        if isinstance(until, str):
            return now >= datetime.fromisoformat(until)
        return now.astimezone(BEIJING).date() > date.fromisoformat(str(notice.facts["day"]))
    return now - notice.created_at > REMINDER_LASTS


def handed(notice: Notice, now: datetime, told: Mapping[str, Fact]) -> Notice:
    """The notice as it is just before its vendor is called; `told`: the figures that its text is made of.

    A repetition keeps them, and the instant of the first time: an equal text alone is dropped by the vendor.
    """
    again = replace(notice, attempts=notice.attempts + 1)
    if notice.status is NoticeStatus.ASKING:
        return again
    return replace(again, status=NoticeStatus.ASKING, handed_at=now, facts={**notice.facts, **told})


def after_sending(notice: Notice, answer: Answer, now: datetime, *, again: bool = False) -> Notice:
    """What a notice that was handed over becomes by its vendor's answer; `again`: it was a repetition.

    Refused or put off, a repetition says nothing about the first time. What somebody knows better by now, a
    receipt that came first, stays.
    """
    told = _told(notice, answer, now)
    if told is not None or notice.status is not NoticeStatus.ASKING:
        return told or notice
    if answer.news is News.LATER and not again:
        return _put_off(notice, answer, now)
    if answer.news is News.REFUSED:
        return ended(notice, NoticeStatus.UNKNOWN if again else NoticeStatus.FAILED, now, answer.code)
    wait = RETRY_AFTER[min(notice.attempts, len(RETRY_AFTER)) - 1]
    return replace(notice, next_attempt_at=now + max(wait, _wish(answer)), error_code=answer.code)


def after_asking(notice: Notice, answer: Answer, now: datetime) -> Notice:
    """What a notice that may have been sent becomes by what its vendor says of it."""
    told = _told(notice, answer, now)
    if told is not None or notice.status is not NoticeStatus.ASKING:
        return told or notice
    since = now - (notice.handed_at or notice.created_at)
    if answer.news is News.NOT_TOLD:
        return ended(notice, NoticeStatus.UNKNOWN, now, answer.code or notice.error_code or NO_WORD)
    if answer.news is News.NOT_KNOWN:
        later = next((after for after in ASK_AFTER if after > since), None)
        if later is None:
            return ended(notice, NoticeStatus.UNKNOWN, now, notice.error_code or NO_WORD)
        return replace(notice, next_attempt_at=now + (later - since))
    if since >= ASKED_FOR:
        return ended(notice, NoticeStatus.UNKNOWN, now, answer.code)
    wait = max(ASK_AFTER[0], min(since / 2, LONGEST_WAIT), _wish(answer))
    return replace(notice, next_attempt_at=now + wait)


def after_receipt(
    notice: Notice, *, arrived: bool, code: str | None, vendor_id: str, now: datetime
) -> Notice:
    """What a notice becomes by a later word of its vendor: the same by any order and number of them.

    Arrived once is arrived, whatever is said of another copy or part.
    """
    if notice.status is NoticeStatus.DELIVERED or (not arrived and notice.status in LAST_WORDS):
        return _named(notice, vendor_id)
    status = NoticeStatus.DELIVERED if arrived else NoticeStatus.UNDELIVERABLE
    return _named(ended(notice, status, now, None if arrived else code), vendor_id)


def ended(notice: Notice, status: NoticeStatus, now: datetime, code: str | None = None) -> Notice:
    """The notice with nothing left to do about it."""
    return replace(notice, status=status, settled_at=now, error_code=code)


def instead_of(
    notice: Notice, notice_id: str, contact_id: str, now: datetime, *, at: datetime, first: bool
) -> Notice:
    """The SMS to a contact, not before `at`, in place of a notice that did not arrive over its own channel.

    A group's notice is told to each of its people: the `first` is the one that is linked to it.
    """
    return Notice(
        notice_id=notice_id,
        kind=notice.kind,
        channel=Channel.SMS,
        supplier_id=notice.supplier_id,
        contact_id=contact_id,
        created_at=now,
        next_attempt_at=at,
        facts=notice.facts,
        once=None if first else f"instead/{notice.notice_id}/{contact_id}",
        fallback_of=notice.notice_id if first else None,
    )


def may_be_told_otherwise(notice: Notice) -> bool:
    """It reached nobody, and an SMS may still do."""
    return (
        notice.status in REACHED_NOBODY and notice.channel is not Channel.SMS and notice.error_code != STALE
    )


def _told(notice: Notice, answer: Answer, now: datetime) -> Notice | None:
    """The notice by a definite word on it; None where the answer has none."""
    status = {
        News.TAKEN: NoticeStatus.SENT,
        News.ARRIVED: NoticeStatus.DELIVERED,
        News.NOT_ARRIVED: NoticeStatus.UNDELIVERABLE,
    }.get(answer.news)
    if status is None:
        return None
    named = _named(notice, answer.vendor_message_id)
    if notice.status not in (NoticeStatus.ASKING, NoticeStatus.UNKNOWN):
        return named
    code = answer.code if status is NoticeStatus.UNDELIVERABLE else None
    return ended(named, status, now, code)


def _named(notice: Notice, vendor_message_id: str | None) -> Notice:
    return replace(notice, vendor_message_id=notice.vendor_message_id or vendor_message_id)


def _put_off(notice: Notice, answer: Answer, now: datetime) -> Notice:
    """It was not taken for certain: the next attempt tells the figures of its own time.

    An SMS has nothing that could go in its place: it is tried for as long as it is worth telling.
    """
    tired = notice.attempts > len(RETRY_AFTER)
    if tired and notice.channel is not Channel.SMS:
        return ended(notice, NoticeStatus.FAILED, now, answer.code)
    wait = max(RETRY_AFTER[-1 if tired else notice.attempts - 1], _wish(answer))
    return replace(
        notice,
        status=NoticeStatus.WAITING,
        handed_at=None,
        next_attempt_at=now + wait,
        error_code=answer.code,
    )


def _wish(answer: Answer) -> timedelta:
    return min(answer.wait, LONGEST_WAIT)


@dataclass(frozen=True, slots=True)
class Outstanding:
    """What of a reminder still runs at an instant, as it is told and kept among a notice's facts.

    `overdue` of `count` are beyond their deadline; `next_due_at`: the earliest deadline of the others. `of`:
    how many of each metric, the most urgent first.
    """

    count: int
    overdue: int
    next_due_at: datetime | None
    as_of: datetime
    of: Mapping[str, int] = field(default_factory=dict[str, int])

    def facts(self) -> dict[str, Fact]:
        """As facts of a notice; no personal data."""
        return {
            "count": self.count,
            "overdue": self.overdue,
            "next_due_at": self.next_due_at.isoformat() if self.next_due_at else None,
            "as_of": self.as_of.isoformat(),
            "of": [{"metric": metric, "count": count} for metric, count in self.of.items()],
        }


def outstanding(facts: Mapping[str, Fact]) -> Outstanding:
    """The figures among a handed notice's facts."""
    due, of = facts["next_due_at"], facts["of"]
    rows = [row for row in of if isinstance(row, dict)] if isinstance(of, list) else []
    return Outstanding(
        count=int(str(facts["count"])),
        overdue=int(str(facts["overdue"])),
        next_due_at=datetime.fromisoformat(due).astimezone(UTC) if isinstance(due, str) else None,
        as_of=datetime.fromisoformat(str(facts["as_of"])).astimezone(UTC),
        of={str(row["metric"]): int(row["count"]) for row in rows},
    )
