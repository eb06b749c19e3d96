"""The Aliyun SMS adapter against its simulator: what every answer and every failure means."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mallcare.ports import GatewayError, SendReport, SendStanding
from tests.gateways.aliyun_sms import DIGEST, PLAIN, Simulate, Sms, a_message, facts, simulators
from tests.gateways.conftest import SteppedClock
from tests.gateways.serving import unused_url


@pytest.fixture
def simulate(client: httpx.AsyncClient) -> Iterator[Simulate]:
    with simulators(client) as start:
        yield start


@pytest.fixture
def sms(simulate: Simulate) -> Sms:
    return simulate()


def now() -> datetime:
    return datetime.now(UTC)


async def test_a_message_is_accepted_and_received(sms: Sms) -> None:
    """ACCEPTED carries the BizId, the telephone shows the filled template, the records say DELIVERED."""
    message = a_message()
    report = await sms.gateway.send(message)
    (entry,) = await sms.ledger()
    assert report == SendReport(SendStanding.ACCEPTED, vendor_message_id=entry["biz_id"])
    assert entry["content"] == "【商城客服】您有12单超时未发货,3件售后超时未处理。"
    assert (entry["phone"], entry["out_id"]) == (message.address, message.message_id)
    assert await sms.gateway.look_up(message, now()) == SendReport(SendStanding.DELIVERED)


async def test_a_template_without_variables(sms: Sms) -> None:
    """A text with nothing to fill in goes out as well."""
    assert (await sms.gateway.send(a_message(template=PLAIN, variables={}))).standing is SendStanding.ACCEPTED


async def test_a_repeated_out_id_is_sent_again(sms: Sms) -> None:
    """OutId is no idempotency key: the vendor sends twice, and the adapter says that it is not repeatable."""
    message = a_message()
    first, second = await sms.gateway.send(message), await sms.gateway.send(message)
    assert first.vendor_message_id != second.vendor_message_id
    assert len(await sms.ledger()) == 2
    assert sms.gateway.repeatable is False


@pytest.mark.parametrize("prefix", ["+86", "0086", "86", " "])
async def test_a_country_code_changes_nothing(sms: Sms, prefix: str) -> None:
    """The records know a number without its country code: it is asked for as it was sent."""
    message = a_message(address=prefix + a_message().address)
    await sms.gateway.send(message)
    report = await sms.gateway.look_up(message, now())
    assert report is not None
    assert report.standing is SendStanding.DELIVERED


# --- unclear sends -------------------------------------------------------------------------------


@pytest.mark.rule("T4")
async def test_an_unclear_send_is_found_by_looking_up(sms: Sms) -> None:
    """A lost answer leaves the outcome unknown; the records hold the message, so nobody sends a second."""
    message = a_message()
    await sms.fault("timeout_after_commit", match={"out_id": message.message_id})
    with pytest.raises(GatewayError) as caught:
        await sms.adapter(timeout=0.3).send(message)
    assert facts(caught.value) == ("timeout", True, True, None)
    report = await sms.gateway.look_up(message, now())
    assert report == SendReport(SendStanding.DELIVERED)
    assert len(await sms.ledger()) == 1


@pytest.mark.rule("T4")
async def test_an_unclear_send_that_never_happened_is_never_found(sms: Sms) -> None:
    """A lost request looks just like a lost answer, and the records know nothing of it, ever."""
    message = a_message()
    await sms.fault("timeout_before", match={"phone_number": message.address})
    sent_at = now()
    with pytest.raises(GatewayError) as caught:
        await sms.adapter(timeout=0.3).send(message)
    assert facts(caught.value) == ("timeout", True, True, None)
    sms.clock.offset = timedelta(hours=6)
    assert await sms.gateway.look_up(message, sent_at) == SendReport(SendStanding.NOT_FOUND)
    assert await sms.ledger() == []


@pytest.mark.rule("T4")
async def test_records_lag_behind_a_send(simulate: Simulate) -> None:
    """NOT_FOUND soon after a send proves nothing: minutes later the same question finds it."""
    sms = simulate(details_lag_seconds=120.0)
    message, sent_at = a_message(), now()
    await sms.gateway.send(message)
    assert await sms.gateway.look_up(message, sent_at) == SendReport(SendStanding.NOT_FOUND)
    sms.clock.offset = timedelta(seconds=121)
    assert await sms.gateway.look_up(message, sent_at) == SendReport(SendStanding.DELIVERED)


@pytest.mark.parametrize("fault", ["error_500_after_commit", "error_500"])
async def test_the_vendors_500_says_nothing(sms: Sms, fault: str) -> None:
    """InternalError comes before or after the message went out: unknown either way, the records decide."""
    message = a_message()
    await sms.fault(fault)
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(message)
    assert facts(caught.value) == ("InternalError", True, True, None)
    sent = fault == "error_500_after_commit"
    expected = SendStanding.DELIVERED if sent else SendStanding.NOT_FOUND
    assert await sms.gateway.look_up(message, now()) == SendReport(expected)


async def test_a_proxys_page_is_nobodys_word(sms: Sms) -> None:
    """What carries no code of the vendor's is unclear, whatever its status."""
    await sms.fault("proxy_page")
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message())
    assert facts(caught.value) == ("HTTP_502", True, True, None)
    await sms.fault("timeout_after_commit", delay_seconds=0.0)
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message())
    assert facts(caught.value) == ("HTTP_504", True, True, None)


