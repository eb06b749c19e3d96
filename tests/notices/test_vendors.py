"""Which vendors carry messages, by settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import pytest

from mallcare.domain.contacts import Channel
from mallcare.gateways.simulators.messages.keys import message_accounts
from mallcare.message_vendors import dispatched, message_gateways, receipt_doors
from mallcare.settings import NotConfigured, Settings
from tests.notices.desk import Here

URLS = {"wecom_url": "http://wecom", "dingtalk_url": "http://dingtalk", "aliyun_sms_url": "http://sms"}
ACCOUNTS = {
    name.removeprefix("MALLCARE_").lower(): value
    for name, value in message_accounts().items()
    if not name.startswith("MALLCARE_SIM_")
}
ALL = {Channel.WECOM, Channel.WECOM_ROBOT, Channel.DINGTALK, Channel.SMS}


@pytest.fixture
async def http() -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


def settings(**given: str) -> Settings:
    """Settings of nothing else."""
    return Settings.model_validate(given)


async def test_every_vendor_that_is_configured(http: httpx.AsyncClient) -> None:
    """The accounts that the embedded stack makes are all that is needed; each channel is worked through."""
    given = settings(**URLS, **ACCOUNTS)
    gateways = message_gateways(given, http, Here())
    assert set(gateways) == ALL == set(dispatched(given))
    assert [channel for channel, gateway in gateways.items() if gateway.repeatable] == [Channel.WECOM]
    door = receipt_doors(given)[Channel.SMS]
    assert door.opens(ACCOUNTS["aliyun_sms_receipt_token"])
    assert not door.opens("")
    assert ACCOUNTS["aliyun_sms_receipt_token"] not in repr(door)


async def test_without_vendors_all_but_sms_is_worked_through(http: httpx.AsyncClient) -> None:
    """Messages of other channels have to become short messages, which wait; no receipts are taken."""
    bare = settings()
    assert message_gateways(bare, http, Here()) == {}
    assert set(dispatched(bare)) == ALL - {Channel.SMS}
    assert receipt_doors(bare) == receipt_doors(settings(aliyun_sms_receipt_token="")) == {}


async def test_robots_need_no_company(http: httpx.AsyncClient) -> None:
    """WeCom's robots are addressed by their keys alone."""
    assert set(message_gateways(settings(wecom_url="http://wecom"), http, Here())) == {Channel.WECOM_ROBOT}


@pytest.mark.parametrize("token", ["short", "a" * 23, "a" * 256, "a" * 30 + "/b", "a" * 30 + "?", "密" * 30])
def test_a_receipt_token_is_long_and_part_of_an_address(token: str) -> None:
    """What strangers could guess, or no vendor could reach, does not start; nor is it repeated."""
    with pytest.raises(NotConfigured, match="MALLCARE_ALIYUN_SMS_RECEIPT_TOKEN") as caught:
        receipt_doors(settings(aliyun_sms_receipt_token=token))
    assert token not in str(caught.value)


SMS = {name: value for name, value in ACCOUNTS.items() if name.startswith("aliyun_sms_")} | {
    "aliyun_sms_url": "http://sms"
}


def without(name: str) -> dict[str, str]:
    """An account at the vendor of SMS but for one setting."""
    return {one: value for one, value in SMS.items() if one != name}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (without("aliyun_sms_reminder_template"), "MALLCARE_ALIYUN_SMS_REMINDER_TEMPLATE"),
        (without("aliyun_sms_daily_template"), "MALLCARE_ALIYUN_SMS_DAILY_TEMPLATE"),
        (without("aliyun_sms_sign_name"), "MALLCARE_ALIYUN_SMS_SIGN_NAME"),
        (without("aliyun_sms_access_key_id"), "MALLCARE_ALIYUN_SMS_ACCESS_KEY_ID"),
        ({"wecom_url": "http://wecom", "wecom_corp_id": "ww1"}, "MALLCARE_WECOM_AGENT_ID"),
        ({"wecom_url": "http://w", "wecom_corp_id": "ww1", "wecom_agent_id": "1"}, "MALLCARE_WECOM_SECRET"),
    ],
)
async def test_half_a_vendor_is_named_at_the_start(
    http: httpx.AsyncClient, given: dict[str, str], missing: str
) -> None:
    """The process does not begin, and says which variable to set."""
    with pytest.raises(NotConfigured, match=missing):
        message_gateways(settings(**given), http, Here())
