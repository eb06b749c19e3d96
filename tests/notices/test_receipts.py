"""What the vendor says later: in any order, any number of times, of messages of ours and of others."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from mallcare.application.receipts import MOST_KEPT
from mallcare.domain.contacts import Channel
from mallcare.domain.notices import NoticeStatus
from mallcare.domain.tasks import TaskKind
from mallcare.ports import GatewayError, MessageToSend, Receipt, SendReport, SendStanding
from tests.notices.desk import NOON, SUPPLIER, Desk, ScriptedGateway, receipt

pytestmark = pytest.mark.rule("T4")
ARRIVED, LOST = SendStanding.DELIVERED, SendStanding.UNDELIVERABLE


async def test_a_receipt_says_that_it_arrived(desk: Desk) -> None:
    """Found by our own key or by the vendor's, kept with the message."""
    await desk.contact()
    first, second = await desk.daily(), await desk.daily()
    await desk.turn(Channel.SMS)
    assert await desk.told(receipt(first, ARRIVED), receipt(second, ARRIVED, message_id=None)) == 2
    for notice in (first, second):
        stored = await desk.stored(notice)
        assert stored.notice.status is NoticeStatus.DELIVERED
        assert [one.standing for one in stored.receipts] == ["delivered"]


async def test_a_receipt_twice_changes_nothing_more(desk: Desk) -> None:
    """The vendor pushes each at least twice: it is kept once."""
    await desk.contact()
    notice = await desk.daily()
    await desk.turn(Channel.SMS)
    for _ in range(3):
        assert await desk.told(receipt(notice, LOST, code="MOBILE_NOT_ON_SERVICE")) == 1
        desk.here.move(minutes=1)
    stored = await desk.stored(notice)
    assert (stored.notice.status, stored.notice.error_code) == (
        NoticeStatus.UNDELIVERABLE,
        "MOBILE_NOT_ON_SERVICE",
    )
    assert stored.notice.settled_at == NOON
    assert len(stored.receipts) == 1
    [task] = await desk.tasks()
    assert (task.kind, task.subject) == (TaskKind.MESSAGE_UNDELIVERED, SUPPLIER)
    assert len(await desk.all()) == 1


async def test_any_order_ends_the_same(desk: Desk) -> None:
    """Arrived once is arrived, whatever came before or after."""
    await desk.contact()
    for order in permutations((ARRIVED, LOST, ARRIVED)):
        notice = await desk.daily()
        await desk.turn(Channel.SMS)
        for number, standing in enumerate(order):
            await desk.told(receipt(notice, standing, at=NOON + timedelta(seconds=number)))
        assert (await desk.stored(notice)).notice.status is NoticeStatus.DELIVERED


async def test_a_receipt_before_the_answer(desk: Desk) -> None:
    """It comes while the call is on its way: the answer adds the vendor's id and takes nothing back."""
    await desk.contact()
    notice = await desk.daily()

    class Fast(ScriptedGateway):
        async def send(self, message: MessageToSend) -> SendReport:
            report = await super().send(message)
            early = receipt(notice, ARRIVED, vendor_message_id=report.vendor_message_id)
            assert await desk.told(early) == 1
            return report

    await Desk(desk.engine, here=desk.here, gateways={Channel.SMS: Fast()}).turn(Channel.SMS)
    stored = await desk.stored(notice)
    assert stored.notice.status is NoticeStatus.DELIVERED
    assert stored.notice.vendor_message_id == f"V-{notice.notice_id}"


async def test_a_receipt_before_a_timeout(desk: Desk) -> None:
    """The vendor took it, said so by the receipt, and its answer was lost: nothing is asked, nothing sent."""
    await desk.contact()
    notice = await desk.daily()

    class Silent(ScriptedGateway):
        async def send(self, message: MessageToSend) -> SendReport:
            await super().send(message)
            assert await desk.told(receipt(notice, ARRIVED)) == 1
            raise GatewayError("timeout", retryable=True, outcome_unknown=True)

    await Desk(desk.engine, here=desk.here, gateways={Channel.SMS: Silent()}).turn(Channel.SMS)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.DELIVERED
    desk.here.move(hours=1)
    assert await desk.turn(Channel.SMS) == []


async def test_receipts_of_others_are_left_alone(desk: Desk) -> None:
    """Another sender of the account, an id that is another channel's: nothing is known, nothing changes."""
    await desk.contact()
    wecom = await desk.reminder()
    await desk.turn(Channel.WECOM)
    foreign = Receipt(Channel.SMS, "900619746936498440", ARRIVED, NOON, message_id="NTNOTOURS")
    other = receipt(wecom, LOST)
    assert await desk.told(foreign, other) == 0
    assert (await desk.stored(wecom)).notice.status is NoticeStatus.SENT


async def test_receipts_do_not_fill_the_database(desk: Desk) -> None:
    """Of one message a few are kept, however many are pushed with small changes."""
    await desk.contact()
    notice = await desk.daily()
    await desk.turn(Channel.SMS)
    many = [receipt(notice, ARRIVED, at=NOON + timedelta(seconds=number)) for number in range(MOST_KEPT + 9)]
    assert await desk.told(*many) == len(many)
    assert len((await desk.stored(notice)).receipts) == MOST_KEPT