async def test_nobody_there_is_known_not_to_have_sent(sms: Sms) -> None:
    """A connection that was never made left no message behind."""
    with pytest.raises(GatewayError) as caught:
        await sms.adapter(base_url=unused_url()).send(a_message())
    assert facts(caught.value) == ("connection", True, False, None)


async def test_slow_is_no_failure(sms: Sms) -> None:
    """An answer that comes in time is an answer."""
    await sms.fault("slow", delay_seconds=0.1)
    assert (await sms.gateway.send(a_message())).standing is SendStanding.ACCEPTED


async def test_two_records_under_one_id_report_what_tells_most(sms: Sms) -> None:
    """Arrived once is arrived, though another copy under the same id failed."""
    message = a_message()
    await sms.gateway.send(message)
    await sms.fault("undeliverable", code="MOBILE_NOT_ON_SERVICE")
    await sms.gateway.send(message)
    assert [entry["status"] for entry in await sms.ledger()] == [3, 2]
    assert await sms.gateway.look_up(message, now()) == SendReport(SendStanding.DELIVERED)


# --- what the records say ------------------------------------------------------------------------


async def test_waiting_for_the_carrier_is_accepted(simulate: Simulate) -> None:
    """SendStatus 1 is a message on its way; it arrives when the carrier says so."""
    sms = simulate(carrier_seconds=60.0)
    message, sent_at = a_message(), now()
    await sms.gateway.send(message)
    assert await sms.gateway.look_up(message, sent_at) == SendReport(SendStanding.ACCEPTED)
    sms.clock.offset = timedelta(seconds=61)
    assert await sms.gateway.look_up(message, sent_at) == SendReport(SendStanding.DELIVERED)


async def test_a_dead_number_is_undeliverable_by_the_carriers_word(sms: Sms) -> None:
    """The vendor takes the message all the same; the records tell why it did not arrive."""
    message = a_message()
    await sms.unreachable(message.address, "MOBILE_NOT_ON_SERVICE")
    assert (await sms.gateway.send(message)).standing is SendStanding.ACCEPTED
    expected = SendReport(SendStanding.UNDELIVERABLE, code="MOBILE_NOT_ON_SERVICE")
    assert await sms.gateway.look_up(message, now()) == expected


async def test_every_page_of_the_day_is_read(sms: Sms) -> None:
    """A message is found behind a hundred others to the number, and a missing one not at the last page."""
    message = a_message()
    await sms.gateway.send(message)
    others = [a_message(address=message.address) for _ in range(100)]
    await asyncio.gather(*(sms.gateway.send(other) for other in others))
    assert await sms.gateway.look_up(message, now()) == SendReport(SendStanding.DELIVERED)
    missing = a_message(address=message.address)
    assert await sms.gateway.look_up(missing, now()) == SendReport(SendStanding.NOT_FOUND)


def beijing(day: int, hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2031, 3, day, hour, minute, second, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("sent", "recorded", "found"),
    [
        (beijing(2, 23, 59, 58), beijing(3, 0, 0, 1), True),
        (beijing(3, 0, 0, 2), beijing(2, 23, 59, 59), True),
        (beijing(3, 0, 30), beijing(3, 0, 30, 1), True),
        (beijing(3, 7, 59), beijing(3, 7, 59, 1), True),
        (beijing(3, 12, 0), beijing(2, 12, 0), False),
    ],
)
async def test_around_midnight_both_days_are_asked(
    sms: Sms, sent: datetime, recorded: datetime, found: bool
) -> None:
    """The vendor's day is Beijing's; near its midnight a message may be recorded on the other side of it."""
    message = a_message()
    sms.clock.offset = recorded - datetime.now(UTC)
    await sms.gateway.send(message)
    report = await sms.gateway.look_up(message, sent)
    assert report == SendReport(SendStanding.DELIVERED if found else SendStanding.NOT_FOUND)


