"""One process that sends notices: use cases on a real database, vendors by script, a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.notice_dispatch import ClaimNotices, Dealt, SendNotice
from mallcare.application.notice_wording import Wording
from mallcare.application.receipts import TakeReceipts
from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, standing
from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Channel, Contact, ContactRole, SupplierChannels
from mallcare.domain.metrics import Metric
from mallcare.domain.notices import Notice, NoticeKind
from mallcare.domain.tasks import OperationsTask
from mallcare.domain.timeliness import Party, TimelinessPolicy
from mallcare.domain.vocabulary import Role
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.tables import clocks
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import (
    MessageGateway,
    MessageToSend,
    NoticeFilter,
    PlannedReminder,
    Receipt,
    SendReport,
    SendStanding,
    StoredNotice,
    TaskFilter,
    TimedClock,
    UnitOfWorkFactory,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""Noon in Beijing."""
PHONE, OTHER_PHONE = "13812345678", "13987654321"
SUPPLIER = "supplier-1"
OPERATIONS = Actor(Role.OPERATIONS, "operations-1")
NUMBERS = count(1)
IDS = TimeOrderedIds()
WORDING = Wording("SMS_REMINDER", "SMS_DAILY", "https://mall.example.com/board")

Script = SendReport | Exception | None


@dataclass
class ScriptedGateway:
    """A vendor that keeps what it took; by script it fails, before or after taking, and answers questions.

    `forgets`: its records do not show what it took.
    """

    repeatable: bool = False
    script: list[Script] = field(default_factory=list[Script])
    found: list[Script] = field(default_factory=list[Script])
    taken: list[MessageToSend] = field(default_factory=list[MessageToSend])
    asked: list[datetime] = field(default_factory=list[datetime])
    askable: bool = True
    forgets: bool = False
    calls: int = 0

    async def send(self, message: MessageToSend) -> SendReport:
        self.calls += 1
        told = self.script.pop(0) if self.script else None
        if isinstance(told, Exception) and getattr(told, "outcome_unknown", False) is not True:
            raise told
        if isinstance(told, SendReport):
            return told
        self.taken.append(message)
        if told is not None:
            raise told
        return SendReport(SendStanding.ACCEPTED, f"V-{message.message_id}")

    async def look_up(self, message: MessageToSend, sent_at: datetime) -> SendReport | None:
        self.asked.append(sent_at)
        if self.found:
            told = self.found.pop(0)
            if isinstance(told, Exception):
                raise told
            return told
        if not self.askable:
            return None
        took = any(one.message_id == message.message_id for one in self.taken) and not self.forgets
        return SendReport(SendStanding.DELIVERED if took else SendStanding.NOT_FOUND)


