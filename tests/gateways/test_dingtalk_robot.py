"""DingTalk group robots against simulated ones over real HTTP. The signature's vectors come from OpenSSL."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest

from mallcare.gateways.dingtalk import HttpDingtalkRobot
from mallcare.gateways.dingtalk.failures import security_detail
from mallcare.gateways.dingtalk.signing import robot_signature
from mallcare.gateways.simulators.dingtalk import DingtalkSimulatorConfig, SimulatedRobot, create_app
from mallcare.ports import MessageGateway, MessageToSend, SendReport, SendStanding
from tests.gateways.messaging import FixedClock, Vendor, a_message, failing, own_process, refused_start
from tests.gateways.serving import Served, unused_url

pytestmark = pytest.mark.rule("T3")

SECRET = "SEC1f0c9a7be4d24c7e9b1a52f3d8e60c47"
SIGNED = SimulatedRobot.model_validate({"access_token": "signed", "secret": SECRET})
PLAIN = SimulatedRobot.model_validate({"access_token": "plain"})


@dataclass
class Dingtalk(Vendor):
    """Simulated robots and an adapter pointed at them, on the same clock."""

    def adapter(self, **changes: Any) -> HttpDingtalkRobot:
        settings: dict[str, Any] = {"base_url": self.url, "clock": self.clock, "timeout": 5.0, **changes}
        return HttpDingtalkRobot(self.client, **settings)


OpenDingtalk = Callable[..., Dingtalk]


@pytest.fixture
def open_dingtalk(client: httpx.AsyncClient) -> Iterator[OpenDingtalk]:
    with ExitStack() as stack:

        def start(*robots: dict[str, Any], **changes: Any) -> Dingtalk:
            known = (SIGNED, PLAIN, *(SimulatedRobot.model_validate(robot) for robot in robots))
            settings: dict[str, Any] = {"hold_seconds": 5.0, **changes}
            config = DingtalkSimulatorConfig(known, **settings)
            clock = FixedClock()
            served = stack.enter_context(Served(create_app(config, clock)))
            return Dingtalk(served.url, client, clock)

        yield start


@pytest.fixture
def dingtalk(open_dingtalk: OpenDingtalk) -> Dingtalk:
    return open_dingtalk()


def signed(**changes: Any) -> MessageToSend:
    return a_message("signed", **{"secret": SECRET, **changes})


# --- the signature ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp_ms", "signature"),
    [
        (1767225600000, "Ia7Z6IPsmLeX18sPb9F3Os7HwTanlEfDY7ZjL7InuTU="),
        (1767225600011, "+5ll+Ivkzo+aEzZIHIjoWd/+W0m+k6PBR1aphvYqAHg="),
    ],
)
async def test_the_signature_is_the_vendors(timestamp_ms: int, signature: str) -> None:
    """The signature equals OpenSSL's, and travels percent-encoded: no plus of it turns into a space."""
    assert robot_signature(timestamp_ms, SECRET) == signature
    seen: list[str] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query.decode())
        return httpx.Response(200, json={"errcode": 0})

    clock = FixedClock(datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=timestamp_ms))
    async with httpx.AsyncClient(transport=httpx.MockTransport(vendor)) as client:
        await Dingtalk("http://dingtalk.test", client, clock).adapter().send(signed())
    assert seen == [f"access_token=signed&timestamp={timestamp_ms}&sign={quote_plus(signature)}"]


async def test_every_signature_is_taken(dingtalk: Dingtalk) -> None:
    """Whatever characters the signature of an instant has, the vendor takes it, byte by byte."""
    for n in range(20):
        dingtalk.clock.move(milliseconds=7001)
        await dingtalk.adapter().send(signed(text=f"第 {n} 条"))
    assert len(await dingtalk.shown()) == 20


@pytest.mark.parametrize(
    ("changes", "detail"),
    [({"secret": "SECother"}, "signature"), ({"secret": None}, "timestamp"), ({"secret": ""}, "signature")],
)
async def test_a_wrong_secret_is_final(dingtalk: Dingtalk, changes: dict[str, Any], detail: str) -> None:
    """Another secret, or none, is refused for ever; the error says what for, and no secret."""
    error = await failing(dingtalk.adapter().send(signed(**changes)))
    assert (error.code, error.detail, error.retryable, error.outcome_unknown) == (
        "310000",
        detail,
        False,
        False,
    )
    assert await dingtalk.messages() == []


