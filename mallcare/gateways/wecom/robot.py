"""WeCom group robots: a text into the group that a key stands for."""

from __future__ import annotations

import json
from datetime import datetime

import httpx

from mallcare.gateways.errcodes import failure, read_answer
from mallcare.gateways.transport import exchange
from mallcare.gateways.utf8 import at_most
from mallcare.gateways.wecom.failures import MEANINGS, ROBOT_GONE
from mallcare.ports import MessageToSend, SendReport, SendStanding

_TEXT_BYTES = 2048


class HttpWecomRobot:
    """`MessageGateway` of WeCom group robots; `address` is a robot's key and as good as a secret.

    Nothing tells the vendor that two messages are the same, and it cannot be asked: after an unclear
    outcome the message is not sent again. 20 a minute and robot; the caller keeps the rate.
    """

    def __init__(self, client: httpx.AsyncClient, *, base_url: str, timeout: float = 8.0) -> None:
        self._client = client
        self._url = base_url.rstrip("/") + "/cgi-bin/webhook/send"
        self._seconds = timeout

    @property
    def repeatable(self) -> bool:
        """False."""
        return False

    async def send(self, message: MessageToSend) -> SendReport:
        """Send title, text and link as one text of <= 2048 bytes, and call the mentioned by phone.

        Too long, the text between title and link is cut. UNDELIVERABLE with `93000`: no robot has this key.

        Raises:
            GatewayError: retryable: `-1`, and `45009` after 60 s. For ever: any other code.
        """
        payload = {
            "msgtype": "text",
            "text": {"content": _content(message), "mentioned_mobile_list": list(message.mention)},
        }
        request = self._client.build_request(
            "POST",
            self._url,
            params={"key": message.address},
            content=json.dumps(payload, ensure_ascii=False).encode(errors="replace"),
            headers={"Content-Type": "application/json"},
        )
        answer = read_answer(await exchange(self._client, request, self._seconds))
        if answer.errcode in ROBOT_GONE:
            return SendReport(SendStanding.UNDELIVERABLE, code=str(answer.errcode))
        if answer.errcode != 0:
            raise failure(answer.errcode, MEANINGS)
        return SendReport(SendStanding.ACCEPTED)

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        """None: a robot cannot be asked what became of a message."""
        return None


def _content(message: MessageToSend) -> str:
    words = "\n".join(part for part in (message.title, message.text) if part)
    if not message.url:
        return at_most(words, _TEXT_BYTES)
    link = "\n" + message.url
    room = _TEXT_BYTES - len(link.encode(errors="replace"))
    return at_most(words, room) + link if room > 0 else at_most(words, _TEXT_BYTES)
