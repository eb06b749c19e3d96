"""The simulator's own rules: whom it admits, what it refuses, how it counts, how it is configured."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mallcare.gateways.aliyun_sms.signing import (
    SIGNED,
    acs_date,
    authorization,
    canonical_query,
    content_hash,
)
from mallcare.gateways.simulators.aliyun_sms import AliyunSmsSimulatorConfig
from mallcare.gateways.simulators.aliyun_sms.__main__ import main
from mallcare.ports import GatewayError, SendStanding
from tests.gateways.aliyun_sms import (
    DIGEST,
    PLAIN,
    SIGN_NAME,
    TEMPLATES,
    Simulate,
    Sms,
    a_message,
    facts,
    simulators,
)

PHONE = "13900000001"
GOOD = {
    "PhoneNumbers": PHONE,
    "SignName": SIGN_NAME,
    "TemplateCode": DIGEST,
    "TemplateParam": '{"orders":"12","cases":"3"}',
    "OutId": "A1",
}
QUESTION = {"PhoneNumber": PHONE, "SendDate": "20310302", "PageSize": "10", "CurrentPage": "1"}


@pytest.fixture
def simulate(client: httpx.AsyncClient) -> Iterator[Simulate]:
    with simulators(client) as start:
        yield start


@pytest.fixture
def sms(simulate: Simulate) -> Sms:
    return simulate()


def signed(
    sms: Sms,
    parameters: Mapping[str, str] = GOOD,
    *,
    body: bytes = b"",
    key_id: str | None = None,
    more: Mapping[str, str] | None = None,
    **headers: str,
) -> httpx.Request:
    """A well signed call with some of it changed before it is signed."""
    fields = {
        "x-acs-action": "SendSms",
        "x-acs-version": "2017-05-25",
        "x-acs-date": acs_date(datetime.now(UTC)),
        "x-acs-signature-nonce": secrets.token_hex(8),
        "x-acs-content-sha256": content_hash(body),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    query = canonical_query(parameters)
    request = sms.client.build_request("POST", f"{sms.url}/?{query}", headers=fields, content=body)
    request.headers["authorization"] = authorization(
        key_id or sms.credentials.access_key_id,
        sms.credentials.access_key_secret,
        method="POST",
        path="/",
        query=query,
        headers=[(name, request.headers[name]) for name in SIGNED],
        payload_sha256=fields["x-acs-content-sha256"],
    )
    request.headers.update(more or {})
    return request


async def answered(sms: Sms, request: httpx.Request) -> tuple[int, str]:
    answer = await sms.client.send(request)
    return answer.status_code, answer.json()["Code"]


async def test_a_good_call_is_answered_as_the_vendor_does(sms: Sms) -> None:
    """Code, Message, RequestId and BizId, and nothing else."""
    answer = (await sms.client.send(signed(sms))).json()
    assert set(answer) == {"Code", "Message", "RequestId", "BizId"}
    assert (answer["Code"], answer["Message"]) == ("OK", "OK")


async def test_one_changed_byte_breaks_the_signature(sms: Sms) -> None:
    """Another number, date, nonce, action, host or body than was signed is refused, and nothing is sent."""
    altered: list[httpx.Request] = []
    for header in ("x-acs-date", "x-acs-signature-nonce", "x-acs-action", "x-acs-version", "host"):
        request = signed(sms)
        request.headers[header] += "x"
        altered.append(request)
    request = signed(sms)
    request.url = request.url.copy_set_param("PhoneNumbers", "13900000002")
    altered.append(request)
    request = signed(sms)
    name, _, value = request.headers["authorization"].rpartition("=")
    request.headers["authorization"] = f"{name}={'0' if value[0] != '0' else '1'}{value[1:]}"
    altered.append(request)
    altered.append(signed(sms, x_acs_content_sha256=content_hash(b"another body")))
    for request in altered:
        assert await answered(sms, request) == (400, "SignatureDoesNotMatch")
    assert await sms.ledger() == []
    assert await sms.requests() == []


@pytest.mark.parametrize("value", ["", "ACS3-HMAC-SHA256", "Bearer x"])
async def test_without_an_authorization_nobody_enters(sms: Sms, value: str) -> None:
    """What is not an ACS3 Authorization is refused before anything is compared."""
    request = signed(sms, more={"authorization": value})
    assert await answered(sms, request) == (400, "IncompleteSignature")


async def test_every_vendor_header_must_be_signed(sms: Sms) -> None:
    """A header of the vendor's that came along unsigned, or was signed and did not come, is refused."""
    extra = signed(sms, more={"x-acs-security-token": "x"})
    assert await answered(sms, extra) == (400, "IncompleteSignature")
    lacking = signed(sms)
    del lacking.headers["x-acs-version"]
    assert await answered(sms, lacking) == (400, "IncompleteSignature")


async def test_another_key_is_unknown(sms: Sms) -> None:
    """Another account's key is not found."""
    assert await answered(sms, signed(sms, key_id="LTAIother")) == (404, "InvalidAccessKeyId.NotFound")


