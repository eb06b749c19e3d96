"""WeChat Pay's refund callbacks: believed only when signed, settled once, answered in the vendor's form."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx
import pytest

from mallcare.contracts.names import Signal
from mallcare.gateways.simulators.wechat_pay import generate_credentials
from mallcare.gateways.wechat_pay import WechatRefundCallbacks
from mallcare.gateways.wechat_pay.signing import answer_message, encrypt_resource, load_private_key, sign
from mallcare.ports import RefundReport, RefundStanding, StorageUnavailable
from tests.api.calls import Json, answered, problem_of
from tests.api.conftest import Api
from tests.api.test_problems import replace_platform

PATH = "/v1/callbacks/wechat_pay/refunds"
SIGNED = {"Wechatpay-Signature": "s"}


async def refunding(api: Api) -> tuple[str, list[str]]:
    """A case being refunded over two tenders, and its refund numbers."""
    case = await api.opened()
    approved = answered(await api.supplier.command(case["after_sales_no"], "approve"))
    return case["after_sales_no"], [refund["refund_no"] for refund in approved["refunds"]]


async def call(api: Api, *reports: RefundReport) -> httpx.Response:
    """One callback that carries the next report."""
    api.callbacks.reports += reports
    return await api.nobody("POST", PATH, content=b"signed", headers=SIGNED)


def succeeded(refund_no: str) -> RefundReport:
    """The vendor paid."""
    return RefundReport(refund_no, RefundStanding.SUCCEEDED, vendor_refund_id="V1")


async def state_of(api: Api, no: str) -> Json:
    """The case as it is."""
    return answered(await api.mall.get(f"/v1/after-sales/{no}"))


async def test_callbacks_settle_the_legs_they_speak_of(api: Api) -> None:
    """Each wakes the workflow; the last completes the case; repetitions change nothing."""
    no, numbers = await refunding(api)
    assert (await call(api, succeeded(numbers[0]))).status_code == 204
    assert [r["status"] for r in (await state_of(api, no))["refunds"]] == ["SUCCEEDED", "PENDING"]
    assert (await call(api, succeeded(numbers[1]))).status_code == 204
    done = await state_of(api, no)
    assert done["state"] == "COMPLETED"
    assert all(refund["settled_at"] for refund in done["refunds"])
    assert (await call(api, succeeded(numbers[1]))).status_code == 204
    assert (await state_of(api, no))["version"] == done["version"]
    assert api.hints.signals[2:4] == [Signal.REFUND_SETTLED, Signal.REFUND_SETTLED]


async def test_ten_equal_callbacks_at_once_settle_once(api: Api) -> None:
    """All are acknowledged; the record shows one success."""
    no, numbers = await refunding(api)
    answers = await asyncio.gather(*(call(api, succeeded(numbers[0])) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {204}
    record = answered(await api.mall.get(f"/v1/after-sales/{no}/events"))["items"]
    assert [line["name"] for line in record].count("refund_succeeded") == 1


async def test_a_refused_refund_shows_why(api: Api) -> None:
    """ABNORMAL: the case needs somebody, and says so."""
    no, numbers = await refunding(api)
    report = RefundReport(numbers[0], RefundStanding.FAILED, failure_code="ABNORMAL")
    assert (await call(api, report)).status_code == 204
    failed = await state_of(api, no)
    assert (failed["state"], failed["deadline_effect"]) == ("REFUND_FAILED", "escalate")
    assert failed["refunds"][0]["failure_code"] == "ABNORMAL"


@pytest.mark.parametrize("standing", [RefundStanding.PROCESSING, RefundStanding.NOT_FOUND])
async def test_what_is_not_final_settles_nothing(api: Api, standing: RefundStanding) -> None:
    """Acknowledged, so that it is not sent for a day; the case is as before."""
    no, numbers = await refunding(api)
    before = await state_of(api, no)
    assert (await call(api, RefundReport(numbers[0], standing))).status_code == 204
    assert await state_of(api, no) == before


async def test_a_refund_that_is_not_ours_is_acknowledged(api: Api) -> None:
    """Repeating it would not make it ours."""
    assert (await call(api, succeeded("RF404"))).status_code == 204


@pytest.mark.parametrize(
    ("code", "status"), [("bad_signature", 401), ("stale_timestamp", 401), ("bad_response", 400)]
)
async def test_what_cannot_be_believed_is_refused_in_the_vendor_s_form(
    api: Api, code: str, status: int
) -> None:
    """`{"code": "FAIL"}`: WeChat Pay reads no problem documents."""
    api.callbacks.refuse_with = code
    response = await api.nobody("POST", PATH, content=b"signed", headers=SIGNED)
    assert response.status_code == status
    assert response.json() == {"code": "FAIL", "message": code}


async def test_a_vendor_that_is_not_set_up_is_unknown(api: Api) -> None:
    """404 in the vendor's form."""
    replace_platform(api, callbacks={})
    response = await api.nobody("POST", PATH, content=b"signed", headers=SIGNED)
    assert (response.status_code, response.json()["code"]) == (404, "FAIL")


