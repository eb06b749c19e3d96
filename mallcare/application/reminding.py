"""Telling people of their reminders, as part of a timekeeper's look: one notice to a person and channel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

import structlog

from mallcare.domain.contacts import Channel, Contact, SupplierChannels, Way, ways
from mallcare.domain.errors import Fact
from mallcare.domain.notices import Notice, NoticeKind
from mallcare.domain.notifications import Audience, Notification, NotificationKind
from mallcare.domain.reminders import whom
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.timeliness import Party
from mallcare.ports import Ids, StillRunning, StorageUnavailable, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()

REST: Final = timedelta(minutes=30)
"""Least time between two messages to a supplier: what reaches a rung meanwhile is told together. Orders are
placed all day long, and without it people would get a message for each."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of reminders whose time had come, and how many notices tell of them."""

    told: int = 0
    moot: int = 0
    postponed: int = 0
    unaddressed: int = 0
    notices: int = 0

    def __add__(self, other: Told) -> Told:
        return Told(*(one + another for one, another in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Hearing:
    """Whom a supplier's reminders go to now, party by party, and who has nobody."""

    people: Mapping[Party, Sequence[Contact]]
    unaddressed: Sequence[Party]
    postponed: int

    @property
    def parties(self) -> list[Party]:
        """Who hears of it now."""
        return list(self.people)


class TellReminders:
    """Compose what people are told of the clocks of their supplier: everything at once, however much (T3).

    Each supplier is one transaction: its reminders are told and the notices of them written, or neither. A
    supplier that another worker sees to just now is left to it.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids, *, page: int) -> None:
        self._uow = uow
        self._ids = ids
        self._page = page

    async def __call__(self, shard: int, now: datetime) -> Told:
        """Every reminder of the shard whose time has come by `now`."""
        told, after = Told(), ""
        while True:
            async with self._uow() as uow:
                suppliers = await uow.reminders.suppliers(shard, now, self._page, after)
            for supplier_id in suppliers:
                told += await self._unless_it_fails(supplier_id, now)
            if len(suppliers) < self._page:
                return told
            after = suppliers[-1]

    async def _unless_it_fails(self, supplier_id: str, now: datetime) -> Told:
        """One supplier's trouble is not its neighbours': it is tried again with the next look.

        Raises:
            StorageUnavailable
        """
        try:
            return await self._of_supplier(supplier_id, now)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - the others of the shard must hear of theirs
            log.error("reminders.not_told", supplier_id=supplier_id, error=type(error).__name__)
            return Told()

    async def _of_supplier(self, supplier_id: str, now: datetime) -> Told:
        async with self._uow() as uow:
            if not await uow.reminders.take(supplier_id):
                return Told()
            moot = await uow.reminders.drop_moot(supplier_id, now)
            hearing = await self._hearing(uow, supplier_id, now)
            told, notices = await self._tell(uow, supplier_id, hearing, now)
            unaddressed = await self._ask_operations(uow, supplier_id, hearing.unaddressed, now)
            await uow.commit()
        if notices:
            log.info("reminders.told", supplier_id=supplier_id, reminders=told, notices=notices)
        return Told(told, moot, hearing.postponed, unaddressed, notices)

    async def _hearing(self, uow: UnitOfWork, supplier_id: str, now: datetime) -> Hearing:
        """Who hears of it now; the others' reminders are put off until somebody does."""
        parties = await uow.reminders.parties(supplier_id, now)
        if not parties:
            return Hearing({}, (), 0)
        contacts = await uow.contacts.of(supplier_id)
        policy = await uow.timeliness.current(supplier_id)
        rested_at = await _rested_at(uow, supplier_id, now)
        people: dict[Party, Sequence[Contact]] = {}
        unaddressed: list[Party] = []
        postponed = 0
        for party in parties:
            if party is Party.OPERATIONS:
                people[party] = ()
                continue
            telling = whom(contacts, party, policy, now)
            if telling is None:
                unaddressed.append(party)
            elif (told_at := max(telling.at, rested_at)) > now:
                postponed += await uow.reminders.postpone(supplier_id, party, now, told_at)
            else:
                people[party] = telling.people
        return Hearing(people, unaddressed, postponed)

    async def _tell(
        self, uow: UnitOfWork, supplier_id: str, hearing: Hearing, now: datetime
    ) -> tuple[int, int]:
        """How many reminders are told, by how many notices."""
        if not hearing.people:
            return 0, 0
        batch_id = self._ids.notice_id()
        told = await uow.reminders.tell(supplier_id, hearing.parties, now, batch_id)
        batch = _Batch(uow, supplier_id, batch_id, now)
        if Party.OPERATIONS in hearing.people:
            facts = await batch.facts([Party.OPERATIONS])
            await self._open(uow, supplier_id, TaskKind.REMINDERS_IGNORED, facts, now)
        notified = await self._notify(batch, hearing)
        if not notified:
            return told, 0
        notices = await self._notices(batch, hearing, await uow.contacts.channels(supplier_id))
        return told, await uow.notices.add(notices)

    async def _notify(self, batch: _Batch, hearing: Hearing) -> int:
        """Everybody finds it in the notification centre, whatever else reaches them."""
        notifications: list[Notification] = []
        for contact_id, parties in _parties_of_people(hearing).items():
            running = await batch.running(parties)
            if running.count:
                notifications.append(
                    Notification(
                        audience=Audience.STAFF,
                        owner=batch.supplier_id,
                        reader=contact_id,
                        kind=NotificationKind.REMINDER.value,
                        link=_link(batch.supplier_id, running),
                        created_at=batch.now,
                        facts=await batch.facts(parties),
                        once=f"reminder/{batch.batch_id}/{contact_id}",
                    )
                )
        await batch.uow.notifications.add(notifications)
        return len(notifications)

    async def _notices(self, batch: _Batch, hearing: Hearing, channels: SupplierChannels) -> list[Notice]:
        return [
            Notice(
                notice_id=self._ids.notice_id(),
                kind=NoticeKind.REMINDER,
                channel=way.channel,
                supplier_id=batch.supplier_id,
                contact_id=way.contact_id,
                created_at=batch.now,
                next_attempt_at=batch.now,
                facts={"batch_id": batch.batch_id, "parties": [party.value for party in parties]},
            )
            for way, parties in _parties_of_ways(hearing, channels).items()
        ]

    async def _ask_operations(
        self, uow: UnitOfWork, supplier_id: str, parties: Sequence[Party], now: datetime
    ) -> int:
        """Somebody has to find out whom to tell at a supplier without contacts."""
        if not parties:
            return 0
        unaddressed = await uow.reminders.give_up(supplier_id, parties, now)
        facts: dict[str, Fact] = {
            "parties": [party.value for party in parties],
            "reminders": unaddressed,
        }
        await self._open(uow, supplier_id, TaskKind.CONTACTS_MISSING, facts, now)
        return unaddressed

    async def _open(
        self, uow: UnitOfWork, supplier_id: str, kind: TaskKind, facts: Mapping[str, Fact], now: datetime
    ) -> None:
        await uow.tasks.open([OperationsTask(self._ids.task_id(), kind, supplier_id, now, facts)])


class _Batch:
    """Reminders of one supplier that are told together; what of them still runs is counted once for each
    set of parties."""

    def __init__(self, uow: UnitOfWork, supplier_id: str, batch_id: str, now: datetime) -> None:
        self.uow = uow
        self.supplier_id = supplier_id
        self.batch_id = batch_id
        self.now = now
        self._running: dict[frozenset[Party], StillRunning] = {}

    async def running(self, parties: Iterable[Party]) -> StillRunning:
        """What these parties are told of."""
        key = frozenset(parties)
        if key not in self._running:
            self._running[key] = await self.uow.reminders.still_running(self.batch_id, key, self.now)
        return self._running[key]

    async def facts(self, parties: Iterable[Party]) -> dict[str, Fact]:
        """The same in figures; no personal data."""
        running = await self.running(parties)
        due = running.next_due_at
        return {
            "batch_id": self.batch_id,
            "count": running.count,
            "overdue": running.overdue,
            "next_due_at": due.isoformat() if due else None,
            "as_of": self.now.isoformat(),
            "by_level": [
                {"metric": one.metric.value, "level": one.level, "count": one.count}
                for one in running.by_level
            ],
        }


async def _rested_at(uow: UnitOfWork, supplier_id: str, now: datetime) -> datetime:
    """When people of a supplier may be reminded again; not after `now` where nobody was lately."""
    last = await uow.notices.last_reminded(supplier_id)
    return now if last is None or last > now else last + REST


def _parties_of_people(hearing: Hearing) -> dict[str, list[Party]]:
    """By contact, as whom they hear of it: who stands in for another one may hear of it as both."""
    heard: dict[str, list[Party]] = {}
    for party, people in hearing.people.items():
        for person in people:
            heard.setdefault(person.contact_id, []).append(party)
    return heard


def _parties_of_ways(hearing: Hearing, channels: SupplierChannels) -> dict[Way, list[Party]]:
    """By message, as whom its readers hear of it; a phone or member id that several share is told once."""
    heard: dict[Way, list[Party]] = {}
    first: dict[tuple[Channel, str], Way] = {}
    for party, people in hearing.people.items():
        by_id = {person.contact_id: person for person in people}
        for way in ways(people, channels):
            told = first.setdefault((way.channel, _address(way, by_id.get(way.contact_id))), way)
            parties = heard.setdefault(told, [])
            if party not in parties:
                parties.append(party)
    return heard


def _address(way: Way, person: Contact | None) -> str:
    """What tells one reader of a channel from another; a group's robot is one."""
    known = None
    if person is not None:
        known = person.phone if way.channel is Channel.SMS else person.wecom_user_id
    return known.removeprefix("+86") if known else way.contact_id


def _link(supplier_id: str, running: StillRunning) -> str:
    """The rows that a reminder is about: what is overdue, or all that is open, the most urgent first."""
    rows = f"/v1/boards/timeliness/rows?supplier_id={quote(supplier_id, safe='')}"
    return f"{rows}&state=overdue" if running.overdue == running.count else rows
