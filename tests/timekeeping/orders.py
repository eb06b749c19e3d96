"""Orders on their way to their suppliers: the platform's use cases on a real database, and words for them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from types import TracebackType
from typing import Any
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.caller import Caller
from mallcare.application.command import GivenCommand
from mallcare.application.idempotency import Repeatable
from mallcare.application.keeping import KeepTime, Kept
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.application.use_cases import UseCases, build_use_cases
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Command
from mallcare.domain.errors import NotFound
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order, OrderLine, Tender
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Channel, Kind, OrderEventType, Role, TenderKind
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from mallcare.ports import (
    CaseDetails,
    MessageFilter,
    OrderRecord,
    OutgoingMessage,
    PersonalData,
    UnitOfWorkFactory,
    Wakes,
    shard_of,
)
from tests.domain.builders import PLACED_AT

MALL = Caller(Role.MALL, "mall")
CUSTOMER = Caller(Role.CUSTOMER, "customer-1", customer_id="customer-1")
OPERATIONS = Caller(Role.OPERATIONS, "operations-1")
COOLING_OFF = timedelta(minutes=30)
DUE_AT = PLACED_AT + COOLING_OFF
SHARD = shard_of("supplier-1")
NUMBERS = count(1)


def supplier(supplier_id: str = "supplier-1") -> Caller:
    """Somebody at a supplier."""
    return Caller(Role.SUPPLIER, "staff-1", supplier_id=supplier_id)


def new_order(
    *, placed_at: datetime = PLACED_AT, supplier_id: str = "supplier-1", quantity: int = 1, **changes: Any
) -> Order:
    """An order of `customer-1`, paid when it was placed."""
    order_no = f"O{next(NUMBERS):06d}"
    fen = 1_000 * quantity
    return replace(
        Order(
            order_no=order_no,
            version=1,
            supplier_id=supplier_id,
            channel=Channel.CONSUMER,
            customer_id="customer-1",
            placed_at=placed_at,
            paid_at=placed_at,
            tenders=(Tender(TenderKind.CASH, fen, "wechat_pay", f"T{order_no}", fen),),
            freight_fen=0,
            discounts=(),
            lines=(OrderLine("1", "sku", "thing", quantity, 1_000),),
        ),
        **changes,
    )


@dataclass
class Here:
    """The clock of a process."""

    at: datetime = DUE_AT

    def now(self) -> datetime:
        return self.at


class Nobody:
    """Listens to hints and does nothing."""

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Lost."""


@dataclass
class Woken:
    """Remembers which shards were to be woken, call by call."""

    calls: list[set[int]] = field(default_factory=list)

    def offer(self, shards: Collection[int]) -> None:
        self.calls.append(set(shards))

    @property
    def shards(self) -> set[int]:
        return {shard for call in self.calls for shard in call}


class HeldUnitOfWork(SqlUnitOfWork):
    """A unit of work that stops before its commit, with all its locks, until it is let go."""

    def __init__(self, *arguments: Any, arrived: asyncio.Event, let_go: asyncio.Event) -> None:
        super().__init__(*arguments)
        self._arrived, self._let_go = arrived, let_go

    async def commit(self) -> None:
        self._arrived.set()
        await self._let_go.wait()
        await super().commit()


class HeldFactory:
    """Units of work that stop before their commits: wait for `arrived`, then set `let_go`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.arrived = asyncio.Event()
        self.let_go = asyncio.Event()

    def __call__(self) -> HeldUnitOfWork:
        cache = PolicyCache(seconds=0)
        rules = TimelinessCache()
        return HeldUnitOfWork(self._engine, cache, rules, arrived=self.arrived, let_go=self.let_go)

    async def __aenter__(self) -> HeldFactory:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing hangs where a test failed."""
        self.let_go.set()


