"""Use cases: take what is due over a channel, and send one notice.

A notice is marked as handed over before its vendor is called, in a transaction of its own: whoever dies in
between leaves behind that it may have been sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from mallcare.application.notice_addresses import addressee, parties_of, told_to
from mallcare.application.notice_settling import settle
from mallcare.application.notice_wording import Wording
from mallcare.domain import notices as rules
from mallcare.domain.contacts import ROBOT, Channel
from mallcare.domain.errors import Fact
from mallcare.domain.notices import Answer, News, Notice, NoticeKind, NoticeStatus, Step
from mallcare.domain.reminders import after_quiet
from mallcare.ports import (
    AddressQuota,
    Clock,
    GatewayError,
    Ids,
    MessageGateway,
    MessageToSend,
    SendReport,
    SendStanding,
    UnitOfWork,
    UnitOfWorkFactory,
)

log = structlog.get_logger()

LEASE: Final = timedelta(minutes=5)
"""How long a claim holds: longer than a send may wait for its turn and take."""
QUOTA: Final = AddressQuota(most=15, window=timedelta(minutes=1))
"""WeCom drops what is beyond 30 a minute to one member without a word, and robots take 20."""
NOT_YET: Final = timedelta(minutes=1)
"""How long an SMS waits where no vendor of SMS is configured."""

NEWS: Final[Mapping[SendStanding, News]] = {
    SendStanding.ACCEPTED: News.TAKEN,
    SendStanding.DELIVERED: News.ARRIVED,
    SendStanding.UNDELIVERABLE: News.NOT_ARRIVED,
    SendStanding.NOT_FOUND: News.NOT_KNOWN,
}


@dataclass(frozen=True, slots=True)
class Claimed:
    """Notices that are ours to send, and when the next one falls due."""

    notice_ids: tuple[str, ...]
    next_due_at: datetime | None


class ClaimNotices:
    """Takes what is due over a channel."""

    def __init__(
        self, uow: UnitOfWorkFactory, *, lease: timedelta = LEASE, quota: AddressQuota = QUOTA
    ) -> None:
        self._uow = uow
        self._lease = lease
        self._quota = quota

    async def __call__(self, channel: Channel, room: int, now: datetime) -> Claimed:
        """At most `room`; what nobody sends until the lease ends is due again."""
        async with self._uow() as uow:
            taken = await uow.notices.claim(
                channel, room=room, now=now, until=now + self._lease, quota=self._quota
            )
            next_due_at = await uow.notices.next_due(channel)
            await uow.commit()
        return Claimed(tuple(one.notice_id for one in taken), next_due_at)


@dataclass(frozen=True, slots=True)
class Dealt:
    """What one attempt came to. `age`: since the notice was written, where it was handed over."""

    status: NoticeStatus
    next_attempt_at: datetime | None = None
    age: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What to say to a vendor about a notice, as it was just before."""

    notice: Notice
    step: Step
    gateway: MessageGateway
    message: MessageToSend