@pytest.mark.parametrize(
    ("minutes", "code"),
    [(-16, "InvalidTimeStamp.Expired"), (16, "InvalidTimeStamp.Expired"), (-14, "OK"), (14, "OK")],
)
async def test_a_call_is_fresh_for_fifteen_minutes(sms: Sms, minutes: int, code: str) -> None:
    """Older and younger calls than a quarter of an hour are refused, though well signed."""
    date = acs_date(datetime.now(UTC) + timedelta(minutes=minutes))
    assert (await answered(sms, signed(sms, x_acs_date=date)))[1] == code


async def test_a_date_is_in_the_vendors_form(sms: Sms) -> None:
    """Only `yyyy-MM-ddTHH:mm:ssZ` is a date."""
    request = signed(sms, x_acs_date="2031-03-02 08:00:00")
    assert await answered(sms, request) == (400, "InvalidTimeStamp.Format")


async def test_a_nonce_is_used_once(sms: Sms) -> None:
    """The same call again is a replay, even a moment later, and sends nothing."""
    first, second = signed(sms, x_acs_signature_nonce="N1"), signed(sms, x_acs_signature_nonce="N1")
    assert await answered(sms, first) == (200, "OK")
    assert await answered(sms, second) == (400, "SignatureNonceUsed")
    assert len(await sms.ledger()) == 1


async def test_a_form_body_carries_parameters_too(sms: Sms) -> None:
    """Parameters may travel in a form instead of the query; its hash is signed."""
    body = canonical_query(GOOD).encode()
    request = signed(sms, {}, body=body, content_type="application/x-www-form-urlencoded")
    assert await answered(sms, request) == (200, "OK")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x_acs_action": "SendBatchSms"}, (404, "InvalidAction.NotFound")),
        ({"x_acs_version": "2018-05-01"}, (400, "InvalidVersion")),
    ],
)
async def test_other_calls_do_not_exist(sms: Sms, headers: dict[str, str], expected: tuple[int, str]) -> None:
    """Two actions of one version are simulated."""
    assert await answered(sms, signed(sms, **headers)) == expected


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"PhoneNumbers": ""}, "MissingPhoneNumbers"),
        ({"TemplateCode": ""}, "MissingTemplateCode"),
        ({"PhoneNumbers": "12900000001x"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"PhoneNumbers": ",".join([PHONE] * 1001)}, "isv.MOBILE_COUNT_OVER_LIMIT"),
        ({"PhoneNumbers": f"{PHONE},{PHONE}"}, "isv.INVALID_PARAMETERS"),
        ({"SignName": "别人"}, "isv.SMS_SIGNATURE_ILLEGAL"),
        ({"TemplateCode": "SMS_1"}, "isv.SMS_TEMPLATE_ILLEGAL"),
        ({"TemplateParam": ""}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"orders":"1"}'}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": '{"orders":"1","cases":""}'}, "isv.TEMPLATE_MISSING_PARAMETERS"),
        ({"TemplateParam": "{"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": "[]"}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": '{"orders":1,"cases":"2"}'}, "isv.INVALID_JSON_PARAM"),
        ({"TemplateParam": '{"orders":"1234567890123","cases":"2"}'}, "isv.PARAM_LENGTH_LIMIT"),
        ({"TemplateParam": '{"orders":"www.a.cn","cases":"2"}'}, "isv.PARAM_NOT_SUPPORT_URL"),
    ],
)
async def test_a_message_keeps_the_vendors_rules(sms: Sms, change: dict[str, str], code: str) -> None:
    """Each broken rule has its code, the call is noted with it, and nothing goes out."""
    assert (await answered(sms, signed(sms, {**GOOD, **change})))[1] == code
    assert [request["code"] for request in await sms.requests()] == [code]
    assert await sms.ledger() == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, "OK"),
        ({"PhoneNumber": "8613900000001"}, "isv.MOBILE_NUMBER_ILLEGAL"),
        ({"SendDate": "2031-3-2"}, "isv.INVALID_PARAMETERS"),
        ({"SendDate": "20311302"}, "isv.INVALID_PARAMETERS"),
        ({"PageSize": "51"}, "isv.INVALID_PARAMETERS"),
        ({"PageSize": ""}, "isv.INVALID_PARAMETERS"),
        ({"CurrentPage": "0"}, "isv.INVALID_PARAMETERS"),
    ],
)
async def test_a_question_keeps_the_vendors_rules(sms: Sms, change: dict[str, str], code: str) -> None:
    """One domestic number, a day, at most fifty to a page."""
    request = signed(sms, {**QUESTION, **change}, x_acs_action="QuerySendDetails")
    assert (await answered(sms, request))[1] == code


