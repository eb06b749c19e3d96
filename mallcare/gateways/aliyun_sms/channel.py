"""Signed calls to Aliyun's RPC gateway."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import httpx

from mallcare.gateways.aliyun_sms.credentials import AliyunSmsCredentials
from mallcare.gateways.aliyun_sms.failures import OK, code_of, failure
from mallcare.gateways.aliyun_sms.signing import (
    ACTION,
    CONTENT_SHA256,
    DATE,
    NONCE,
    SIGNED,
    VERSION,
    acs_date,
    authorization,
    canonical_query,
    content_hash,
)
from mallcare.gateways.transport import JsonObject, exchange, json_object
from mallcare.ports import Clock, GatewayError

API_VERSION = "2017-05-25"


class AliyunChannel:
    """One account's line to Dysmsapi.

    Parameters travel in the query of a POST with an empty body, as the vendor's SDK sends them: they hold
    phone numbers, so nobody may log addresses of requests (`httpx` logs them at INFO).

    `seconds` bounds each call. `clock` must be the wall clock: the vendor compares it with its own.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        credentials: AliyunSmsCredentials,
        base_url: str,
        clock: Clock,
        seconds: float,
    ) -> None:
        self._client = client
        self._credentials = credentials
        self._base_url = base_url.rstrip("/")
        self._clock = clock
        self._seconds = seconds

    async def call(self, action: str, parameters: Mapping[str, str]) -> JsonObject:
        """The answer to one call, if its code is OK.

        Raises:
            GatewayError: see `failures`; nothing was done unless `outcome_unknown`.
        """
        response = await exchange(self._client, self._request(action, parameters), self._seconds)
        answer = _said(response)
        code = code_of(answer)
        if response.status_code != 200 or code != OK:
            raise failure(response.status_code, None if code == OK else code)
        return answer

    def _request(self, action: str, parameters: Mapping[str, str]) -> httpx.Request:
        query = canonical_query(parameters)
        payload_sha256 = content_hash(b"")
        request = self._client.build_request(
            "POST",
            f"{self._base_url}/?{query}",
            headers={
                "Accept": "application/json",
                "User-Agent": "mallcare",
                ACTION: action,
                VERSION: API_VERSION,
                DATE: acs_date(self._clock.now()),
                NONCE: secrets.token_hex(16),
                CONTENT_SHA256: payload_sha256,
            },
        )
        request.headers["Authorization"] = authorization(
            self._credentials.access_key_id,
            self._credentials.access_key_secret,
            method="POST",
            path=request.url.raw_path.partition(b"?")[0].decode("ascii"),
            query=query,
            headers=[(name, request.headers[name]) for name in SIGNED],
            payload_sha256=payload_sha256,
        )
        return request


def _said(response: httpx.Response) -> JsonObject:
    try:
        return json_object(response.content)
    except GatewayError:
        if response.status_code == 200:
            raise
        raise failure(response.status_code, None) from None
