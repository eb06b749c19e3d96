from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.errors import InvalidInput
from mallcare.embedded.data_folder import free_port
from mallcare.persistence.engine import create_engine, storage_errors
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import OutgoingMessage, PersonalData, StorageUnavailable, StoredAnswer
from tests.domain.builders import OPERATIONS, PLACED_AT, order
from tests.persistence.transactions import recorded, store


async def test_what_was_not_committed_is_taken_back(uow: SqlUnitOfWorkFactory) -> None:
    """By an error, or by leaving without a commit."""

    async def fail() -> None:
        async with uow() as work:
            await work.orders.add_many([recorded(order())])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with uow() as work:
        await work.orders.add_many([recorded(order())])
    async with uow() as work:
        assert await work.orders.get("O1") is None


@pytest.mark.rule("P2")
async def test_a_database_that_is_away_is_unavailable(uow: SqlUnitOfWorkFactory) -> None:
    """Nothing of the driver reaches a use case."""
    engine = create_engine(f"postgresql://nobody:none@127.0.0.1:{free_port()}/none")
    with pytest.raises(StorageUnavailable):
        async with SqlUnitOfWorkFactory(engine)():
            pass
    with pytest.raises(StorageUnavailable):
        await SqlCaseQueries(engine).pending_messages()
    await engine.dispose()


@pytest.mark.rule("P2")
async def test_a_lost_connection_is_unavailable_and_the_next_one_is_good(
    new_database: Callable[[bool], str],
) -> None:
    """The pool notices by itself; nothing has to be restarted."""
    url = new_database(True)
    engine = create_engine(url, pool_size=1)
    uow = SqlUnitOfWorkFactory(engine)

    async def lose() -> None:
        async with uow() as work:
            await work.orders.add_many([recorded(order())])
            end_connections(url)
            await work.commit()

    with pytest.raises(StorageUnavailable):
        await lose()
    async with uow() as work:
        assert await work.orders.get("O1") is None
    end_connections(url)
    async with uow() as work:
        assert await work.orders.get("O1") is None
    await engine.dispose()


def end_connections(url: str) -> None:
    """As a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


async def test_a_pool_in_full_use_is_unavailable_not_endless(database_url: str) -> None:
    """The wait for a connection is bounded."""
    engine = create_engine(database_url, pool_size=1, pool_timeout=timedelta(milliseconds=50))
    uow = SqlUnitOfWorkFactory(engine)
    async with uow() as work:
        await work.switches.stopped("x")
        with pytest.raises(StorageUnavailable):
            async with uow():
                pass
    async with uow() as work:
        assert not await work.switches.stopped("x")
    await engine.dispose()


@pytest.mark.rule("P2")
async def test_a_lock_not_granted_in_time_is_unavailable(
    uow: SqlUnitOfWorkFactory, empty_database: str
) -> None:
    """A stuck neighbour costs its rows, and not every request that wants them: rows and advisory locks."""
    await store(uow, order())
    engine = create_engine(empty_database, lock_timeout=timedelta(milliseconds=50))
    hasty = SqlUnitOfWorkFactory(engine)
    async with uow() as stuck:
        await stuck.orders.lock("O1")
        await stuck.idempotency.find("mall", "k")
        for _ in range(2):
            with pytest.raises(StorageUnavailable):
                async with hasty() as work:
                    await work.orders.lock("O1")
            with pytest.raises(StorageUnavailable):
                async with hasty() as work:
                    await work.idempotency.find("mall", "k")
    async with hasty() as work:
        assert await work.orders.lock("O1") is not None
    await engine.dispose()


@pytest.mark.rule("P2")
async def test_a_statement_without_end_is_unavailable(database_url: str) -> None:
    """The server gives it up, and the connection is as good as before."""
    engine = create_engine(database_url, pool_size=1, statement_timeout=timedelta(milliseconds=50))
    with pytest.raises(StorageUnavailable), storage_errors():
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_sleep(5)"))
    async with SqlUnitOfWorkFactory(engine)() as work:
        assert not await work.switches.stopped("x")
    await engine.dispose()


@pytest.mark.rule("P2")
async def test_a_transaction_left_open_gives_its_locks_back(
    uow: SqlUnitOfWorkFactory, empty_database: str
) -> None:
    """A process that hangs in mid-transaction loses it; its next word is refused, the pool recovers."""
    await store(uow, order())
    engine = create_engine(empty_database, pool_size=1, idle_timeout=timedelta(milliseconds=50))
    hanging = SqlUnitOfWorkFactory(engine)

    async def hang() -> None:
        async with hanging() as work:
            await work.orders.lock("O1")
            async with uow() as other:
                assert await other.orders.lock("O1") is not None
            await work.commit()

    with pytest.raises(StorageUnavailable):
        await hang()
    async with hanging() as work:
        assert await work.orders.lock("O1") is not None
    await engine.dispose()


async def test_every_connection_has_limits(uow: SqlUnitOfWorkFactory, engine: AsyncEngine) -> None:
    """No wait of production is without an end."""
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    async with engine.connect() as connection:
        found = [(await connection.execute(text(f"SHOW {name}"))).scalar_one() for name in names]
    assert found == ["5s", "15s", "30s"]


async def test_a_failed_statement_does_not_tell_its_parameters(engine: AsyncEngine) -> None:
    """They may be somebody's name and address, and failures are written to logs."""
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(text("SELECT 1 FROM nothing WHERE name = :name"), {"name": "王小明"})
    assert "王小明" not in str(failed.value)
    assert "nothing" in str(failed.value)


