"""A simulated Aliyun SMS over real HTTP, the adapter that talks to it, and somebody who takes receipts."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mallcare.gateways.aliyun_sms import AliyunSmsCredentials, HttpAliyunSms
from mallcare.gateways.simulators.aliyun_sms import AliyunSmsSimulatorConfig, create_app
from mallcare.ports import GatewayError, MessageToSend
from tests.gateways.conftest import SteppedClock
from tests.gateways.serving import Served

SIGN_NAME = "商城客服"
DIGEST = "SMS_100000001"
PLAIN = "SMS_100000002"
TEMPLATES = {DIGEST: "您有${orders}单超时未发货,${cases}件售后超时未处理。", PLAIN: "您有新的售后待处理。"}


@dataclass
class Sms:
    """One simulated Aliyun SMS, its admin door, and an adapter pointed at it."""

    url: str
    client: httpx.AsyncClient
    credentials: AliyunSmsCredentials
    clock: SteppedClock

    @property
    def gateway(self) -> HttpAliyunSms:
        return self.adapter()

    def adapter(self, **changes: Any) -> HttpAliyunSms:
        settings: dict[str, Any] = {
            "base_url": self.url,
            "sign_name": SIGN_NAME,
            "clock": self.clock,
            "timeout": 5.0,
            **changes,
        }
        client, credentials = (
            settings.pop("client", self.client),
            settings.pop("credentials", self.credentials),
        )
        return HttpAliyunSms(client, credentials, **settings)

    async def fault(self, kind: str, **fault: Any) -> None:
        answer = await self.client.post(f"{self.url}/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text

    async def unreachable(self, phone: str, code: str | None) -> None:
        told = {"phone_number": phone, "code": code}
        answer = await self.client.post(f"{self.url}/admin/unreachable", json=told)
        assert answer.status_code == 200, answer.text

    async def release(self, *, newest_first: bool) -> None:
        wanted = {"newest_first": newest_first}
        answer = await self.client.post(f"{self.url}/admin/reports/release", json=wanted)
        assert answer.status_code == 200, answer.text

    async def ledger(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/ledger")).json()

    async def requests(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/requests")).json()

    async def reports(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/reports")).json()


Simulate = Callable[..., Sms]


@contextmanager
def simulators(client: httpx.AsyncClient) -> Iterator[Simulate]:
    """Starts simulators, each with some of its configuration changed; quotas are off unless asked for."""
    with ExitStack() as stack:

        def start(**changes: Any) -> Sms:
            credentials = AliyunSmsCredentials("LTAI5t" + secrets.token_hex(9), secrets.token_hex(15))
            defaults: dict[str, Any] = {"per_minute": 0, "per_hour": 0, "per_day": 0, "hold_seconds": 5.0}
            config = AliyunSmsSimulatorConfig(
                access_key_id=credentials.access_key_id,
                access_key_secret=credentials.access_key_secret,
                sign_names=(SIGN_NAME,),
                templates=TEMPLATES,
                **{**defaults, **changes},
            )
            clock = SteppedClock()
            served = stack.enter_context(Served(create_app(config, clock)))
            return Sms(served.url, client, credentials, clock)

        yield start


def a_message(**changes: Any) -> MessageToSend:
    """A digest to a number of its own under an id of its own."""
    message = MessageToSend(
        message_id=secrets.token_hex(16),
        address="139" + "".join(secrets.choice("0123456789") for _ in range(8)),
        template=DIGEST,
        variables={"orders": "12", "cases": "3"},
    )
    return replace(message, **changes)


def facts(error: GatewayError) -> tuple[str, bool, bool, float | None]:
    """What a caller branches on."""
    return error.code, error.retryable, error.outcome_unknown, error.retry_after_seconds


@dataclass
class Receiver:
    """Takes pushes and keeps their bodies; refuses the first `refusals` with 503."""

    refusals: int = 0
    bodies: list[bytes] = field(default_factory=list[bytes])
    refused: int = 0

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/receipts", self.take, methods=["POST"])])

    async def take(self, request: Request) -> Response:
        body = await request.body()
        if self.refused < self.refusals:
            self.refused += 1
            return JSONResponse({"msg": "not now"}, 503)
        self.bodies.append(body)
        return JSONResponse({"code": 0, "msg": "接收成功"})

    async def pushes(self, count: int) -> list[list[dict[str, Any]]]:
        """The first `count` pushes, waited for at most ten seconds."""
        async with asyncio.timeout(10):
            while len(self.bodies) < count:  # noqa: ASYNC110 - the receiver lives in another thread and loop
                await asyncio.sleep(0.01)
        return [json.loads(body) for body in self.bodies]
