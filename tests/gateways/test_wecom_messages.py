"""WeCom application messages against a simulated WeCom over real HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mallcare.gateways.simulators.wecom import WecomSimulatorConfig, create_app
from mallcare.gateways.wecom import HttpWecomMessages
from mallcare.ports import GatewayError, MessageGateway, SendReport, SendStanding
from tests.gateways.messaging import FixedClock, Vendor, a_message, failing
from tests.gateways.serving import Served, unused_url

pytestmark = pytest.mark.rule("T3")

SECRET = "s3cret-of-the-application"


@dataclass
class Wecom(Vendor):
    """One simulated WeCom and an adapter pointed at it, on the same clock."""

    def adapter(self, **changes: Any) -> HttpWecomMessages:
        settings: dict[str, Any] = {
            "base_url": self.url,
            "corp_id": "ww1a2b3c",
            "secret": SECRET,
            "agent_id": 1000002,
            "clock": self.clock,
            "timeout": 5.0,
            **changes,
        }
        return HttpWecomMessages(self.client, **settings)

    async def tokens(self) -> dict[str, int]:
        return (await self.client.get(f"{self.url}/admin/tokens")).json()

    async def revoke(self) -> None:
        await self.client.post(f"{self.url}/admin/tokens/revoke")


OpenWecom = Callable[..., Wecom]


@pytest.fixture
def open_wecom(client: httpx.AsyncClient) -> Iterator[OpenWecom]:
    with ExitStack() as stack:

        def start(**changes: Any) -> Wecom:
            settings: dict[str, Any] = {"hold_seconds": 5.0, **changes}
            config = WecomSimulatorConfig("ww1a2b3c", SECRET, 1000002, **settings)
            clock = FixedClock()
            served = stack.enter_context(Served(create_app(config, clock)))
            return Wecom(served.url, client, clock)

        yield start


@pytest.fixture
def wecom(open_wecom: OpenWecom) -> Wecom:
    return open_wecom()


# --- what is shown ---------------------------------------------------------------------------------


async def test_a_member_is_shown_a_card_with_a_link(wecom: Wecom) -> None:
    """A message with a link arrives as a text card, whole, under the vendor's own id."""
    gateway: MessageGateway = wecom.adapter()
    report = await gateway.send(a_message("ZhangSan"))
    (row,) = await wecom.shown()
    assert report == SendReport(SendStanding.ACCEPTED, row["vendor_message_id"])
    assert (row["channel"], row["receiver"], row["msgtype"]) == ("application", "ZhangSan", "textcard")
    assert row["content"] == {
        "title": "发货即将超时",
        "description": "订单 O-1001 还有 2 小时超时,请尽快发货。",
        "url": "https://mall.example.com/t/1001",
        "btntxt": "查看详情",
    }
    assert not row["truncated"]


@pytest.mark.parametrize("url", [None, "https://mall.example.com/" + "a" * 2048])
async def test_without_a_usable_link_it_is_a_text(wecom: Wecom, url: str | None) -> None:
    """No link, or one longer than the vendor takes: title and text arrive as a text."""
    await wecom.adapter().send(a_message("ZhangSan", url=url))
    (row,) = await wecom.shown()
    assert row["msgtype"] == "text"
    assert row["content"] == {"content": "发货即将超时\n订单 O-1001 还有 2 小时超时,请尽快发货。"}


@pytest.mark.parametrize("url", [None, "https://mall.example.com/t/1"])
async def test_long_chinese_is_cut_between_characters(wecom: Wecom, url: str | None) -> None:
    """Texts are cut by us, to the vendor's bytes, and no character is broken; nothing is left to cut."""
    await wecom.adapter().send(a_message("ZhangSan", title="超" * 50, text="时" * 900, url=url))
    (row,) = await wecom.shown()
    limits = {"title": 128, "description": 512} if url else {"content": 2048}
    for name, limit in limits.items():
        text = row["content"][name]
        assert limit - 3 < len(text.encode()) <= limit
        assert set(text) <= set("超时…\n")
    assert not row["truncated"]


async def test_control_characters_never_reach_the_vendor(wecom: Wecom) -> None:
    """WeCom refuses `\\uxxxx` in JSON; control characters are left out, so that none is written."""
    await wecom.adapter().send(a_message("ZhangSan", title="超\x00时\x1b", text="一\n二\ud800"))
    (row,) = await wecom.shown()
    assert (row["content"]["title"], row["content"]["description"]) == ("超时", "一\n二?")