async def test_a_deadlock_is_unavailable_for_one_and_good_for_the_other(uow: SqlUnitOfWorkFactory) -> None:
    """Who breaks the order of locks may simply try again."""
    await store(uow, order(), replace(order(), order_no="O2"))
    both = asyncio.Barrier(2)

    async def cross(first: str, second: str) -> bool:
        try:
            async with uow() as work:
                await work.orders.lock(first)
                await both.wait()
                await work.orders.lock(second)
        except StorageUnavailable:
            return False
        return True

    assert sorted(await asyncio.gather(cross("O1", "O2"), cross("O2", "O1"))) == [False, True]


async def test_cancelled_work_gives_its_connection_back(database_url: str) -> None:
    """A client that hangs up costs no connection."""
    engine = create_engine(database_url, pool_size=1, pool_timeout=timedelta(seconds=2))
    uow = SqlUnitOfWorkFactory(engine)

    async def hang() -> None:
        async with uow() as work:
            await work.idempotency.find("mall", "hang")
            await asyncio.sleep(60)

    for _ in range(3):
        task = asyncio.create_task(hang())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with uow() as work:
        assert await work.idempotency.find("mall", "hang") is None
    await engine.dispose()


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
async def test_a_text_that_cannot_be_stored_is_the_callers_fault(
    uow: SqlUnitOfWorkFactory, name: str
) -> None:
    """Not ours: a NUL or half a character is refused, in a column as inside JSON."""
    with pytest.raises(InvalidInput):
        async with uow() as work:
            await work.orders.get(name)
    with pytest.raises(InvalidInput):
        async with uow() as work:
            await work.orders.lock_many([name])
    with pytest.raises(InvalidInput):
        async with uow() as work:
            await work.orders.add_many([recorded(order(), personal=PersonalData({"name": name}))])


async def test_first_answers_are_kept_by_caller_and_key(uow: SqlUnitOfWorkFactory) -> None:
    """Another caller's key, or another key, has no answer."""
    answer = StoredAnswer("hash", 201, {"after_sales_no": "1", "lines": [{"units": [1]}], "none": None})
    async with uow() as work:
        assert await work.idempotency.find("mall", "k") is None
        await work.idempotency.store("mall", "k", answer, PLACED_AT)
        await work.commit()
    async with uow() as work:
        assert await work.idempotency.find("mall", "k") == answer
        assert await work.idempotency.find("mal", "lk") is None
        assert await work.idempotency.find("supplier", "k") is None
        assert await work.idempotency.find("mall", "k2") is None


async def test_switches_keep_who_and_why(uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection) -> None:
    """The last setting counts; a switch nobody set is not stopped."""
    async with uow() as work:
        assert not await work.switches.stopped("automatic-refunds")
        for stopped in (True, False, True):
            await work.switches.set(
                "automatic-refunds", stopped=stopped, reason="fraud", actor=OPERATIONS, now=PLACED_AT
            )
        assert await work.switches.stopped("automatic-refunds")
        assert not await work.switches.stopped("another")
        await work.commit()
    row = cleaner.execute("SELECT reason, changed_by, changed_at FROM switches").fetchone()
    assert row == ("fraud", "operations:operations-1", PLACED_AT)


async def test_messages_are_numbered_in_the_order_given(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """They wait to be delivered, due from the instant they tell of."""
    messages = [
        OutgoingMessage(f"m{i}", f"s{i % 2}", "after_sales.approved", PLACED_AT, {"n": i, "名": "字"})
        for i in (5, 1, 4, 2, 3)
    ]
    async with uow() as work:
        await work.outbox.add(messages[:3])
        await work.outbox.add([])
        await work.outbox.add(messages[3:])
        await work.commit()
    rows = cleaner.execute(
        "SELECT id, subject, type, data, occurred_at, status, attempts, next_attempt_at, delivered_at"
        " FROM outgoing_messages ORDER BY seq"
    ).fetchall()
    assert [row[0] for row in rows] == ["m5", "m1", "m4", "m2", "m3"]
    first = ("m5", "s1", "after_sales.approved", {"n": 5, "名": "字"}, PLACED_AT, "pending", 0)
    assert rows[0] == (*first, PLACED_AT, None)
