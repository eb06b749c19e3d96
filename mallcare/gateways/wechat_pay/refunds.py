"""Refunds over WeChat Pay V3, one HTTP exchange per call."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from mallcare.gateways.wechat_pay.channel import WechatPayChannel
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.gateways.wechat_pay.failures import unclear_question
from mallcare.gateways.wechat_pay.reports import about, read_refund
from mallcare.ports import Clock, GatewayError, RefundReport, RefundRequest, RefundStanding

_REFUNDS = "/v3/refund/domestic/refunds"
_REASON_BYTES = 80


class HttpWechatPayGateway:
    """`PaymentGateway` of one WeChat Pay merchant.

    Args:
        client: shared; its own timeouts are overridden per call.
        base_url: `https://api.mch.weixin.qq.com`, or the simulator's.
        notify_url: where callbacks go; None leaves it to the merchant platform's setting. The
            vendor refuses a query string.
        clock: the wall clock (signatures are fresh for five minutes of the vendor's time).
        timeout: seconds for one call.

    Raises:
        ValueError: `notify_url` has a query, or a key cannot be read.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: WechatPayCredentials,
        *,
        base_url: str,
        notify_url: str | None,
        clock: Clock,
        timeout: float = 8.0,
    ) -> None:
        if notify_url is not None and "?" in notify_url:
            raise ValueError("notify_url must not have a query")
        self._channel = WechatPayChannel(client, credentials, base_url, clock, timeout)
        self._notify_url = notify_url

    async def submit(self, request: RefundRequest) -> RefundReport:
        """Ask for the refund; an answer means accepted, its standing says how far it got.

        The payment is named by `transaction_id`, or by the order's number where there is none.

        Raises:
            GatewayError: by the table in `failures`; also `amount_mismatch` (see `reports.about`).
        """
        payment = (
            {"transaction_id": request.transaction_id}
            if request.transaction_id is not None
            else {"out_trade_no": request.order_no}
        )
        payload: dict[str, object] = {
            **payment,
            "out_refund_no": request.refund_no,
            "amount": {
                "refund": request.amount_fen,
                "total": request.transaction_total_fen,
                "currency": "CNY",
            },
        }
        if reason := _at_most(request.reason, _REASON_BYTES):
            payload["reason"] = reason
        if self._notify_url is not None:
            payload["notify_url"] = self._notify_url
        return about(request, read_refund(await self._channel.post(_REFUNDS, payload)))

    async def query(self, request: RefundRequest) -> RefundReport:
        """Where the refund stands at the vendor.

        `NOT_FOUND` only for a signed 404 `RESOURCE_NOT_EXISTS`: a proxy's 404 is not the vendor's word.

        Raises:
            GatewayError: always `outcome_unknown`: failing to ask says nothing about the refund.
        """
        try:
            refund = await self._channel.get(f"{_REFUNDS}/{quote(request.refund_no, safe='')}")
        except GatewayError as error:
            if error.code == "RESOURCE_NOT_EXISTS":
                return RefundReport(request.refund_no, RefundStanding.NOT_FOUND)
            raise unclear_question(error) from error
        return about(request, read_refund(refund))


def _at_most(text: str, size: int) -> str:
    """`text` cut to `size` bytes of UTF-8 between characters."""
    return text.encode()[:size].decode(errors="ignore")
