"""Who is calling, and proof of who answers: signatures on both sides of the simulator."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from mallcare.gateways.simulators.wechat_pay.config import WechatPaySimulatorConfig
from mallcare.gateways.simulators.wechat_pay.ledger import Ledger
from mallcare.gateways.simulators.wechat_pay.rules import VendorError
from mallcare.gateways.wechat_pay.signing import (
    SCHEME,
    answer_message,
    is_fresh,
    is_signed,
    load_private_key,
    load_public_key,
    request_message,
    sign,
)
from mallcare.ports import Clock

_FIELD = re.compile(r'(\w+)="([^"]*)"')
_FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


class MerchantIdentity:
    """Admits requests signed by the one merchant, fresh, and never seen before."""

    def __init__(self, config: WechatPaySimulatorConfig, ledger: Ledger, clock: Clock) -> None:
        self._mchid = config.mchid
        self._serial_no = config.merchant_serial_no
        self._key = load_public_key(config.merchant_public_key_pem)
        self._ledger = ledger
        self._clock = clock

    async def admit(self, request: Request) -> bytes:
        """The body of an authentic request, checked byte by byte as it came over the wire.

        Raises:
            VendorError: 401 SIGN_ERROR.
        """
        body = await request.body()
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        fields = dict(_FIELD.findall(rest))
        if scheme != SCHEME or set(fields) != _FIELDS:
            raise _refused("Authorization is missing or malformed")
        if (fields["mchid"], fields["serial_no"]) != (self._mchid, self._serial_no):
            raise _refused("unknown merchant or certificate")
        now = self._clock.now()
        if not is_fresh(fields["timestamp"], now):
            raise _refused("timestamp is more than five minutes away")
        message = request_message(
            request.method, _target(request), fields["timestamp"], fields["nonce_str"], body
        )
        if not is_signed(self._key, message, fields["signature"]):
            raise _refused("signature does not match")
        if not self._ledger.is_new_nonce(fields["nonce_str"], now.timestamp()):
            raise _refused("nonce was used before")
        return body


class PlatformSigner:
    """Signs what the simulator says with the platform's key."""

    def __init__(self, config: WechatPaySimulatorConfig, clock: Clock) -> None:
        self._key_id = config.platform_key_id
        self._key = load_private_key(config.platform_private_key_pem)
        self._clock = clock

    def headers(self, body: bytes) -> dict[str, str]:
        """The signature headers of an answer or a callback with this body, dated now."""
        timestamp, nonce = str(int(self._clock.now().timestamp())), secrets.token_hex(16).upper()
        return {
            "Wechatpay-Serial": self._key_id,
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": sign(self._key, answer_message(timestamp, nonce, body)),
            "Wechatpay-Signature-Type": SCHEME,
        }

    def answer(self, status: int, payload: Mapping[str, object], *, forged: bool = False) -> Response:
        """A signed JSON answer; `forged` carries the signature of other bytes."""
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = self.headers(body + b" " if forged else body)
        return Response(body, status, headers, media_type="application/json")


def _target(request: Request) -> str:
    raw_path: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    return (raw_path + (b"?" + query if query else b"")).decode("latin-1")


def _refused(message: str) -> VendorError:
    return VendorError(401, "SIGN_ERROR", message)
