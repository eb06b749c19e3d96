"""A process of the platform with words for promises, and clocks as their rows have them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.metrics import Metric
from mallcare.domain.orders import Order, OrderLine
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.domain.vocabulary import OrderEventType
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.timekeeping.orders import DUE_AT, MALL, OPERATIONS, Shop, new_order
from tests.world import RETURN_ADDRESS

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TARGET = 48 * HOUR
NONE = timedelta(0)
COLLECTED, MOVED = OrderEventType.COLLECTED, OrderEventType.IN_TRANSIT
DELIVERED, ALARM = OrderEventType.DELIVERED, OrderEventType.EXCEPTION
CLOSED, REFUNDED = OrderEventType.CLOSED, OrderEventType.REFUNDED


def at(hours: float) -> datetime:
    """So many hours after the usual release."""
    return DUE_AT + hours * HOUR


def line(line_id: str, quantity: int = 1) -> OrderLine:
    """A line of an order, at 1000 fen a unit."""
    return OrderLine(line_id, f"sku-{line_id}", "thing", quantity, 1_000)


def order_of(*lines: OrderLine, **changes: Any) -> Order:
    """An order of these lines, paid by cash."""
    return new_order(quantity=sum(one.quantity for one in lines), lines=lines, **changes)


@dataclass(frozen=True)
class ClockRow:
    """A clock as it is stored."""

    metric: Metric
    subject: str
    part: str
    seq: int
    supplier_id: str
    policy_version: int
    calendar: tuple[str, int]
    target: timedelta
    events: tuple[str, ...]
    alarmed_at: datetime | None
    breach_recorded_at: datetime | None
    started_at: datetime | None
    running_since: datetime | None
    elapsed: timedelta
    due_at: datetime | None
    at_risk_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    next_at: datetime | None

    @property
    def state(self) -> str:
        """The outcome of one that ended; of others whether it runs."""
        return self.outcome or ("running" if self.running_since else "paused")


READ = text(
    "SELECT metric, subject, part, seq, supplier_id, policy_version, calendar_id, calendar_version, target,"
    " events, alarmed_at, breach_recorded_at, started_at, running_since, elapsed, due_at, at_risk_at,"
    " ended_at, outcome, next_at FROM clocks ORDER BY metric, subject, part, seq"
)


class Promises(Shop):
    """A process that knows of every new policy at once, with a database whose clocks can be read."""

    def __init__(
        self, engine: AsyncEngine, *, uow: SqlUnitOfWorkFactory | None = None, at: datetime = DUE_AT
    ) -> None:
        fresh = SqlUnitOfWorkFactory(
            engine, policy_cache=PolicyCache(seconds=0), timeliness_cache=TimelinessCache(seconds=0)
        )
        super().__init__(engine, uow=uow or fresh, at=at)

    async def clocks(self, metric: Metric | None = None, subject: str | None = None) -> list[ClockRow]:
        """Clocks as rows, in the order of their keys."""
        async with self.engine.connect() as connection:
            rows = (await connection.execute(READ)).mappings().all()
        found = [
            ClockRow(
                metric=Metric(row["metric"]),
                calendar=(row["calendar_id"], row["calendar_version"]),
                events=tuple(told["id"] for told in row["events"]),
                **{
                    name: row[name]
                    for name in ClockRow.__dataclass_fields__
                    if name not in ("metric", "calendar", "events")
                },
            )
            for row in rows
        ]
        return [one for one in found if metric in (None, one.metric) and subject in (None, one.subject)]

    async def shipments(self, order: Order) -> dict[str, ClockRow]:
        """The clocks of an order's lines."""
        return {one.part: one for one in await self.clocks(Metric.SHIPMENT, order.order_no)}

    async def shipment(self, order: Order) -> ClockRow:
        """The clock of an order of one line."""
        (one,) = (await self.shipments(order)).values()
        return one

    async def parcels(self, order: Order) -> list[ClockRow]:
        """The clocks of an order's parcels."""
        return await self.clocks(Metric.ABNORMAL_DELIVERY, order.order_no)

    async def stages(self, no: str) -> list[tuple[Metric, int, str, datetime | None, datetime | None]]:
        """Stages of a request: metric, number, state, begin and end; in the order of their begins."""
        rows = sorted(await self.clocks(subject=no), key=lambda one: (one.seq, one.metric))
        return [(one.metric, one.seq, one.state, one.started_at, one.ended_at) for one in rows]

    async def released(self, *lines: OrderLine, **changes: Any) -> Order:
        """An order that its supplier has since the usual instant."""
        order = order_of(*(lines or (line("1"),)), **changes)
        await self.take_in(order)
        assert (await self.look(DUE_AT)).released == 1
        return order

    async def tell(
        self,
        order: Order,
        type_: OrderEventType,
        when: datetime,
        waybill: str | None = None,
        lines: Sequence[str] | None = None,
        **facts: Any,
    ) -> str:
        """The mall reports what happened at an instant; it learns of it now."""
        named = None if lines is None else tuple(lines)
        told = OrderEvent(uuid4().hex, type_, when, waybill, line_ids=named, **facts)
        return await self.use_cases.take_in_order_event(order.order_no, told, {}, MALL)

    async def return_address(self) -> None:
        """The supplier told where goods are sent back to."""
        await self.use_cases.return_addresses.set("supplier-1", RETURN_ADDRESS, OPERATIONS)

    async def publish(self, policy: TimelinessPolicy, supplier_id: str | None = None) -> int:
        """A new timeliness policy, valid from here on."""
        async with self.uow() as uow:
            number = await uow.timeliness.publish(policy, supplier_id, OPERATIONS.actor, self.here.now())
            await uow.commit()
        return number

    async def add_calendar(self, calendar: ServiceCalendar) -> int:
        """A new version of a calendar, valid from here on."""
        async with self.uow() as uow:
            number = await uow.timeliness.add_calendar(calendar, OPERATIONS.actor, self.here.now())
            await uow.commit()
        return number

    @contextmanager
    def statements(self, *about: str) -> Generator[list[str]]:
        """The statements of the block that name one of the tables, all of them where none is named."""
        sent: list[str] = []

        def note(_c: Any, _u: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
            if not about or any(table in statement for table in about):
                sent.append(statement)

        event.listen(self.engine.sync_engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(self.engine.sync_engine, "before_cursor_execute", note)