class SendNotice:
    """Sends one claimed notice, or asks its vendor what became of it.

    May be repeated at any point: what was begun before is seen, and an unclear send is never made twice but
    over a channel whose vendor drops the second one.
    """

    def __init__(
        self,
        uow: UnitOfWorkFactory,
        gateways: Mapping[Channel, MessageGateway],
        wording: Wording,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._uow = uow
        self._gateways = gateways
        self._wording = wording
        self._clock = clock
        self._ids = ids

    async def __call__(self, notice_id: str, now: datetime) -> Dealt | None:
        """What came of it; None: it is nobody's any more, or somebody else's."""
        begun = await self._begin(notice_id, now)
        if not isinstance(begun, Call):
            return begun
        answer = await _answer(begun)
        return await self._end(begun, answer, max(now, self._clock.now()))

    async def _begin(self, notice_id: str, now: datetime) -> Call | Dealt | None:
        """One transaction: look at everything again, and mark the notice as handed over."""
        async with self._uow() as uow:
            stored = await uow.notices.lock(notice_id)
            if stored is None or stored.claimed_until is None or stored.claimed_until <= now:
                return None
            before = stored.notice
            decided = await self._decide(uow, before, now)
            if decided is None:
                await uow.notices.save(before)
            elif isinstance(decided, Call):
                held = stored.claimed_until
                await settle(uow, before, decided.notice, now, self._ids, claimed_until=held)
            else:
                await settle(uow, before, decided, now, self._ids)
            await uow.commit()
        return _dealt(decided) if isinstance(decided, Notice) else decided

    async def _end(self, call: Call, answer: Answer, now: datetime) -> Dealt | None:
        """One transaction: write down what the vendor said."""
        async with self._uow() as uow:
            stored = await uow.notices.lock(call.notice.notice_id)
            if stored is None:
                return None
            before = stored.notice
            superseded = before.attempts != call.notice.attempts
            if superseded and answer.news not in (News.TAKEN, News.ARRIVED):
                return None
            if call.step is Step.ASK:
                after = rules.after_asking(before, answer, now)
            else:
                after = rules.after_sending(before, answer, now, again=call.step is Step.REPEAT)
            await settle(uow, before, after, now, self._ids)
            await uow.commit()
        age = now - after.created_at if call.step is Step.SEND and answer.news is News.TAKEN else None
        return replace(_dealt(after), age=age)

    async def _decide(self, uow: UnitOfWork, notice: Notice, now: datetime) -> Call | Notice | None:
        """What to say to the vendor, or what becomes of the notice without a call; None: nothing is left."""
        gateway = self._gateways.get(notice.channel)
        step = rules.next_step(notice, now, repeatable=gateway is not None and gateway.repeatable)
        match step:
            case Step.NOTHING:
                return None
            case Step.DROP:
                return rules.ended(notice, NoticeStatus.FAILED, now, rules.STALE)
            case Step.GIVE_UP:
                return rules.ended(notice, NoticeStatus.UNKNOWN, now, notice.error_code or rules.NO_WORD)
            case _:
                pass
        if gateway is None:
            return _without_vendor(notice, now)
        told: Mapping[str, Fact] = {}
        if step is Step.SEND and notice.kind is NoticeKind.REMINDER:
            outstanding = await _outstanding(uow, notice, now)
            if outstanding.count == 0:
                return rules.ended(notice, NoticeStatus.MOOT, now)
            allowed_at = await _after_quiet(uow, notice, now)
            if allowed_at > now:
                return replace(notice, next_attempt_at=allowed_at)
            told = outstanding.facts()
        handed = notice if step is Step.ASK else rules.handed(notice, now, told)
        message = await self._message(uow, handed, now)
        if message is not None:
            return Call(handed, step, gateway, message)
        if step is Step.SEND:
            return rules.ended(notice, NoticeStatus.UNDELIVERABLE, now, rules.NO_ADDRESS)
        return rules.after_asking(notice, Answer(News.NOT_TOLD, rules.NO_ADDRESS), now)

    async def _message(self, uow: UnitOfWork, notice: Notice, now: datetime) -> MessageToSend | None:
        """The message with its address as it is on record now; None: there is none."""
        people = await uow.contacts.of(notice.supplier_id)
        mentioned = []
        if notice.contact_id == ROBOT:
            policy = await uow.timeliness.current(notice.supplier_id)
            tellings = told_to(notice, people, policy, now)
            mentioned = [person for one in tellings if one.at <= now for person in one.people]
        channels = await uow.contacts.channels(notice.supplier_id)
        to = addressee(notice, people, channels, list(dict.fromkeys(mentioned)))
        return None if to is None else self._wording.message(notice, to)


async def _outstanding(uow: UnitOfWork, notice: Notice, now: datetime) -> rules.Outstanding:
    """What of a reminder still runs, as of now, or of the moment it was written where a demo runs ahead."""
    now = max(now, notice.created_at)
    running = await uow.reminders.still_running(str(notice.facts["batch_id"]), parties_of(notice), now)
    of: Counter[str] = Counter()
    for one in running.by_level:
        of[one.metric.value] += one.count
    return rules.Outstanding(running.count, running.overdue, running.next_due_at, now, of)


async def _after_quiet(uow: UnitOfWork, notice: Notice, now: datetime) -> datetime:
    """`now`, or the end of the supplier's quiet hours: what was written before they began, and comes to be
    sent in them after an outage, waits once more. Where a demo runs ahead it is as late as it was written."""
    policy = await uow.timeliness.current(notice.supplier_id)
    moment = max(now, notice.created_at)
    allowed_at = after_quiet(policy, moment)
    return allowed_at if allowed_at > moment else now


def _without_vendor(notice: Notice, now: datetime) -> Notice:
    """A notice over a channel that is not configured: an SMS waits, others are told otherwise."""
    if notice.status is NoticeStatus.ASKING:
        return rules.after_asking(notice, Answer(News.UNCLEAR, rules.NOT_CONFIGURED), now)
    if notice.channel is Channel.SMS:
        return replace(notice, next_attempt_at=now + NOT_YET, error_code=rules.NOT_CONFIGURED)
    return rules.ended(notice, NoticeStatus.FAILED, now, rules.NOT_CONFIGURED)


async def _answer(call: Call) -> Answer:
    """The vendor's word; what nobody expected says nothing about the message."""
    try:
        if call.step is Step.ASK:
            return _asked(
                await call.gateway.look_up(call.message, call.notice.handed_at or call.notice.created_at)
            )
        return _said(await call.gateway.send(call.message))
    except GatewayError as error:
        return _failed(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message may have been sent
        log.error("notice.gateway_failed", notice_id=call.notice.notice_id, error=type(error).__name__)
        return Answer(News.UNCLEAR, type(error).__name__)


def _said(report: SendReport) -> Answer:
    return Answer(NEWS[report.standing], report.code, report.vendor_message_id)


def _asked(report: SendReport | None) -> Answer:
    return Answer(News.NOT_TOLD) if report is None else _said(report)


def _failed(error: GatewayError) -> Answer:
    news = News.LATER if error.retryable else News.REFUSED
    wait = timedelta(seconds=error.retry_after_seconds or 0)
    return Answer(News.UNCLEAR if error.outcome_unknown else news, error.code, wait=wait)


def _dealt(notice: Notice) -> Dealt:
    open_still = notice.status in rules.OPEN
    return Dealt(notice.status, notice.next_attempt_at if open_still else None)
