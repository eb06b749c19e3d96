"""Callbacks: sent by the simulator, parsed by us and by the SDK from the same bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from mallcare.gateways.simulators.wechat_pay import GeneratedCredentials, generate_credentials
from mallcare.gateways.simulators.wechat_pay.identity import PlatformSigner
from mallcare.gateways.wechat_pay import WechatRefundCallbacks
from mallcare.gateways.wechat_pay.signing import encrypt_resource
from mallcare.ports import GatewayError, RefundStanding
from tests.gateways.conftest import Simulate, SteppedClock, Wechat, a_request
from tests.gateways.serving import Served
from tests.gateways.test_wechat_sdk_oracle import sdk_client

pytestmark = pytest.mark.rule("P3")


@dataclass
class Receiver:
    """A merchant's callback address that keeps what it got and refuses the first `refusals`."""

    url: str = ""
    refusals: int = 0
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        self.seen.append((dict(request.headers), await request.body()))
        if self.refusals:
            self.refusals -= 1
            return Response(status_code=500)
        return Response(status_code=204)

    async def wait_for(self, count: int) -> list[tuple[dict[str, str], bytes]]:
        async with asyncio.timeout(10):
            while len(self.seen) < count:  # noqa: ASYNC110 - the server is another thread
                await asyncio.sleep(0.01)
        return self.seen


@contextmanager
def receiving(refusals: int = 0) -> Iterator[Receiver]:
    receiver = Receiver(refusals=refusals)
    app = FastAPI()
    app.add_api_route("/callbacks/wechat-pay", receiver.take, methods=["POST"])
    with Served(app) as served:
        receiver.url = f"{served.url}/callbacks/wechat-pay"
        yield receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def callbacks(keys: GeneratedCredentials) -> WechatRefundCallbacks:
    return WechatRefundCallbacks(keys.merchant, SteppedClock())


async def test_a_settled_refund_calls_back(
    simulate: Simulate, receiver: Receiver, callbacks: WechatRefundCallbacks
) -> None:
    """A processing refund settles by itself; its callback carries the report the query gives."""
    wechat = simulate(settle="processing", processing_seconds=0.1)
    request = a_request()
    gateway = wechat.adapter(notify_url=receiver.url)
    assert (await gateway.submit(request)).standing is RefundStanding.PROCESSING
    ((headers, body),) = await receiver.wait_for(1)
    report = callbacks.parse(headers, body)
    assert report == await gateway.query(request)
    assert report.standing is RefundStanding.SUCCEEDED


async def test_the_sdk_reads_the_same_callback(
    simulate: Simulate, receiver: Receiver, callbacks: WechatRefundCallbacks
) -> None:
    """From the same bytes and headers the SDK's own callback parser reads the same refund."""
    wechat = simulate()
    request = a_request()
    await wechat.adapter(notify_url=receiver.url).submit(request)
    ((headers, body),) = await receiver.wait_for(1)
    sdk = sdk_client(wechat)
    theirs = sdk.callback(headers, body)
    ours = callbacks.parse(headers, body)
    assert theirs["event_type"] == "REFUND.SUCCESS"
    assert theirs["resource"]["out_refund_no"] == ours.refund_no == request.refund_no
    assert theirs["resource"]["amount"]["refund"] == ours.amount_fen
    assert theirs["resource"]["refund_id"] == ours.vendor_refund_id
    assert json.loads(sdk.decrypt_callback(headers, body)) == theirs["resource"]


async def test_callbacks_come_late_and_twice(
    simulate: Simulate, receiver: Receiver, callbacks: WechatRefundCallbacks
) -> None:
    """A duplicate is the same notice freshly signed, and says the same."""
    wechat = simulate(callback_copies=2, callback_delay_seconds=0.15)
    await wechat.adapter(notify_url=receiver.url).submit(a_request())
    assert receiver.seen == []
    first, second = await receiver.wait_for(2)
    assert json.loads(first[1])["id"] == json.loads(second[1])["id"]
    assert first[0]["wechatpay-nonce"] != second[0]["wechatpay-nonce"]
    assert callbacks.parse(*first) == callbacks.parse(*second)


