"""The simulator is as strict as the vendor: identity, quotas, and a ledger that forgets nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from mallcare.gateways.simulators.wechat_pay import WechatPaySimulatorConfig
from mallcare.gateways.wechat_pay import signing
from mallcare.ports import GatewayError, RefundRequest, RefundStanding
from tests.gateways.conftest import Simulate, Wechat, a_request
from tests.gateways.serving import unused_url

pytestmark = pytest.mark.rule("P3")


async def refused(wechat: Wechat, request: RefundRequest) -> str:
    with pytest.raises(GatewayError) as caught:
        await wechat.gateway.submit(request)
    assert not caught.value.outcome_unknown
    return caught.value.code


async def register(wechat: Wechat, **payment: Any) -> None:
    answer = await wechat.client.post(f"{wechat.url}/admin/transactions", json=payment)
    assert answer.status_code == 201


# --- identity --------------------------------------------------------------------------------------


def authorization(wechat: Wechat, path: str, *, skew: int = 0, **changes: Any) -> str:
    merchant = wechat.keys.merchant
    fields: dict[str, Any] = {
        "mchid": merchant.mchid,
        "serial_no": merchant.serial_no,
        "key": signing.load_private_key(merchant.private_key_pem),
        "method": "GET",
        "target": path,
        "timestamp": int(datetime.now(UTC).timestamp()) + skew,
        "nonce": os.urandom(8).hex(),
        "body": b"",
        **changes,
    }
    return signing.authorization(**fields)


async def ask(wechat: Wechat, target: str, header: str) -> int:
    answer = await wechat.client.get(wechat.url + target, headers={"Authorization": header})
    return answer.status_code


@pytest.mark.parametrize(
    "changes",
    [
        {"skew": -301},
        {"skew": 310},
        {"body": b" "},
        {"method": "POST"},
        {"target": "/v3/refund/domestic/refunds/R2"},
        {"target": "/v3/refund/domestic/refunds/R1?x=1"},
        {"serial_no": "00"},
        {"mchid": "1900000000"},
    ],
)
async def test_a_signature_of_anything_else_is_refused(wechat: Wechat, changes: Mapping[str, Any]) -> None:
    """Method, target, body, time, merchant and certificate are all part of the identity."""
    target = "/v3/refund/domestic/refunds/R1"
    assert await ask(wechat, target, authorization(wechat, target)) == 404
    assert await ask(wechat, target, authorization(wechat, target, **changes)) == 401
    assert await ask(wechat, target, "Bearer nothing") == 401


async def test_a_replayed_request_is_refused(wechat: Wechat) -> None:
    """The same signed request is good once."""
    target = "/v3/refund/domestic/refunds/R1"
    header = authorization(wechat, target)
    assert [await ask(wechat, target, header) for _ in range(2)] == [404, 401]


# --- rules of a refund -----------------------------------------------------------------------------


async def test_refunds_never_exceed_the_payment(wechat: Wechat) -> None:
    """The refunds of one payment together stay within what was paid, to the fen."""
    first = a_request(amount_fen=600)
    await wechat.gateway.submit(first)
    rest = a_request(transaction_id=first.transaction_id, amount_fen=400)
    assert await refused(wechat, replace(rest, amount_fen=401)) == "INVALID_REQUEST"
    assert (await wechat.gateway.submit(rest)).standing is RefundStanding.SUCCEEDED
    one_more = a_request(transaction_id=first.transaction_id, amount_fen=1)
    assert await refused(wechat, one_more) == "INVALID_REQUEST"
    assert sum(entry["paid_fen"] for entry in await wechat.ledger()) == 1000


async def test_the_total_must_be_what_was_paid(wechat: Wechat) -> None:
    """A refund that names another total than the payment's is refused."""
    await register(wechat, transaction_id="T1", total_fen=1000)
    wrong = a_request(transaction_id="T1", transaction_total_fen=999)
    assert await refused(wechat, wrong) == "PARAM_ERROR"


async def test_unknown_payments_are_refused_when_told_so(simulate: Simulate) -> None:
    """A simulator that learns nothing refunds only payments it was told of."""
    wechat = simulate(accept_unknown_transactions=False)
    request = a_request()
    assert await refused(wechat, request) == "RESOURCE_NOT_EXISTS"
    refusals = (await wechat.client.get(f"{wechat.url}/admin/refusals")).json()
    assert [entry["last_refusal"] for entry in refusals] == ["RESOURCE_NOT_EXISTS"]
    await register(wechat, transaction_id=request.transaction_id, total_fen=1000)
    assert (await wechat.gateway.submit(request)).standing is RefundStanding.SUCCEEDED


async def test_a_year_is_the_limit(wechat: Wechat) -> None:
    """A payment older than a year cannot be refunded any more."""
    for transaction_id, days in (("T-old", 366), ("T-young", 364)):
        paid_at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
        await register(wechat, transaction_id=transaction_id, total_fen=1000, paid_at=paid_at)
    assert await refused(wechat, a_request(transaction_id="T-old")) == "INVALID_REQUEST"
    await wechat.gateway.submit(a_request(transaction_id="T-young"))


