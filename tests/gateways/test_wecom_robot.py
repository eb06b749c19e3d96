"""WeCom group robots against a simulated WeCom over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mallcare.gateways.simulators.wecom import WecomSimulatorConfig, create_app
from mallcare.gateways.wecom import HttpWecomRobot
from mallcare.ports import MessageGateway, SendReport, SendStanding
from tests.gateways.messaging import FixedClock, Vendor, a_message, failing
from tests.gateways.serving import Served

pytestmark = pytest.mark.rule("T3")

KEY = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


@pytest.fixture
def wecom(client: httpx.AsyncClient) -> Iterator[Vendor]:
    config = WecomSimulatorConfig("ww1", "secret", 1, robot_keys=(KEY,), hold_seconds=5.0)
    clock = FixedClock()
    with Served(create_app(config, clock)) as served:
        yield Vendor(served.url, client, clock)


def robot(wecom: Vendor, timeout: float = 5.0) -> HttpWecomRobot:
    return HttpWecomRobot(wecom.client, base_url=wecom.url, timeout=timeout)


async def test_a_group_is_shown_a_text_and_people_are_called(wecom: Vendor) -> None:
    """Title, text and link arrive as one text, and the mentioned are called."""
    gateway: MessageGateway = robot(wecom)
    report = await gateway.send(a_message(KEY, mention=("13800000001", "13800000002")))
    assert report == SendReport(SendStanding.ACCEPTED)
    (row,) = await wecom.shown()
    assert (row["channel"], row["receiver"], row["msgtype"]) == ("robot", KEY, "text")
    assert row["content"]["content"] == (
        "发货即将超时\n订单 O-1001 还有 2 小时超时,请尽快发货。\nhttps://mall.example.com/t/1001"
    )
    assert row["mentioned"] == ["13800000001", "13800000002"]


async def test_a_robot_cannot_be_repeated_or_asked(wecom: Vendor) -> None:
    """A robot shows the same message as often as it is sent, so an unclear one is never sent again."""
    gateway, message = robot(wecom), a_message(KEY)
    assert not gateway.repeatable
    assert await gateway.look_up(message, wecom.clock.now()) is None
    await gateway.send(message)
    await gateway.send(message)
    assert len(await wecom.shown()) == 2


@pytest.mark.parametrize(
    "link", ["https://mall.example.com/t/1", None, "https://mall.example.com/" + "a" * 2100]
)
async def test_the_link_survives_the_cut(wecom: Vendor, link: str | None) -> None:
    """2048 bytes of Chinese are kept whole characters; the link is kept too, unless it alone is too long."""
    await robot(wecom).send(a_message(KEY, text="时" * 900, url=link))
    (row,) = await wecom.shown()
    text: str = row["content"]["content"]
    assert 2045 < len(text.encode()) <= 2048
    assert "�" not in text
    kept = link is not None and len(link) < 2048
    assert text.endswith(f"…\n{link}" if kept else "…")


async def test_an_unknown_key_is_final(wecom: Vendor) -> None:
    """A robot that was deleted never shows anything: another channel is to be tried."""
    report = await robot(wecom).send(a_message("no-such-key"))
    assert report == SendReport(SendStanding.UNDELIVERABLE, code="93000")
    assert await wecom.messages() == []


async def test_twenty_a_minute(wecom: Vendor) -> None:
    """The 21st message of a minute is refused and worth a try after a minute, not before."""
    gateway = robot(wecom)
    for n in range(20):
        await gateway.send(a_message(KEY, text=f"第 {n} 条"))
    for seconds in (0, 59):
        wecom.clock.move(seconds=seconds)
        error = await failing(gateway.send(a_message(KEY)))
        assert (error.code, error.retryable, error.outcome_unknown) == ("45009", True, False)
        assert error.retry_after_seconds == 60
    wecom.clock.move(seconds=2)
    await gateway.send(a_message(KEY))
    assert len(await wecom.shown()) == 21


async def test_a_lost_answer_is_unknown_and_was_shown_once(wecom: Vendor) -> None:
    """After a timeout the group may have seen it, and has."""
    await wecom.fault("timeout_after_commit", operation="robot", receiver=KEY)
    error = await failing(robot(wecom, timeout=0.3).send(a_message(KEY)))
    assert (error.code, error.retryable, error.outcome_unknown) == ("timeout", True, True)
    assert len(await wecom.shown()) == 1


@pytest.mark.parametrize(("errcode", "retryable"), [(-1, True), (40008, False), (12345, False)])
async def test_other_codes_are_errors(wecom: Vendor, errcode: int, retryable: bool) -> None:
    """Busy may be repeated, anything else is refused for ever; the error says the code and no key."""
    await wecom.fault("errcode", operation="robot", errcode=errcode)
    error = await failing(robot(wecom).send(a_message(KEY)))
    assert (str(error), error.retryable, error.outcome_unknown) == (str(errcode), retryable, False)
