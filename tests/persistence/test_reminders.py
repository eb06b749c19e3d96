"""Reminders as rows: planned once, and changed in bites of which none is long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.timeliness import Party
from mallcare.persistence.reminders import SqlReminders
from mallcare.ports import PlannedReminder
from tests.timekeeping.promises import DUE, SHARD, SUPPLIER, Desk, K, event, promise

pytestmark = pytest.mark.rule("T3")
LATER = DUE + timedelta(hours=9)


@pytest.fixture
def desk(engine: AsyncEngine, empty_database: str, cleaner: psycopg.Connection) -> Desk:
    """A database in which nothing was promised yet."""
    return Desk(engine, cleaner)


async def planned(desk: Desk, clocks: int = 7) -> list[PlannedReminder]:
    """Reminders of so many clocks, for staff and principal."""
    await desk.promised(*(promise() for _ in range(clocks)))
    reminders = [
        PlannedReminder(row.id, "due", party, SUPPLIER, DUE, DUE)
        for row in desk.rows("SELECT id FROM clocks ORDER BY id")
        for party in (Party.STAFF, Party.PRINCIPAL)
    ]
    async with desk.uow() as uow:
        assert await uow.reminders.plan(reminders) == len(reminders)
        await uow.commit()
    return reminders


def states(desk: Desk) -> dict[tuple[str, str], int]:
    """How many there are, by party and state."""
    rows = desk.rows("SELECT party, state, count(*) AS n FROM reminders GROUP BY party, state")
    return {(row.party, row.state): row.n for row in rows}


async def test_a_reminder_is_planned_once(desk: Desk) -> None:
    """The key is clock, level and party; nothing, and what is there already, is no new row."""
    reminders = await planned(desk)
    async with desk.uow() as uow:
        assert await uow.reminders.plan(reminders) == 0
        assert await uow.reminders.plan([]) == 0
        await uow.commit()
    assert states(desk) == {("staff", "planned"): 7, ("principal", "planned"): 7}


@pytest.mark.parametrize("most", [1, 3, 7, 100])
async def test_however_small_the_bites_all_is_eaten(desk: Desk, engine: AsyncEngine, most: int) -> None:
    """Told, put off, given up, moot: each answers how many, and touches nobody else's."""
    await planned(desk)
    first = desk.rows("SELECT subject FROM clocks ORDER BY id LIMIT 1")[0].subject
    async with desk.uow() as uow:
        (clock,) = await uow.clocks.of([first])
    await desk.happened(clock, event(K.FULFIL, DUE))
    async with engine.begin() as connection:
        reminders = SqlReminders(connection, most=most)
        assert await reminders.drop_moot(SUPPLIER, DUE) == 2
        assert await reminders.postpone(SUPPLIER, Party.STAFF, DUE, LATER) == 6
        assert await reminders.tell(SUPPLIER, [Party.PRINCIPAL], DUE, "batch") == 6
        assert await reminders.give_up(SUPPLIER, [Party.STAFF], DUE) == 0
        assert await reminders.next_reminder(SHARD) == LATER
        assert await reminders.give_up(SUPPLIER, [Party.STAFF], LATER) == 6
        assert await reminders.next_reminder(SHARD) is None
    assert states(desk) == {
        ("staff", "moot"): 1,
        ("staff", "unaddressed"): 6,
        ("principal", "moot"): 1,
        ("principal", "told"): 6,
    }


async def test_suppliers_come_in_pages_by_name(desk: Desk) -> None:
    """Each once, beyond the last one of the page before; those whose time has not come are left out."""
    await desk.promised(promise())
    (row,) = desk.rows("SELECT id FROM clocks")
    suppliers: Sequence[str] = [f"next-{n}" for n in range(400)]
    async with desk.uow() as uow:
        await uow.reminders.plan(
            [
                PlannedReminder(row.id, f"{name}-{level}", Party.STAFF, name, DUE, DUE)
                for name in suppliers
                for level in (1, 2)
            ]
        )
        found: list[str] = []
        while page := await uow.reminders.suppliers(SHARD, DUE, 5, found[-1] if found else ""):
            found += page
        assert await uow.reminders.suppliers(SHARD, DUE - timedelta(seconds=1), 5) == []
    assert found == sorted(set(found))
    assert len(found) > 10