@pytest.mark.parametrize("address", ["", "@all", "@ALL", "ZhangSan|LiSi"])
async def test_an_address_is_one_member(wecom: Wecom, address: str) -> None:
    """An address that would reach nobody, everybody or several is refused before any call."""
    report = await wecom.adapter().send(a_message(address))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code="bad_address")
    assert await wecom.messages() == []


# --- the token -------------------------------------------------------------------------------------


async def test_one_token_for_all_simultaneous_sends(wecom: Wecom) -> None:
    """Twenty first messages at once fetch one token together; later ones fetch none."""
    gateway = wecom.adapter()
    await asyncio.gather(*(gateway.send(a_message(f"user{n}")) for n in range(20)))
    await gateway.send(a_message("late"))
    assert len(await wecom.shown()) == 21
    assert await wecom.tokens() == {"fetches": 1, "issued": 1}


async def test_a_giving_up_caller_does_not_stop_the_others(wecom: Wecom) -> None:
    """The caller that began the fetch is cancelled; who waits for the same token still gets it."""
    await wecom.fault("slow", operation="gettoken", delay_seconds=0.3)
    gateway = wecom.adapter()
    first = asyncio.create_task(gateway.send(a_message("first")))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(gateway.send(a_message("second")))
    await asyncio.sleep(0.05)
    first.cancel()
    assert (await second).standing is SendStanding.ACCEPTED
    assert [row["receiver"] for row in await wecom.shown()] == ["second"]
    assert (await wecom.tokens())["fetches"] == 1


async def test_the_token_is_renewed_before_its_end(wecom: Wecom) -> None:
    """Five minutes before two hours are over the token is asked for again, and no send meets an old one."""
    gateway = wecom.adapter()
    fetches: list[int] = []
    for seconds in (0, 6899, 1, 300):  # the end is at 7200; the vendor gives the same one until then
        wecom.clock.move(seconds=seconds)
        await gateway.send(a_message("ZhangSan", text=f"{seconds}"))
        fetches.append((await wecom.tokens())["fetches"])
    assert fetches == [1, 1, 2, 3]
    assert await wecom.refusals() == []
    assert len(await wecom.shown()) == 4


@pytest.mark.parametrize("errcode", [40014, 42001])
async def test_a_token_taken_back_is_fetched_anew_once(open_wecom: OpenWecom, errcode: int) -> None:
    """The vendor may end a token early: one more fetch, one repeat, one message; also for many at once."""
    wecom = open_wecom(revoked_errcode=errcode)
    gateway = wecom.adapter()
    await gateway.send(a_message("ZhangSan"))
    await wecom.revoke()
    await asyncio.gather(*(gateway.send(a_message(f"user{n}")) for n in range(5)))
    assert set(await wecom.refusals()) == {errcode}
    assert len(await wecom.shown()) == 6
    assert await wecom.tokens() == {"fetches": 2, "issued": 2}


