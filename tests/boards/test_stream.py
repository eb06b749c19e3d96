"""Word of what changes: whoever listens hears of it, from every process, and only of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest

from benchmarks.board_data import History, fill
from mallcare.domain.metrics import Metric
from mallcare.persistence.board_changes import MOST_PAIRS, PostgresBoardChanges
from mallcare.ports.boards import BoardChange, TooManyListeners
from tests.api.calls import token
from tests.api.test_server import free_port, start
from tests.boards.made import NOW

pytestmark = pytest.mark.rule("T2")

SOON = timedelta(milliseconds=50)
TOUCH = (
    "UPDATE clocks SET at_risk_at = at_risk_at - interval '1 second' WHERE id = (SELECT min(id) FROM clocks"
)
TOUCH += " WHERE ended_at IS NULL AND at_risk_at IS NOT NULL AND supplier_id = %s AND metric = 'shipment')"
LOOK = "UPDATE clocks SET levels_done = 1, next_at = NULL, updated_at = now()"


@pytest.fixture
def url(empty_database: str) -> str:
    """A small history."""
    fill(empty_database, History(orders=300, cases=60, now=NOW, suppliers=3, days=6))
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("DELETE FROM clock_changes")
    return empty_database


@pytest.fixture
def other(url: str) -> Generator[psycopg.Connection]:
    """Somebody who changes clocks."""
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@asynccontextmanager
async def hearing(url: str, **options: Any) -> AsyncGenerator[PostgresBoardChanges]:
    """Word of changes of a database."""
    async with PostgresBoardChanges(url, spacing=SOON, retry=SOON, **options) as changes:
        yield changes


async def following(changes: AsyncIterator[BoardChange]) -> BoardChange:
    """The next change."""
    async with asyncio.timeout(10):
        return await anext(changes)


async def silent(changes: AsyncIterator[BoardChange]) -> bool:
    """Whether nothing comes for a while."""
    waiting = asyncio.ensure_future(anext(changes))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    waiting.cancel()
    return not done


async def test_a_listener_hears_what_changed(url: str, other: psycopg.Connection) -> None:
    """First to read everything, then of each change, several at once told together; each of their own."""
    async with (
        hearing(url) as changes,
        changes.listen(None) as of_all,
        changes.listen("supplier-0001") as own,
    ):
        assert (await following(of_all)).missed
        assert (await following(own)).missed
        with other.transaction():
            other.execute(TOUCH, ("supplier-0000",))
            other.execute(TOUCH, ("supplier-0001",))
        told = await following(of_all)
        assert told == BoardChange(
            frozenset({("supplier-0000", Metric.SHIPMENT), ("supplier-0001", Metric.SHIPMENT)})
        )
        assert await following(own) == BoardChange(frozenset({("supplier-0001", Metric.SHIPMENT)}))


async def test_what_changes_nothing_is_not_told(url: str, other: psycopg.Connection) -> None:
    """A look of the timekeeper at all clocks is no news, nor is what was taken back."""
    async with hearing(url) as changes, changes.listen(None) as heard:
        await following(heard)
        other.execute(LOOK)
        with other.transaction():
            other.execute(TOUCH, ("supplier-0000",))
            raise_back(other)
        assert await silent(heard)


def raise_back(connection: psycopg.Connection) -> None:
    """Take the transaction back."""
    raise psycopg.Rollback


async def test_a_lost_connection_is_told(url: str, other: psycopg.Connection) -> None:
    """Whatever was missed meanwhile: everybody is told to read all anew, and hears on."""
    async with hearing(url) as changes, changes.listen(None) as heard:
        assert (await following(heard)).missed
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mallcare board'"
            " AND datname = current_database()"
        )
        assert (await following(heard)).missed
        other.execute(TOUCH, ("supplier-0002",))
        assert (await following(heard)).pairs == {("supplier-0002", Metric.SHIPMENT)}


async def test_changes_are_told_at_intervals(url: str, other: psycopg.Connection) -> None:
    """A hundred changes are a few words, not a hundred."""
    async with hearing(url) as changes, changes.listen(None) as heard:
        await following(heard)
        for _ in range(100):
            other.execute(TOUCH, ("supplier-0000",))
        words = 0
        while not await silent(heard):
            words += 1
        assert words < 40


async def test_nobody_is_kept_beyond_the_limit(url: str) -> None:
    """One more than allowed is refused; a place that is left is free."""
    async with hearing(url, most=1) as changes:
        async with changes.listen(None):
            with pytest.raises(TooManyListeners):
                async with changes.listen(None):
                    pass
        async with changes.listen(None) as heard:
            assert (await following(heard)).missed


async def test_a_slow_listener_is_told_to_read_anew(url: str, other: psycopg.Connection) -> None:
    """What waits for it does not grow without end."""
    async with hearing(url) as changes, changes.listen(None) as heard:
        await following(heard)
        other.execute(
            "SELECT pg_notify('clock_changes', 's' || n || '/shipment') FROM generate_series(1, %s) AS n",
            (MOST_PAIRS + 1,),
        )
        other.execute("SELECT pg_notify('clock_changes', 'nonsense')")
        told = [await following(heard)]
        while not await silent(heard):
            told.append(await following(heard))
        assert any(change.missed for change in told) or sum(len(c.pairs) for c in told) > MOST_PAIRS


async def test_the_end_of_a_process_ends_its_streams(url: str) -> None:
    """And nobody may begin another."""
    async with hearing(url) as changes, changes.listen(None) as heard:
        await following(heard)
        changes.stop()
        with pytest.raises(StopAsyncIteration):
            await following(heard)
        with pytest.raises(TooManyListeners):
            async with changes.listen(None):
                pass


# --- over HTTP -----------------------------------------------------------------------------------


@pytest.fixture
def processes(url: str) -> Generator[list[tuple[subprocess.Popen[str], str]]]:
    """Two processes of the API on one database."""
    ports = [free_port(), free_port()]
    running = [(start(url, port), f"http://127.0.0.1:{port}") for port in ports]
    deadline = time.monotonic() + 60
    for process, address in running:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{address}/healthz").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.05)
    yield running
    for process, _ in running:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


async def events(address: str, bearer: str, query: str = "") -> AsyncGenerator[tuple[str, Any]]:
    """Names and data of the events of a stream."""
    headers = {"Authorization": f"Bearer {bearer}"}
    path = f"{address}/v1/boards/timeliness/stream{query}"
    async with httpx.AsyncClient(timeout=20) as client, client.stream("GET", path, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        name = ""
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield name, json.loads(line.removeprefix("data: "))


async def test_every_process_tells_its_clients(
    processes: list[tuple[subprocess.Popen[str], str]], other: psycopg.Connection
) -> None:
    """Whoever made the change; a supplier hears of itself alone; a stop ends streams at once."""
    (first, one), (_, two) = processes
    of_all = events(one, token("operations"))
    own = events(two, token("supplier", supplier_id="supplier-0001"))
    async with asyncio.timeout(30):
        assert await anext(of_all) == ("resync", {})
        assert await anext(own) == ("resync", {})
        other.execute(TOUCH, ("supplier-0000",))
        assert await anext(of_all) == (
            "changed",
            [{"supplier_id": "supplier-0000", "metrics": ["shipment"]}],
        )
        other.execute(TOUCH, ("supplier-0001",))
        expected = ("changed", [{"supplier_id": "supplier-0001", "metrics": ["shipment"]}])
        assert await anext(own) == expected
        assert await anext(of_all) == expected
        begun = time.monotonic()
        os.kill(first.pid, signal.SIGTERM)
        assert [event async for event in of_all] == []
        assert await asyncio.to_thread(first.wait) == 0
        assert time.monotonic() - begun < 8, "the stop waited for the stream"
        await own.aclose()
