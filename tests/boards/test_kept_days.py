"""Closed days are counted once and kept, and never outlive a change of theirs."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.boards import Board, Boards
from mallcare.domain.boards import Period, local_day, midnight
from mallcare.domain.metrics import Metric
from mallcare.persistence.boards import MARKS_AT_ONCE
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports.boards import KEPT_AT_ONCE
from tests.boards.made import NOW, OPERATIONS, NewDatabase, mall
from tests.timekeeping.orders import HeldFactory
from tests.world import SetClock

pytestmark = pytest.mark.rule("T2")

DAYS = Period(local_day(NOW) - timedelta(days=6), local_day(NOW))
A_DAY = DAYS.first + timedelta(days=2)
LATE_SCAN = """
    UPDATE clocks SET outcome = 'met', elapsed = interval '1 hour', ended_at = started_at + interval '1 hour'
    WHERE id = (SELECT id FROM clocks WHERE metric = 'shipment' AND outcome = 'breached'
                AND (due_at AT TIME ZONE 'Asia/Shanghai')::date = %s ORDER BY id LIMIT 1)
"""
"""What a report that came late makes of a breach."""


async def read(boards: Boards, clock: SetClock, supplier: str | None = None) -> Board:
    """A fresh board: a second later than the one before."""
    assert clock.stopped_at is not None
    clock.stopped_at += timedelta(seconds=1)
    return await boards.timeliness(supplier, DAYS.first, DAYS.last, OPERATIONS)


def shipments(board: Board, day: date = A_DAY) -> tuple[int, int]:
    """Met and breached of a day."""
    [found] = [each for each in board.cohorts if (each.metric, each.day) == (Metric.SHIPMENT, day)]
    return found.cohort.met, found.cohort.breached


async def kept(engine: AsyncEngine) -> tuple[int, int]:
    """Days of metrics that are kept, and marks."""
    async with engine.connect() as connection:
        days = await connection.exec_driver_sql("SELECT count(*) FROM clock_cohort_days")
        marks = await connection.exec_driver_sql("SELECT count(*) FROM clock_cohort_marks")
        return days.scalar_one(), marks.scalar_one()


def plain(engine: AsyncEngine) -> str:
    """The database's address for a connection beside the product's own."""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


async def test_a_late_correction_of_an_old_day_shows_at_once(new_database: NewDatabase) -> None:
    """The day was counted and kept; a report that makes a breach met is seen by the very next board."""
    async with mall(new_database) as (engine, boards, clock):
        met, breached = shipments(await read(boards, clock))
        assert breached, "nothing to correct"
        assert await kept(engine) == (len(Metric) * 7, 0), "kept, and the marks of its making cleared away"
        with psycopg.connect(plain(engine), autocommit=True) as other:
            assert other.execute(LATE_SCAN, (A_DAY,)).rowcount == 1
        assert (await kept(engine))[1] == 1
        own = await read(boards, clock, "supplier-0000")
        assert shipments(await read(boards, clock)) == (met + 1, breached - 1)
        assert await kept(engine) == (len(Metric) * 7, 0)
        assert own.cohorts == (await read(boards, clock, "supplier-0000")).cohorts


async def test_a_change_that_was_under_way_while_a_day_was_counted_shows_once_it_is_there(
    new_database: NewDatabase,
) -> None:
    """The counts were made without it and kept after it: they know that they did not see it."""
    async with mall(new_database) as (engine, boards, clock):
        with psycopg.connect(plain(engine)) as other:
            other.execute(LATE_SCAN, (A_DAY,))
            met, breached = shipments(await read(boards, clock))
            assert (await kept(engine))[0] == len(Metric) * 7
            other.commit()
        assert shipments(await read(boards, clock)) == (met + 1, breached - 1)


async def test_a_clock_that_moves_to_another_day_leaves_the_first(new_database: NewDatabase) -> None:
    """Both days are counted anew: the one it went to and the one it left."""
    async with mall(new_database) as (engine, boards, clock):
        before = await read(boards, clock)
        with psycopg.connect(plain(engine), autocommit=True) as other:
            moved = other.execute(
                "UPDATE clocks SET due_at = due_at + interval '1 day' WHERE id = (SELECT id FROM clocks"
                " WHERE metric = 'shipment' AND outcome = 'met'"
                " AND (due_at AT TIME ZONE 'Asia/Shanghai')::date = %s LIMIT 1)",
                (A_DAY,),
            )
            assert moved.rowcount == 1
        after = await read(boards, clock)
        (met, breached), (met_next, breached_next) = (
            shipments(before),
            shipments(before, A_DAY + timedelta(days=1)),
        )
        assert shipments(after) == (met - 1, breached)
        assert shipments(after, A_DAY + timedelta(days=1)) == (met_next + 1, breached_next)


async def test_kept_days_and_counted_days_are_the_same(new_database: NewDatabase) -> None:
    """Percentiles and all: of all suppliers and of one, before anything is kept and after."""
    async with mall(new_database, seed=21) as (engine, boards, clock):
        uow = SqlUnitOfWorkFactory(engine)
        async with uow() as unit:
            counted = await unit.boards.cohorts(None, DAYS)
            of_one = await unit.boards.cohorts("supplier-0001", DAYS)
            sums = await unit.boards.compliance(DAYS)
        assert (await kept(engine))[0] == 0
        await read(boards, clock)
        async with uow() as unit:
            assert await unit.boards.days_to_keep(DAYS) == 0
            assert by_day(await unit.boards.cohorts(None, DAYS)) == by_day(counted)
            assert by_day(await unit.boards.cohorts("supplier-0001", DAYS)) == by_day(of_one)
            assert await unit.boards.compliance(DAYS) == sums
        assert len(of_one) > 5


def by_day(cohorts: list[object]) -> list[str]:
    """In an order of their own."""
    return sorted(map(repr, cohorts))


async def test_today_and_yesterday_are_never_kept(new_database: NewDatabase) -> None:
    """By the database's own clock, whatever the platform's says: they still change without a mark."""
    today = local_day(datetime.now(UTC))
    async with mall(new_database, now=midnight(today)) as (engine, boards, clock):
        clock.stopped_at = midnight(today)
        last = today + timedelta(days=3)
        await boards.timeliness(None, last - timedelta(days=9), last, OPERATIONS)
        async with engine.connect() as connection:
            newest = await connection.exec_driver_sql("SELECT max(day) FROM clock_cohort_days")
            assert newest.scalar_one() < today - timedelta(days=1)


async def test_who_finds_another_counting_does_not_wait(new_database: NewDatabase) -> None:
    """It answers by counting for itself, and keeps nothing."""
    async with mall(new_database) as (engine, boards, clock):
        with psycopg.connect(plain(engine)) as other:
            other.execute("SELECT pg_advisory_xact_lock(7311)")
            alone = await read(boards, clock)
            assert (await kept(engine))[0] == 0
        again = await read(boards, clock)
        assert again.cohorts == alone.cohorts
        assert (await kept(engine))[0] > 0


async def test_days_are_kept_in_bites(new_database: NewDatabase) -> None:
    """A long period is counted by statements that end in time, the newest days first; the board shows all."""
    async with mall(new_database) as (engine, boards, clock):
        async with SqlUnitOfWorkFactory(engine)() as uow:
            await uow.boards.keep_days(DAYS)
            await uow.commit()
        assert (await kept(engine))[0] == KEPT_AT_ONCE < len(Metric) * 7
        async with engine.connect() as connection:
            oldest = await connection.exec_driver_sql("SELECT min(day) FROM clock_cohort_days")
            assert oldest.scalar_one() > DAYS.first
        await read(boards, clock)
        assert await kept(engine) == (len(Metric) * 7, 0)


async def test_marks_of_months_are_cleared_away_in_bites(new_database: NewDatabase) -> None:
    """Nobody read the board of all meanwhile: it is not late for them, and they go all the same."""
    async with mall(new_database) as (engine, boards, clock):
        with psycopg.connect(plain(engine), autocommit=True) as other:
            other.execute("DELETE FROM clock_cohort_marks")
            other.execute(
                "INSERT INTO clock_cohort_marks (metric, day, transaction) SELECT 'shipment', %s, 5"
                " FROM generate_series(1, %s)",
                (A_DAY - timedelta(days=300), 2 * MARKS_AT_ONCE + 1),
            )
        async with SqlUnitOfWorkFactory(engine)() as uow:
            await uow.boards.keep_days(DAYS)
            await uow.commit()
        assert (await kept(engine))[1] == MARKS_AT_ONCE + 1
        await read(boards, clock)
        assert (await kept(engine))[1] == 1


async def test_nobody_waits_for_days_that_are_being_kept(new_database: NewDatabase) -> None:
    """Whoever asks meanwhile is answered, of the same days and of others; what was begun goes on."""
    async with mall(new_database) as (engine, _, clock), HeldFactory(engine) as held:
        boards = Boards(held, clock)
        first = asyncio.create_task(boards.timeliness(None, DAYS.first, DAYS.last, OPERATIONS))
        async with asyncio.timeout(20):
            await held.arrived.wait()
            others = [
                await boards.timeliness(None, day, DAYS.last, OPERATIONS) for day in (DAYS.first, A_DAY)
            ]
            assert not first.done()
            held.let_go.set()
            assert await first is others[0], "read a moment ago"
        assert (await kept(engine))[0] == len(Metric) * 7


async def test_a_board_of_all_is_shown_again_within_a_second(new_database: NewDatabase) -> None:
    """The same board with the same `data_as_of`; a moment later a new one."""
    async with mall(new_database) as (engine, boards, clock):
        first = await read(boards, clock)
        with psycopg.connect(plain(engine), autocommit=True) as other:
            other.execute("DELETE FROM clocks")
        assert clock.stopped_at is not None
        clock.stopped_at += timedelta(milliseconds=900)
        again = await boards.timeliness(None, DAYS.first, DAYS.last, OPERATIONS)
        assert again is first
        fresh = await read(boards, clock)
        assert fresh.overdue == 0
        assert fresh.data_as_of > first.data_as_of