async def test_a_fresh_token_that_is_refused_waits(wecom: Wecom) -> None:
    """Refused twice, the call is given back as retryable, and nothing was sent."""
    await wecom.fault("errcode", errcode=40014, times=2)
    error = await failing(wecom.adapter().send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == ("40014", True, False)
    assert await wecom.refusals() == [40014, 40014]
    assert await wecom.messages() == []


@pytest.mark.parametrize(
    ("kind", "fault", "code"),
    [
        ("timeout_after_commit", {}, "timeout"),
        ("error_500", {}, "HTTP_500"),
        ("errcode", {"errcode": -1}, "-1"),
        ("errcode", {"errcode": 45033}, "45033"),
    ],
)
async def test_without_a_token_nothing_was_sent(
    wecom: Wecom, kind: str, fault: dict[str, int], code: str
) -> None:
    """Whatever befalls the fetch of a token, the message's outcome is known: try again later."""
    await wecom.fault(kind, operation="gettoken", **fault)
    gateway = wecom.adapter(timeout=0.3)
    error = await failing(gateway.send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == (code, True, False)
    assert (await wecom.adapter().send(a_message("ZhangSan"))).standing is SendStanding.ACCEPTED


@pytest.mark.parametrize(("change", "code"), [({"secret": "x"}, "40001"), ({"corp_id": "x"}, "40013")])
async def test_wrong_credentials_are_final(wecom: Wecom, change: dict[str, str], code: str) -> None:
    """Another secret or company is refused for ever, and the error repeats neither."""
    error = await failing(wecom.adapter(**change).send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == (code, False, False)
    assert str(error) == f"{code}: token"


# --- what can go wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["invaliduser", "unlicenseduser"])
async def test_a_partial_failure_is_undeliverable(open_wecom: OpenWecom, field: str) -> None:
    """`errcode` 0 that names our member, in lower case, means that the member sees nothing."""
    members = {"invaliduser": "unknown_members", "unlicenseduser": "unlicensed_members"}[field]
    wecom = open_wecom(all_invalid_errcode=0, **{members: ("ZhangSan",)})
    report = await wecom.adapter().send(a_message("ZhangSan"))
    assert (report.standing, report.code) == (SendStanding.UNDELIVERABLE, field)
    assert (await wecom.adapter().send(a_message("ZhangSanFeng"))).standing is SendStanding.ACCEPTED
    assert [row["receiver"] for row in await wecom.messages()] == ["ZhangSanFeng"]


async def test_nobody_reached_is_undeliverable(wecom: Wecom) -> None:
    """The vendor's own refusal when no receiver is left says the same."""
    await wecom.put("members", unknown=["LiSi"])
    report = await wecom.adapter().send(a_message("LiSi"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code="81013")


@pytest.mark.parametrize("errcode", [40003, 40031, 60011, 60111])
async def test_codes_about_the_receiver_turn_to_another_channel(wecom: Wecom, errcode: int) -> None:
    """An unknown member, or one out of the application's scope, is undeliverable and not an error."""
    await wecom.fault("errcode", errcode=errcode)
    report = await wecom.adapter().send(a_message("ZhangSan"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code=str(errcode))


@pytest.mark.parametrize(
    ("errcode", "retryable", "wait"),
    [(-1, True, None), (45009, True, 60), (45033, True, 5)]
    + [(errcode, False, None) for errcode in (60020, 40056, 301002, 40058, 999999)],
)
async def test_other_codes_are_errors(
    wecom: Wecom, errcode: int, retryable: bool, wait: float | None
) -> None:
    """Busy and over quota may be repeated; our configuration and unknown codes are refused for ever."""
    await wecom.fault("errcode", errcode=errcode)
    error = await failing(wecom.adapter().send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == (str(errcode), retryable, False)
    assert error.retry_after_seconds == wait
    assert await wecom.messages() == []


async def test_an_unclear_send_is_repeated_and_shown_once(wecom: Wecom) -> None:
    """After a timeout the outcome is unknown; the repeat is dropped by the vendor: one message is shown."""
    await wecom.fault("timeout_after_commit")
    gateway, message = wecom.adapter(timeout=0.5), a_message("ZhangSan")
    error = await failing(gateway.send(message))
    assert (error.code, error.retryable, error.outcome_unknown) == ("timeout", True, True)
    assert len(await wecom.messages()) == 1
    assert gateway.repeatable
    assert await gateway.look_up(message, wecom.clock.now()) is None
    assert (await gateway.send(message)).standing is SendStanding.ACCEPTED
    assert [row["dropped"] for row in await wecom.messages()] == [None, "duplicate"]


async def test_the_duplicate_check_lasts_as_long_as_told(wecom: Wecom) -> None:
    """Repeatable means within the interval: after it, and for another text, the vendor shows it again."""
    gateway = wecom.adapter(duplicate_check=timedelta(minutes=10))
    for minutes in (0, 9, 2):
        wecom.clock.move(minutes=minutes)
        await gateway.send(a_message("ZhangSan"))
    await gateway.send(a_message("ZhangSan", text="还有 1 小时"))
    assert [row["dropped"] for row in await wecom.messages()] == [None, "duplicate", None, None]


@pytest.mark.parametrize("hours", [0, 5])
async def test_the_duplicate_check_has_a_limit(client: httpx.AsyncClient, hours: int) -> None:
    """An interval that the vendor does not have is a mistake of the configuration."""
    vendor = Wecom("http://127.0.0.1", client)
    with pytest.raises(ValueError, match="duplicate_check"):
        vendor.adapter(duplicate_check=timedelta(hours=hours))


async def test_too_much_for_one_member_is_dropped_silently(open_wecom: OpenWecom) -> None:
    """The 31st message of a minute is answered 0 and seen by nobody; only the ledger tells."""
    wecom = open_wecom()
    gateway = wecom.adapter()
    reports = [await gateway.send(a_message("ZhangSan", text=f"第 {n} 条")) for n in range(32)]
    await gateway.send(a_message("LiSi"))
    assert {report.standing for report in reports} == {SendStanding.ACCEPTED}
    assert [row["dropped"] for row in await wecom.messages()] == [None] * 30 + ["member_quota"] * 2 + [None]
    wecom.clock.move(seconds=61)
    await gateway.send(a_message("ZhangSan", text="一分钟后"))
    assert (await wecom.messages())[-1]["shown"]


@pytest.mark.parametrize(
    ("kind", "code", "unknown"), [("error_500", "HTTP_500", True), ("timeout_before", "timeout", True)]
)
async def test_an_unclear_answer_leaves_the_outcome_unknown(
    wecom: Wecom, kind: str, code: str, unknown: bool
) -> None:
    """A 5xx or silence may hide a message that was sent."""
    await wecom.fault(kind, receiver="ZhangSan")
    error = await failing(wecom.adapter(timeout=0.3).send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == (code, True, unknown)


async def test_nobody_there_is_known(wecom: Wecom) -> None:
    """A refused connection sent nothing."""
    error = await failing(wecom.adapter(base_url=unused_url()).send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == ("connection", True, False)


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "unknown"),
    [
        (httpx.Response(404, text="<html>"), "HTTP_404", False, False),
        (httpx.Response(429, text="slow down"), "HTTP_429", True, False),
        (httpx.Response(200, text="<html>"), "bad_response", True, True),
        (httpx.Response(200, json={"errmsg": "ok"}), "bad_response", True, True),
        (httpx.Response(200, json={"errcode": True}), "bad_response", True, True),
        (httpx.Response(302, headers={"location": "/"}), "bad_response", True, True),
        (httpx.Response(403, json={"errcode": 60020}), "60020", False, False),
    ],
)
async def test_answers_outside_the_contract(
    answer: httpx.Response, code: str, retryable: bool, unknown: bool
) -> None:
    """A proxy's 4xx sent nothing, a senseless yes is not believed, and a code counts whatever the status."""
    token = httpx.Response(200, json={"errcode": 0, "access_token": "T", "expires_in": 7200})

    def vendor(request: httpx.Request) -> httpx.Response:
        return token if request.method == "GET" else answer

    async with httpx.AsyncClient(transport=httpx.MockTransport(vendor)) as client:
        error = await failing(Wecom("http://wecom.test", client).adapter().send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, unknown)


@pytest.mark.parametrize(
    "answer",
    [{"errcode": 0, "access_token": "T"}, {"errcode": 0, "expires_in": 7200, "access_token": ""}],
)
async def test_a_token_outside_the_contract_is_not_used(answer: dict[str, Any]) -> None:
    """A token without a life or without itself is no token; nothing was sent."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=answer))
    async with httpx.AsyncClient(transport=transport) as client:
        error = await failing(Wecom("http://wecom.test", client).adapter().send(a_message("ZhangSan")))
    assert (error.code, error.retryable, error.outcome_unknown) == ("bad_response", True, False)


async def test_nothing_personal_or_secret_is_said(wecom: Wecom, caplog: pytest.LogCaptureFixture) -> None:
    """No error and no line of our own log holds the member, the text, the secret or the token."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    for kind, fault in (("error_500", {}), ("errcode", {"errcode": 60020}), ("timeout_after_commit", {})):
        await wecom.fault(kind, **fault)
        try:
            await wecom.adapter(timeout=0.3).send(a_message("ZhangSan"))
        except GatewayError as error:
            told += [str(error), repr(error), str(error.__cause__), str(error.__context__)]
    told += [record.getMessage() for record in caplog.records if record.name.startswith("mallcare")]
    assert len(told) >= 12
    assert not [line for line in told if any(word in line for word in ("ZhangSan", "超时", SECRET, "token="))]
