"""The WeChat Pay adapter against its simulator: what every answer and every failure means."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import httpx
import pytest

from mallcare.ports import GatewayError, RefundStanding
from tests.gateways.conftest import Simulate, Wechat, a_request
from tests.gateways.serving import unused_url

pytestmark = pytest.mark.rule("P3")


async def test_refund_is_accepted_and_found(wechat: Wechat) -> None:
    """A refund that settles at once is reported as succeeded by submit and by query alike."""
    request = a_request()
    report = await wechat.gateway.submit(request)
    assert report.standing is RefundStanding.SUCCEEDED
    assert report.amount_fen == request.amount_fen
    assert report.vendor_refund_id
    assert await wechat.gateway.query(request) == report


async def test_an_order_without_transaction_is_named_by_its_number(wechat: Wechat) -> None:
    """Without the vendor's transaction number the merchant's order number names the payment."""
    request = a_request(transaction_id=None)
    assert (await wechat.gateway.submit(request)).standing is RefundStanding.SUCCEEDED


async def test_processing_is_a_state_and_ends(simulate: Simulate) -> None:
    """PROCESSING is no failure: asked again after it settled, the refund has succeeded."""
    wechat = simulate(settle="processing", processing_seconds=3600)
    request = a_request()
    assert (await wechat.gateway.submit(request)).standing is RefundStanding.PROCESSING
    assert (await wechat.ledger())[0]["paid_count"] == 0
    await wechat.settle(request.refund_no)
    assert (await wechat.gateway.query(request)).standing is RefundStanding.SUCCEEDED


async def test_query_of_an_unknown_refund_is_not_found(wechat: Wechat) -> None:
    """The vendor's signed 404 means that it never saw the refund, so it may be submitted."""
    assert (await wechat.gateway.query(a_request())).standing is RefundStanding.NOT_FOUND


async def test_twenty_at_once_pay_once(wechat: Wechat) -> None:
    """Twenty simultaneous submits of one refund number move the money once."""
    request = a_request()
    reports = await asyncio.gather(*(wechat.gateway.submit(request) for _ in range(20)))
    assert {report.vendor_refund_id for report in reports} == {reports[0].vendor_refund_id}
    (entry,) = await wechat.ledger()
    assert (entry["requests"], entry["paid_count"], entry["paid_fen"]) == (20, 1, 300)


async def test_timeout_after_commit_is_unknown_and_query_tells(wechat: Wechat) -> None:
    """A lost answer leaves the outcome unknown; asking finds the refund, repeating pays no second time."""
    request = a_request()
    await wechat.fault("timeout_after_commit", match={"out_refund_no": request.refund_no})
    with pytest.raises(GatewayError) as caught:
        await wechat.adapter(timeout=0.3).submit(request)
    assert (caught.value.code, caught.value.retryable, caught.value.outcome_unknown) == (
        "timeout",
        True,
        True,
    )
    assert (await wechat.gateway.query(request)).standing is RefundStanding.SUCCEEDED
    await wechat.gateway.submit(request)
    (entry,) = await wechat.ledger()
    assert (entry["requests"], entry["paid_count"]) == (2, 1)


async def test_timeout_before_commit_looks_the_same(wechat: Wechat) -> None:
    """A request that got lost looks just like a lost answer, and the query says not found."""
    request = a_request()
    await wechat.fault("timeout_before")
    with pytest.raises(GatewayError) as caught:
        await wechat.adapter(timeout=0.3).submit(request)
    assert (caught.value.code, caught.value.outcome_unknown) == ("timeout", True)
    assert (await wechat.gateway.query(request)).standing is RefundStanding.NOT_FOUND


async def test_a_proxy_that_gives_up_is_unknown(wechat: Wechat) -> None:
    """An unsigned 504 is nobody's word: the refund stands committed behind it."""
    request = a_request()
    await wechat.fault("timeout_after_commit", delay_seconds=0.0)
    with pytest.raises(GatewayError) as caught:
        await wechat.gateway.submit(request)
    assert (caught.value.code, caught.value.retryable, caught.value.outcome_unknown) == (
        "HTTP_504",
        True,
        True,
    )
    assert (await wechat.gateway.query(request)).standing is RefundStanding.SUCCEEDED


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "unknown", "wait"),
    [
        ("error_500", "SYSTEM_ERROR", True, True, None),
        ("frequency_limited", "FREQUENCY_LIMITED", True, False, 60.0),
        ("not_enough", "NOT_ENOUGH", True, False, 1800.0),
        ("bad_signature", "bad_signature", True, True, None),
    ],
)
async def test_faults_map_to_typed_failures(
    wechat: Wechat, fault: str, code: str, retryable: bool, unknown: bool, wait: float | None
) -> None:
    """Each vendor code tells whether to repeat, whether to ask first, and how long to wait."""
    request = a_request()
    await wechat.fault(fault, match={"transaction_id": request.transaction_id})
    with pytest.raises(GatewayError) as caught:
        await wechat.gateway.submit(request)
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, unknown)
    assert error.retry_after_seconds == wait
    assert (await wechat.gateway.submit(request)).standing is RefundStanding.SUCCEEDED
    assert [entry["paid_count"] for entry in await wechat.ledger()] == [1]


async def test_faults_strike_as_often_as_told_and_only_their_match(wechat: Wechat) -> None:
    """A fault for one refund spares the others and ends after its number of times."""
    hit, spared = a_request(), a_request()
    await wechat.fault("error_500", match={"out_refund_no": hit.refund_no}, times=2)
    await wechat.gateway.submit(spared)
    for _ in range(2):
        with pytest.raises(GatewayError):
            await wechat.gateway.submit(hit)
    await wechat.gateway.submit(hit)
    assert (await wechat.client.get(f"{wechat.url}/admin/faults")).json() == []


