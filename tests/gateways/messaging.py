"""A simulated messaging vendor over real HTTP, seen through its admin door."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from mallcare.ports import GatewayError, MessageToSend
from tests.gateways.serving import unused_url


@dataclass
class FixedClock:
    """Stands still until it is moved."""

    at: datetime = datetime(2026, 1, 1, 4, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Vendor:
    """One simulator's address, its clock, and a client."""

    url: str
    client: httpx.AsyncClient
    clock: FixedClock = field(default_factory=FixedClock)

    async def shown(self) -> list[dict[str, Any]]:
        """What people really saw."""
        return [row for row in await self.messages() if row["shown"]]

    async def messages(self) -> list[dict[str, Any]]:
        return (await self.client.get(f"{self.url}/admin/messages")).json()

    async def refusals(self) -> list[int]:
        return [row["errcode"] for row in (await self.client.get(f"{self.url}/admin/refusals")).json()]

    async def fault(self, kind: str, **fault: Any) -> None:
        answer = await self.client.post(f"{self.url}/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text

    async def put(self, path: str, **body: Any) -> None:
        answer = await self.client.put(f"{self.url}/admin/{path}", json=body)
        assert answer.status_code == 200, answer.text


async def failing(sending: Awaitable[object]) -> GatewayError:
    """The error a send ends with."""
    with pytest.raises(GatewayError) as caught:
        await sending
    return caught.value


def a_message(address: str, **changes: Any) -> MessageToSend:
    """A reminder with a link."""
    message = MessageToSend(
        message_id="NT01JABCDEF",
        address=address,
        title="发货即将超时",
        text="订单 O-1001 还有 2 小时超时,请尽快发货。",
        url="https://mall.example.com/t/1001",
    )
    return replace(message, **changes)


@asynccontextmanager
async def own_process(
    module: str, environment: Mapping[str, str], client: httpx.AsyncClient
) -> AsyncGenerator[str]:
    """A simulator as a process of its own, healthy; its base address."""
    url = unused_url()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, "--port", url.rpartition(":")[2], env={**os.environ, **environment}
    )
    try:
        async with asyncio.timeout(30):
            while not await _is_healthy(client, url):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _is_healthy(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/healthz")).json() == {"status": "ok"}
    except httpx.TransportError:
        return False


async def refused_start(module: str, environment: Mapping[str, str]) -> str:
    """What a simulator says that will not start, with status 2."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", module, "--port", "1"),
        env={**os.environ, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    return said.decode()