@pytest.mark.parametrize("minutes", [-61, 61])
async def test_a_clock_an_hour_away_is_refused(dingtalk: Dingtalk, minutes: int) -> None:
    """The vendor takes a signature for an hour, either side; the detail blames the clock."""
    adrift = FixedClock(dingtalk.clock.now() + timedelta(minutes=minutes))
    error = await failing(dingtalk.adapter(clock=adrift).send(signed()))
    assert (error.code, error.detail) == ("310000", "timestamp")
    adrift.move(minutes=-2 * (minutes // 61))
    assert (await dingtalk.adapter(clock=adrift).send(signed())).standing is SendStanding.ACCEPTED


async def test_a_signature_is_taken_as_it_is_decoded(dingtalk: Dingtalk) -> None:
    """The simulator is no kinder than the vendor: an unencoded plus, or another stamp's signature, fails."""
    body = {"msgtype": "text", "text": {"content": "x"}}
    stamp = int(dingtalk.clock.now().timestamp() * 1000)
    good = ""
    while "+" not in good:  # a stamp whose signature has a plus
        stamp += 1
        good = base64.b64encode(
            hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), hashlib.sha256).digest()
        ).decode()
    url = f"{dingtalk.url}/robot/send?access_token=signed"
    for query, errcode in (
        (f"&timestamp={stamp}&sign={good}", 310000),
        (f"&timestamp={stamp + 1}&sign={quote_plus(good)}", 310000),
        (f"&timestamp={stamp}&sign={quote_plus(good)}", 0),
    ):
        assert (await dingtalk.client.post(url + query, json=body)).json()["errcode"] == errcode


# --- what is shown ---------------------------------------------------------------------------------


async def test_a_link_without_calls_is_a_card(dingtalk: Dingtalk) -> None:
    """A message with a link arrives as a card with a button."""
    gateway: MessageGateway = dingtalk.adapter()
    assert await gateway.send(signed()) == SendReport(SendStanding.ACCEPTED)
    (row,) = await dingtalk.shown()
    assert (row["channel"], row["receiver"], row["msgtype"]) == ("robot", "signed", "actionCard")
    assert row["content"] == {
        "title": "发货即将超时",
        "text": "### 发货即将超时\n\n订单 O-1001 还有 2 小时超时,请尽快发货。",
        "singleTitle": "查看详情",
        "singleURL": "https://mall.example.com/t/1001",
    }


@pytest.mark.parametrize(("url", "msgtype"), [("https://mall.example.com/t/1", "markdown"), (None, "text")])
async def test_people_are_really_called(dingtalk: Dingtalk, url: str | None, msgtype: str) -> None:
    """With people to call it is Markdown that names them, or a text: both reach all of them."""
    await dingtalk.adapter().send(a_message("plain", url=url, mention=("13800000001", "13800000002")))
    (row,) = await dingtalk.shown()
    assert row["msgtype"] == msgtype
    assert row["mentioned"] == ["13800000001", "13800000002"]
    text: str = row["content"]["text" if url else "content"]
    assert "订单 O-1001" in text
    assert url is None or f"]({url})" in text


async def test_long_chinese_fits(dingtalk: Dingtalk) -> None:
    """However long a text, the vendor's 20 000 bytes suffice, and no character is broken."""
    for url in (None, "https://mall.example.com/t/1"):
        await dingtalk.adapter().send(a_message("plain", title="超" * 500, text="时\n" * 9000, url=url))
    for row in await dingtalk.shown():
        assert "�" not in json.dumps(row["content"], ensure_ascii=False)
        assert "…" in json.dumps(row["content"], ensure_ascii=False)
    assert len(await dingtalk.shown()) == 2


async def test_the_same_text_is_shown_once_a_day(dingtalk: Dingtalk) -> None:
    """The vendor hides a repeated text until the Beijing day is over: only the ledger tells."""
    dingtalk.clock.at = datetime(2026, 1, 1, 15, 0, tzinfo=UTC)  # 23:00 in Beijing
    for minutes in (0, 30, 31):
        dingtalk.clock.move(minutes=minutes)
        report = await dingtalk.adapter().send(a_message("plain"))
        assert report.standing is SendStanding.ACCEPTED
    assert [row["dropped"] for row in await dingtalk.messages()] == [None, "same_text_today", None]
    await dingtalk.adapter().send(a_message("plain", text="还有 1 小时"))
    assert len(await dingtalk.shown()) == 3


