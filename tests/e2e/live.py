"""The whole platform with its real processes, which tests kill, hold down and let come back."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx

from mallcare.bootstrap import wechat_credentials
from mallcare.embedded.data_folder import DEFAULT_PORTS, free_port
from mallcare.embedded.stack import EmbeddedStack
from mallcare.embedded.supervisor import Happening, Service, ServiceEvent, Supervisor
from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.wechat_pay.keys import generate_credentials
from mallcare.gateways.wechat_pay.channel import WechatPayChannel
from mallcare.settings import Settings
from tests.e2e.books import Vendors
from tests.e2e.callers import Api, eventually
from tests.e2e.orders import Json

READY = 200
SERVICES = ("worker", "api", "postgres", "temporal", "payment-simulator", "mall-simulator")
HURRIED: Json = {"gateway_timeout_seconds": 1.5, "sweep_interval": timedelta(seconds=2)}
BUSY_VENDOR = {
    "MALLCARE_SIM_WECHAT_PAY_SETTLE": "processing",
    "MALLCARE_SIM_WECHAT_PAY_PROCESSING_SECONDS": "0.7",
    "MALLCARE_SIM_WECHAT_PAY_CALLBACK_COPIES": "2",
    "MALLCARE_SIM_WECHAT_PAY_CALLBACK_DELAY_SECONDS": "0.3",
    "MALLCARE_SIM_WECHAT_PAY_CALLBACK_RETRY_SECONDS": "1,1,1,2,2,2,5,5,5,5,5",
    "MALLCARE_SIM_WECHAT_PAY_MIN_INTERVAL_SECONDS": "0",
}
"""Every refund is "processing" for a while, then called back late and twice; refused callbacks come again
soon, and two orders of one payment may be refunded within the same minute."""


class HoldableSupervisor(Supervisor):
    """Keeps a killed service down for as long as a test wants."""

    def __init__(self, data_dir: Path) -> None:
        self.history: list[ServiceEvent] = []
        super().__init__(data_dir, self.history.append)
        self._may_start: dict[str, threading.Event] = {}

    async def start(self, *services: Service) -> None:
        """As ever, but a held service waits before it starts."""
        await super().start(
            *(replace(service, prepare=partial(self._when_allowed, service)) for service in services)
        )

    def _when_allowed(self, service: Service) -> None:
        self._gate(service.name).wait()
        service.prepare()

    def hold(self, name: str) -> None:
        """Do not start it again."""
        self._gate(name).clear()

    def release(self, name: str) -> None:
        """It may start again."""
        self._gate(name).set()

    def _gate(self, name: str) -> threading.Event:
        if name not in self._may_start:
            self._may_start[name] = threading.Event()
            self._may_start[name].set()
        return self._may_start[name]


@dataclass(frozen=True, slots=True)
class LivePlatform:
    """A running stack, its API and its vendors' books."""

    stack: EmbeddedStack
    supervisor: HoldableSupervisor
    api: Api
    vendors: Vendors

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""
        os.kill(self.stack.pid(name), signal.SIGKILL)

    @asynccontextmanager
    async def down(self, name: str) -> AsyncGenerator[None]:
        """A service is dead for the length of the block; afterwards everything answers again."""
        self.supervisor.hold(name)
        try:
            self.kill(name)
            yield
        finally:
            self.supervisor.release(name)
        await self.all_up()

    async def all_up(self) -> None:
        """Wait until no service is dead and the platform says it is ready."""

        async def standing() -> dict[str, Happening]:
            return {event.name: event.happening for event in self.supervisor.history}

        await eventually(standing, lambda seen: Happening.DIED not in seen.values())
        await eventually(self.readiness, lambda status: status == READY)

    async def resolve_abnormal(self, transaction_id: str) -> None:
        """Somebody sends an abnormal refund to another account, on the vendor's own merchant platform."""
        refund = next(row for row in await self.vendors.cash() if row["transaction_id"] == transaction_id)
        settings = self.stack.settings
        async with httpx.AsyncClient(trust_env=False) as client:
            channel = WechatPayChannel(
                client, wechat_credentials(settings), self.vendors.wechat_pay_url, WallClock(), 5
            )
            await channel.post(
                f"/v3/refund/domestic/refunds/{refund['refund_id']}/apply-abnormal-refund",
                {"out_refund_no": refund["out_refund_no"], "type": "MERCHANT_BANK_CARD"},
            )

    async def readiness(self) -> int:
        """Status of `/readyz`; 0 while nobody answers."""
        async with httpx.AsyncClient(base_url=self.stack.api_url, trust_env=False) as client:
            try:
                return (await client.get("/readyz")).status_code
            except httpx.TransportError:
                return 0


def own_ports(folder: Path) -> None:
    """Let a stack remember ports nobody else wishes for, so that stacks run side by side."""
    (folder / "ports.json").write_text(json.dumps({name: free_port() for name in DEFAULT_PORTS}))


@asynccontextmanager
async def live_platform(folder: Path) -> AsyncGenerator[LivePlatform]:
    """Everything of a deployment, in processes of its own, until the block ends."""
    own_ports(folder)
    settings = Settings.model_validate({"data_dir": folder, **HURRIED})
    stack = EmbeddedStack(
        settings,
        wechat_pay_keys=lambda: generate_credentials().environment(),
        simulator_env=BUSY_VENDOR,
    )
    supervisor = stack.supervisor = HoldableSupervisor(stack.data_dir)
    async with stack.running():
        settings = stack.settings
        assert settings.jwt_key is not None
        key = settings.jwt_key.get_secret_value()
        vendors = Vendors(str(settings.wechat_pay_url), str(settings.mall_tender_url))
        async with Api(stack.api_url, settings, key) as api:
            yield LivePlatform(stack, supervisor, api, vendors)
