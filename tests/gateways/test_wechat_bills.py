"""The daily bill of refunds, from the simulator's books to the platform's rows."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, date, datetime, timedelta

import pytest

from mallcare.gateways.simulators.wechat_pay.bill import BEIJING
from mallcare.gateways.wechat_pay.bills import parse_bill
from mallcare.ports import BillRow, GatewayError
from tests.gateways.conftest import Simulate, Wechat, a_request
from tests.gateways.test_wechat_sdk_oracle import sdk_client

pytestmark = pytest.mark.rule("P3")


def today() -> date:
    return datetime.now(BEIJING).date()


async def test_the_bill_lists_what_was_refunded(wechat: Wechat) -> None:
    """Every refund of the day is on the bill with its number, payment, fen and instant."""
    paid, abnormal = a_request(amount_fen=7), a_request(amount_fen=1000)
    before = datetime.now(UTC).replace(microsecond=0)
    await wechat.gateway.submit(paid)
    after = datetime.now(UTC)
    await wechat.fault("abnormal")
    await wechat.gateway.submit(abnormal)
    rows = await wechat.bills().refunds_of(today())
    assert [(row.refund_no, row.transaction_id, row.amount_fen, row.status) for row in rows] == [
        (paid.refund_no, paid.transaction_id, 7, "SUCCESS"),
        (abnormal.refund_no, abnormal.transaction_id, 1000, "CHANGE"),
    ]
    assert before <= rows[0].refunded_at <= after
    assert rows[0].refunded_at.utcoffset() == timedelta(0)


async def test_a_day_without_refunds_is_empty(wechat: Wechat) -> None:
    """The vendor's NO_STATEMENT_EXIST is an empty bill, not a failure."""
    assert await wechat.bills().refunds_of(today() - timedelta(days=1)) == []


async def test_a_bill_still_being_written_is_asked_for_later(simulate: Simulate) -> None:
    """Today's bill is not there yet: retryable, with a wait."""
    wechat = simulate(bill_same_day=False)
    await wechat.gateway.submit(a_request())
    with pytest.raises(GatewayError) as caught:
        await wechat.bills().refunds_of(today())
    assert (caught.value.code, caught.value.retryable) == ("STATEMENT_CREATING", True)
    assert caught.value.retry_after_seconds


async def test_a_bill_that_does_not_match_its_hash_is_refused(wechat: Wechat) -> None:
    """The file is unsigned, so its SHA-1 from the signed ticket is what makes it believable."""
    await wechat.gateway.submit(a_request())
    await wechat.fault("corrupt", match={"operation": "bill"})
    with pytest.raises(GatewayError) as caught:
        await wechat.bills().refunds_of(today())
    assert caught.value.code == "bad_response"


async def test_the_sdk_downloads_the_same_bill(wechat: Wechat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK gets the bill, packed, and its unpacked hash and rows are ours."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    await wechat.gateway.submit(a_request())
    sdk = sdk_client(wechat)
    status, answer = sdk.trade_bill(today().isoformat(), bill_type="REFUND")
    assert status == 200
    ticket = json.loads(answer)
    status, packed = sdk.download_bill(ticket["download_url"])
    content = gzip.decompress(packed)
    assert hashlib.sha1(content).hexdigest() == ticket["hash_value"]
    assert parse_bill(content) == await wechat.bills().refunds_of(today())


HEADER = "微信订单号,商户订单号,退款申请时间,退款成功时间,商户退款单号,退款金额,退款状态,商品名称"
TOTALS = "总交易单数\r\n`1\r\n"


def test_commas_and_missing_columns() -> None:
    """Fields end at comma and backtick together; an old bill without the asked amount is read too."""
    line = "`42,`O1,`2030-01-02 00:00:01,`2030-01-02 00:00:09,`R1,`12.30,`SUCCESS,`红茶, 250g"
    assert parse_bill(f"\ufeff{HEADER}\r\n{line}\r\n{TOTALS}".encode()) == [
        BillRow("R1", "42", 1230, "SUCCESS", datetime(2030, 1, 1, 16, 0, 9, tzinfo=UTC))
    ]


def test_a_refund_without_success_is_dated_by_its_request() -> None:
    """A processing refund has no success time; the instant it was asked for stands."""
    line = "`42,`O1,`2030-01-02 00:00:01,`,`R1,`12.30,`PROCESSING,`茶"
    (row,) = parse_bill(f"{HEADER}\n{line}\n{TOTALS}".encode())
    assert row.refunded_at == datetime(2030, 1, 1, 16, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        f"{HEADER}\r\n`42,`O1\r\n{TOTALS}".encode(),
        f"{HEADER}\r\n`42,`O1,`yesterday,`,`R1,`1.00,`SUCCESS,`x\r\n{TOTALS}".encode(),
        f"{HEADER}\r\n`42,`O1,`2030-01-02 00:00:01,`,`R1,`1.005,`SUCCESS,`x\r\n{TOTALS}".encode(),
        f"{HEADER}\r\n`42,`O1,`2030-01-02 00:00:01,`,`R1,`one,`SUCCESS,`x\r\n{TOTALS}".encode(),
        f"{HEADER}\r\n`42,`O1,`2030-01-02 00:00:01,`,`R1,`1.00,`SUCCESS,`x\r\n".encode(),
        b"a,b\r\n`1,`2\r\nc\r\n`1",
    ],
)
def test_an_unreadable_bill_is_refused_whole(content: bytes) -> None:
    """Half a bill would look like missing refunds: it is all or nothing."""
    with pytest.raises(GatewayError) as caught:
        parse_bill(content)
    assert caught.value.code == "bad_response"