async def test_refused_callbacks_are_repeated_until_heard(simulate: Simulate) -> None:
    """A receiver that fails is called again; one that never answers well is given up in the end."""
    with receiving(refusals=2) as receiver:
        wechat = simulate(callback_retry_seconds=(0.05, 0.05))
        await wechat.adapter(notify_url=receiver.url).submit(a_request())
        await receiver.wait_for(3)
        assert await delivery_state(wechat, "delivered") == 3
    with receiving(refusals=99) as receiver:
        wechat = simulate(callback_retry_seconds=(0.05,))
        await wechat.adapter(notify_url=receiver.url).submit(a_request())
        await receiver.wait_for(2)
        assert await delivery_state(wechat, "abandoned") == 2


async def delivery_state(wechat: Wechat, state: str) -> int:
    """Waits for the one callback to reach a state; answers its attempts."""
    async with asyncio.timeout(10):
        while True:
            (entry,) = (await wechat.client.get(f"{wechat.url}/admin/callbacks")).json()
            if entry["state"] == state:
                return entry["attempts"]
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("fault", "code"), [("abnormal", "ABNORMAL"), ("closed", "CLOSED")])
async def test_failures_call_back_too(
    simulate: Simulate, receiver: Receiver, callbacks: WechatRefundCallbacks, fault: str, code: str
) -> None:
    """REFUND.ABNORMAL and REFUND.CLOSED arrive as failed reports with their code."""
    wechat = simulate()
    await wechat.fault(fault)
    await wechat.adapter(notify_url=receiver.url).submit(a_request())
    ((headers, body),) = await receiver.wait_for(1)
    report = callbacks.parse(headers, body)
    assert (report.standing, report.failure_code) == (RefundStanding.FAILED, code)


# --- what is refused -------------------------------------------------------------------------------


@dataclass
class Forger:
    """Makes callbacks with any part of them changed."""

    keys: GeneratedCredentials
    clock: SteppedClock = field(default_factory=SteppedClock)

    def make(self, **changes: object) -> tuple[dict[str, str], bytes]:
        refund: dict[str, object] = {
            "mchid": self.keys.merchant.mchid,
            "refund_id": "503",
            "out_refund_no": "R1",
            "refund_status": "SUCCESS",
            "success_time": "2030-01-02T03:04:05+08:00",
            "amount": {"total": 2, "refund": 1},
            **changes,
        }
        event = refund.pop("event", "REFUND.SUCCESS")
        sealed = encrypt_resource(
            self.keys.merchant.api_v3_key, "abcdefghijkl", "refund", json.dumps(refund).encode()
        )
        notice = {
            "id": "n1",
            "event_type": event,
            "resource_type": "encrypt-resource",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": sealed,
                "associated_data": "refund",
                "nonce": "abcdefghijkl",
            },
        }
        body = json.dumps(notice).encode()
        return PlatformSigner(self.keys.simulator_config(), self.clock).headers(body), body


@pytest.fixture
def forger(keys: GeneratedCredentials) -> Forger:
    return Forger(keys)