async def test_after_thirty_days_nobody_can_be_asked(sms: Sms) -> None:
    """The vendor forgets: None, rather than a NOT_FOUND that would read as never sent."""
    assert await sms.gateway.look_up(a_message(), now() - timedelta(days=31)) is None


@pytest.mark.parametrize(
    ("fault", "code", "retryable"),
    [
        ({"kind": "business", "code": "Throttling.User"}, "Throttling.User", True),
        ({"kind": "business", "code": "isv.INVALID_PARAMETERS"}, "isv.INVALID_PARAMETERS", False),
        ({"kind": "error_500"}, "InternalError", True),
    ],
)
async def test_a_question_that_fails_leaves_the_outcome_unknown(
    sms: Sms, fault: dict[str, Any], code: str, retryable: bool
) -> None:
    """Failing to ask never says that nothing was sent."""
    message = a_message()
    await sms.fault(**fault, match={"operation": "query", "phone_number": message.address})
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.look_up(message, now())
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, True)


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "retryable", "unknown", "wait"),
    [
        ("isv.BUSINESS_LIMIT_CONTROL", False, False, None),
        ("isv.DAY_LIMIT_CONTROL", False, False, None),
        ("isv.MOBILE_COUNT_OVER_LIMIT", False, False, None),
        ("isv.BLACK_KEY_CONTROL_LIMIT", False, False, None),
        ("isv.SMS_TEMPLATE_ILLEGAL", False, False, None),
        ("isv.SMS_SIGNATURE_ILLEGAL", False, False, None),
        ("isv.AMOUNT_NOT_ENOUGH", False, False, None),
        ("isv.SOMETHING_NEW", False, False, None),
        ("isp.RAM_PERMISSION_DENY", False, False, None),
        ("isp.SYSTEM_ERROR", True, True, None),
        ("isp.SOMETHING_NEW", True, True, None),
        ("Throttling", True, False, 10.0),
        ("Throttling.User", True, False, 10.0),
        ("ServiceUnavailable", True, True, None),
        ("SignatureNonceUsed", True, True, None),
        ("InvalidTimeStamp.Expired", True, False, 300.0),
        ("SignatureDoesNotMatch", False, False, None),
        ("InvalidAccessKeyId.Inactive", False, False, None),
        ("SomethingNew", False, False, None),
    ],
)
async def test_each_code_has_one_meaning(
    sms: Sms, code: str, retryable: bool, unknown: bool, wait: float | None
) -> None:
    """Whether to repeat, to ask first, how long to wait: read from the code, in full or by its family."""
    await sms.fault("business", code=code)
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message())
    assert facts(caught.value) == (code, retryable, unknown, wait)
    assert await sms.ledger() == []


async def test_a_number_that_is_none_is_undeliverable(sms: Sms) -> None:
    """The vendor's word against the number is no failure of ours: another channel is to be tried."""
    report = await sms.gateway.send(a_message(address="12345678"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code="isv.MOBILE_NUMBER_ILLEGAL")


@pytest.mark.parametrize("address", ["13900000001,13900000002", "", "zhang.san", "139-0000-0001"])
async def test_what_is_not_one_number_never_leaves(sms: Sms, address: str) -> None:
    """A comma would make two receivers of one: such an address is not sent, and not found."""
    message = a_message(address=address)
    assert await sms.gateway.send(message) == SendReport(SendStanding.UNDELIVERABLE, code="bad_address")
    assert await sms.gateway.look_up(message, now()) == SendReport(SendStanding.NOT_FOUND)
    assert await sms.requests() == []


@pytest.mark.parametrize(
    "value",
    ["1234567890123", "http://a", "HTTPS://x", "www.a", "a.cn/b", "mall.example", "10.0.0.1", "x//: ://"],
)
async def test_long_variables_and_links_are_refused_before_sending(sms: Sms, value: str) -> None:
    """Nothing is sent or paid for a text that carriers would hold back; the error names the variable only."""
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message(variables={"orders": value, "cases": "3"}))
    assert facts(caught.value) == ("bad_variables", False, False, None)
    assert str(caught.value) == "bad_variables: orders"
    assert await sms.requests() == []


@pytest.mark.parametrize("value", ["123456789012", "十二个字的变量正好放得下了", "3.5", "9:30", "10月2日"])
async def test_twelve_characters_and_plain_numbers_pass(sms: Sms, value: str) -> None:
    """Twelve characters are allowed, of any script; decimals and times are no links."""
    message = a_message(variables={"orders": value[:12], "cases": "3"})
    assert (await sms.gateway.send(message)).standing is SendStanding.ACCEPTED