async def test_slow_is_only_slow(wechat: Wechat) -> None:
    """An answer that comes late but in time is an answer."""
    await wechat.fault("slow", delay_seconds=0.2)
    assert (await wechat.gateway.submit(a_request())).standing is RefundStanding.SUCCEEDED


@pytest.mark.parametrize(("fault", "code"), [("abnormal", "ABNORMAL"), ("closed", "CLOSED")])
async def test_failed_refunds_carry_the_vendors_status(wechat: Wechat, fault: str, code: str) -> None:
    """ABNORMAL and CLOSED are failed reports, not exceptions, and no money moved."""
    request = a_request()
    await wechat.fault(fault)
    report = await wechat.gateway.submit(request)
    assert (report.standing, report.failure_code) == (RefundStanding.FAILED, code)
    assert (await wechat.ledger())[0]["paid_count"] == 0


async def test_an_abnormal_refund_is_resolved_on_the_merchants_platform(wechat: Wechat) -> None:
    """What the merchant resolved at the vendor is a success when the number is asked for again."""
    request = a_request()
    await wechat.fault("abnormal")
    report = await wechat.gateway.submit(request)
    assert report.vendor_refund_id is not None
    for _ in range(2):
        answer = await wechat.resolve_abnormal(request.refund_no, report.vendor_refund_id)
        assert answer["status"] == "SUCCESS"
    assert (await wechat.gateway.query(request)).standing is RefundStanding.SUCCEEDED
    (entry,) = await wechat.ledger()
    assert (entry["paid_count"], entry["channel"]) == (1, "OTHER_BALANCE")


async def test_a_sound_refund_cannot_be_resolved(wechat: Wechat) -> None:
    """The way out is refused for a refund that is not abnormal."""
    request = a_request()
    report = await wechat.gateway.submit(request)
    assert report.vendor_refund_id is not None
    with pytest.raises(GatewayError) as caught:
        await wechat.resolve_abnormal(request.refund_no, report.vendor_refund_id)
    assert (caught.value.code, caught.value.retryable) == ("INVALID_REQUEST", False)


async def test_another_amount_under_our_number_is_nobodys_success(wechat: Wechat) -> None:
    """A vendor that holds another amount under our number is reported, never taken for this refund."""
    request = a_request()
    await wechat.gateway.submit(request)
    other = replace(request, amount_fen=299)
    with pytest.raises(GatewayError) as asked:
        await wechat.gateway.query(other)
    assert (asked.value.code, asked.value.retryable, asked.value.outcome_unknown) == (
        "amount_mismatch",
        False,
        True,
    )
    with pytest.raises(GatewayError) as submitted:
        await wechat.gateway.submit(other)
    assert (submitted.value.code, submitted.value.outcome_unknown) == ("PARAM_ERROR", False)


@pytest.mark.parametrize("fault", ["error_500", "frequency_limited", "bad_signature"])
async def test_a_failed_question_settles_nothing(wechat: Wechat, fault: str) -> None:
    """No failure of a query says that the refund was not made."""
    request = a_request()
    await wechat.gateway.submit(request)
    await wechat.fault(fault, match={"operation": "query"})
    with pytest.raises(GatewayError) as caught:
        await wechat.gateway.query(request)
    assert caught.value.retryable
    assert caught.value.outcome_unknown


async def test_nobody_there_is_known_not_to_have_happened(wechat: Wechat) -> None:
    """A connection that was refused carried nothing: retryable, and the outcome is known."""
    with pytest.raises(GatewayError) as caught:
        await wechat.adapter(base_url=unused_url()).submit(a_request())
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == ("connection", True, False)


async def test_a_dropped_connection_is_unknown(wechat: Wechat) -> None:
    """A connection that breaks after the request left may have carried it."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(GatewayError) as caught:
            await wechat.adapter(base_url=f"http://127.0.0.1:{port}").submit(a_request())
    assert (caught.value.code, caught.value.outcome_unknown) == ("connection", True)


async def test_another_merchants_keys_fail_no_refund(wechat: Wechat) -> None:
    """A refused identity is our configuration's fault: kept for later, never a failed refund."""
    stranger = replace(wechat.keys.merchant, mchid="1900000000")
    with pytest.raises(GatewayError) as caught:
        await wechat.adapter(credentials=stranger).submit(a_request())
    error = caught.value
    assert (error.code, error.retryable, error.outcome_unknown) == ("SIGN_ERROR", True, False)
    assert error.retry_after_seconds == 900


async def test_an_unsigned_404_is_not_the_vendors(wechat: Wechat, client: httpx.AsyncClient) -> None:
    """A 404 of something in between must not be taken for "never seen", or it would be paid again."""
    gateway = wechat.adapter(base_url=f"{wechat.url}/wrong-prefix", client=client)
    with pytest.raises(GatewayError) as caught:
        await gateway.query(a_request())
    assert (caught.value.code, caught.value.outcome_unknown) == ("bad_signature", True)


async def test_long_reasons_are_cut_between_characters(wechat: Wechat) -> None:
    """The vendor's 80 bytes of reason are kept to without breaking a character."""
    report = await wechat.gateway.submit(a_request(reason="退" * 79))
    assert report.standing is RefundStanding.SUCCEEDED


async def test_notify_url_with_a_query_is_refused_at_once(wechat: Wechat) -> None:
    """A callback address the vendor would refuse is refused when the adapter is built."""
    with pytest.raises(ValueError, match="query"):
        wechat.adapter(notify_url="https://mall.example/callback?order=1")