class Shop:
    """One process of the platform, with a clock of its own."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        uow: UnitOfWorkFactory | None = None,
        at: datetime = DUE_AT,
        wakes: Wakes | None = None,
    ) -> None:
        self.engine = engine
        self.here = Here(at)
        self.woken = Woken()
        self.uow = uow or SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(seconds=0))
        self.use_cases: UseCases = build_use_cases(
            self.uow, SqlCaseQueries(engine), self.here, TimeOrderedIds(), Nobody(), wakes=wakes or self.woken
        )

    def beside(self, uow: UnitOfWorkFactory | None = None, at: datetime | None = None) -> Shop:
        """Another process on the same database."""
        return Shop(self.engine, uow=uow, at=at or self.here.at)

    async def take_in(self, *orders: Order) -> None:
        """The mall sends orders; all are applied."""
        sent = [IncomingOrder(one, PersonalData(), f"hash-{one.version}") for one in orders]
        for first in range(0, len(sent), 100):
            results = await self.use_cases.take_in_orders(sent[first : first + 100], MALL)
            assert {result.status for result in results} == {"applied"}, results

    async def bought(self, **given: Any) -> Order:
        """A new order, taken in."""
        order = new_order(**given)
        await self.take_in(order)
        return order

    async def look(self, now: datetime, shard: int = SHARD, *, page: int = 500) -> Kept:
        """One look of a timekeeper, as far as orders are concerned: what comes next is a release."""
        kept = await KeepTime(self.uow, TimeOrderedIds(), page=page)(shard, now)
        async with self.uow() as uow:
            return Kept(kept.released, kept.withheld, await uow.releases.next_due(shard))

    async def stored(self, order: Order) -> OrderRecord:
        """The order as last committed."""
        async with SqlUnitOfWorkFactory(self.engine)() as uow:
            record = await uow.orders.get(order.order_no)
        assert record is not None
        return record

    async def standing(self, order: Order) -> tuple[datetime | None, datetime | None]:
        """When it is due, and when it was released."""
        record = await self.stored(order)
        return record.release_due_at, record.released_at

    async def messages(self, order: Order) -> list[OutgoingMessage]:
        """What the mall is told under the order's own number."""
        where = MessageFilter(subject=order.order_no)
        page = await self.use_cases.list_webhooks(where, 50, None, OPERATIONS)
        return [one.message for one in reversed(page.items)]

    async def seen_by_supplier(self, order: Order) -> datetime | None:
        """The instant of release that its supplier is shown, None where it does not see the order."""
        try:
            standing = await self.use_cases.read_order(order.order_no, supplier(order.supplier_id))
        except NotFound:
            return None
        assert standing.released_at is not None
        return standing.released_at

    async def ask(
        self, order: Order, lines: Sequence[tuple[str, int]] | None = None, kind: Kind = Kind.REFUND_ONLY
    ) -> str:
        """A request, of the whole order unless lines are named; answers its number."""
        requested = None if lines is None else tuple(RequestedLine(no, n) for no, n in lines)
        body = await self.use_cases.submit(
            Submission(
                order.order_no,
                Request(kind, "changed_mind", requested),
                CaseDetails(),
                Repeatable(uuid4().hex, "body"),
            ),
            CUSTOMER,
            lambda record: {"no": record.case.after_sales_no},
        )
        return str(body["no"])

    async def command(self, no: str, command: Command, caller: Caller) -> AfterSalesCase:
        given = GivenCommand(no, uuid4().hex, command, "body")
        return (await self.use_cases.command(given, caller)).case

    async def case(self, no: str) -> AfterSalesCase:
        return (await self.use_cases.read.one(no, MALL)).case

    async def report(self, order: Order, type_: OrderEventType, **facts: Any) -> str:
        """The mall reports something of an order, as of now."""
        told = OrderEvent(uuid4().hex, type_, self.here.now(), **facts)
        return await self.use_cases.take_in_order_event(order.order_no, told, {}, MALL)

    async def policy(self, **changes: Any) -> AfterSalesPolicy:
        """A new general policy."""
        return await self.use_cases.policies.publish(AfterSalesPolicy(**changes), None, OPERATIONS)

    async def stop_automatic_refunds(self) -> None:
        """From now on every request is a person's to decide."""
        await self.use_cases.stop_switch.set(stopped=True, reason="a test", caller=OPERATIONS)