async def test_fifty_refunds_of_one_payment(simulate: Simulate) -> None:
    """The number of refunds of one payment is bounded."""
    wechat = simulate(max_refunds_per_transaction=3)
    requests = [a_request(transaction_id="T1", amount_fen=1) for _ in range(4)]
    for request in requests[:3]:
        await wechat.gateway.submit(request)
    assert await refused(wechat, requests[3]) == "INVALID_REQUEST"
    assert WechatPaySimulatorConfig.__dataclass_fields__["max_refunds_per_transaction"].default == 50


async def test_a_minute_between_refunds_of_one_payment(simulate: Simulate) -> None:
    """Different refunds of one payment are a minute apart; a repeat of the same one need not wait."""
    wechat = simulate(min_interval_seconds=60.0)
    first = a_request()
    second = a_request(transaction_id=first.transaction_id)
    await wechat.gateway.submit(first)
    assert await refused(wechat, second) == "FREQUENCY_LIMITED"
    await wechat.gateway.submit(first)
    await wechat.gateway.submit(a_request())
    wechat.clock.offset = timedelta(seconds=61)
    await wechat.gateway.submit(second)


async def test_a_refund_number_is_one_refund_for_ever(wechat: Wechat) -> None:
    """Another amount, total or payment under a used number is refused, and changes nothing."""
    request = a_request()
    await wechat.gateway.submit(request)
    for other in (
        replace(request, amount_fen=301),
        replace(request, transaction_total_fen=2000),
        replace(request, transaction_id="T-other"),
    ):
        assert await refused(wechat, other) == "PARAM_ERROR"
    (entry,) = await wechat.ledger()
    assert (entry["amount_fen"], entry["paid_count"]) == (300, 1)


@pytest.mark.parametrize("refund_no", ["R" * 65, "R 1", "退1", "R#1", ""])
async def test_refund_numbers_outside_the_alphabet_are_refused(wechat: Wechat, refund_no: str) -> None:
    """Refund numbers keep to 64 of the vendor's characters."""
    assert await refused(wechat, a_request(refund_no=refund_no)) == "PARAM_ERROR"


async def test_every_allowed_character_survives_the_url(wechat: Wechat) -> None:
    """A number with all special characters is signed as it travels, and found again."""
    request = a_request(refund_no="a_-|*@Z9")
    await wechat.gateway.submit(request)
    assert (await wechat.gateway.query(request)).standing is RefundStanding.SUCCEEDED


# --- the ledger outlives its process ---------------------------------------------------------------


async def started(config: WechatPaySimulatorConfig, url: str) -> asyncio.subprocess.Process:
    """The simulator as a process of its own, answering."""
    port = url.rsplit(":", 1)[1]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mallcare.gateways.simulators.wechat_pay",
        "--port",
        port,
        env={**os.environ, **config.to_environment()},
    )
    async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(30):
        while True:
            try:
                if (await client.get(f"{url}/healthz")).is_success:
                    return process
            except httpx.TransportError:
                await asyncio.sleep(0.02)


async def test_the_ledger_survives_kill_9(wechat: Wechat, tmp_path: Path) -> None:
    """Killed right after a commit whose answer was lost, the simulator still pays no second time."""
    config = replace(
        wechat.keys.simulator_config(), ledger_path=tmp_path / "ledger.sqlite", min_interval_seconds=0.0
    )
    url = unused_url()
    request = a_request()
    process = await started(config, url)
    try:
        await wechat.client.post(f"{url}/admin/faults", json={"kind": "timeout_after_commit"})
        with pytest.raises(GatewayError) as caught:
            await wechat.adapter(base_url=url, timeout=0.5).submit(request)
        assert caught.value.outcome_unknown
        process.send_signal(signal.SIGKILL)
        await process.wait()
        process = await started(config, url)
        async with httpx.AsyncClient(trust_env=False) as client:
            gateway = wechat.adapter(base_url=url, client=client)
            assert (await gateway.query(request)).standing is RefundStanding.SUCCEEDED
            await gateway.submit(request)
            (entry,) = (await client.get(f"{url}/admin/ledger")).json()
        assert (entry["requests"], entry["paid_count"]) == (2, 1)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_configuration_survives_the_environment(wechat: Wechat, tmp_path: Path) -> None:
    """A configuration written to variables is read back equal; what is missing is named."""
    config = replace(
        wechat.keys.simulator_config(),
        ledger_path=tmp_path / "ledger.sqlite",
        settle="processing",
        callback_retry_seconds=(1.0, 2.0),
        accept_unknown_transactions=False,
    )
    assert WechatPaySimulatorConfig.from_environment(config.to_environment()) == config
    with pytest.raises(ValueError, match="mchid"):
        WechatPaySimulatorConfig.from_environment({})
    assert "PRIVATE KEY" not in repr(config)