async def test_without_a_template_nothing_leaves(sms: Sms) -> None:
    """An SMS is a template of the vendor's: free text cannot be sent."""
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message(template=None, text="hello"))
    assert facts(caught.value) == ("no_template", False, False, None)
    assert await sms.requests() == []


# --- answers outside the contract ----------------------------------------------------------------


def answering(status: int, body: bytes) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body)))


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable", "unknown"),
    [
        (200, b"not json", "bad_response", True, True),
        (200, b"[]", "bad_response", True, True),
        (200, b'{"Code":"OK"}', "bad_response", True, True),
        (200, b"{}", "HTTP_200", True, True),
        (200, b'{"Code":"Unheard"}', "Unheard", True, True),
        (302, b"", "HTTP_302", True, True),
        (404, b"<html>", "HTTP_404", True, True),
        (429, b'{"Code":"Busy"}', "Busy", True, False),
        (500, b'{"Code":"OK","BizId":"1^0"}', "HTTP_500", True, True),
        (503, b'{"Code":"isv.AMOUNT_NOT_ENOUGH"}', "isv.AMOUNT_NOT_ENOUGH", True, True),
        (503, b'{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}', "isv.MOBILE_NUMBER_ILLEGAL", True, True),
    ],
)
async def test_answers_outside_the_contract_are_unclear(
    sms: Sms, status: int, body: bytes, code: str, retryable: bool, unknown: bool
) -> None:
    """What the vendor does not say by its contract never counts as sent or as not sent."""
    async with answering(status, body) as client:
        with pytest.raises(GatewayError) as caught:
            await sms.adapter(client=client).send(a_message())
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, unknown)


def records(*details: object) -> bytes:
    return json.dumps({"Code": "OK", "SmsSendDetailDTOs": {"SmsSendDetailDTO": list(details)}}).encode()


@pytest.mark.parametrize(
    "body",
    [
        b'{"Code":"OK"}',
        b'{"Code":"OK","SmsSendDetailDTOs":{}}',
        records("x"),
        records({"OutId": "m", "SendStatus": 7}),
        records({"OutId": "m", "SendStatus": "3"}),
        records(*({"OutId": "other"} for _ in range(50))),
    ],
    ids=["nothing", "no list", "no object", "unknown status", "status as text", "pages without end"],
)
async def test_records_outside_the_contract_are_unclear(sms: Sms, body: bytes) -> None:
    """Records that cannot be read, or do not end, are no NOT_FOUND."""
    async with answering(200, body) as client:
        with pytest.raises(GatewayError) as caught:
            await sms.adapter(client=client).look_up(a_message(message_id="m"), now())
    assert facts(caught.value) == ("bad_response", True, True, None)


async def test_a_failed_record_may_lack_its_reason(sms: Sms) -> None:
    """The carrier's reason is optional: what failed is undeliverable without it."""
    async with answering(200, records({"OutId": "m", "SendStatus": 2, "ErrCode": ""})) as client:
        report = await sms.adapter(client=client).look_up(a_message(message_id="m"), now())
    assert report == SendReport(SendStanding.UNDELIVERABLE)


# --- secrets -------------------------------------------------------------------------------------


async def test_neither_numbers_nor_secrets_are_told(sms: Sms, caplog: pytest.LogCaptureFixture) -> None:
    """No error text, chain, `repr` or log line of ours holds a phone number, a secret or a variable."""
    caplog.set_level(logging.DEBUG)
    for chatty in ("httpx", "httpcore"):  # as the platform's own logging sets them
        caplog.set_level(logging.WARNING, chatty)
    message = a_message(variables={"orders": "秘密的数字", "cases": "3"})
    texts: list[str] = [repr(sms.credentials)]
    for fault in ("error_500", "proxy_page", "timeout_before"):
        await sms.fault(fault)
        with pytest.raises(GatewayError) as caught:
            await sms.adapter(timeout=0.3).send(message)
        error: BaseException | None = caught.value
        while error is not None:
            texts.append(f"{error} {error!r}")
            error = error.__cause__
    with pytest.raises(GatewayError) as refused:
        await sms.adapter(base_url=unused_url()).send(message)
    told = "\n".join([*texts, str(refused.value), caplog.text])
    for hidden in (message.address, sms.credentials.access_key_secret, "秘密的数字"):
        assert hidden not in told


async def test_the_adapters_clock_is_what_the_vendor_checks(sms: Sms) -> None:
    """A clock a quarter of an hour off is told so, and the message is known not to have been sent."""
    slow = SteppedClock(timedelta(minutes=-16))
    with pytest.raises(GatewayError) as caught:
        await sms.adapter(clock=slow).send(a_message(template=DIGEST))
    assert facts(caught.value) == ("InvalidTimeStamp.Expired", True, False, 300.0)