@dataclass
class Here:
    """The clock of a process."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


class Desk:
    """A process on a database, with every channel's vendor scripted unless others are given."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        gateways: Mapping[Channel, MessageGateway] | None = None,
        uow: UnitOfWorkFactory | None = None,
        here: Here | None = None,
        wording: Wording = WORDING,
    ) -> None:
        self.engine = engine
        self.here = here or Here()
        self.uow = uow or SqlUnitOfWorkFactory(
            engine, policy_cache=PolicyCache(seconds=0), timeliness_cache=TimelinessCache(seconds=0)
        )
        self.wecom = ScriptedGateway(repeatable=True, askable=False)
        self.robot = ScriptedGateway(askable=False)
        self.dingtalk = ScriptedGateway(askable=False)
        self.sms = ScriptedGateway()
        scripted: Mapping[Channel, MessageGateway] = {
            Channel.WECOM: self.wecom,
            Channel.WECOM_ROBOT: self.robot,
            Channel.DINGTALK: self.dingtalk,
            Channel.SMS: self.sms,
        }
        self.gateways = scripted if gateways is None else gateways
        self.claim = ClaimNotices(self.uow)
        self.send = SendNotice(self.uow, self.gateways, wording, self.here, IDS)
        self.take = TakeReceipts(self.uow, self.here, IDS)

    # --- what is there -------------------------------------------------------------------------

    async def contact(
        self,
        contact_id: str = "li",
        role: ContactRole = ContactRole.STAFF,
        *,
        supplier_id: str = SUPPLIER,
        **known: Any,
    ) -> Contact:
        """Somebody at the supplier, with a phone and a WeCom id unless told otherwise."""
        known = {"phone": PHONE, "wecom_user_id": f"{contact_id}@wecom", **known}
        person = Contact(supplier_id, contact_id, role, "李雷", **known)
        async with self.uow() as uow:
            await uow.contacts.set(person, OPERATIONS, self.here.at)
            await uow.commit()
        return person

    async def channels(self, **known: Any) -> None:
        """How the supplier wants to be reached."""
        async with self.uow() as uow:
            await uow.contacts.set_channels(SupplierChannels(SUPPLIER, **known), OPERATIONS, self.here.at)
            await uow.commit()

    async def policy(self, **changes: Any) -> None:
        """The supplier's own policy, as the usual one but for `changes`."""
        async with self.uow() as uow:
            policy = TimelinessPolicy(**changes)
            await uow.timeliness.publish(policy, SUPPLIER, OPERATIONS, self.here.at)
            await uow.commit()

    async def daily(self, **changes: Any) -> Notice:
        """A daily SMS to `li`, written now."""
        facts = {"day": "2026-03-02", "orders": 3, "after_sales": 2}
        given = {"kind": NoticeKind.DAILY_SMS, "channel": Channel.SMS, "facts": facts, **changes}
        return await self.written(**given)

    async def reminder(self, channel: Channel = Channel.WECOM, *, running: int = 2, **changes: Any) -> Notice:
        """A reminder of clocks that are due in two hours."""
        batch_id = f"B{next(NUMBERS)}"
        await self.reminded(batch_id, running)
        facts = {"batch_id": batch_id, "parties": ["staff"]}
        return await self.written(kind=NoticeKind.REMINDER, channel=channel, facts=facts, **changes)

    async def written(self, **given: Any) -> Notice:
        values: dict[str, Any] = {
            "notice_id": IDS.notice_id(),
            "supplier_id": SUPPLIER,
            "contact_id": "li",
            "created_at": self.here.at,
            "next_attempt_at": self.here.at,
            **given,
        }
        notice = Notice(**values)
        async with self.uow() as uow:
            assert await uow.notices.add([notice]) == 1
            await uow.commit()
        return notice

    async def reminded(self, batch_id: str, running: int) -> None:
        """Clocks of the supplier, each with a reminder for staff that the batch tells."""
        now = self.here.at
        subjects = [f"O-{batch_id}-{number}" for number in range(running)]
        async with self.uow() as uow:
            await uow.clocks.write([await self._timed(subject, now) for subject in subjects])
            await uow.commit()
        async with self.engine.connect() as connection:
            found = await connection.execute(select(clocks.c.id).where(clocks.c.subject.in_(subjects)))
            ids = list(found.scalars())
        async with self.uow() as uow:
            planned = [PlannedReminder(one, "now", Party.STAFF, SUPPLIER, now, now) for one in ids]
            await uow.reminders.plan(planned)
            assert await uow.reminders.tell(SUPPLIER, [Party.STAFF], now, batch_id) == running
            await uow.commit()

    async def fulfilled(self, notice: Notice) -> None:
        """Everything that a reminder tells of was done just now."""
        batch = str(notice.facts["batch_id"])
        subjects = [f"O-{batch}-{number}" for number in range(9)]
        async with self.uow() as uow:
            known = await uow.clocks.of(subjects)
            done = ClockEvent("done", ClockEventKind.FULFIL, self.here.at)
            await uow.clocks.write([await self._standing(one.having(done)) for one in known])
            await uow.commit()

    async def _timed(self, subject: str, now: datetime) -> TimedClock:
        begun = now - timedelta(hours=46)
        clock = Clock(
            ClockKey(Metric.SHIPMENT, subject, "1"),
            subject,
            SUPPLIER,
            1,
            CalendarVersion("24x7", 1),
            timedelta(hours=48),
            (ClockEvent("start", ClockEventKind.START, begun),),
        )
        return await self._standing(clock)

    async def _standing(self, clock: Clock) -> TimedClock:
        async with self.uow() as uow:
            calendar: ServiceCalendar = await uow.timeliness.calendar(clock.calendar)
            policy = await uow.timeliness.version(clock.policy_version)
        return TimedClock(clock, standing(clock, calendar, policy))

    # --- what is done --------------------------------------------------------------------------

    async def turn(self, channel: Channel) -> list[Dealt | None]:
        """Claim what is due, and send it."""
        claimed = await self.claim(channel, 50, self.here.at)
        return [await self.send(notice_id, self.here.at) for notice_id in claimed.notice_ids]

    async def until_settled(self, notice: Notice, *, most: int = 40) -> StoredNotice:
        """Turn after turn, each when something is due."""
        for _ in range(most):
            stored = await self.stored(notice)
            if stored.notice.status not in ("waiting", "asking"):
                return stored
            await self.turn(notice.channel)
            async with self.uow() as uow:
                due = await uow.notices.next_due(notice.channel)
            self.here.at = max(self.here.at, due) if due else self.here.at
        raise AssertionError("it never settles")

    async def told(self, *receipts: Receipt) -> int:
        return await self.take(receipts)

    # --- what came of it -----------------------------------------------------------------------

    async def stored(self, notice: Notice) -> StoredNotice:
        async with self.uow() as uow:
            found = await uow.notices.find(notice.notice_id)
        assert found is not None
        return found

    async def all(self, **where: Any) -> Sequence[Notice]:
        """Notices, oldest first."""
        async with self.uow() as uow:
            page = await uow.notices.page(NoticeFilter(**where), 200, None)
        return [stored.notice for stored in reversed(page.items)]

    async def tasks(self) -> list[OperationsTask]:
        """What operations is asked, oldest first."""
        async with self.uow() as uow:
            return list(reversed((await uow.tasks.page(TaskFilter(), 200, None)).items))


def receipt(notice: Notice, standing: SendStanding, *, code: str | None = None, **changes: Any) -> Receipt:
    """A receipt as the vendor of SMS sends it."""
    given: dict[str, Any] = {
        "channel": Channel.SMS,
        "vendor_message_id": f"V-{notice.notice_id}",
        "standing": standing,
        "at": NOON,
        "code": code,
        "message_id": notice.notice_id,
        **changes,
    }
    return Receipt(**given)
