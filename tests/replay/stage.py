"""Where paths are walked: a Temporal of their own, a database, and workers of every queue.

The server suggests continue-as-new after ninety events instead of some four thousand, so that this
branch of the workflows is walked too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from mallcare.application.daily_sms import DailyLook
from mallcare.application.keeping import Kept
from mallcare.application.notice_dispatch import Claimed, Dealt
from mallcare.application.reconciliation import ReconcileDay
from mallcare.application.sweep import Sweep
from mallcare.application.webhook_delivery import DeliverWebhooks, Pace
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.domain.contacts import Channel
from mallcare.domain.daily_sms import DailySmsRun, DailyTurn
from mallcare.domain.notices import NoticeStatus
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.system import TimeOrderedIds
from mallcare.gateways.temporal_client import add_search_attributes
from mallcare.persistence.engine import create_engine
from mallcare.ports import BilledMerchant, BillRow, GatewayError, OutgoingMessage, StorageUnavailable
from tests.vendor import ScriptedVendor
from tests.world import World
from workers import after_sales, delivery, maintenance, notices, payments, timekeeping
from workers.process import build_worker

IDENTITY = "worker"
"""What histories call the process that worked on them; the default would name this machine."""

MANY_EVENTS = 90
"""A history this long is continued in a new run."""


class ShortHistories(EmbeddedTemporal):
    """A server that skips time and wants long histories continued soon."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, time_skipping=True, ui=False)

    def command(self) -> list[str]:
        limit = f"limit.historyCount.suggestContinueAsNew={MANY_EVENTS}"
        return [*super().command(), "--dynamic-config-value", limit]


@dataclass
class Bills:
    """A vendor's bills: nothing was refunded, or nothing is told."""

    failure: GatewayError | None = None

    async def refunds_of(self, day: date) -> list[BillRow]:
        """No row."""
        if self.failure is not None:
            raise self.failure
        return []


BANK, CLOSED_BANK = "bank", "closed-bank"
REFUSES = GatewayError("NO_SUCH_MERCHANT", retryable=False, outcome_unknown=False)
MERCHANTS = {
    BANK: BilledMerchant("19", Bills()),
    CLOSED_BANK: BilledMerchant("20", Bills(REFUSES)),
}


class NothingDue:
    """A shard in which nothing falls due, so that its timekeeper only sleeps and is woken."""

    async def __call__(self, shard: int, now: datetime) -> Kept:
        """Looked, found nothing."""
        return Kept(released=0, withheld=0, next_due_at=None)


DAY = date(2026, 3, 1)


@dataclass
class DaysOnEnd:
    """Days of the daily SMS that begin nine hours from now and are told nine hours later, on two pages.

    The real ones follow the wall clock, and no two walks would be alike; here all bear the same date.
    """

    turn: DailyTurn | None = None
    pages: int = 0

    async def next_turn(self, now: datetime) -> DailyTurn:
        """The same until it is reported."""
        hours = timedelta(hours=9)
        self.turn = self.turn or DailyTurn(DAY, now + hours, now + 2 * hours, now + 3 * hours)
        return self.turn

    async def plan(self, day: date, now: datetime) -> DailySmsRun:
        """A page, and the last one."""
        self.pages += 1
        return DailySmsRun(day, now, planned_at=None if self.pages == 1 else now, planned=self.pages)

    async def report(self, day: date, now: datetime) -> DailyLook:
        """All settled; what is next is another day."""
        run = DailySmsRun(day, now, planned_at=now, planned=self.pages)
        self.turn, self.pages = None, 0
        return DailyLook(run, None)


@dataclass
class ShortQueue:
    """Notices that are due, claim by claim; then none, for ever."""

    due: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    async def __call__(self, channel: Channel, room: int, now: datetime) -> Claimed:
        """What the path put there."""
        return Claimed(self.due.pop(0) if self.due else (), None)


class Obliging:
    """A vendor that takes every message, but wants those named `later` to come again in a minute."""

    async def __call__(self, notice_id: str, now: datetime) -> Dealt:
        """Sent, or put off."""
        if notice_id == "later":
            return Dealt(NoticeStatus.WAITING, next_attempt_at=now + timedelta(minutes=1))
        return Dealt(NoticeStatus.SENT)


class Accepting:
    """A receiver of webhooks that takes everything."""

    async def send(self, message: OutgoingMessage) -> None:
        """Taken."""


@dataclass
class FragileSweep:
    """A sweep that a path can break."""

    sweep: Sweep
    broken: bool = False

    async def __call__(self, now: datetime) -> dict[str, int]:
        if self.broken:
            raise StorageUnavailable("broken by the path")
        return await self.sweep(now)


@dataclass
class Stage:
    """Workers over one database and one engine; each path gets a world with a clock of its own."""

    database: AsyncEngine
    client: Client
    sweep: FragileSweep
    vendor: ScriptedVendor = field(default_factory=ScriptedVendor)
    days: DaysOnEnd = field(default_factory=DaysOnEnd)
    notices: ShortQueue = field(default_factory=ShortQueue)

    def world(self) -> World:
        """Knows the same cases and the same vendor as the workers, who keep the machine's time."""
        world = World(self.database, self.client, vendor=self.vendor)
        world.vendor = self.vendor
        return world


@asynccontextmanager
async def open_stage(
    temporal: EmbeddedTemporal, database_url: str, *, max_cached_workflows: int = 1_000
) -> AsyncGenerator[Stage]:
    """Workers of every queue for the length of the block, on a server that no other worker polls."""
    client = await Client.connect(
        temporal.address, namespace=temporal.namespace, data_converter=DATA_CONVERTER, identity=IDENTITY
    )
    await add_search_attributes(client)
    database = create_engine(database_url)
    behind = World(database, client)
    stage = Stage(database, client, FragileSweep(behind.sweep), behind.vendor)
    webhooks = DeliverWebhooks(behind.uow, Accepting(), behind.clock, Pace(idle=timedelta(milliseconds=10)))
    reconcile = ReconcileDay(behind.uow, MERCHANTS, behind.clock, TimeOrderedIds())
    plans = (
        after_sales.plan(behind.use_cases, behind.clock),
        payments.plan(behind.use_cases, behind.gateways, behind.clock),
        maintenance.plan(stage.sweep, reconcile, stage.days, behind.clock),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        delivery.plan(webhooks),
        timekeeping.plan(NothingDue(), behind.clock),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        *notices.plans(stage.notices, Obliging(), behind.clock, [Channel.SMS]),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    )
    async with AsyncExitStack() as stack:
        for plan in plans:
            worker = build_worker(client, plan, "test", max_cached_workflows=max_cached_workflows)
            await stack.enter_async_context(worker)
        yield stage
    await database.dispose()
