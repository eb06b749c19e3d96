"""The simulated WeCom is as strict as the vendor, and starts as a process of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mallcare.gateways.simulators.wecom import WecomSimulatorConfig, create_app
from tests.gateways.messaging import FixedClock, Vendor, own_process, refused_start
from tests.gateways.serving import Served

pytestmark = pytest.mark.rule("P3")

CONFIG = WecomSimulatorConfig("ww1", "secret", 7, member_per_minute=2, member_per_hour=3)


@pytest.fixture
def wecom(client: httpx.AsyncClient) -> Iterator[Vendor]:
    clock = FixedClock()
    with Served(create_app(CONFIG, clock)) as served:
        yield Vendor(served.url, client, clock)


async def token(wecom: Vendor) -> dict[str, Any]:
    query = {"corpid": "ww1", "corpsecret": "secret"}
    return (await wecom.client.get(f"{wecom.url}/cgi-bin/gettoken", params=query)).json()


async def send(wecom: Vendor, access_token: str | None = None, **changes: Any) -> dict[str, Any]:
    message: dict[str, Any] = {"touser": "a", "agentid": 7, "msgtype": "text", "text": {"content": "x"}}
    message = {name: value for name, value in {**message, **changes}.items() if value is not None}
    content = message.pop("raw", None) or json.dumps(message, ensure_ascii=False).encode()
    given = (await token(wecom))["access_token"] if access_token is None else access_token
    query = {"access_token": given}
    url = f"{wecom.url}/cgi-bin/message/send"
    return (await wecom.client.post(url, params=query, content=content)).json()


async def test_a_token_is_the_same_until_its_end(wecom: Vendor) -> None:
    """Asking again gives the living token with what is left; after its end there is a new one."""
    first = await token(wecom)
    wecom.clock.move(seconds=7000)
    again = await token(wecom)
    wecom.clock.move(seconds=200)
    assert (await send(wecom, first["access_token"]))["errcode"] == 42001
    other = await token(wecom)
    assert (first["expires_in"], again["expires_in"], other["expires_in"]) == (7200, 200, 7200)
    assert first["access_token"] == again["access_token"] != other["access_token"]


@pytest.mark.parametrize(("given", "errcode"), [("", 41001), ("made-up", 40014)])
async def test_a_token_is_needed(wecom: Vendor, given: str, errcode: int) -> None:
    """No token and a made-up one are told apart."""
    assert (await send(wecom, given))["errcode"] == errcode


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"agentid": 8}, 301002),
        ({"agentid": "7"}, 40058),
        ({"touser": ""}, 40032),
        ({"touser": "|".join(f"u{n}" for n in range(1001))}, 40032),
        ({"msgtype": "voice"}, 40008),
        ({"text": {"content": ""}}, 40058),
        ({"text": "x"}, 40058),
        ({"msgtype": "textcard", "textcard": {"title": "t", "description": "d"}}, 40058),
        ({"msgtype": "textcard", "textcard": {"title": "t", "description": "d", "url": "mall.cn"}}, 40058),
        ({"raw": b"[]"}, 47001),
        ({"raw": b"{"}, 47001),
        ({"raw": b'{"touser": "\\u4e2d"}'}, 40033),
    ],
)
async def test_malformed_messages_are_refused(wecom: Vendor, changes: dict[str, Any], errcode: int) -> None:
    """Another application, no receivers, missing parts, escaped characters: nothing is shown."""
    assert (await send(wecom, **changes))["errcode"] == errcode
    assert await wecom.messages() == []
    assert await wecom.refusals() == [errcode]


async def test_what_is_too_long_is_cut_by_the_vendor_and_marked(wecom: Vendor) -> None:
    """The vendor cuts without a word; the ledger says so, so that a client that does not cut is found out."""
    card = {"title": "超" * 43, "description": "d", "url": "https://mall.cn/1", "btntxt": "五个字的钮"}
    assert (await send(wecom, msgtype="textcard", textcard=card))["errcode"] == 0
    (row,) = await wecom.shown()
    assert row["truncated"]
    assert row["content"]["title"].startswith("超" * 42)
    assert row["content"]["btntxt"] == "五个字的"


async def test_several_receivers_fare_differently(wecom: Vendor) -> None:
    """One answer, three fates: shown, unknown, without a licence."""
    await wecom.put("members", unknown=["Bob"], unlicensed=["carol"])
    answer = await send(wecom, touser="alice|bob|Carol")
    assert (answer["errcode"], answer["invaliduser"], answer["unlicenseduser"]) == (0, "bob", "carol")
    assert [row["receiver"] for row in await wecom.shown()] == ["alice"]


async def test_the_hour_has_a_quota_too(wecom: Vendor) -> None:
    """Beyond the hour's quota messages are dropped although no minute is full."""
    for n in range(4):
        wecom.clock.move(minutes=2)
        assert (await send(wecom, text={"content": f"{n}"}))["errcode"] == 0
    assert [row["dropped"] for row in await wecom.messages()] == [None, None, None, "member_quota"]


