"""Signed requests to WeChat Pay and verified answers from it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

import httpx

from mallcare.gateways.transport import JsonObject, exchange, json_object
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.gateways.wechat_pay.failures import failure
from mallcare.gateways.wechat_pay.signing import AnswerVerifier, authorization, load_private_key
from mallcare.ports import Clock, GatewayError


class WechatPayChannel:
    """One merchant's line to WeChat Pay: signs each request, believes only signed answers.

    `seconds` bounds each call. `clock` must be the wall clock: the vendor compares it with its own.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: WechatPayCredentials,
        base_url: str,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._key = load_private_key(credentials.private_key_pem)
        self._verifier = AnswerVerifier(credentials.platform_key_id, credentials.platform_public_key_pem)
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._seconds = seconds

    async def post(self, path: str, payload: Mapping[str, object]) -> JsonObject:
        """The signed answer to a POST of `payload` as JSON.

        Raises:
            GatewayError: see `failures`; nothing was done unless `outcome_unknown`.
        """
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        return await self._call("POST", self._base_url + path, body)

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> JsonObject:
        """The signed answer to a GET."""
        return await self._call("GET", str(httpx.URL(self._base_url + path, params=query)), b"")

    async def download(self, url: str) -> bytes:
        """A file the vendor pointed at. Not signed by the vendor: the caller checks its hash."""
        response = await self._exchange("GET", url, b"")
        if response.status_code != 200:
            raise failure(response.status_code, self._believed(response))
        return response.content

    async def _call(self, method: str, url: str, body: bytes) -> JsonObject:
        response = await self._exchange(method, url, body)
        answer = self._believed(response)
        if not response.is_success:
            raise failure(response.status_code, answer)
        return answer

    async def _exchange(self, method: str, url: str, body: bytes) -> httpx.Response:
        headers = {"Accept": "application/json", "User-Agent": "mallcare"}
        if body:
            headers["Content-Type"] = "application/json"
        request = self._client.build_request(method, url, content=body or None, headers=headers)
        request.headers["Wechatpay-Serial"] = self._credentials.platform_key_id
        request.headers["Authorization"] = authorization(
            mchid=self._credentials.mchid,
            serial_no=self._credentials.serial_no,
            key=self._key,
            method=method,
            target=request.url.raw_path.decode("ascii"),
            timestamp=int(self._clock.now().timestamp()),
            nonce=secrets.token_hex(16).upper(),
            body=body,
        )
        return await exchange(self._client, request, self._seconds)

    def _believed(self, response: httpx.Response) -> JsonObject:
        try:
            self._verifier.verify(response.headers, response.content, self._clock.now())
        except GatewayError:
            if response.status_code >= 500:  # a proxy's own page: unclear whoever wrote it
                raise failure(response.status_code, {}) from None
            raise
        return json_object(response.content)
