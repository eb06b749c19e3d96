"""The vendor's own SDK as the judge: its signer against ours, its client against our simulator."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from alibabacloud_dysmsapi20170525 import models as sdk_models
from alibabacloud_dysmsapi20170525.client import Client as SdkClient
from alibabacloud_tea_openapi.exceptions import ClientException, ServerException
from alibabacloud_tea_openapi.utils import Utils as SdkUtils
from alibabacloud_tea_openapi.utils_models import Config as SdkConfig
from darabonba.request import DaraRequest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.gateways.aliyun_sms import signing
from mallcare.gateways.aliyun_sms.messages import BEIJING
from mallcare.ports import GatewayError, SendReport, SendStanding
from tests.gateways.aliyun_sms import DIGEST, SIGN_NAME, Sms, a_message, simulators

KEY_ID, SECRET = "LTAI5tAccessKeyOfTheTest", "a secret of the test, worth nothing"
PARAMETERS = {
    "PhoneNumbers": "13900000001",
    "SignName": "商城客服",
    "TemplateCode": "SMS_100000001",
    "TemplateParam": '{"orders":"12","note":"a b+c/d~e*f"}',
    "OutId": "0123456789abcdef0123456789abcdef",
}
HEADERS = {
    "host": "dysmsapi.aliyuncs.com",
    "x-acs-action": "SendSms",
    "x-acs-version": "2017-05-25",
    "x-acs-date": "2031-03-02T00:00:07Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-content-sha256": signing.content_hash(b""),
}


@pytest.fixture
def sms(client: httpx.AsyncClient) -> Iterator[Sms]:
    with simulators(client) as start:
        yield start()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def theirs(parameters: Mapping[str, str], headers: Mapping[str, str], *, secret: str = SECRET) -> str:
    """The Authorization that the SDK's signer computes."""
    request = DaraRequest()
    request.method, request.pathname = "POST", "/"
    request.query, request.headers = dict(parameters), dict(headers)
    payload = headers["x-acs-content-sha256"]
    return SdkUtils.get_authorization(request, signing.SCHEME, payload, KEY_ID, secret)


def ours(parameters: Mapping[str, str], headers: Mapping[str, str], *, secret: str = SECRET) -> str:
    return signing.authorization(
        KEY_ID,
        secret,
        method="POST",
        path="/",
        query=signing.canonical_query(parameters),
        headers=list(headers.items()),
        payload_sha256=headers["x-acs-content-sha256"],
    )


@pytest.mark.parametrize("parameters", [PARAMETERS, {}, {"PhoneNumber": "13900000001", "PageSize": "50"}])
def test_authorization_equals_the_sdks(parameters: dict[str, str]) -> None:
    """For the same parameters, headers, nonce and second our Authorization is the SDK's, letter by letter."""
    assert ours(parameters, HEADERS) == theirs(parameters, HEADERS)


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,10}", fullmatch=True)


@given(
    parameters=st.dictionaries(names, values, max_size=6),
    more=st.dictionaries(names.map(lambda name: f"x-acs-{name.lower()}"), values, max_size=3),
    secret=st.text(st.characters(codec="ascii"), min_size=1, max_size=30),
)
def test_authorization_equals_the_sdks_for_anything(
    parameters: dict[str, str], more: dict[str, str], secret: str
) -> None:
    """Whatever is signed, in any script and with any signs, both signers agree."""
    headers = {**more, **HEADERS}
    assert ours(parameters, headers, secret=secret) == theirs(parameters, headers, secret=secret)


def test_a_repeated_header_is_joined_as_the_sdk_does() -> None:
    """Two spellings of one name are one signed header: values trimmed, sorted and joined by a comma."""
    headers = {**HEADERS, "x-acs-note": "b", "X-Acs-Note": " a "}
    assert ours({}, headers) == theirs({}, headers)


def test_hash_and_date_are_the_sdks() -> None:
    """The body's hash and the form of the date are the SDK's."""
    assert signing.content_hash(b"a=1") == SdkUtils.hash(b"a=1", signing.SCHEME).hex()
    assert re.sub(r"\d", "0", SdkUtils.get_timestamp()) == "0000-00-00T00:00:00Z"
    assert signing.acs_date(datetime(2031, 3, 2, 8, 0, 7, 9, tzinfo=BEIJING)) == "2031-03-02T00:00:07Z"


