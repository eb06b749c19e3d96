"""Promises of a supplier, whom to remind of them, and what a timekeeper made of both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zlib import crc32

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.keeping import KeepTime, Kept
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, standing
from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, ContactRole, SupplierChannels
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Party, TimelinessPolicy
from mallcare.domain.vocabulary import Role
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import StillRunning, TimedClock, UnitOfWork, UnitOfWorkFactory, shard_of

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
MONDAY = datetime(2026, 3, 1, 16, tzinfo=UTC)
"""Local midnight, the first instant of a Monday in Beijing."""
BEGIN = MONDAY + 20 * HOUR
"""Promises from here reach all of their rungs in waking hours: Wednesday at 8, 18 and 20, Thursday at 20."""
DUE = BEGIN + 48 * HOUR
SOON, NOW, IGNORED = DUE - 12 * HOUR, DUE - 2 * HOUR, DUE + DAY
SUPPLIER = "supplier-1"
SHARD = shard_of(SUPPLIER)
OPERATIONS = Actor(Role.OPERATIONS, "operations-1")
NUMBERS = count(1)
K = ClockEventKind


def event(kind: ClockEventKind, at: datetime, event_id: str | None = None) -> ClockEvent:
    """What happened to a clock."""
    return ClockEvent(event_id or f"{kind}-{at.isoformat()}", kind, at)


def promise(
    begin: datetime = BEGIN,
    *events: ClockEvent,
    supplier_id: str = SUPPLIER,
    metric: Metric = Metric.SHIPMENT,
    policy_version: int = 1,
) -> Clock:
    """A promise of 48 hours, round the clock."""
    subject = f"P{next(NUMBERS):06d}"
    return Clock(
        key=ClockKey(metric, subject, "1"),
        order_no=subject,
        supplier_id=supplier_id,
        policy_version=policy_version,
        calendar=CalendarVersion("24x7", 1),
        target=48 * HOUR,
        events=(event(K.START, begin), *events),
    )


class Desk:
    """The timekeeper's database, with words for what suppliers promise and hear."""

    def __init__(self, engine: AsyncEngine, connection: psycopg.Connection) -> None:
        self.engine = engine
        self.uow = SqlUnitOfWorkFactory(
            engine, policy_cache=PolicyCache(seconds=0), timeliness_cache=TimelinessCache(seconds=0)
        )
        self._connection = connection

    # --- what suppliers do

    async def promised(self, *clocks: Clock) -> list[Clock]:
        """Clocks start, by the versions they are pinned to."""
        async with self.uow() as uow:
            await _write(uow, clocks)
            await uow.commit()
        return list(clocks)

    async def happened(self, clock: Clock, *events: ClockEvent) -> Clock:
        """Something is reported about a clock, as it is stored."""
        async with self.uow() as uow:
            stored = {one.key: one for one in await uow.clocks.of([clock.key.subject])}[clock.key]
            changed = stored.having(*events)
            await _write(uow, [changed])
            await uow.commit()
        return changed

    async def stored(self, clock: Clock) -> Clock:
        """A clock as last committed."""
        async with self.uow() as uow:
            return {one.key: one for one in await uow.clocks.of([clock.key.subject])}[clock.key]

    async def contact(
        self,
        contact_id: str,
        role: ContactRole = ContactRole.STAFF,
        supplier_id: str = SUPPLIER,
        **known: Any,
    ) -> None:
        """Somebody with a phone of their own, unless told otherwise."""
        own: dict[str, Any] = {"phone": f"138{crc32(contact_id.encode()) % 10**8:08d}"}
        person = Contact(supplier_id, contact_id, role, "name", **{**own, **known})
        async with self.uow() as uow:
            await uow.contacts.set(person, OPERATIONS, BEGIN)
            await uow.commit()

    async def staffed(self, supplier_id: str = SUPPLIER) -> None:
        """A member of staff and a principal."""
        await self.contact("staff", supplier_id=supplier_id)
        await self.contact("boss", ContactRole.PRINCIPAL, supplier_id=supplier_id)

    async def channel(self, preferred: Channel, **addresses: str) -> None:
        """How the supplier wants to be reached."""
        async with self.uow() as uow:
            await uow.contacts.set_channels(
                SupplierChannels(SUPPLIER, preferred, **addresses), OPERATIONS, BEGIN
            )
            await uow.commit()

    async def policy(self, **changes: Any) -> int:
        """A new policy for all."""
        async with self.uow() as uow:
            version = await uow.timeliness.publish(
                replace(TimelinessPolicy(), **changes), None, OPERATIONS, BEGIN
            )
            await uow.commit()
        return version

    # --- what the timekeeper does

    async def look(
        self, now: datetime, *, page: int = 500, shard: int = SHARD, uow: UnitOfWorkFactory | None = None
    ) -> Kept:
        """One look."""
        return await KeepTime(uow or self.uow, TimeOrderedIds(), page=page)(shard, now)

    async def looks(self, now: datetime, times: int, *, page: int) -> list[Kept]:
        """Several at once."""
        return list(await asyncio.gather(*(self.look(now, page=page) for _ in range(times))))

    async def left_to_tell(self, batch_id: str, parties: Iterable[str], now: datetime) -> StillRunning:
        """What a message would say if it were sent now."""
        async with self.uow() as uow:
            return await uow.reminders.still_running(batch_id, [Party(party) for party in parties], now)

    # --- what came of it

    def rows(self, query: str) -> list[Any]:
        """As last committed."""
        with self._connection.cursor(row_factory=namedtuple_row) as cursor:
            return cursor.execute(query.encode()).fetchall()

    def reminders(self) -> list[tuple[str, str, str]]:
        """Level, party and state of each, by clock."""
        return [
            (row.level, row.party, row.state)
            for row in self.rows("SELECT * FROM reminders ORDER BY clock_id, reached_at, party")
        ]

    def notices(self) -> list[Any]:
        """In the order in which they were written."""
        return self.rows("SELECT * FROM notices ORDER BY seq")

    def told(self) -> list[tuple[str, str]]:
        """Channel and contact of every notice so far."""
        return [(row.channel, row.contact_id) for row in self.notices()]

    def notifications(self) -> list[Any]:
        """In the order in which they were written."""
        return self.rows("SELECT * FROM notifications ORDER BY id")

    def tasks(self) -> list[Any]:
        """What operations is asked for."""
        return self.rows("SELECT * FROM operations_tasks ORDER BY task_id")

    def recorded(self) -> list[datetime | None]:
        """When each clock's breach was recorded."""
        return [row.breach_recorded_at for row in self.rows("SELECT * FROM clocks ORDER BY id")]


async def _write(uow: UnitOfWork, clocks: Sequence[Clock]) -> None:
    timed = [
        TimedClock(
            one,
            standing(
                one,
                await uow.timeliness.calendar(one.calendar),
                await uow.timeliness.version(one.policy_version),
            ),
        )
        for one in clocks
    ]
    await uow.clocks.write(timed)
