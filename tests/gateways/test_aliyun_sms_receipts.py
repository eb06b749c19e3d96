"""Aliyun's delivery reports: what is read from a push, and that they come twice, late and in any order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mallcare.domain.contacts import Channel
from mallcare.domain.errors import InvalidInput
from mallcare.gateways.aliyun_sms import AliyunSmsReceipts
from mallcare.ports import Receipt, SendReport, SendStanding
from tests.gateways.aliyun_sms import Receiver, Simulate, Sms, a_message, simulators
from tests.gateways.serving import Served, unused_url

REPORT: dict[str, Any] = {
    "phone_number": "13900000001",
    "send_time": "2031-03-02 08:00:00",
    "report_time": "2031-03-02 08:00:07",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "900619746936498440^0",
    "out_id": "0123456789abcdef0123456789abcdef",
}


def read(*reports: object) -> list[Receipt]:
    return list(AliyunSmsReceipts().read(json.dumps(reports).encode()))


def test_a_report_becomes_a_receipt() -> None:
    """Local time is Beijing's; success is DELIVERED without a code; the number is left behind."""
    assert read(REPORT) == [
        Receipt(
            channel=Channel.SMS,
            vendor_message_id="900619746936498440^0",
            standing=SendStanding.DELIVERED,
            at=datetime(2031, 3, 2, 0, 0, 7, tzinfo=UTC),
            code=None,
            message_id="0123456789abcdef0123456789abcdef",
        )
    ]


def test_a_push_holds_several_reports_in_its_order() -> None:
    """One push merges many: each becomes a receipt, a failure with the carrier's code."""
    failed = {**REPORT, "success": False, "err_code": "MK:0001", "biz_id": "2^0", "out_id": "B"}
    receipts = read(failed, REPORT)
    assert [(receipt.message_id, receipt.standing, receipt.code) for receipt in receipts] == [
        ("B", SendStanding.UNDELIVERABLE, "MK:0001"),
        (REPORT["out_id"], SendStanding.DELIVERED, None),
    ]


@pytest.mark.parametrize("out_id", [None, "", "not ours", "x" * 33, 7, "a\u0000b"])
def test_an_out_id_of_another_shape_is_not_ours(out_id: object) -> None:
    """Others share the account: what cannot be one of our ids names no message of ours."""
    (receipt,) = read({**REPORT, "out_id": out_id})
    assert receipt.message_id is None


@pytest.mark.parametrize("code", [None, "", 7, "x" * 65, "a\u0000b"])
def test_an_unreadable_reason_is_unknown(code: object) -> None:
    """A failure counts whatever its reason looks like."""
    (receipt,) = read({**REPORT, "success": False, "err_code": code})
    assert (receipt.standing, receipt.code) == (SendStanding.UNDELIVERABLE, "unknown")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{}",
        b"[7]",
        b"[" * 100_000,
        *(
            json.dumps([REPORT, {**REPORT, **wrong}]).encode()
            for wrong in (
                {"success": "true"},
                {"success": None},
                {"biz_id": ""},
                {"biz_id": 7},
                {"biz_id": "a\u0000"},
                {"report_time": None},
                {"report_time": "2031-13-02 08:00:07"},
                {"report_time": "0001-01-01 00:00:00"},
            )
        ),
    ],
)
def test_what_the_vendor_never_sends_is_refused_whole(body: bytes) -> None:
    """A malformed push is refused as a whole, and the refusal repeats nothing of it."""
    with pytest.raises(InvalidInput) as caught:
        AliyunSmsReceipts().read(body)
    assert "13900000001" not in str(caught.value)


@given(
    body=st.binary(max_size=80)
    | st.from_regex(r'\[\{"success":(true|1),"biz_id":"[^"]*"\}\]').map(str.encode)
)
def test_no_body_raises_anything_else(body: bytes) -> None:
    """The address is open to anybody: whatever comes is receipts or InvalidInput."""
    try:
        receipts = AliyunSmsReceipts().read(body)
    except InvalidInput:
        return
    assert all(receipt.channel is Channel.SMS for receipt in receipts)


# --- from the simulator --------------------------------------------------------------------------


@pytest.fixture
def simulate(client: httpx.AsyncClient) -> Iterator[Simulate]:
    with simulators(client) as start:
        yield start


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def receipts_url(receiver: Receiver) -> Iterator[str]:
    with ExitStack() as stack:
        yield stack.enter_context(Served(receiver.app())).url + "/receipts"


def read_pushes(pushes: list[list[dict[str, Any]]]) -> list[Receipt]:
    return [receipt for push in pushes for receipt in AliyunSmsReceipts().read(json.dumps(push).encode())]


async def test_each_receipt_comes_twice(simulate: Simulate, receiver: Receiver, receipts_url: str) -> None:
    """Both pushes tell the same: a receipt is applied by its ids, any number of times."""
    sms = simulate(report_url=receipts_url)
    message = a_message()
    report = await sms.gateway.send(message)
    first, second = read_pushes(await receiver.pushes(2))
    assert first == second
    assert first.vendor_message_id == report.vendor_message_id
    assert (first.message_id, first.standing) == (message.message_id, SendStanding.DELIVERED)
    assert abs(datetime.now(UTC) - first.at) < timedelta(minutes=1)


