"""A simulated WeChat Pay and mall over real HTTP, and the adapters that talk to them."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mallcare.gateways.simulators.wechat_pay import GeneratedCredentials, create_app, generate_credentials
from mallcare.gateways.wechat_pay import HttpWechatPayGateway, WechatRefundBills
from mallcare.gateways.wechat_pay.channel import WechatPayChannel
from mallcare.ports import RefundRequest
from tests.gateways.serving import Served


@dataclass
class SteppedClock:
    """The machine's clock, moved by `offset`."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class Wechat:
    """One simulated WeChat Pay, its admin door, and an adapter pointed at it."""

    url: str
    gateway: HttpWechatPayGateway
    client: httpx.AsyncClient
    keys: GeneratedCredentials
    clock: SteppedClock

    def adapter(self, **changes: Any) -> HttpWechatPayGateway:
        settings: dict[str, Any] = {
            "base_url": self.url,
            "notify_url": None,
            "clock": self.clock,
            "timeout": 5.0,
            **changes,
        }
        client = settings.pop("client", self.client)
        return HttpWechatPayGateway(client, settings.pop("credentials", self.keys.merchant), **settings)

    def bills(self) -> WechatRefundBills:
        return WechatRefundBills(self.client, self.keys.merchant, base_url=self.url, clock=self.clock)

    async def fault(self, kind: str, **fault: Any) -> None:
        answer = await self.client.post(f"{self.url}/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text

    async def ledger(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/ledger")).json()

    async def settle(self, refund_no: str) -> None:
        answer = await self.client.post(f"{self.url}/admin/settle", json={"out_refund_no": refund_no})
        assert answer.status_code == 200

    async def resolve_abnormal(self, refund_no: str, refund_id: str) -> dict[str, Any]:
        """Act as the merchant on the vendor's own platform."""
        channel = WechatPayChannel(self.client, self.keys.merchant, self.url, self.clock, 5.0)
        path = f"/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund"
        return await channel.post(path, {"out_refund_no": refund_no, "type": "MERCHANT_BANK_CARD"})


Simulate = Callable[..., Wechat]


@pytest.fixture(scope="session")
def keys() -> GeneratedCredentials:
    return generate_credentials()


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        yield client


@pytest.fixture
def simulate(keys: GeneratedCredentials, client: httpx.AsyncClient) -> Iterator[Simulate]:
    """Starts a simulator with some of its configuration changed."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Wechat:
            defaults: dict[str, Any] = {"min_interval_seconds": 0.0, "hold_seconds": 5.0}
            config = replace(keys.simulator_config(), **{**defaults, **changes})
            vendor_clock = SteppedClock()
            served = stack.enter_context(Served(create_app(config, vendor_clock)))
            gateway = HttpWechatPayGateway(
                client,
                keys.merchant,
                base_url=served.url,
                notify_url=None,
                clock=SteppedClock(),
                timeout=5.0,
            )
            return Wechat(served.url, gateway, client, keys, vendor_clock)

        yield start


@pytest.fixture
def wechat(simulate: Simulate) -> Wechat:
    return simulate()


def a_request(**changes: Any) -> RefundRequest:
    """A refund of 300 of 1000 fen under a number and a payment of its own."""
    token = secrets.token_hex(8)
    request = RefundRequest(
        refund_no=f"R{token}",
        order_no=f"O{token}",
        tender="wechat_pay",
        transaction_id=f"42{token}",
        amount_fen=300,
        transaction_total_fen=1000,
        reason="七天无理由退货",
    )
    return replace(request, **changes)
