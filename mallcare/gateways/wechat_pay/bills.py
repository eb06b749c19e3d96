"""WeChat Pay's daily bill of refunds, read for reconciliation.

A line of the bill prefixes every field with a backtick, so that "`a,`b" is two fields whatever
commas they contain; amounts are yuan with a decimal point, times are Beijing's. The day's totals
follow the lines under a header of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation

import httpx

from mallcare.gateways.transport import bad_response, text_of
from mallcare.gateways.wechat_pay.channel import WechatPayChannel
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.ports import BillRow, Clock, GatewayError

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


class WechatRefundBills:
    """`RefundBills` of one WeChat Pay merchant. Bills are kept for three months by the vendor."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: WechatPayCredentials,
        *,
        base_url: str,
        clock: Clock,
        timeout: float = 30.0,
    ) -> None:
        self._channel = WechatPayChannel(client, credentials, base_url, clock, timeout)

    async def refunds_of(self, day: date) -> list[BillRow]:
        """Every refund on the bill of `day` (Beijing's), in its order; empty if there was none.

        Raises:
            GatewayError: `STATEMENT_CREATING` while the vendor still writes it (from about 10:00
                the next day it is there); `bad_response` when the file does not match its hash or
                cannot be read: never half a bill.
        """
        query = {"bill_date": day.isoformat(), "bill_type": "REFUND"}
        try:
            ticket = await self._channel.get("/v3/bill/tradebill", query)
        except GatewayError as error:
            if error.code == "NO_STATEMENT_EXIST":
                return []
            raise
        content = await self._channel.download(text_of(ticket, "download_url"))
        if ticket.get("hash_type") != "SHA1":
            raise bad_response("unknown hash of the bill")
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        if digest != text_of(ticket, "hash_value").lower():
            raise bad_response("the bill does not match its hash")
        return parse_bill(content)


def parse_bill(content: bytes) -> list[BillRow]:
    """The refunds in a bill's text.

    `amount_fen` is what was asked to be refunded, coupons included; `status` is the bill's own word
    (`SUCCESS`, `PROCESSING`, `FAIL`, `CHANGE`); `refunded_at` is when it succeeded, or was asked for
    where it has not.

    Raises:
        GatewayError: `bad_response`.
    """
    try:
        return [_row(line) for line in _lines(content.decode("utf-8-sig"))]
    except (KeyError, ValueError, InvalidOperation) as error:
        raise bad_response(f"bill cannot be read: {type(error).__name__}") from error


def _lines(text: str) -> Iterator[Mapping[str, str]]:
    lines = [line.strip("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise ValueError("empty bill")
    names = lines[0].split(",")
    for line in lines[1:]:
        if not line.startswith("`"):
            return
        values = line[1:].split(",`")
        yield dict(zip(names, values, strict=True))
    raise ValueError("a bill without totals is cut off")


def _row(line: Mapping[str, str]) -> BillRow:
    asked = line.get("申请退款金额") or line["退款金额"]
    moment = line["退款成功时间"] or line["退款申请时间"]
    return BillRow(
        refund_no=line["商户退款单号"],
        transaction_id=line["微信订单号"],
        amount_fen=_fen(asked),
        status=line["退款状态"],
        refunded_at=datetime.strptime(moment, _TIME_FORMAT).replace(tzinfo=BEIJING).astimezone(UTC),
    )


def _fen(yuan: str) -> int:
    fen = Decimal(yuan) * 100
    if fen != fen.to_integral_value():
        raise ValueError("not whole fen")
    return int(fen)
