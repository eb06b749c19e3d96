"""WeChat Pay's refund callbacks: verified on the raw body, then decrypted."""

from __future__ import annotations

from mallcare.gateways.transport import as_object, bad_response, json_object, text_of
from mallcare.gateways.wechat_pay.credentials import WechatPayCredentials
from mallcare.gateways.wechat_pay.reports import read_refund
from mallcare.gateways.wechat_pay.signing import AnswerVerifier, decrypt_resource
from mallcare.ports import Clock, RefundReport

_EVENTS = {"REFUND.SUCCESS": "SUCCESS", "REFUND.ABNORMAL": "ABNORMAL", "REFUND.CLOSED": "CLOSED"}


class WechatRefundCallbacks:
    """`RefundCallbacks` of one WeChat Pay merchant.

    A verified callback may still come twice, late, or after a query told more: it is a report like
    any other, to be applied idempotently by `refund_no`. `clock` must be the wall clock.
    """

    def __init__(self, credentials: WechatPayCredentials, clock: Clock) -> None:
        self._credentials = credentials
        self._verifier = AnswerVerifier(credentials.platform_key_id, credentials.platform_public_key_pem)
        self._clock = clock

    def parse(self, headers: dict[str, str], body: bytes) -> RefundReport:
        """The report in a callback. `body` is the raw body; header names in any case.

        Raises:
            GatewayError: `bad_signature`, `stale_timestamp`; `bad_response` for another event,
                another merchant, or an event that contradicts what it carries.
        """
        self._verifier.verify(headers, body, self._clock.now())
        notice = json_object(body)
        status = _EVENTS.get(text_of(notice, "event_type"))
        if status is None:
            raise bad_response("not a refund event")
        resource = as_object(notice.get("resource"), "resource")
        if resource.get("algorithm") != "AEAD_AES_256_GCM":
            raise bad_response("unknown encryption")
        plain = decrypt_resource(
            self._credentials.api_v3_key,
            text_of(resource, "nonce"),
            str(resource.get("associated_data") or ""),
            text_of(resource, "ciphertext"),
        )
        refund = json_object(plain)
        if refund.get("mchid") != self._credentials.mchid:
            raise bad_response("another merchant's refund")
        if refund.get("refund_status") != status:
            raise bad_response("event and refund disagree")
        return read_refund(refund, "refund_status")
