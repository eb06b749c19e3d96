"""Suppliers with overdue orders and requests on a real database, and the daily SMS's use cases over them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.daily_sms import PAGE, DailyLook, SendDailySms
from mallcare.application.daily_sms_reports import WatchDailySms
from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, standing
from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Contact, ContactRole
from mallcare.domain.daily_sms import DailySmsRun
from mallcare.domain.metrics import Metric
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.timeliness import ALWAYS_OPEN, TARGETS, TimelinessPolicy
from mallcare.domain.vocabulary import Role
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TaskFilter, TimedClock

HOUR = timedelta(hours=1)
DAY = date(2026, 3, 5)
NINE = datetime(2026, 3, 5, 1, tzinfo=UTC)
"""Nine o'clock of that day in Shanghai."""
OPERATIONS = Actor(Role.OPERATIONS, "operations-1")
PHONE = "13912345678"
SUBJECTS = count(1)


@dataclass
class Desk:
    """One process of the platform."""

    engine: AsyncEngine
    rows: psycopg.Connection
    page: int = PAGE
    uow: SqlUnitOfWorkFactory = field(init=False)
    send: SendDailySms = field(init=False)

    def __post_init__(self) -> None:
        self.uow = SqlUnitOfWorkFactory(self.engine, policy_cache=PolicyCache(seconds=0))
        self.send = SendDailySms(self.uow, TimeOrderedIds(), page=self.page)

    def watch(self) -> WatchDailySms:
        """What the sweep of a process that has just started looks with."""
        return WatchDailySms(self.uow, TimeOrderedIds())

    async def clock(
        self,
        supplier_id: str,
        metric: Metric = Metric.SHIPMENT,
        *,
        late: timedelta = HOUR,
        at: datetime = NINE,
        subject: str | None = None,
        part: str = "1",
        end: ClockEventKind | None = None,
    ) -> str:
        """A promise that is due `late` before `at`, ended there if asked for; answers its subject."""
        subject = subject or f"S{next(SUBJECTS):06d}"
        target = TARGETS[metric].target
        events = [ClockEvent("start", ClockEventKind.START, at - target - late)]
        events += [ClockEvent("end", end, at)] if end else []
        clock = Clock(
            key=ClockKey(metric, subject, part),
            order_no=subject,
            supplier_id=supplier_id,
            policy_version=1,
            calendar=CalendarVersion(ALWAYS_OPEN, 1),
            target=target,
            events=tuple(events),
        )
        timed = TimedClock(clock, standing(clock, always_open(), TimelinessPolicy()))
        async with self.uow() as uow:
            await uow.clocks.write([timed])
            await uow.commit()
        return subject

    async def contact(
        self,
        supplier_id: str,
        contact_id: str = "boss",
        *,
        role: ContactRole = ContactRole.PRINCIPAL,
        phone: str | None = PHONE,
    ) -> None:
        """A person at a supplier."""
        async with self.uow() as uow:
            await uow.contacts.set(Contact(supplier_id, contact_id, role, "林小满", phone), OPERATIONS, NINE)
            await uow.commit()

    async def overdue_supplier(self, supplier_id: str) -> None:
        """One order too late, and a principal to tell."""
        await self.clock(supplier_id)
        await self.contact(supplier_id)

    async def tell_when_zero(self, supplier_id: str) -> None:
        """The supplier wants to hear that nothing is overdue."""
        async with self.uow() as uow:
            policy = TimelinessPolicy(daily_when_zero=True)
            await uow.timeliness.publish(policy, supplier_id, OPERATIONS, NINE)
            await uow.commit()

    async def plan(self, day: date = DAY, at: datetime = NINE) -> DailySmsRun:
        """All pages of a day."""
        while (run := await self.send.plan(day, at)).planned_at is None:
            pass
        return run

    async def report(self, day: date = DAY, at: datetime = NINE) -> DailyLook:
        """A look at what came of a day."""
        return await self.send.report(day, at)

    async def run(self, day: date = DAY) -> DailySmsRun | None:
        """A day as it is kept."""
        async with self.uow() as uow:
            return await uow.daily_sms.get(day)

    def told(self, day: date = DAY) -> dict[tuple[str, str], tuple[int, int]]:
        """By supplier and contact, the counts of the day's messages."""
        rows = self.rows.execute(
            "SELECT supplier_id, contact_id, facts FROM notices"
            " WHERE kind = 'daily_sms' AND facts->>'day' = %s ORDER BY seq",
            (day.isoformat(),),
        ).fetchall()
        told = {(row[0], row[1]): (row[2]["orders"], row[2]["after_sales"]) for row in rows}
        assert len(told) == len(rows), "somebody is told twice"
        return told

    def became(self, status: str, code: str | None = None, *, of: str | None = None) -> None:
        """What became of all the notices, or of one supplier's."""
        self.rows.execute(
            "UPDATE notices SET status = %s, error_code = %s WHERE supplier_id = coalesce(%s, supplier_id)",
            (status, code, of),
        )

    async def tasks(self, kind: TaskKind, subject: str | None = None) -> list[OperationsTask]:
        """Tasks of a kind, newest first."""
        async with self.uow() as uow:
            return list((await uow.tasks.page(TaskFilter(kind=kind, subject=subject), 100, None)).items)
