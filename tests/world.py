"""The platform wired for tests: real PostgreSQL, a real Temporal that can skip time, a scripted vendor.

Hints reach the engine as in production, unless a test loses them on purpose. Nothing is patched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import TimeSkipper

from mallcare.application.caller import Caller
from mallcare.application.command import GivenCommand
from mallcare.application.hints import tell
from mallcare.application.idempotency import Repeatable
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.application.sweep import Sweep
from mallcare.application.use_cases import UseCases, build_use_cases
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal, after_sales_workflow_id
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Command
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order, OrderLine, Tender
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.tasks import OperationsTask
from mallcare.domain.vocabulary import Channel, Kind, OrderEventType, Role, TenderKind
from mallcare.gateways.system import TimeOrderedIds
from mallcare.gateways.temporal_engine import TemporalCaseEngine
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import (
    Address,
    CaseDetails,
    CaseEngine,
    PaymentGateways,
    PersonalData,
    TaskFilter,
    UnitOfWorkFactory,
)
from tests.vendor import ScriptedVendor
from workers import after_sales, payments
from workers.process import build_worker

MALL = Caller(Role.MALL, "mall")
SUPPLIER = Caller(Role.SUPPLIER, "staff-1", supplier_id="supplier-1")
CUSTOMER = Caller(Role.CUSTOMER, "customer-1", customer_id="customer-1")
OPERATIONS = Caller(Role.OPERATIONS, "operations-1")
FINANCE = Caller(Role.FINANCE, "finance-1")
CHECKER = Caller(Role.FINANCE, "finance-2")

RETURN_ADDRESS: Address = {
    "name": "returns",
    "phone": "13800000000",
    "province": "Zhejiang",
    "city": "Hangzhou",
    "district": "Xihu",
    "address": "1 Warehouse Road",
}


@dataclass
class SetClock:
    """The machine's clock, moved by what a test skipped, or stopped at an instant."""

    offset: timedelta = timedelta(0)
    stopped_at: datetime | None = None

    def now(self) -> datetime:
        return self.stopped_at or datetime.now(UTC) + self.offset


