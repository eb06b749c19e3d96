"""WeCom application messages, to one member each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import httpx

from mallcare.gateways.errcodes import Answer, failure, read_answer
from mallcare.gateways.transport import JsonObject, exchange
from mallcare.gateways.utf8 import at_most
from mallcare.gateways.wecom.credentials import WecomCredentials
from mallcare.gateways.wecom.failures import MEANINGS, TOKEN_REFUSED, UNREACHABLE
from mallcare.gateways.wecom.tokens import AccessTokens
from mallcare.ports import Clock, MessageToSend, SendReport, SendStanding

_TITLE_BYTES = 128
_DESCRIPTION_BYTES = 512
_TEXT_BYTES = 2048
_URL_BYTES = 2048
_BUTTON = "查看详情"
_LONGEST_CHECK = timedelta(hours=4)


class HttpWecomMessages:
    """`MessageGateway` of one WeCom application, to members by their user ids.

    The vendor drops the same content to the same member within `duplicate_check`: sending again after an
    unclear outcome is harmless until then, and two messages meant to arrive must differ. It also drops,
    without a word, what exceeds 30 a minute or 1000 an hour to one member: the caller keeps the rate.

    Args:
        client: shared; its own timeouts are overridden per call.
        base_url: `VENDOR_URL`, or the simulator's.
        clock: the wall clock, for the token's life.
        timeout: seconds for one call; the first one also fetches the token, under its own.
        duplicate_check: <= 4 h, the vendor's limit.

    Raises:
        ValueError: `duplicate_check` is not within (0, 4 h].
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        base_url: str,
        corp_id: str,
        secret: str,
        agent_id: int,
        clock: Clock,
        timeout: float = 8.0,
        duplicate_check: timedelta = _LONGEST_CHECK,
    ) -> None:
        if not timedelta(0) < duplicate_check <= _LONGEST_CHECK:
            raise ValueError("duplicate_check is more than nothing and at most four hours")
        credentials = WecomCredentials(corp_id, secret, agent_id)
        self._client = client
        self._url = base_url.rstrip("/") + "/cgi-bin/message/send"
        self._agent_id = agent_id
        self._seconds = timeout
        self._check_seconds = int(duplicate_check.total_seconds())
        self._tokens = AccessTokens(client, credentials, base_url=base_url, clock=clock, timeout=timeout)

    @property
    def repeatable(self) -> bool:
        """True: the vendor itself drops the second one."""
        return True

    async def send(self, message: MessageToSend) -> SendReport:
        """Send a text card, or a text where there is no link (one of > 2048 bytes is left out).

        A token that the vendor refuses is fetched anew and the call repeated, once each. UNDELIVERABLE:
        the member is named in `invaliduser` or `unlicenseduser` (those are the codes then), unknown or out
        of the application's scope (the vendor's number), or the address is not one member's (`bad_address`).

        Raises:
            GatewayError: retryable: `-1`, `45009`, `45033`, and a fresh token that is refused. For ever: our
                secret, company, application or address refused (`60020`), and any code not known here.
        """
        address = message.address
        if not address or "|" in address or address.lower() == "@all":
            return SendReport(SendStanding.UNDELIVERABLE, code="bad_address")
        body = json.dumps(self._payload(message), ensure_ascii=False).encode(errors="replace")
        token = await self._tokens.current()
        answer = await self._post(token, body)
        if answer.errcode in TOKEN_REFUSED:
            answer = await self._post(await self._tokens.instead_of(token), body)
        return _report(answer, address)

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        """None: WeCom cannot be asked what became of a message."""
        return None

    def _payload(self, message: MessageToSend) -> Mapping[str, object]:
        return {
            "touser": message.address,
            "agentid": self._agent_id,
            **_content(message),
            "enable_duplicate_check": 1,
            "duplicate_check_interval": self._check_seconds,
        }

    async def _post(self, token: str, body: bytes) -> Answer:
        request = self._client.build_request(
            "POST",
            self._url,
            params={"access_token": token},
            content=body,
            headers={"Content-Type": "application/json"},
        )
        return read_answer(await exchange(self._client, request, self._seconds))


def _content(message: MessageToSend) -> Mapping[str, object]:
    title, text, url = message.title, message.text, message.url
    if url and len(url.encode(errors="replace")) <= _URL_BYTES:
        card = {
            "title": at_most(title or text, _TITLE_BYTES),
            "description": at_most(text or title, _DESCRIPTION_BYTES),
            "url": url,
            "btntxt": _BUTTON,
        }
        return {"msgtype": "textcard", "textcard": card}
    whole = "\n".join(part for part in (title, text) if part)
    return {"msgtype": "text", "text": {"content": at_most(whole, _TEXT_BYTES)}}


def _report(answer: Answer, address: str) -> SendReport:
    if answer.errcode in UNREACHABLE:
        return SendReport(SendStanding.UNDELIVERABLE, code=str(answer.errcode))
    if answer.errcode != 0:
        raise failure(answer.errcode, MEANINGS)
    msgid = answer.body.get("msgid")
    vendor_message_id = msgid if isinstance(msgid, str) and msgid else None
    for left_out in ("invaliduser", "unlicenseduser"):
        if _names(answer.body, left_out, address):
            return SendReport(SendStanding.UNDELIVERABLE, vendor_message_id, left_out)
    return SendReport(SendStanding.ACCEPTED, vendor_message_id)


def _names(body: JsonObject, field: str, address: str) -> bool:
    """Whether a list such as `a|b`, which the vendor writes in lower case, names the address."""
    value = body.get(field)
    return isinstance(value, str) and address.lower() in value.lower().split("|")
