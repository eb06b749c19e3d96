"""Refunds of points and vouchers, through the mall's own port.

The mall implements, at its base URL:

- `POST /tender-refunds` `{refund_no, order_no, tender, amount_fen, reason}`: give back a tender, once
  per `refund_no`. 200 `{status: succeeded|processing|failed, code?, vendor_refund_id?, amount_fen?}`.
- `GET /tender-refunds/{refund_no}`: the same answer; 404 `{code: "refund_not_found"}` if unknown.

Both are signed in the Standard Webhooks format over the raw body (empty for GET), with
`webhook-id` = `refund-{refund_no}` and `query-{refund_no}`: the id is part of what is signed, so
a signature is good for one refund only. An error is any other status with `{code}`.
"""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
from standardwebhooks.webhooks import Webhook

from mallcare.gateways.transport import JsonObject, bad_response, exchange, fen_of, json_object, text_of
from mallcare.ports import Clock, GatewayError, RefundReport, RefundRequest, RefundStanding

_STANDINGS = {
    "succeeded": RefundStanding.SUCCEEDED,
    "processing": RefundStanding.PROCESSING,
    "failed": RefundStanding.FAILED,
}


class HttpMallTenderGateway:
    """`PaymentGateway` of the mall's points and vouchers.

    Args:
        secret: Standard Webhooks secret, `whsec_...`.
        clock: the wall clock; the mall refuses signatures older than five minutes.
        timeout: seconds for one call.
    """

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, secret: str, clock: Clock, timeout: float = 8.0
    ) -> None:
        self._client = client
        self._url = base_url.rstrip("/") + "/tender-refunds"
        self._webhook = Webhook(secret)
        self._clock = clock
        self._seconds = timeout

    async def submit(self, request: RefundRequest) -> RefundReport:
        """Ask the mall to give the tender back. A 4xx with a code is a definite refusal.

        Raises:
            GatewayError: `timeout`, `connection`, `HTTP_5xx` and `bad_response` leave the outcome
                unknown; `amount_mismatch` as for WeChat Pay (see `wechat_pay.reports`).
        """
        payload = {
            "refund_no": request.refund_no,
            "order_no": request.order_no,
            "tender": request.tender,
            "amount_fen": request.amount_fen,
            "reason": request.reason,
        }
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
        response = await self._send("POST", self._url, f"refund-{request.refund_no}", body)
        if response.status_code != 200:
            raise _failure(response)
        return _report(request, json_object(response.content))

    async def query(self, request: RefundRequest) -> RefundReport:
        """Where the refund stands; every failure leaves the outcome unknown."""
        url = f"{self._url}/{quote(request.refund_no, safe='')}"
        response = await self._send("GET", url, f"query-{request.refund_no}", "")
        if response.status_code == 200:
            return _report(request, json_object(response.content))
        error = _failure(response)
        if response.status_code == 404 and error.code == "refund_not_found":
            return RefundReport(request.refund_no, RefundStanding.NOT_FOUND)
        raise GatewayError(
            error.code,
            error.detail,
            retryable=error.retryable,
            outcome_unknown=True,
            retry_after_seconds=error.retry_after_seconds,
        )

    async def _send(self, method: str, url: str, message_id: str, body: str) -> httpx.Response:
        now = self._clock.now()
        headers = {
            "Accept": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message_id, now, body),
        }
        if body:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(method, url, content=body.encode() or None, headers=headers)
        return await exchange(self._client, request, self._seconds)


def _report(request: RefundRequest, answer: JsonObject) -> RefundReport:
    status = text_of(answer, "status")
    standing = _STANDINGS.get(status)
    if standing is None:
        raise bad_response(f"unknown status {status}")
    amount_fen = fen_of(answer, "amount_fen") if "amount_fen" in answer else request.amount_fen
    if amount_fen != request.amount_fen or answer.get("refund_no", request.refund_no) != request.refund_no:
        raise GatewayError(
            "amount_mismatch", "not the refund asked for", retryable=False, outcome_unknown=True
        )
    code, refund_id = answer.get("code"), answer.get("vendor_refund_id")
    return RefundReport(
        refund_no=request.refund_no,
        standing=standing,
        amount_fen=amount_fen,
        vendor_refund_id=refund_id if isinstance(refund_id, str) else None,
        failure_code=(str(code) if code else "failed") if standing is RefundStanding.FAILED else None,
    )


def _failure(response: httpx.Response) -> GatewayError:
    status = response.status_code
    try:
        code = text_of(json_object(response.content), "code")
    except GatewayError:
        code = f"HTTP_{status}"
    unclear = status >= 500 or status < 400 or code == f"HTTP_{status}"
    waits = {401: 900.0, 403: 900.0, 429: 60.0}
    return GatewayError(
        code,
        f"HTTP {status}",
        retryable=unclear or status in waits,
        outcome_unknown=unclear and status not in waits,
        retry_after_seconds=waits.get(status),
    )
