"""One message to one person: sent once, put off, given up, or told otherwise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from mallcare.domain.contacts import ROBOT, Channel, ContactRole
from mallcare.domain.notices import NOT_CONFIGURED, STALE, NoticeStatus
from mallcare.domain.tasks import TaskKind
from mallcare.persistence.tables import notices
from mallcare.ports import GatewayError, SendReport, SendStanding
from tests.notices.desk import NOON, OTHER_PHONE, PHONE, SUPPLIER, Desk

pytestmark = pytest.mark.rule("T3")
BUSY = GatewayError("45009", retryable=True, outcome_unknown=False, retry_after_seconds=120)
REFUSED = GatewayError("60020", retryable=False, outcome_unknown=False)
UNCLEAR = GatewayError("timeout", retryable=True, outcome_unknown=True)
GONE = SendReport(SendStanding.UNDELIVERABLE, code="invaliduser")


async def test_a_reminder_tells_how_much_runs_and_until_when(desk: Desk) -> None:
    """The text is made just before it is sent, of what still runs, with the second it is of."""
    await desk.contact()
    notice = await desk.reminder(running=3)
    await desk.turn(Channel.WECOM)
    stored = (await desk.stored(notice)).notice
    [message] = desk.wecom.taken
    assert (stored.status, stored.vendor_message_id) == (NoticeStatus.SENT, f"V-{notice.notice_id}")
    assert message.address == "li@wecom"
    for fact in ("3 项", "发货", "03-02 14:00", "12:00:00"):
        assert fact in message.text
    assert (stored.handed_at, stored.settled_at, stored.attempts) == (desk.here.at, desk.here.at, 1)


async def test_an_sms_holds_counts_only(desk: Desk) -> None:
    """Variables of a template, each of twelve characters at most, and no links."""
    await desk.contact()
    await desk.reminder(Channel.SMS)
    await desk.turn(Channel.SMS)
    [message] = desk.sms.taken
    assert message.template == "SMS_REMINDER"
    assert message.variables == {"count": "2", "due": "03-02 14:00", "overdue": "0"}
    assert (message.address, message.text, message.url) == (PHONE, "", None)
    assert all(len(value) <= 12 for value in message.variables.values())


@pytest.mark.rule("T4")
async def test_the_daily_sms_tells_the_counts_of_its_planning(desk: Desk) -> None:
    """They are in its facts; nothing is counted again."""
    await desk.contact()
    await desk.daily()
    await desk.turn(Channel.SMS)
    [message] = desk.sms.taken
    assert message.template == "SMS_DAILY"
    assert message.variables == {"day": "3月2日", "orders": "3", "after_sales": "2"}


async def test_what_was_done_meanwhile_is_not_told(desk: Desk) -> None:
    """All clocks of a reminder ended before it was sent: nobody is called, nobody is told otherwise."""
    await desk.contact()
    notice = await desk.reminder()
    await desk.fulfilled(notice)
    await desk.turn(Channel.WECOM)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.MOOT
    assert (desk.wecom.calls, len(await desk.all()), await desk.tasks()) == (0, 1, [])


async def test_a_busy_vendor_is_called_again_when_it_wants(desk: Desk) -> None:
    """Two minutes later and not before; the figures are those of the second time."""
    await desk.contact()
    desk.wecom.script = [BUSY]
    notice = await desk.reminder()
    [dealt] = await desk.turn(Channel.WECOM)
    assert dealt is not None
    assert dealt.next_attempt_at == desk.here.at + timedelta(minutes=2)
    desk.here.move(seconds=119)
    assert await desk.turn(Channel.WECOM) == []
    desk.here.move(seconds=1)
    await desk.turn(Channel.WECOM)
    [message] = desk.wecom.taken
    assert "12:02:00" in message.text
    assert (await desk.stored(notice)).notice.status is NoticeStatus.SENT


@pytest.mark.parametrize("script", [[GONE], [REFUSED], [BUSY] * 9])
async def test_what_does_not_arrive_goes_out_as_an_sms_once(desk: Desk, script: list[SendReport]) -> None:
    """The member cannot be reached, the vendor refuses for ever, or stays busy: one SMS in its place."""
    await desk.contact()
    desk.wecom.script = [*script]
    notice = await desk.reminder()
    stored = await desk.until_settled(notice)
    assert stored.notice.status in (NoticeStatus.UNDELIVERABLE, NoticeStatus.FAILED)
    [sms] = await desk.all(channel=Channel.SMS)
    assert (sms.fallback_of, sms.contact_id) == (notice.notice_id, "li")
    await desk.until_settled(sms)
    assert [one.address for one in desk.sms.taken] == [PHONE]
    assert desk.wecom.taken == []
    desk.here.move(hours=1)
    assert await desk.turn(Channel.WECOM) == []
    assert len(await desk.all()) == 2


async def test_who_has_no_phone_is_a_task(desk: Desk) -> None:
    """Nobody was told, and operations hears of it, once for the supplier."""
    await desk.contact(phone=None)
    desk.wecom.script = [GONE, GONE]
    first, second = await desk.reminder(), await desk.reminder()
    await desk.turn(Channel.WECOM)
    [task] = await desk.tasks()
    assert (task.kind, task.subject) == (TaskKind.MESSAGE_UNDELIVERED, SUPPLIER)
    assert task.facts["notice_id"] == first.notice_id
    assert (await desk.stored(second)).notice.status is NoticeStatus.UNDELIVERABLE


async def test_a_lost_robot_is_replaced_by_an_sms_to_each_on_duty(desk: Desk) -> None:
    """Everybody whom the group's message was for hears of it, the first one's SMS is linked to it."""
    await desk.contact("li")
    await desk.contact("han", phone=OTHER_PHONE)
    await desk.contact("boss", ContactRole.PRINCIPAL, phone="13500000000")
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token="t" * 20, dingtalk_secret="SEC1")
    desk.dingtalk.script = [GONE]
    notice = await desk.reminder(Channel.DINGTALK, contact_id=ROBOT)
    await desk.turn(Channel.DINGTALK)
    sms = await desk.all(channel=Channel.SMS)
    assert {one.contact_id for one in sms} == {"li", "han"}
    assert [one.fallback_of for one in sms].count(notice.notice_id) == 1
    await desk.turn(Channel.SMS)
    assert {one.address for one in desk.sms.taken} == {PHONE, OTHER_PHONE}


async def test_a_robot_calls_those_whom_it_tells(desk: Desk) -> None:
    """Its key, its secret, and the phones of the staff on duty, who are called by name in the group."""
    await desk.contact("li")
    await desk.contact("boss", ContactRole.PRINCIPAL, phone=OTHER_PHONE)
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token="t" * 20, dingtalk_secret="SEC1")
    await desk.reminder(Channel.DINGTALK, contact_id=ROBOT)
    await desk.turn(Channel.DINGTALK)
    [message] = desk.dingtalk.taken
    assert (message.address, message.secret, message.mention) == ("t" * 20, "SEC1", (PHONE,))


async def test_what_became_too_old_is_not_told(desk: Desk) -> None:
    """A reminder after twelve hours, a daily SMS after its day; operations hears that nobody was told."""
    await desk.contact()
    reminder, daily = await desk.reminder(), await desk.daily()
    desk.here.move(hours=12, seconds=1)
    for channel in (Channel.WECOM, Channel.SMS):
        await desk.turn(channel)
    for notice in (reminder, daily):
        stored = (await desk.stored(notice)).notice
        assert (stored.status, stored.error_code) == (NoticeStatus.FAILED, STALE)
    assert (desk.wecom.calls, desk.sms.calls, len(await desk.all())) == (0, 0, 2)
    assert [task.kind for task in await desk.tasks()] == [TaskKind.MESSAGE_UNDELIVERED]


@pytest.mark.parametrize("channel", [Channel.WECOM, Channel.SMS])
async def test_what_was_held_up_into_the_night_waits_for_the_morning(desk: Desk, channel: Channel) -> None:
    """Written at nine in the evening but for a minute, its dispatcher was away: nobody is woken at two."""
    await desk.contact()
    desk.here.move(hours=8, minutes=59)
    notice = await desk.reminder(channel, running=1)
    desk.here.move(hours=5)
    [dealt] = await desk.turn(channel)
    morning = NOON + timedelta(hours=20)
    assert dealt is not None
    assert (dealt.status, dealt.next_attempt_at) == (NoticeStatus.WAITING, morning)
    assert (desk.wecom.calls, desk.sms.calls) == (0, 0)
    desk.here.at = morning
    await desk.turn(channel)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.SENT
    assert desk.wecom.calls + desk.sms.calls == 1


async def test_a_channel_without_a_vendor_is_told_otherwise(desk: Desk) -> None:
    """By SMS; and without a vendor of SMS that waits, is sent when there is one, and fails when too old."""
    await desk.contact()
    bare = Desk(desk.engine, gateways={}, here=desk.here)
    notice = await bare.reminder()
    await bare.turn(Channel.WECOM)
    assert (await bare.stored(notice)).notice.error_code == NOT_CONFIGURED
    [sms] = await bare.all(channel=Channel.SMS)
    await bare.turn(Channel.SMS)
    assert (await bare.stored(sms)).notice.status is NoticeStatus.WAITING
    desk.here.move(minutes=1)
    await desk.turn(Channel.SMS)
    assert [one.address for one in desk.sms.taken] == [PHONE]


async def test_who_left_is_not_written_to(desk: Desk) -> None:
    """A contact that was removed has no address any more: undeliverable, and nobody's phone is guessed."""
    notice = await desk.reminder()
    await desk.turn(Channel.WECOM)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.UNDELIVERABLE
    assert (desk.wecom.calls, desk.sms.calls) == (0, 0)
    assert [task.kind for task in await desk.tasks()] == [TaskKind.MESSAGE_UNDELIVERED]