@dataclass
class DirectHints:
    """Hints told one by one in the background, and lost, held or repeated when a test says so."""

    engine: CaseEngine
    lose: bool = False
    repeat: int = 1
    offered: list[tuple[CaseSnapshot, Signal | None]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        self.offered.append((snapshot, signal))
        if self.lose:
            return
        for _ in range(self.repeat):
            task = asyncio.create_task(tell(self.engine, snapshot, signal))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def told(self) -> None:
        """Everything offered so far reached the engine."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


class World:
    """One wired platform with a worker, and short words for what tests do with it."""

    def __init__(
        self,
        database: AsyncEngine,
        client: Client,
        *,
        uow: UnitOfWorkFactory | None = None,
        vendor: PaymentGateways | None = None,
        engine: CaseEngine | None = None,
    ) -> None:
        self.client = client
        self.skipper = TimeSkipper(client)
        self.clock = SetClock()
        self.vendor = ScriptedVendor()
        self.gateways = vendor or self.vendor
        self.engine = engine or TemporalCaseEngine(client)
        self.hints = DirectHints(self.engine)
        self.uow = uow or SqlUnitOfWorkFactory(database)
        self.queries = SqlCaseQueries(database)
        self.use_cases: UseCases = build_use_cases(
            self.uow, self.queries, self.clock, TimeOrderedIds(), self.hints
        )
        self.sweep = Sweep(self.engine, self.uow, grace=timedelta(0))
        self._numbers = count(1)

    @asynccontextmanager
    async def working(self, *, max_cached_workflows: int = 1_000) -> AsyncGenerator[World]:
        """Workers for the length of the block."""
        async with AsyncExitStack() as stack:
            for plan in (
                after_sales.plan(self.use_cases, self.clock),
                payments.plan(self.use_cases, self.gateways, self.clock),
            ):
                worker = build_worker(self.client, plan, "test", max_cached_workflows=max_cached_workflows)
                await stack.enter_async_context(worker)
            yield self

    def new_order(self, *, fen: int = 1_000, quantity: int = 1, points: int = 0, **changes: object) -> Order:
        """An order long past its cooling-off, paid by cash and perhaps points."""
        order_no = f"O{uuid4().hex[:20]}"
        cash = fen * quantity - points
        tenders = [Tender(TenderKind.CASH, cash, "wechat_pay", f"T{order_no}", cash)]
        if points:
            tenders.append(Tender(TenderKind.POINTS, points))
        placed = self.clock.now() - timedelta(hours=2)
        order = Order(
            order_no=order_no,
            version=1,
            supplier_id="supplier-1",
            channel=Channel.CONSUMER,
            customer_id="customer-1",
            placed_at=placed,
            paid_at=placed,
            tenders=tuple(tenders),
            freight_fen=0,
            discounts=(),
            lines=(OrderLine("1", "sku", "thing", quantity, fen),),
        )
        return replace(order, **changes)  # type: ignore[arg-type]

    async def take_in(self, order: Order) -> Order:
        """The order, known to the platform."""
        (result,) = await self.use_cases.take_in_orders(
            [IncomingOrder(order, PersonalData(), f"hash-{order.version}")], MALL
        )
        assert result.refusal is None, result.refusal
        return order

    async def return_address(self, supplier_id: str = "supplier-1") -> None:
        """The supplier told where goods are sent back to."""
        await self.use_cases.return_addresses.set(supplier_id, RETURN_ADDRESS, OPERATIONS)

    async def submit(
        self,
        order: Order,
        lines: Sequence[tuple[str, int]] | None = (("1", 1),),
        *,
        kind: Kind = Kind.REFUND_ONLY,
        key: str | None = None,
    ) -> str:
        """A request; None for the whole order. Answers its number."""
        requested = None if lines is None else tuple(RequestedLine(no, n) for no, n in lines)
        body = await self.use_cases.submit(
            Submission(
                order.order_no,
                Request(kind, "changed_mind", requested),
                CaseDetails(),
                Repeatable(key or uuid4().hex, "body"),
            ),
            CUSTOMER,
            lambda record: {"no": record.case.after_sales_no},
        )
        await self.hints.told()
        return str(body["no"])

    async def opened(self, **order: object) -> str:
        """A case under review."""
        return await self.submit(await self.take_in(self.new_order(**order)))  # type: ignore[arg-type]

    async def command(
        self, no: str, command: Command, caller: Caller = SUPPLIER, **given: object
    ) -> AfterSalesCase:
        """Give a command; the hint has reached the engine when this returns."""
        command_id = str(given.pop("command_id", uuid4().hex))
        record = await self.use_cases.command(
            GivenCommand(no, command_id, command, "body", **given),  # type: ignore[arg-type]
            caller,
        )
        await self.hints.told()
        return record.case

    async def report(
        self, order_no: str, event: OrderEventType, waybill: str | None = None, **facts: object
    ) -> str:
        """The mall reports something about an order, by default as of now; answers what became of it."""
        facts.setdefault("occurred_at", self.clock.now())
        facts.setdefault("event_id", uuid4().hex)
        told = OrderEvent(type=event, waybill=waybill, **facts)  # type: ignore[arg-type]
        answer = await self.use_cases.take_in_order_event(order_no, told, {}, MALL)
        await self.hints.told()
        return answer

    async def tasks(self, no: str) -> list[OperationsTask]:
        """What was asked of operations about a case, oldest first."""
        page = await self.use_cases.tasks.page(TaskFilter(subject=no), 100, None, OPERATIONS)
        return list(reversed(page.items))

    async def case(self, no: str) -> AfterSalesCase:
        """The case as the database has it."""
        return (await self.use_cases.read.one(no, MALL)).case

    async def events(self, no: str) -> list[str]:
        """Names of what happened, refused commands marked."""
        page = await self.use_cases.read.events(no, MALL, limit=10_000)
        return [f"refused {e.name}" if e.refused_code else e.name for e in page.items]

    def handle(self, no: str) -> WorkflowHandle[object, CaseSnapshot]:
        """The case's workflow."""
        return self.client.get_workflow_handle(after_sales_workflow_id(no), result_type=CaseSnapshot)

    async def finished(self, no: str) -> CaseSnapshot:
        """Wait for the workflow's end; a hang tells how far its history came."""
        try:
            async with asyncio.timeout(20):
                return await self.handle(no).result()
        except TimeoutError:
            history = await self.handle(no).fetch_history()
            names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
            raise AssertionError(f"the workflow of {no} hangs after {names}") from None

    async def skip(self, no: str, by: timedelta) -> None:
        """Move the workflow's clock, and the platform's with it."""
        async with asyncio.timeout(20):
            await self.skipper.fast_forward(self.handle(no), by)
        self.clock.offset += by

    async def reaches(self, no: str, event: str, times: int = 1) -> AfterSalesCase:
        """Wait until the case's record shows an event so many times."""
        async with asyncio.timeout(20):
            while (await self.events(no)).count(event) < times:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        return await self.case(no)
