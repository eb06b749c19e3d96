"""Reminders in PostgreSQL: told, put off and given up by statements over thousands of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Integer,
    Row,
    Select,
    SmallInteger,
    Text,
    Update,
    any_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.metrics import Metric
from mallcare.domain.reminders import ReminderState
from mallcare.domain.timeliness import Party
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.notice_tables import PLANNED
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import clocks, reminders
from mallcare.ports.clocks import PlannedReminder
from mallcare.ports.reminders import Reminded, StillRunning

R, C = reminders.c, clocks.c
REMINDING = 7401
"""Family of advisory locks on suppliers whose reminders are being told."""
SHARD = bindparam("of_shard", type_=SmallInteger())
PLACE: ColumnElement[str] = literal_column("reminders.ctid", Text())
MOST = 20_000
"""Rows that one statement changes: a second's work for the database."""
NOW = bindparam("now", type_=DateTime(timezone=True))
SUPPLIER = bindparam("of_supplier", type_=Text())
PARTIES = any_(bindparam("to", type_=ARRAY(Text())))
TO_TELL = (R.supplier_id == SUPPLIER, text(PLANNED), R.remind_at <= NOW)

PLAN = (
    insert_rows(reminders, ["clock_id", "level", "party", "supplier_id", "state", "reached_at", "remind_at"])
    .on_conflict_do_nothing(index_elements=[R.clock_id, R.level, R.party])
    .returning(R.clock_id)
)
SUPPLIERS = (
    select(R.supplier_id)
    .distinct()
    .where(
        R.shard == SHARD, text(PLANNED), R.remind_at <= NOW, R.supplier_id > bindparam("beyond", type_=Text())
    )
    .order_by(R.supplier_id)
    .limit(bindparam("most", type_=Integer()))
)
TAKE = select(func.pg_try_advisory_xact_lock(REMINDING, func.hashtext(SUPPLIER)))
STOPPED = exists().where(R.clock_id == C.id, or_(C.ended_at.is_not(None), C.running_since.is_(None)))
FOR_WHOM = select(R.party).distinct().where(*TO_TELL).order_by(R.party)


def _change(which: ColumnElement[bool]) -> Update:
    """Change at most so many of a supplier's reminders to tell: however many there are, no statement is long.

    By where they lie: whoever plans others beside it moves none of these.
    """
    some = select(PLACE).where(*TO_TELL, which).limit(bindparam("most", type_=Integer()))
    return update(reminders).where(any_(func.array(some.scalar_subquery())) == PLACE)


DROP = _change(STOPPED).values(state=ReminderState.MOOT.value)
POSTPONE = _change(R.party == PARTIES).values(remind_at=bindparam("later", type_=DateTime(timezone=True)))
TELL = _change(R.party == PARTIES).values(
    state=ReminderState.TOLD.value, batch_id=bindparam("batch", type_=Text())
)
GIVE_UP = _change(R.party == PARTIES).values(state=ReminderState.UNADDRESSED.value)
NEXT = select(func.min(R.remind_at)).where(R.shard == SHARD, text(PLANNED))


def _still_running() -> Select[*tuple[Any, ...]]:
    latest = (
        select(C.metric, R.level, C.due_at)
        .distinct(R.clock_id)
        .where(
            R.batch_id == bindparam("batch", type_=Text()),
            R.party == PARTIES,
            R.clock_id == C.id,
            C.ended_at.is_(None),
            C.running_since.is_not(None),
        )
        .order_by(R.clock_id, R.reached_at.desc(), R.level)
        .subquery("latest")
    )
    earliest, overdue = func.min(latest.c.due_at), latest.c.due_at < NOW
    return (
        select(
            latest.c.metric,
            latest.c.level,
            func.count().label("clocks"),
            func.count().filter(overdue).label("overdue"),
            earliest.label("earliest_due_at"),
            func.min(latest.c.due_at).filter(~overdue).label("next_due_at"),
        )
        .group_by(latest.c.metric, latest.c.level)
        .order_by(earliest, latest.c.metric, latest.c.level)
    )


STILL_RUNNING = _still_running()


class SqlReminders:
    """See `ports.reminders.Reminders`."""

    def __init__(self, connection: AsyncConnection, *, most: int = MOST) -> None:
        self._connection = connection
        self._most = most

    async def plan(self, planned: Sequence[PlannedReminder]) -> int:
        """One statement for a page."""
        if not planned:
            return 0
        rows = [
            {
                "clock_id": one.clock_id,
                "level": one.level,
                "party": one.party.value,
                "supplier_id": one.supplier_id,
                "state": ReminderState.PLANNED.value,
                "reached_at": one.reached_at,
                "remind_at": one.remind_at,
            }
            for one in planned
        ]
        return len((await self._connection.execute(PLAN, {"rows": rows})).all())

    async def suppliers(self, shard: int, now: datetime, limit: int, after: str = "") -> list[str]:
        """By the index of what is planned."""
        given = {"of_shard": shard, "now": now, "most": limit, "beyond": after}
        return list((await self._connection.execute(SUPPLIERS, given)).scalars())

    async def take(self, supplier_id: str) -> bool:
        """Two suppliers whose names hash alike wait for each other's turn."""
        return bool((await self._connection.execute(TAKE, {"of_supplier": supplier_id})).scalar_one())

    async def drop_moot(self, supplier_id: str, now: datetime) -> int:
        """Clocks as last committed; nothing is locked, for what ends meanwhile is asked for again."""
        return await self._changed(DROP, supplier_id, now)

    async def parties(self, supplier_id: str, now: datetime) -> list[Party]:
        """In the order of their names."""
        found = await self._connection.execute(FOR_WHOM, {"of_supplier": supplier_id, "now": now})
        return [Party(party) for party in found.scalars()]

    async def postpone(self, supplier_id: str, party: Party, now: datetime, until: datetime) -> int:
        """They stay planned."""
        return await self._changed(POSTPONE, supplier_id, now, to=[party.value], later=until)

    async def tell(self, supplier_id: str, parties: Collection[Party], now: datetime, batch_id: str) -> int:
        """Of every level there is."""
        return await self._changed(TELL, supplier_id, now, to=_words(parties), batch=batch_id)

    async def give_up(self, supplier_id: str, parties: Collection[Party], now: datetime) -> int:
        """For ever: who becomes a contact later is told of later rungs."""
        return await self._changed(GIVE_UP, supplier_id, now, to=_words(parties))

    async def still_running(self, batch_id: str, parties: Collection[Party], now: datetime) -> StillRunning:
        """The most urgent first."""
        given = {"batch": batch_id, "to": _words(parties), "now": now}
        return StillRunning(
            tuple(_reminded(row) for row in await self._connection.execute(STILL_RUNNING, given))
        )

    async def next_reminder(self, shard: int) -> datetime | None:
        """By the head of the index."""
        return utc((await self._connection.execute(NEXT, {"of_shard": shard})).scalar_one())

    async def _changed(self, statement: Update, supplier_id: str, now: datetime, **given: object) -> int:
        given |= {"of_supplier": supplier_id, "now": now, "most": self._most}
        changed = 0
        while True:
            rows = (await self._connection.execute(statement, given)).rowcount
            changed += rows
            if rows < self._most:
                return changed


def _reminded(row: Row[*tuple[Any, ...]]) -> Reminded:
    return Reminded(
        metric=Metric(row.metric),
        level=row.level,
        count=row.clocks,
        overdue=row.overdue,
        earliest_due_at=instant(row.earliest_due_at),
        next_due_at=utc(row.next_due_at),
    )


def _words(parties: Collection[Party]) -> list[str]:
    return sorted(party.value for party in parties)