async def test_a_robot_cannot_be_repeated_or_asked(open_dingtalk: OpenDingtalk) -> None:
    """Nothing marks two sends as one, so an unclear one is never sent again."""
    dingtalk = open_dingtalk(same_text_once_a_day=False)
    gateway = dingtalk.adapter()
    assert not gateway.repeatable
    assert await gateway.look_up(signed(), dingtalk.clock.now()) is None
    await asyncio.gather(*(gateway.send(signed()) for _ in range(2)))
    assert len(await dingtalk.shown()) == 2


# --- what can go wrong -----------------------------------------------------------------------------


async def test_twenty_a_minute_then_ten_minutes_of_silence(dingtalk: Dingtalk) -> None:
    """The 21st message silences the robot for ten minutes; the error asks for as long."""
    gateway = dingtalk.adapter()
    for n in range(20):
        await gateway.send(a_message("plain", text=f"第 {n} 条"))
    for minutes in (0, 2, 7):
        dingtalk.clock.move(minutes=minutes)
        error = await failing(gateway.send(a_message("plain")))
        assert (error.code, error.retryable, error.outcome_unknown) == ("130101", True, False)
        assert error.retry_after_seconds == 600
    assert (await gateway.send(signed())).standing is SendStanding.ACCEPTED
    dingtalk.clock.move(minutes=1, seconds=1)
    await gateway.send(a_message("plain"))
    assert len(await dingtalk.shown()) == 22


@pytest.mark.parametrize(
    ("setting", "detail"),
    [({"keywords": ["监控"]}, "keyword"), ({"allowed_ips": ["203.0.113.9"]}, "ip")],
)
async def test_security_settings_refuse_for_ever(
    open_dingtalk: OpenDingtalk, setting: dict[str, Any], detail: str
) -> None:
    """One number, several meanings: final each, told apart for people only; when they are met it is shown."""
    dingtalk = open_dingtalk({"access_token": "strict", **setting})
    error = await failing(dingtalk.adapter().send(a_message("strict")))
    assert (error.code, error.detail, error.retryable, error.outcome_unknown) == (
        "310000",
        detail,
        False,
        False,
    )
    await dingtalk.put("robots", access_token="strict", keywords=["超时"], allowed_ips=["127.0.0.1"])
    assert (await dingtalk.adapter().send(a_message("strict"))).standing is SendStanding.ACCEPTED


@pytest.mark.parametrize(
    ("errmsg", "detail"),
    [
        (
            "description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中",
            "signature",
        ),
        ("description:关键词不匹配;solution:请联系群管理员", "keyword"),
        ("description:来源IP不在白名单", "ip"),
        ("description:something new", "unclear"),
        ("", "unclear"),
    ],
)
def test_the_vendors_newer_words_are_read_too(errmsg: str, detail: str) -> None:
    """The detail is read from old and new wordings, and from nothing that merely looks alike."""
    assert security_detail(errmsg) == detail


