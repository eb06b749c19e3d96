"""An outbox in real PostgreSQL, a receiver over real HTTP, and pumps between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from mallcare.application.webhook_delivery import DeliverWebhooks, Pace
from mallcare.gateways.system import SystemClock
from mallcare.gateways.webhooks import HttpWebhookSender
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import MessageFilter, OutgoingMessage, Settlement, Shard, StoredMessage, WebhookSender
from tests.gateways.serving import Served
from tests.webhooks.receiver import SECRET, Receiver

ALL = Shard(0, 1)
QUICK = Pace(idle=timedelta(milliseconds=10))
PATIENT = Pace(idle=timedelta(milliseconds=10), lease=timedelta(days=30))
"""For tests that move the clock while messages are on their way."""


@dataclass
class MovedClock:
    """The machine's clock, moved by `offset`."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def message(subject: str, version: int = 1) -> OutgoingMessage:
    return OutgoingMessage(
        f"M{uuid4().hex[:24]}",
        subject,
        "after_sales.approved",
        datetime(2026, 3, 1, 2, 30, tzinfo=UTC) + timedelta(seconds=version),
        {"after_sales_no": subject, "version": version, "reason": "尺码不合"},
    )


@dataclass
class Mall:
    """Everything between a case's transaction and the mall."""

    uow: SqlUnitOfWorkFactory
    receiver: Receiver
    url: str
    sender: WebhookSender
    clock: MovedClock

    async def write(self, *messages: OutgoingMessage) -> Sequence[OutgoingMessage]:
        async with self.uow() as uow:
            await uow.outbox.add(messages)
            await uow.commit()
        return messages

    async def stored(self, subject: str | None = None) -> list[StoredMessage]:
        """Oldest first."""
        async with self.uow() as uow:
            page = await uow.outbox.page(MessageFilter(subject=subject), 1_000, None)
        return list(reversed(page.items))

    def pump(
        self,
        settled: list[Settlement],
        stop: asyncio.Event,
        pace: Pace = QUICK,
        shard: Shard = ALL,
        sender: WebhookSender | None = None,
    ) -> asyncio.Task[None]:
        """A running pump that adds what it settles to `settled`."""
        deliver = DeliverWebhooks(self.uow, sender or self.sender, self.clock, pace)
        return asyncio.create_task(deliver(shard, stop, settled.extend))

    @asynccontextmanager
    async def pumping(
        self, pace: Pace = QUICK, shard: Shard = ALL, sender: WebhookSender | None = None
    ) -> AsyncGenerator[list[Settlement]]:
        """A pump for the length of the block, stopped in good order; answers what it settles."""
        settled: list[Settlement] = []
        stop = asyncio.Event()
        pump = self.pump(settled, stop, pace, shard, sender)
        try:
            yield settled
        finally:
            stop.set()
            await pump


async def eventually(true: Callable[[], bool], seconds: float = 8) -> None:
    """Wait for it, looking every few milliseconds."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - what is awaited happens in other threads
            await asyncio.sleep(0.005)


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def receiver_url(receiver: Receiver) -> Iterator[str]:
    with Served(receiver.app()) as served:
        yield f"{served.url}/hooks"


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(trust_env=False) as client:
        yield client


@pytest.fixture
def mall(uow: SqlUnitOfWorkFactory, receiver: Receiver, receiver_url: str, http: httpx.AsyncClient) -> Mall:
    sender = HttpWebhookSender(http, url=receiver_url, secret=SECRET, clock=SystemClock(), timeout=2)
    return Mall(uow, receiver, receiver_url, sender, MovedClock())
