"""A maintained SDK as the judge of our signatures: `wechatpayv3` against adapter and simulator."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import httpx
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.utils import (
    aes_decrypt,
    build_authorization,
    load_private_key,
    load_public_key,
    rsa_sign,
    rsa_verify,
)

from mallcare.gateways.simulators.wechat_pay import GeneratedCredentials
from mallcare.gateways.wechat_pay import signing
from mallcare.ports import RefundStanding
from tests.gateways.conftest import Simulate, Wechat, a_request

pytestmark = pytest.mark.rule("P3")

BODY = {"out_refund_no": "R1", "reason": "不想要了", "amount": {"refund": 1, "total": 2, "currency": "CNY"}}


def fields_of(authorization: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', authorization))


@pytest.mark.parametrize(
    ("method", "target", "payload"),
    [
        ("POST", "/v3/refund/domestic/refunds", BODY),
        ("GET", "/v3/bill/tradebill?bill_date=2030-01-02&bill_type=REFUND", None),
    ],
)
def test_authorization_equals_the_sdks(
    keys: GeneratedCredentials, method: str, target: str, payload: dict[str, Any] | None
) -> None:
    """For the same bytes, nonce and second, our Authorization header is the SDK's, letter by letter."""
    merchant = keys.merchant
    body = json.dumps(payload) if payload else ""
    theirs = build_authorization(
        target,
        method,
        merchant.mchid,
        merchant.serial_no,
        load_private_key(merchant.private_key_pem),
        data=body,
        nonce_str="593BEC0C930BF1AFEB40B4A08C8FB242",
    )
    ours = signing.authorization(
        mchid=merchant.mchid,
        serial_no=merchant.serial_no,
        key=signing.load_private_key(merchant.private_key_pem),
        method=method,
        target=target,
        timestamp=int(fields_of(theirs)["timestamp"]),
        nonce="593BEC0C930BF1AFEB40B4A08C8FB242",
        body=body.encode(),
    )
    assert ours == theirs


async def test_what_the_adapter_sends_is_signed_as_the_sdk_would(wechat: Wechat) -> None:
    """The header on the wire verifies over the very bytes on the wire, by the SDK's primitives."""
    seen: list[httpx.Request] = []

    async def remember(request: httpx.Request) -> None:
        seen.append(request)

    async with httpx.AsyncClient(trust_env=False, event_hooks={"request": [remember]}) as client:
        gateway = wechat.adapter(client=client)
        request = a_request()
        await gateway.submit(request)
        await gateway.query(request)
    private_key = load_private_key(wechat.keys.merchant.private_key_pem)
    for sent in seen:
        fields = fields_of(sent.headers["authorization"])
        body = sent.content.decode()
        signed = (sent.method, sent.url.raw_path.decode(), fields["timestamp"], fields["nonce_str"], body)
        message = "".join(f"{part}\n" for part in signed)
        assert fields["signature"] == rsa_sign(private_key, message)
    assert [sent.method for sent in seen] == ["POST", "GET"]
    assert len({fields_of(sent.headers["authorization"])["nonce_str"] for sent in seen}) == 2


async def test_simulators_answer_verifies_with_the_sdk(wechat: Wechat) -> None:
    """The simulator's signature is one the SDK accepts, over the raw answer."""
    answers: list[httpx.Response] = []

    async def remember(response: httpx.Response) -> None:
        await response.aread()
        answers.append(response)

    async with httpx.AsyncClient(trust_env=False, event_hooks={"response": [remember]}) as client:
        await wechat.adapter(client=client).submit(a_request())
    (answer,) = answers
    public_key = load_public_key(wechat.keys.merchant.platform_public_key_pem)
    stamp, nonce = answer.headers["wechatpay-timestamp"], answer.headers["wechatpay-nonce"]
    signature = answer.headers["wechatpay-signature"]
    assert rsa_verify(stamp, nonce, answer.text, signature, public_key)
    assert not rsa_verify(stamp, nonce, answer.text + " ", signature, public_key)


def sdk_client(wechat: Wechat) -> WeChatPay:
    merchant = wechat.keys.merchant
    sdk = WeChatPay(
        wechatpay_type=WeChatPayType.JSAPI,
        mchid=merchant.mchid,
        private_key=merchant.private_key_pem,
        cert_serial_no=merchant.serial_no,
        appid="wx0000000000000000",
        apiv3_key=merchant.api_v3_key,
        public_key=merchant.platform_public_key_pem,
        public_key_id=merchant.platform_key_id,
        timeout=5,
    )
    sdk._core._gate_way = wechat.url
    return sdk


async def test_the_sdk_works_against_the_simulator(wechat: Wechat, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK refunds, asks and takes the bill from the simulator, verifying each signature itself,
    and the adapter sees the same refund."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    request = a_request()
    sdk = sdk_client(wechat)

    def with_the_sdk() -> list[tuple[int, Any]]:
        amount = {"refund": request.amount_fen, "total": request.transaction_total_fen, "currency": "CNY"}
        transaction_id = request.transaction_id
        return [
            sdk.refund(request.refund_no, amount, transaction_id=transaction_id, reason="不想要了"),
            sdk.query_refund(request.refund_no),
        ]

    (refunded, refund), (asked, found) = await asyncio.to_thread(with_the_sdk)
    assert (refunded, asked) == (200, 200)
    assert json.loads(refund) == json.loads(found)
    assert json.loads(found)["status"] == "SUCCESS"
    report = await wechat.gateway.query(request)
    assert report.standing is RefundStanding.SUCCEEDED
    assert report.vendor_refund_id == json.loads(found)["refund_id"]


async def test_sdk_with_another_key_is_refused(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The simulator refuses the SDK too when its signature is made over other bytes."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    sdk = sdk_client(simulate())
    other = load_private_key(simulate().keys.platform_private_key_pem)
    sdk._core._private_key = other
    status, answer = await asyncio.to_thread(sdk.query_refund, "R1")
    assert (status, json.loads(answer)["code"]) == (401, "SIGN_ERROR")


def test_resource_encryption_agrees_with_the_sdk() -> None:
    """What we encrypt the SDK decrypts, and what was altered neither of them does."""
    key, nonce = "0123456789abcdef0123456789abcdef", "abcdefghijkl"
    sealed = signing.encrypt_resource(key, nonce, "refund", '{"状态":"成功"}'.encode())
    assert aes_decrypt(nonce, sealed, "refund", key) == '{"状态":"成功"}'
    assert signing.decrypt_resource(key, nonce, "refund", sealed).decode() == '{"状态":"成功"}'
    assert aes_decrypt(nonce, sealed, "other", key) is None