async def test_what_the_adapter_sends_is_signed_as_the_sdk_would(sms: Sms) -> None:
    """The header on the wire is what the SDK's signer makes of the parameters and headers on the wire."""
    seen: list[httpx.Request] = []

    async def remember(request: httpx.Request) -> None:
        seen.append(request)

    message = a_message()
    async with httpx.AsyncClient(trust_env=False, event_hooks={"request": [remember]}) as client:
        gateway = sms.adapter(client=client)
        await gateway.send(message)
        await gateway.look_up(message, datetime.now(UTC))
    for sent in seen:
        found = re.fullmatch(
            r"ACS3-HMAC-SHA256 Credential=(\w+),SignedHeaders=([a-z0-9;-]+),Signature=[0-9a-f]{64}",
            sent.headers["authorization"],
        )
        assert found is not None
        request = DaraRequest()
        request.method, request.pathname = "POST", "/"
        request.query = dict(sent.url.params)
        request.headers = {name: sent.headers[name] for name in found.group(2).split(";")}
        expected = SdkUtils.get_authorization(
            request,
            signing.SCHEME,
            sent.headers["x-acs-content-sha256"],
            sms.credentials.access_key_id,
            sms.credentials.access_key_secret,
        )
        assert sent.headers["authorization"] == expected
    assert [sent.headers["x-acs-action"] for sent in seen] == ["SendSms", "QuerySendDetails"]
    assert len({sent.headers["x-acs-signature-nonce"] for sent in seen}) == 2


# --- the SDK's client against the simulator ------------------------------------------------------


def sdk(sms: Sms, *, secret: str | None = None) -> SdkClient:
    return SdkClient(
        SdkConfig(
            access_key_id=sms.credentials.access_key_id,
            access_key_secret=secret or sms.credentials.access_key_secret,
            protocol="http",
            endpoint=sms.url.removeprefix("http://"),
        )
    )


def sdk_message(**changes: Any) -> sdk_models.SendSmsRequest:
    fields: dict[str, Any] = {
        "phone_numbers": "13900000001",
        "sign_name": SIGN_NAME,
        "template_code": DIGEST,
        "template_param": '{"orders":"12","cases":"3"}',
        "out_id": "FromTheSdk",
        **changes,
    }
    return sdk_models.SendSmsRequest(**fields)


async def test_the_sdk_sends_and_asks(sms: Sms) -> None:
    """The SDK's calls are admitted, its models read the answers, and the adapter sees the same message."""
    sent = (await asyncio.to_thread(sdk(sms).send_sms, sdk_message())).body
    assert (sent.code, sent.message) == ("OK", "OK")
    (entry,) = await sms.ledger()
    assert sent.biz_id == entry["biz_id"]
    question = sdk_models.QuerySendDetailsRequest(
        phone_number="13900000001",
        send_date=datetime.now(BEIJING).strftime("%Y%m%d"),
        page_size=10,
        current_page=1,
        biz_id=sent.biz_id,
    )
    asked = (await asyncio.to_thread(sdk(sms).query_send_details, question)).body
    (detail,) = asked.sms_send_detail_dtos.sms_send_detail_dto
    assert (asked.code, str(asked.total_count)) == ("OK", "1")
    assert (detail.send_status, detail.err_code, detail.out_id) == (3, "DELIVERED", "FromTheSdk")
    assert (detail.content, detail.template_code) == (entry["content"], DIGEST)
    message = a_message(message_id="FromTheSdk", address="13900000001")
    assert await sms.gateway.look_up(message, datetime.now(UTC)) == SendReport(SendStanding.DELIVERED)


async def test_the_sdk_reads_a_business_refusal(sms: Sms) -> None:
    """A refusal of the product comes with 200 and a code, as the SDK's model expects, and as we read it."""
    refused = (await asyncio.to_thread(sdk(sms).send_sms, sdk_message(template_code="SMS_1"))).body
    assert (refused.code, refused.biz_id) == ("isv.SMS_TEMPLATE_ILLEGAL", None)
    with pytest.raises(GatewayError) as caught:
        await sms.gateway.send(a_message(template="SMS_1"))
    assert caught.value.code == refused.code


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        ({"kind": "error_500"}, ServerException, "InternalError"),
        ({"kind": "business", "code": "Throttling.User"}, ClientException, "Throttling.User"),
    ],
)
async def test_the_sdk_reads_the_gateways_refusals(
    sms: Sms, fault: dict[str, str], kind: type[Exception], code: str
) -> None:
    """The gateway's own errors are typed by the SDK from status and code."""
    await sms.fault(**fault)
    with pytest.raises(kind) as caught:
        await asyncio.to_thread(sdk(sms).send_sms, sdk_message())
    assert getattr(caught.value, "code", None) == code


async def test_the_sdk_with_another_secret_is_refused(sms: Sms) -> None:
    """The simulator refuses the SDK too when it signs with another secret, and sends nothing."""
    with pytest.raises(ClientException) as caught:
        await asyncio.to_thread(sdk(sms, secret="another secret").send_sms, sdk_message())
    assert caught.value.code == "SignatureDoesNotMatch"
    assert await sms.ledger() == []


def test_the_product_does_not_ship_the_sdk() -> None:
    """The adapter and its simulator import nothing of the vendor's."""
    script = (
        "import sys, mallcare.bootstrap, mallcare.gateways.aliyun_sms;"
        "import mallcare.gateways.simulators.aliyun_sms;"
        "print([name for name in sys.modules if name.startswith(('alibabacloud', 'darabonba', 'Tea'))])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
