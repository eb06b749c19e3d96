"""WeCom's access token: one for all calls of a process, fetched by one of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from mallcare.gateways.errcodes import failure, read_answer
from mallcare.gateways.transport import bad_response, exchange, text_of
from mallcare.gateways.wecom.credentials import WecomCredentials
from mallcare.gateways.wecom.failures import MEANINGS
from mallcare.ports import Clock, GatewayError

_EARLY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    fresh_until: datetime


class AccessTokens:
    """The access token of one application, on one event loop.

    Fetched when first needed and again five minutes before its end (half-way, where its whole life is
    shorter than ten). However many calls need it at the same moment, one asks the vendor, and all share its
    answer or its failure; a caller that gives up does not stop the others.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: WecomCredentials,
        *,
        base_url: str,
        clock: Clock,
        timeout: float,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._url = base_url.rstrip("/") + "/cgi-bin/gettoken"
        self._clock = clock
        self._seconds = timeout
        self._held: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None

    async def current(self) -> str:
        """A token that the vendor should still take.

        Raises:
            GatewayError: never with the outcome unknown: without a token no message was sent.
        """
        held = self._held
        if held is not None and self._clock.now() < held.fresh_until:
            return held.text
        return (await self._fetched()).text

    async def instead_of(self, refused: str) -> str:
        """A token other than the one the vendor has just refused: fetched, unless somebody did already.

        Raises:
            GatewayError: as `current`.
        """
        if self._held is not None and self._held.text == refused:
            self._held = None
        return await self.current()

    async def _fetched(self) -> _Token:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._landed)
        return await asyncio.shield(self._fetching)

    def _landed(self, fetching: asyncio.Task[_Token]) -> None:
        self._fetching = None
        if not fetching.cancelled() and fetching.exception() is None:
            self._held = fetching.result()

    async def _fetch(self) -> _Token:
        asked_at = self._clock.now()
        query = {"corpid": self._credentials.corp_id, "corpsecret": self._credentials.secret}
        request = self._client.build_request("GET", self._url, params=query)
        try:
            answer = read_answer(await exchange(self._client, request, self._seconds))
            if answer.errcode != 0:
                raise failure(answer.errcode, MEANINGS, "token")
            life = answer.body.get("expires_in")
            if not isinstance(life, int) or life <= 0:
                raise bad_response("expires_in is missing")
            text = text_of(answer.body, "access_token")
        except GatewayError as error:
            raise _nothing_sent(error) from None
        lasting = timedelta(seconds=life)
        return _Token(text, asked_at + lasting - min(_EARLY, lasting / 2))


def _nothing_sent(error: GatewayError) -> GatewayError:
    return GatewayError(
        error.code,
        error.detail,
        retryable=error.retryable,
        outcome_unknown=False,
        retry_after_seconds=error.retry_after_seconds,
    )