@pytest.mark.parametrize(
    ("limit", "seconds"), [({"per_minute": 2}, 60), ({"per_hour": 2}, 3600), ({"per_day": 2}, 86400)]
)
async def test_quotas_slide(simulate: Simulate, limit: dict[str, Any], seconds: int) -> None:
    """The third message inside the window is refused and known not to be sent; outside of it, it goes out."""
    sms = simulate(**limit)
    address = a_message().address

    async def send(**changes: Any) -> SendStanding:
        return (await sms.gateway.send(a_message(address=address, **changes))).standing

    await send()
    sms.clock.offset = timedelta(seconds=seconds // 2)
    await send()
    with pytest.raises(GatewayError) as caught:
        await send()
    assert facts(caught.value) == ("isv.BUSINESS_LIMIT_CONTROL", False, False, None)
    assert await send(template=PLAIN, variables={}) is SendStanding.ACCEPTED
    assert (await sms.gateway.send(a_message())).standing is SendStanding.ACCEPTED
    sms.clock.offset = timedelta(seconds=seconds + 2)
    assert await send() is SendStanding.ACCEPTED


async def test_faults_strike_as_often_as_asked(sms: Sms) -> None:
    """A fault hits matching calls only, a fixed number of times, and can be taken back."""
    await sms.fault("business", code="isv.AMOUNT_NOT_ENOUGH", times=2, match={"out_id": "A1"})
    await sms.fault("error_500", match={"operation": "query"})
    assert await answered(sms, signed(sms, {**GOOD, "OutId": "A2"})) == (200, "OK")
    assert await answered(sms, signed(sms)) == (200, "isv.AMOUNT_NOT_ENOUGH")
    pending = (await sms.client.get(f"{sms.url}/admin/faults")).json()
    assert pending == [
        {"kind": "business:isv.AMOUNT_NOT_ENOUGH", "times": 1},
        {"kind": "error_500", "times": 1},
    ]
    assert (await sms.client.delete(f"{sms.url}/admin/faults")).json() == []
    assert await answered(sms, signed(sms)) == (200, "OK")


@pytest.mark.parametrize("fault", [{"kind": "business"}, {"kind": "slow", "code": "x"}, {"kind": "other"}])
async def test_a_fault_is_well_formed(sms: Sms, fault: dict[str, str]) -> None:
    """A fault that could not strike as asked is refused."""
    assert (await sms.client.post(f"{sms.url}/admin/faults", json=fault)).status_code == 422


async def test_an_unreachable_number_may_come_back(sms: Sms) -> None:
    """A number is dead until it is told to live."""
    message = a_message()
    await sms.unreachable(message.address, "BLACK")
    await sms.gateway.send(message)
    await sms.unreachable(message.address, None)
    await sms.gateway.send(message)
    assert [(entry["status"], entry["code"]) for entry in await sms.ledger()] == [
        (2, "BLACK"),
        (3, "DELIVERED"),
    ]
    assert (await sms.client.get(f"{sms.url}/healthz")).json() == {"status": "ok"}


async def test_the_ledger_outlives_the_simulator(simulate: Simulate, tmp_path: Path) -> None:
    """With a file, what was sent is still known to the next process."""
    path = tmp_path / "sms.sqlite"
    await simulate(ledger_path=path).gateway.send(a_message())
    assert len(await simulate(ledger_path=path).ledger()) == 1


# --- configuration -------------------------------------------------------------------------------


def config(**changes: Any) -> AliyunSmsSimulatorConfig:
    return AliyunSmsSimulatorConfig(
        access_key_id="LTAI5t",
        access_key_secret="a secret of the test",
        sign_names=(SIGN_NAME, "商城"),
        templates=TEMPLATES,
        **changes,
    )


def test_configuration_survives_the_environment() -> None:
    """Written as variables and read again it is the same; the secret stays out of `repr`."""
    told = config(
        ledger_path=Path("books"),
        report_url="http://127.0.0.1:1/receipts",
        report_held=True,
        report_retry_seconds=(1.0, 2.5),
        per_day=50,
    )
    assert AliyunSmsSimulatorConfig.from_environment(told.to_environment()) == told
    assert AliyunSmsSimulatorConfig.from_environment(config().to_environment()) == config()
    assert "a secret of the test" not in repr(told)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REPORT_HELD", "maybe"),
        ("PER_DAY", "x"),
        ("TEMPLATES", "[]"),
        ("TEMPLATES", "{"),
        ("SLOW_SECONDS", "x"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    """What cannot be read is said by the name of its variable."""
    variable = f"MALLCARE_SIM_ALIYUN_SMS_{name}"
    with pytest.raises(ValueError, match=variable):
        AliyunSmsSimulatorConfig.from_environment({**config().to_environment(), variable: value})


def test_without_a_key_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A secret has no default: the process ends with 2 and says what is missing."""
    monkeypatch.delenv("MALLCARE_SIM_ALIYUN_SMS_ACCESS_KEY_ID", raising=False)
    monkeypatch.setattr("sys.argv", ["aliyun-sms-simulator", "--port", "1"])
    assert main() == 2
    assert "access_key_id" in capsys.readouterr().err