@pytest.mark.parametrize("errcode", [300001, 300005])
async def test_an_unknown_token_is_final(open_dingtalk: OpenDingtalk, errcode: int) -> None:
    """A robot that was deleted never shows anything: another channel is to be tried."""
    dingtalk = open_dingtalk(unknown_token_errcode=errcode)
    report = await dingtalk.adapter().send(a_message("deleted"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code=str(errcode))


async def test_a_stopped_robot_is_final(open_dingtalk: OpenDingtalk) -> None:
    """A robot that an administrator stopped shows nothing either."""
    dingtalk = open_dingtalk({"access_token": "stopped", "stopped": True})
    report = await dingtalk.adapter().send(a_message("stopped"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code="400102")


@pytest.mark.parametrize(
    ("errcode", "retryable", "wait"),
    [(-1, True, None), (410100, True, 600), (40035, False, None), (460101, False, None)],
)
async def test_other_codes_are_errors(
    dingtalk: Dingtalk, errcode: int, retryable: bool, wait: float | None
) -> None:
    """Busy and too fast may be repeated, anything else is refused for ever."""
    await dingtalk.fault("errcode", errcode=errcode)
    error = await failing(dingtalk.adapter().send(signed()))
    assert (str(error), error.retryable, error.outcome_unknown) == (str(errcode), retryable, False)
    assert error.retry_after_seconds == wait


@pytest.mark.parametrize(
    ("kind", "code", "rows"),
    [("timeout_after_commit", "timeout", 1), ("timeout_before", "timeout", 0), ("error_500", "HTTP_500", 0)],
)
async def test_unclear_outcomes(dingtalk: Dingtalk, kind: str, code: str, rows: int) -> None:
    """Silence and 5xx leave the outcome unknown; the ledger knows whether it was shown, once."""
    await dingtalk.fault(kind, receiver="signed")
    error = await failing(dingtalk.adapter(timeout=0.3).send(signed()))
    assert (error.code, error.retryable, error.outcome_unknown) == (code, True, True)
    assert len(await dingtalk.shown()) == rows
    assert not [word for word in ("signed", SECRET, "超时") if word in repr(error)]


async def test_a_slow_vendor_is_waited_for(dingtalk: Dingtalk) -> None:
    """A late answer within the time allowed is an answer."""
    await dingtalk.fault("slow", delay_seconds=0.1)
    assert (await dingtalk.adapter().send(signed())).standing is SendStanding.ACCEPTED


async def test_nobody_there_is_known(dingtalk: Dingtalk) -> None:
    """A refused connection sent nothing."""
    error = await failing(dingtalk.adapter(base_url=unused_url()).send(signed()))
    assert (error.code, error.retryable, error.outcome_unknown) == ("connection", True, False)


# --- the simulator ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"msgtype": "image"}, 400105),
        ({"msgtype": "text", "text": {}}, 40035),
        ({"msgtype": "markdown", "markdown": {"title": "t"}}, 40035),
        ({"msgtype": "actionCard", "actionCard": {"title": "t", "text": "x"}}, 40035),
        ({"msgtype": "text", "text": {"content": "x" * 20_000}}, 40035),
        ({"msgtype": "link", "link": {"title": "t", "text": "x", "messageUrl": "https://mall.cn"}}, 0),
    ],
)
async def test_malformed_messages_are_refused(dingtalk: Dingtalk, body: dict[str, Any], errcode: int) -> None:
    """Kinds, required parts and the size are checked as the vendor does."""
    url = f"{dingtalk.url}/robot/send?access_token=plain"
    assert (await dingtalk.client.post(url, json=body)).json()["errcode"] == errcode
    assert len(await dingtalk.messages()) == (errcode == 0)


async def test_the_call_itself_is_checked(dingtalk: Dingtalk) -> None:
    """A token and a JSON content type are needed."""
    body = {"msgtype": "text", "text": {"content": "x"}}
    url = f"{dingtalk.url}/robot/send"
    assert (await dingtalk.client.post(url, json=body)).json()["errcode"] == 40035
    form = await dingtalk.client.post(f"{url}?access_token=plain", data={"msgtype": "text"})
    assert form.json()["errcode"] == 43004


async def test_it_runs_as_a_process_of_its_own(client: httpx.AsyncClient) -> None:
    """`python -m` serves the robots of the environment, and names what it cannot read."""
    module, config = "mallcare.gateways.simulators.dingtalk", DingtalkSimulatorConfig((SIGNED,))
    async with own_process(module, config.to_environment(), client) as url:
        clock = FixedClock(datetime.now(UTC))
        report = await Dingtalk(url, client, clock).adapter().send(signed())
        assert report.standing is SendStanding.ACCEPTED
    assert "ROBOTS" in await refused_start(module, {"MALLCARE_SIM_DINGTALK_ROBOTS": "?"})


def test_configuration_survives_the_environment(tmp_path: Path) -> None:
    """Written to variables it is read back equal; a robot that cannot be read is refused unseen."""
    config = DingtalkSimulatorConfig(
        (SIGNED, PLAIN), ledger_path=tmp_path / "x", same_text_once_a_day=False, per_minute=5
    )
    assert DingtalkSimulatorConfig.from_environment(config.to_environment()) == config
    assert DingtalkSimulatorConfig.from_environment({}) == DingtalkSimulatorConfig()
    with pytest.raises(ValueError, match="DINGTALK_ROBOTS") as caught:
        DingtalkSimulatorConfig.from_environment({"MALLCARE_SIM_DINGTALK_ROBOTS": '[{"secret": "SECx"}]'})
    assert "SECx" not in str(caught.value)
    with pytest.raises(ValueError, match="SAME_TEXT_ONCE_A_DAY"):
        DingtalkSimulatorConfig.from_environment({"MALLCARE_SIM_DINGTALK_SAME_TEXT_ONCE_A_DAY": "maybe"})
    assert SECRET not in repr(config)