async def test_a_dead_number_is_told_by_receipt(
    simulate: Simulate, receiver: Receiver, receipts_url: str
) -> None:
    """What the vendor accepted may turn out undeliverable later, by the carrier's code."""
    sms = simulate(report_url=receipts_url, report_copies=1)
    message = a_message()
    await sms.unreachable(message.address, "BLACK")
    await sms.gateway.send(message)
    (receipt,) = read_pushes(await receiver.pushes(1))
    assert (receipt.standing, receipt.code) == (SendStanding.UNDELIVERABLE, "BLACK")


async def test_receipts_come_late(simulate: Simulate, receiver: Receiver, receipts_url: str) -> None:
    """A delayed receipt is pushed when its time has come, and tells when the message arrived, not when it
    was pushed."""
    sms = simulate(report_url=receipts_url, report_copies=1, report_delay_seconds=3600.0)
    await sms.gateway.send(a_message())
    assert [report["state"] for report in await sms.reports()] == ["waiting"]
    sms.clock.offset = timedelta(seconds=3601)
    await sms.ledger()
    (receipt,) = read_pushes(await receiver.pushes(1))
    assert abs(datetime.now(UTC) - receipt.at) < timedelta(minutes=1)


async def test_receipts_come_out_of_order(simulate: Simulate, receiver: Receiver, receipts_url: str) -> None:
    """Told to, the vendor pushes the newest first, each copy alone."""
    sms = simulate(report_url=receipts_url, report_held=True)
    messages = [a_message() for _ in range(3)]
    for message in messages:
        await sms.gateway.send(message)
    assert {report["state"] for report in await sms.reports()} == {"held"}
    await sms.release(newest_first=True)
    pushed = [receipt.message_id for receipt in read_pushes(await receiver.pushes(6))]
    ids = [message.message_id for message in messages]
    assert pushed == [ids[2], ids[2], ids[1], ids[1], ids[0], ids[0]]


async def test_several_messages_share_a_push(
    simulate: Simulate, receiver: Receiver, receipts_url: str
) -> None:
    """What settles together is merged, and a message's copies never are."""
    sms = simulate(report_url=receipts_url, carrier_seconds=600.0)
    for _ in range(3):
        await sms.gateway.send(a_message())
    sms.clock.offset = timedelta(seconds=601)
    await sms.ledger()
    pushes = await receiver.pushes(2)
    assert [len(push) for push in pushes] == [3, 3]
    assert {report["biz_id"] for report in pushes[0]} == {report["biz_id"] for report in pushes[1]}


async def states(sms: Sms) -> list[str]:
    return [report["state"] for report in await sms.reports()]


async def test_a_refused_push_is_repeated(simulate: Simulate, receiver: Receiver, receipts_url: str) -> None:
    """503 is no acknowledgement: the vendor pushes again, a bounded number of times."""
    receiver.refusals = 2
    sms = simulate(report_url=receipts_url, report_copies=1, report_retry_seconds=(0.01, 0.01, 0.01))
    await sms.gateway.send(a_message())
    (push,) = await receiver.pushes(1)
    assert len(push) == 1
    assert receiver.refused == 2


async def until_abandoned(sms: Sms) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        while "abandoned" not in await states(sms):  # noqa: ASYNC110 - the simulator lives in another thread
            await asyncio.sleep(0.01)
    return await sms.reports()


async def test_a_push_that_nobody_hears_is_given_up(simulate: Simulate) -> None:
    """After the last wait the vendor pushes no more: a receipt may never come, and the records are asked."""
    sms = simulate(report_url=unused_url() + "/receipts", report_copies=1, report_retry_seconds=(0.01, 0.01))
    message = a_message()
    await sms.gateway.send(message)
    assert [report["attempts"] for report in await until_abandoned(sms)] == [3]
    assert await sms.gateway.look_up(message, datetime.now(UTC)) == SendReport(SendStanding.DELIVERED)


@pytest.mark.parametrize("answer", [PlainTextResponse("ok"), JSONResponse({"code": "0"}), JSONResponse([0])])
async def test_only_a_numeric_code_acknowledges(simulate: Simulate, answer: Response) -> None:
    """200 alone is not enough: the answer is JSON with a number in `code`, or the push counts as unheard."""
    app = Starlette(routes=[Route("/receipts", lambda _: answer, methods=["POST"])])
    with Served(app) as served:
        sms = simulate(report_url=served.url + "/receipts", report_copies=1, report_retry_seconds=())
        await sms.gateway.send(a_message())
        assert [report["attempts"] for report in await until_abandoned(sms)] == [1]


async def test_without_an_address_nothing_is_pushed(simulate: Simulate) -> None:
    """No receipts are queued for nobody."""
    sms = simulate()
    await sms.gateway.send(a_message())
    assert await states(sms) == []
