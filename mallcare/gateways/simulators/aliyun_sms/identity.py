"""Who is calling: the signature, its freshness, and that it was never used before."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from starlette.requests import Request

from mallcare.gateways.aliyun_sms.signing import (
    CONTENT_SHA256,
    DATE,
    HOST,
    NONCE,
    SCHEME,
    SIGNED,
    canonical_query,
    content_hash,
    signature,
)
from mallcare.gateways.simulators.aliyun_sms.config import AliyunSmsSimulatorConfig
from mallcare.gateways.simulators.aliyun_sms.ledger import Ledger
from mallcare.gateways.simulators.aliyun_sms.rules import VendorError
from mallcare.ports import Clock

FRESH_SECONDS = 900.0
_AUTHORIZATION = re.compile(
    rf"{SCHEME} Credential=([^,\s]+),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{{64}})"
)
_FORM = "application/x-www-form-urlencoded"


class AccountIdentity:
    """Admits calls signed with the one account's key, fresh, and never seen before."""

    def __init__(self, config: AliyunSmsSimulatorConfig, ledger: Ledger, clock: Clock) -> None:
        self._key_id = config.access_key_id
        self._secret = config.access_key_secret
        self._ledger = ledger
        self._clock = clock

    async def admit(self, request: Request) -> Mapping[str, str]:
        """The parameters of an authentic call, from its query and its form body.

        Raises:
            VendorError: 400 or 404 with the gateway's code.
        """
        body = await request.body()
        found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
        if found is None:
            raise VendorError("IncompleteSignature", "Authorization is missing or malformed.", 400)
        key_id, names, given = found.groups()
        if key_id != self._key_id:
            raise VendorError("InvalidAccessKeyId.NotFound", "Specified access key is not found.", 404)
        query = dict(parse_qsl(request.url.query, keep_blank_values=True))
        self._check_signature(request, names.split(";"), given, canonical_query(query), body)
        now = self._clock.now().timestamp()
        self._check_freshness(request.headers[DATE], now)
        if not self._ledger.is_new_nonce(request.headers[NONCE], now, FRESH_SECONDS * 2):
            raise VendorError("SignatureNonceUsed", "Specified signature nonce was used already.", 400)
        if request.headers.get("content-type", "").startswith(_FORM):
            query |= dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
        return query

    def _check_signature(
        self, request: Request, names: list[str], given: str, query: str, body: bytes
    ) -> None:
        must = {*SIGNED} | {name for name in request.headers if name.startswith("x-acs-")}
        if not must <= set(names) or not set(names) <= set(request.headers.keys()):
            raise VendorError("IncompleteSignature", "Not every header that must be signed is.", 400)
        headers = [(name, value) for name in names for value in request.headers.getlist(name)]
        expected = signature(
            self._secret,
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=query,
            headers=headers,
            payload_sha256=request.headers[CONTENT_SHA256],
        )
        true_hash = content_hash(body) == request.headers[CONTENT_SHA256]
        if not true_hash or not hmac.compare_digest(expected, given) or not request.headers[HOST]:
            raise VendorError("SignatureDoesNotMatch", "Specified signature is not matched.", 400)

    @staticmethod
    def _check_freshness(date: str, now: float) -> None:
        try:
            at = datetime.strptime(date, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise VendorError(
                "InvalidTimeStamp.Format", "Specified time stamp is not well formatted.", 400
            ) from None
        if abs(now - at) > FRESH_SECONDS:
            raise VendorError(
                "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.", 400
            )
