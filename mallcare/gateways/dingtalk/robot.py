"""DingTalk group robots: a message into the group that an access token stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import httpx

from mallcare.gateways.dingtalk.failures import MEANINGS, ROBOT_GONE, SECURITY, security_detail
from mallcare.gateways.dingtalk.signing import robot_signature
from mallcare.gateways.errcodes import failure, read_answer
from mallcare.gateways.transport import exchange
from mallcare.gateways.utf8 import at_most
from mallcare.ports import Clock, MessageToSend, SendReport, SendStanding

VENDOR_URL: Final = "https://oapi.dingtalk.com"

_TITLE_BYTES = 256
_TEXT_BYTES = 8_000  # a body is <= 20 000 bytes, and escapes may double a text
_BUTTON = "查看详情"


class HttpDingtalkRobot:
    """`MessageGateway` of DingTalk group robots.

    `address` is a robot's access token and as good as a secret; `secret` signs for it where the robot is
    secured by a signature. Nothing tells the vendor that two messages are the same, and it cannot be asked:
    after an unclear outcome the message is not sent again. 20 a minute and robot, then silence for ten
    minutes; the caller keeps the rate.

    Args:
        base_url: `VENDOR_URL`, or the simulator's.
        clock: the wall clock; the vendor takes a signature for an hour.
        timeout: seconds for one call.
    """

    def __init__(
        self, client: httpx.AsyncClient, *, base_url: str, clock: Clock, timeout: float = 8.0
    ) -> None:
        self._client = client
        self._url = base_url.rstrip("/") + "/robot/send"
        self._clock = clock
        self._seconds = timeout

    @property
    def repeatable(self) -> bool:
        """False."""
        return False

    async def send(self, message: MessageToSend) -> SendReport:
        """Send a card where there is a link and nobody to call, Markdown where both are, else a text.

        UNDELIVERABLE with the vendor's number: the robot or its group is no more.

        Raises:
            GatewayError: retryable: `-1`, and `130101` after ten minutes. For ever: `310000`, whose `detail`
                says for people what the robot's security settings refused, and any other code.
        """
        request = self._client.build_request(
            "POST",
            self._url,
            params=self._query(message),
            content=json.dumps(_payload(message), ensure_ascii=False).encode(errors="replace"),
            headers={"Content-Type": "application/json; charset=utf-8"},
        )
        answer = read_answer(await exchange(self._client, request, self._seconds))
        if answer.errcode in ROBOT_GONE:
            return SendReport(SendStanding.UNDELIVERABLE, code=str(answer.errcode))
        if answer.errcode == SECURITY:
            raise failure(SECURITY, MEANINGS, security_detail(str(answer.body.get("errmsg") or "")))
        if answer.errcode != 0:
            raise failure(answer.errcode, MEANINGS)
        return SendReport(SendStanding.ACCEPTED)

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        """None: a robot cannot be asked what became of a message."""
        return None

    def _query(self, message: MessageToSend) -> Mapping[str, str]:
        query = {"access_token": message.address}
        if message.secret is not None:
            timestamp_ms = int(self._clock.now().timestamp() * 1000)
            query["timestamp"] = str(timestamp_ms)
            query["sign"] = robot_signature(timestamp_ms, message.secret)
        return query


def _payload(message: MessageToSend) -> Mapping[str, object]:
    title = at_most(message.title or message.text, _TITLE_BYTES)
    text = at_most(message.text, _TEXT_BYTES)
    at = {"atMobiles": list(message.mention), "isAtAll": False}
    if not message.url:
        words = "\n".join(part for part in (message.title and title, text) if part)
        return {"msgtype": "text", "text": {"content": words}, "at": at}
    written = f"### {title}\n\n{text}"
    if not message.mention:
        card = {"title": title, "text": written, "singleTitle": _BUTTON, "singleURL": message.url}
        return {"msgtype": "actionCard", "actionCard": card}
    called = " ".join(f"@{phone}" for phone in message.mention)  # Markdown calls only whom it names
    written = f"{written}\n\n[{_BUTTON}]({message.url})\n\n{called}"
    return {"msgtype": "markdown", "markdown": {"title": title, "text": written}, "at": at}