def refusal(callbacks: WechatRefundCallbacks, headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(GatewayError) as caught:
        callbacks.parse(headers, body)
    assert caught.value.outcome_unknown
    return caught.value.code


def test_an_honest_callback_passes(forger: Forger, callbacks: WechatRefundCallbacks) -> None:
    """The forger's unchanged callback is accepted, whatever the case of the headers' names."""
    headers, body = forger.make()
    shouted = {name.upper(): value for name, value in headers.items()}
    assert callbacks.parse(headers, body) == callbacks.parse(shouted, body)


def test_one_changed_byte_is_refused(forger: Forger, callbacks: WechatRefundCallbacks) -> None:
    """The signature covers the raw body: even a space more is another message."""
    headers, body = forger.make()
    assert refusal(callbacks, headers, body + b" ") == "bad_signature"
    assert refusal(callbacks, headers, body.replace(b"REFUND.SUCCESS", b"REFUND.CLOSED")) == "bad_signature"


@pytest.mark.parametrize(
    "name", ["Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial"]
)
def test_a_missing_or_changed_header_is_refused(
    forger: Forger, callbacks: WechatRefundCallbacks, name: str
) -> None:
    """Every signature header counts."""
    headers, body = forger.make()
    assert refusal(callbacks, {**headers, name: ""}, body) == "bad_signature"
    assert refusal(callbacks, {**headers, name: headers[name][:-1] + "!"}, body) == "bad_signature"


def test_the_vendors_own_probe_is_refused(forger: Forger, callbacks: WechatRefundCallbacks) -> None:
    """WeChat Pay probes receivers with a false signature; it must not be believed."""
    headers, body = forger.make()
    headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"][19:]
    assert refusal(callbacks, headers, body) == "bad_signature"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_stale_or_early_callback_is_refused(
    forger: Forger, callbacks: WechatRefundCallbacks, minutes: int
) -> None:
    """A rightly signed callback is good for five minutes around its timestamp only."""
    forger.clock.offset = timedelta(minutes=minutes)
    assert refusal(callbacks, *forger.make()) == "stale_timestamp"


def test_another_platforms_key_is_refused(forger: Forger, callbacks: WechatRefundCallbacks) -> None:
    """A callback signed with another key is refused even under our key's name."""
    stranger = generate_credentials()
    merchant = replace(forger.keys.merchant)
    impostor = Forger(replace(stranger, merchant=merchant))
    assert refusal(callbacks, *impostor.make()) == "bad_signature"


def test_the_wrong_api_key_cannot_read(keys: GeneratedCredentials, forger: Forger) -> None:
    """A receiver with another APIv3 key refuses what it cannot decrypt."""
    other = WechatRefundCallbacks(replace(keys.merchant, api_v3_key="0" * 32), SteppedClock())
    assert refusal(other, *forger.make()) == "bad_response"


@pytest.mark.parametrize(
    "changes",
    [
        {"mchid": "1900000000"},
        {"refund_status": "CLOSED"},
        {"amount": {"refund": "1"}},
        {"amount": {"refund": -1}},
        {"out_refund_no": ""},
        {"event": "TRANSACTION.SUCCESS"},
    ],
)
def test_signed_nonsense_is_refused(
    forger: Forger, callbacks: WechatRefundCallbacks, changes: dict[str, object]
) -> None:
    """A right signature does not excuse another merchant, a contradiction or a missing amount."""
    headers, body = forger.make(**changes)
    assert refusal(callbacks, headers, body) == "bad_response"


def test_bodies_that_are_not_notices_are_refused(
    keys: GeneratedCredentials, callbacks: WechatRefundCallbacks
) -> None:
    """Signed bytes that are no notice at all end as `bad_response`, never as another exception."""
    signer = PlatformSigner(keys.simulator_config(), SteppedClock())
    for body in (b"", b"[]", b"{}", b"\xff\xfe", b'{"event_type": "REFUND.SUCCESS"}', b'{"event_type": 1}'):
        assert refusal(callbacks, signer.headers(body), body) == "bad_response"


async def test_an_unreachable_receiver_hurts_nobody(simulate: Simulate, client: httpx.AsyncClient) -> None:
    """A merchant that cannot be reached keeps its refunds: settlement does not wait for callbacks."""
    wechat = simulate(callback_retry_seconds=())
    request = a_request()
    gateway = wechat.adapter(notify_url="http://127.0.0.1:9/nobody", client=client)
    assert (await gateway.submit(request)).standing is RefundStanding.SUCCEEDED
    assert await delivery_state(wechat, "abandoned") == 1
