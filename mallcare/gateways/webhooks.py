"""Webhooks over HTTP in the Standard Webhooks format: one signed POST for each message."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from standardwebhooks.webhooks import Webhook

from mallcare.gateways.transport import exchange
from mallcare.ports import Clock, GatewayError, OutgoingMessage

GONE = 410
USER_AGENT = "mallcare-webhooks/1"


class HttpWebhookSender:
    """`WebhookSender` to one address.

    Args:
        client: allows as many connections as messages are sent side by side.
        secret: Standard Webhooks secret, `whsec_...`.
        clock: the wall clock: a receiver refuses timestamps older than five minutes.
        timeout: seconds for one attempt, answer included.
    """

    def __init__(
        self, client: httpx.AsyncClient, *, url: str, secret: str, clock: Clock, timeout: float = 8.0
    ) -> None:
        self._client = client
        self._url = url
        self._webhook = Webhook(secret)
        self._clock = clock
        self._seconds = timeout

    async def send(self, message: OutgoingMessage) -> None:
        """POST the message, signed anew at each attempt; the body is the same each time.

        Raises:
            GatewayError: `timeout`, `connection` or `http_<status>`. 410 Gone alone is not retryable;
                `retry_after_seconds` is what the receiver asked for.
        """
        now = self._clock.now()
        body = body_of(message)
        headers = {
            "content-type": "application/json; charset=utf-8",
            "user-agent": USER_AGENT,
            "webhook-id": message.message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(message.message_id, now, body),
        }
        request = self._client.build_request("POST", self._url, content=body.encode(), headers=headers)
        response = await exchange(self._client, request, self._seconds)
        if not response.is_success:
            raise GatewayError(
                f"http_{response.status_code}",
                retryable=response.status_code != GONE,
                outcome_unknown=response.is_server_error,
                retry_after_seconds=_retry_after(response, now),
            )


def body_of(message: OutgoingMessage) -> str:
    """The body that is signed and sent: `{type, timestamp, data}`, keys of `data` in a fixed order."""
    content = {
        "type": message.type,
        "timestamp": message.occurred_at.astimezone(UTC).isoformat(),
        "data": dict(message.data),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """The wish of a Retry-After header, in seconds from `now`; None if there is none or it is unreadable."""
    wish = response.headers.get("retry-after", "").strip()
    if wish.isascii() and wish.isdigit() and len(wish) <= 9:
        return float(wish)
    try:
        at = parsedate_to_datetime(wish)
    except (ValueError, OverflowError):
        return None
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
