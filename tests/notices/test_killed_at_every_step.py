"""Whoever sends dies at any step: nobody is told twice, and nothing is lost in silence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.notice_dispatch import LEASE
from mallcare.domain.contacts import ROBOT, Channel
from mallcare.domain.notices import ASK_AFTER, Notice, NoticeStatus
from mallcare.domain.tasks import TaskKind
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import (
    GatewayError,
    MessageGateway,
    MessageToSend,
    SendReport,
    SendStanding,
    UnitOfWork,
    UnitOfWorkFactory,
)
from tests.notices.desk import Desk, ScriptedGateway, receipt
from tests.workflows.mortality import Killed, Life, MortalUnitOfWork

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("T4")]
STEPS = range(1, 9)
"""Before and after each commit (claim, handing over, settling) and each call, of one message."""
UNCLEAR = GatewayError("timeout", retryable=True, outcome_unknown=True)


@dataclass
class MortalGateway:
    """A vendor that lives on while its caller dies around the call."""

    gateway: ScriptedGateway
    life: Life

    @property
    def repeatable(self) -> bool:
        return self.gateway.repeatable

    async def send(self, message: MessageToSend) -> SendReport:
        self.life.step()
        report = await self.gateway.send(message)
        self.life.step()
        return report

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        return await self.gateway.look_up(message, sent_at)


def mortal(desk: Desk, life: Life) -> Desk:
    """A process beside `desk`, with the same vendors and clock, that dies at a step of its life."""
    factory = SqlUnitOfWorkFactory(
        desk.engine, policy_cache=PolicyCache(seconds=0), timeliness_cache=TimelinessCache(seconds=0)
    )

    def opened() -> UnitOfWork:
        return cast(UnitOfWork, MortalUnitOfWork(factory(), life))

    gateways: dict[Channel, MessageGateway] = {
        channel: MortalGateway(cast(ScriptedGateway, gateway), life)
        for channel, gateway in desk.gateways.items()
    }
    return Desk(desk.engine, gateways=gateways, uow=cast(UnitOfWorkFactory, opened), here=desk.here)


async def died_and_replaced(desk: Desk, notice: Notice, step: int) -> NoticeStatus:
    """One process dies at a step; the next one goes on after its claim."""
    life = Life(step)
    with pytest.raises(Killed):
        await mortal(desk, life).turn(notice.channel)
    assert life.over
    desk.here.at += LEASE
    return (await desk.until_settled(notice)).notice.status


@pytest.mark.parametrize("step", STEPS)
async def test_an_sms_is_sent_once_whenever_its_sender_dies(
    engine: AsyncEngine, desk: Desk, step: int
) -> None:
    """Its vendor is asked first; only what was never handed over is sent by the next process."""
    await desk.contact()
    notice = await desk.daily()
    status = await died_and_replaced(desk, notice, step)
    if step in (4, 5):  # marked as handed over, but the vendor was never called
        assert (status, desk.sms.taken) == (NoticeStatus.UNKNOWN, [])
        assert [task.kind for task in await desk.tasks()] == [TaskKind.MESSAGE_UNKNOWN]
    else:
        assert status in (NoticeStatus.SENT, NoticeStatus.DELIVERED)
        assert len(desk.sms.taken) == 1
        assert await desk.tasks() == []


@pytest.mark.parametrize("step", STEPS)
async def test_an_equal_text_is_repeated_where_the_vendor_drops_it(desk: Desk, step: int) -> None:
    """WeCom with its duplicate check: two sends at most, to the letter the same; it is sent in the end."""
    await desk.contact()
    notice = await desk.reminder()
    status = await died_and_replaced(desk, notice, step)
    texts = {(one.address, one.title, one.text, one.url) for one in desk.wecom.taken}
    assert status is NoticeStatus.SENT
    assert len(texts) == 1
    assert len(desk.wecom.taken) == (2 if step in (6, 7) else 1)


@pytest.mark.parametrize("step", STEPS)
async def test_a_robot_never_speaks_twice(desk: Desk, step: int) -> None:
    """It cannot be asked: what may have been said is never said again, and a person is told."""
    await desk.contact()
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token="t" * 20)
    notice = await desk.reminder(Channel.DINGTALK, contact_id=ROBOT)
    status = await died_and_replaced(desk, notice, step)
    assert len(desk.dingtalk.taken) <= 1
    if step in (4, 5, 6, 7):
        assert status is NoticeStatus.UNKNOWN
        [task] = await desk.tasks()
        assert (task.kind, task.subject) == (TaskKind.MESSAGE_UNKNOWN, notice.notice_id)
    else:
        assert (status, len(desk.dingtalk.taken)) == (NoticeStatus.SENT, 1)
    desk.here.move(hours=5)
    await desk.turn(Channel.DINGTALK)
    assert len(desk.dingtalk.taken) <= 1
    assert await desk.all(channel=Channel.SMS) == []


async def test_an_unclear_send_is_found(desk: Desk) -> None:
    """No answer came, but the vendor took it: its records say so, and nothing is sent again."""
    await desk.contact()
    desk.sms.script = [UNCLEAR]
    notice = await desk.daily()
    stored = await desk.until_settled(notice)
    assert (stored.notice.status, len(desk.sms.taken)) == (NoticeStatus.DELIVERED, 1)
    assert desk.sms.asked == [stored.notice.handed_at]


async def test_an_unclear_send_that_nobody_finds_is_unknown(desk: Desk) -> None:
    """Records lag, so the vendor is asked at growing intervals; then a person is. Nothing is sent again."""
    await desk.contact()
    desk.sms.script = [UNCLEAR]
    desk.sms.forgets = True
    notice = await desk.daily()
    stored = await desk.until_settled(notice)
    assert (stored.notice.status, stored.notice.error_code) == (NoticeStatus.UNKNOWN, "timeout")
    assert len(desk.sms.asked) == len(ASK_AFTER) + 1
    assert desk.here.at - (stored.notice.handed_at or desk.here.at) == ASK_AFTER[-1]
    assert len(desk.sms.taken) == 1
    [task] = await desk.tasks()
    assert (task.kind, task.subject) == (TaskKind.MESSAGE_UNKNOWN, notice.notice_id)


async def test_a_vendor_that_does_not_answer_questions_is_asked_for_a_day(desk: Desk) -> None:
    """Failing to ask says nothing: longer and longer waits, half an hour at most, and unknown after a day."""
    await desk.contact()
    desk.sms.script = [UNCLEAR]
    desk.sms.found = [UNCLEAR] * 100
    notice = await desk.daily()
    stored = await desk.until_settled(notice, most=100)
    assert stored.notice.status is NoticeStatus.UNKNOWN
    assert timedelta(days=1) <= desk.here.at - (stored.notice.handed_at or desk.here.at) < timedelta(hours=25)
    assert (len(desk.sms.taken), len(desk.sms.asked) > 40) == (1, True)


async def test_a_late_receipt_tells_what_nobody_knew(desk: Desk) -> None:
    """The message was unknown; its receipt comes: delivered, and the task is done."""
    await desk.contact()
    desk.sms.script = [UNCLEAR]
    desk.sms.forgets = True
    notice = await desk.daily()
    await desk.until_settled(notice)
    assert await desk.told(receipt(notice, SendStanding.DELIVERED)) == 1
    assert (await desk.stored(notice)).notice.status is NoticeStatus.DELIVERED
    [task] = await desk.tasks()
    assert (task.status, task.resolved_by) == ("resolved", "system:mallcare")


async def test_a_repetition_is_not_made_for_ever(desk: Desk) -> None:
    """WeCom stays silent: a few times the same text, within the hours of its check, then unknown."""
    await desk.contact()
    desk.wecom.script = [UNCLEAR] * 20
    notice = await desk.reminder()
    stored = await desk.until_settled(notice)
    assert stored.notice.status is NoticeStatus.UNKNOWN
    assert len(desk.wecom.taken) == 6
    assert len({one.text for one in desk.wecom.taken}) == 1


async def test_two_who_work_on_one_notice_do_no_harm(desk: Desk) -> None:
    """A worker taken for dead comes back with the vendor's word, after another gave the message up."""
    await desk.contact()
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token="t" * 20)
    notice = await desk.reminder(Channel.DINGTALK, contact_id=ROBOT)
    other = Desk(desk.engine, here=desk.here)
    other.dingtalk.askable = False

    class Slow(ScriptedGateway):
        async def send(self, message: MessageToSend) -> SendReport:
            report = await super().send(message)
            await other.send(message.message_id, desk.here.at)
            return report

    slow = Desk(desk.engine, here=desk.here, gateways={Channel.DINGTALK: Slow(askable=False)})
    await slow.turn(Channel.DINGTALK)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.SENT
    assert other.dingtalk.taken == []
    assert [task.status for task in await desk.tasks()] == ["resolved"]