async def test_the_duplicate_check_is_asked_for(wecom: Vendor) -> None:
    """Without the check the same text is shown twice; with it, once."""
    await send(wecom)
    await send(wecom)
    await send(wecom, touser="b", enable_duplicate_check=1)
    await send(wecom, touser="b", enable_duplicate_check=1)
    assert [row["dropped"] for row in await wecom.messages()] == [None, None, None, "duplicate"]


async def test_a_duplicate_may_be_an_error(client: httpx.AsyncClient) -> None:
    """What the vendor answers to a duplicate is not public: the simulator can be told to answer a code."""
    config = WecomSimulatorConfig("ww1", "secret", 7, duplicate_errcode=45099)
    with Served(create_app(config)) as served:
        wecom = Vendor(served.url, client)
        codes = [(await send(wecom, enable_duplicate_check=1))["errcode"] for _ in range(2)]
        assert codes == [0, 45099]
        assert len(await wecom.shown()) == 1


async def test_robots_refuse_what_is_malformed(wecom: Vendor) -> None:
    """A robot cuts nothing: what is too long, empty or of another kind is refused."""
    answer = await wecom.client.post(f"{wecom.url}/admin/robots", json={"key": "K"})
    assert answer.status_code == 201
    url = f"{wecom.url}/cgi-bin/webhook/send?key=K"
    bodies: list[tuple[bytes, int]] = [
        (b"x", 93000),
        (json.dumps({"msgtype": "image"}).encode(), 40008),
        (json.dumps({"msgtype": "text", "text": {}}).encode(), 40058),
        (json.dumps({"msgtype": "text", "text": {"content": "x" * 2049}}).encode(), 40058),
        (json.dumps({"msgtype": "markdown", "markdown": {"content": "x" * 4096}}).encode(), 0),
    ]
    for body, errcode in bodies:
        assert (await wecom.client.post(url, content=body)).json()["errcode"] == errcode
    assert [row["msgtype"] for row in await wecom.shown()] == ["markdown"]


async def test_faults_are_listed_and_cleared(wecom: Vendor) -> None:
    """A fault waits until its calls come, strikes as often as told, and can be taken back."""
    await wecom.fault("errcode", errcode=-1, receiver="a", times=2)
    assert (await send(wecom, touser="b"))["errcode"] == 0
    assert (await send(wecom))["errcode"] == -1
    url = f"{wecom.url}/admin/faults"
    assert [fault["times"] for fault in (await wecom.client.get(url)).json()] == [1]
    await wecom.client.delete(url)
    assert (await send(wecom))["errcode"] == 0
    for nonsense in ({"kind": "errcode"}, {"kind": "slow", "errcode": 1}):
        assert (await wecom.client.post(url, json=nonsense)).status_code == 422


async def test_the_ledger_outlives_the_simulator(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A simulator that starts again on the same ledger remembers; its tokens are gone, as told by 40014."""
    config = WecomSimulatorConfig("ww1", "secret", 7, ledger_path=tmp_path / "wecom.sqlite")
    with Served(create_app(config)) as served:
        first = Vendor(served.url, client)
        old = (await token(first))["access_token"]
        await send(first, enable_duplicate_check=1)
    with Served(create_app(config)) as served:
        second = Vendor(served.url, client)
        assert (await send(second, old))["errcode"] == 40014
        await send(second, enable_duplicate_check=1)
        assert [row["dropped"] for row in await second.messages()] == [None, "duplicate"]


async def test_it_runs_as_a_process_of_its_own(client: httpx.AsyncClient) -> None:
    """`python -m` serves what the environment says, and names what it cannot read."""
    module = "mallcare.gateways.simulators.wecom"
    async with own_process(module, CONFIG.to_environment(), client) as url:
        assert (await token(Vendor(url, client)))["errcode"] == 0
    assert "MALLCARE_SIM_WECOM" in await refused_start(module, {})


def test_configuration_survives_the_environment(tmp_path: Path) -> None:
    """Written to variables it is read back equal; what is missing or wrong is named."""
    config = WecomSimulatorConfig(
        "ww1",
        "s,cret",
        7,
        ("k1", "k,2"),
        unknown_members=("a",),
        ledger_path=tmp_path / "x",
        slow_seconds=0.5,
    )
    assert WecomSimulatorConfig.from_environment(config.to_environment()) == config
    listed = WecomSimulatorConfig.from_environment(
        {**config.to_environment(), "MALLCARE_SIM_WECOM_ROBOT_KEYS": "k1,k2"}
    )
    assert listed.robot_keys == ("k1", "k2")
    with pytest.raises(ValueError, match="corp_id"):
        WecomSimulatorConfig.from_environment({})
    with pytest.raises(ValueError, match="MALLCARE_SIM_WECOM_TOKEN_SECONDS"):
        WecomSimulatorConfig.from_environment({"MALLCARE_SIM_WECOM_TOKEN_SECONDS": "soon"})
    assert "s,cret" not in repr(config)