async def test_one_notice_for_what_may_be_told_once(desk: Desk) -> None:
    """The same `once` again is left out."""
    first = await desk.daily(once="daily/supplier-1/2026-03-02")
    async with desk.uow() as uow:
        again = await uow.notices.add([first])
        await uow.commit()
    assert again == 0


async def test_a_member_hears_fifteen_a_minute_at_most(desk: Desk) -> None:
    """WeCom drops the excess without a word: what is too much for an address waits, others do not."""
    await desk.contact()
    await desk.contact("han", wecom_user_id="han@wecom")
    for _ in range(20):
        await desk.reminder(running=1)
    await desk.reminder(running=1, contact_id="han")
    sent = await desk.turn(Channel.WECOM)
    to = [one.address for one in desk.wecom.taken]
    assert (len(sent), to.count("li@wecom"), to.count("han@wecom")) == (16, 15, 1)
    desk.here.move(seconds=59)
    assert await desk.turn(Channel.WECOM) == []
    desk.here.move(seconds=1)
    assert len(await desk.turn(Channel.WECOM)) == 5


async def test_a_kind_that_a_newer_version_wrote_does_not_hold_up_the_others(desk: Desk) -> None:
    """During an upgrade: it waits for a worker that knows it, and a dispatcher is not woken for it."""
    await desk.contact()
    newer = await desk.reminder()
    async with desk.engine.begin() as connection:
        await connection.execute(update(notices).values(kind="of_tomorrow"))
    ours = await desk.reminder()
    assert [dealt and dealt.status for dealt in await desk.turn(Channel.WECOM)] == [NoticeStatus.SENT]
    assert (await desk.stored(ours)).notice.status is NoticeStatus.SENT
    async with desk.uow() as uow:
        assert await uow.notices.next_due(Channel.WECOM) is None
    async with desk.engine.begin() as connection:
        await connection.execute(update(notices).values(kind="reminder"))
    await desk.turn(Channel.WECOM)
    assert (await desk.stored(newer)).notice.status is NoticeStatus.SENT