async def test_a_callback_is_not_acknowledged_while_the_database_is_away(api: Api) -> None:
    """503: the vendor sends it again."""
    from dataclasses import replace
    from typing import Any

    class Away:
        async def __call__(self, *_: object) -> bool:
            raise StorageUnavailable("away")

    away: Any = Away()
    replace_platform(api, use_cases=replace(api.platform.use_cases, receive_refund_callback=away))
    problem_of(await call(api, succeeded("RF1")), 503, "engine_unavailable")


async def test_the_vendor_s_real_signature_passes_on_the_raw_body(api: Api) -> None:
    """The adapter's own verifier behind the route: one changed byte of the body is enough for a 401."""
    no, numbers = await refunding(api)
    keys = generate_credentials()
    replace_platform(api, callbacks={"wechat_pay": WechatRefundCallbacks(keys.merchant, api.clock)})
    plain = {
        "mchid": keys.merchant.mchid,
        "out_refund_no": numbers[0],
        "refund_id": "V1",
        "refund_status": "SUCCESS",
        "transaction_id": "T-O-1",
        "out_trade_no": "O-1",
        "success_time": "2026-03-01T18:00:00+08:00",
        "user_received_account": "x",
        "amount": {"total": 7334, "refund": 2791, "payer_total": 7334, "payer_refund": 2791},
    }
    nonce = "nonce-of-12b"
    sealed = encrypt_resource(keys.merchant.api_v3_key, nonce, "refund", json.dumps(plain).encode())
    body = json.dumps(
        {
            "id": "N1",
            "event_type": "REFUND.SUCCESS",
            "resource_type": "encrypt-resource",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": sealed,
                "nonce": nonce,
                "associated_data": "refund",
            },
        },
        indent=1,
    ).encode()
    timestamp = str(int(api.clock.now().timestamp()))
    private = load_private_key(keys.platform_private_key_pem)
    headers = {
        "Wechatpay-Serial": keys.merchant.platform_key_id,
        "Wechatpay-Timestamp": timestamp,
        "Wechatpay-Nonce": "n",
        "Wechatpay-Signature": sign(private, answer_message(timestamp, "n", body)),
    }
    changed = await api.nobody("POST", PATH, content=body + b" ", headers=headers)
    assert changed.status_code == 401
    assert (await api.nobody("POST", PATH, content=body, headers=headers)).status_code == 204
    assert (await state_of(api, no))["refunds"][0]["status"] == "SUCCEEDED"
    api.clock.at += timedelta(minutes=6)
    stale = await api.nobody("POST", PATH, content=body, headers=headers)
    assert (stale.status_code, stale.json()["message"]) == (401, "stale_timestamp")
