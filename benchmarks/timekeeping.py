"""P8: what a look of a timekeeper costs among a million live clocks, and how fast 100,000 due ones go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import uuid4

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.finding import Aim, Part, Sheet
from benchmarks.shape import quantile
from benchmarks.stack import Arena
from mallcare.application.keeping import KeepTime
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.engine import create_engine
from mallcare.persistence.migrate import upgrade
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import TIMEKEEPERS, shard_of

FLAT, LEAST = 1.2, 2_000.0
LOOKS = 40
CROWDED = "crowded-supplier"
HOUR = timedelta(hours=1)
# As the product's own writer stores a shipment that started a while ago; nobody is to be told yet.
CLOCKS = """
INSERT INTO clocks (metric, subject, part, seq, order_no, supplier_id, policy_version, calendar_id,
  calendar_version, target, events, started_at, running_since, elapsed, due_at, at_risk_at, next_at)
SELECT 'shipment', %(name)s || n, '1', 1, %(name)s || n,
  coalesce(%(supplier)s, 'supplier-' || n %% 4000), 1, '24x7', 1, interval '48 hours',
  jsonb_build_array(jsonb_build_object('id', 'released', 'kind', 'start', 'at', begun)),
  begun, begun, interval '0', begun + interval '48 hours', begun + interval '38.4 hours',
  begun + interval '36 hours'
FROM (SELECT n, %(begun)s::timestamptz + n * %(apart)s::interval AS begun
      FROM generate_series(1, %(count)s) AS n) AS one
"""


@dataclass(frozen=True)
class Look:
    """Seconds of looks that found nothing due, with so many live clocks in all."""

    live: int
    seconds: list[float]


async def measure(arena: Arena, few: int, many: int, due: int) -> Part:
    """In databases of their own; `due` clocks of one supplier reach their first rung at one instant."""
    looks: list[Look] = []
    async with _database(arena) as (url, engine):
        await asyncio.to_thread(_fill, url, few)
        looks.append(Look(few, await _idle_looks(engine)))
    async with _database(arena) as (url, engine):
        await asyncio.to_thread(_fill, url, many)
        looks.append(Look(many, await _idle_looks(engine)))
        await asyncio.to_thread(_crowd, url, due)
        took = await _look(engine, shard_of(CROWDED), datetime.now(UTC))
        left = await asyncio.to_thread(_still_due, url)
    if left:
        raise RuntimeError(f"{left} clocks were due and were not looked at")
    return _findings(looks, due, took)


def _findings(looks: list[Look], due: int, took: float) -> Part:
    few, many = looks
    times = quantile(many.seconds, 0.5) / quantile(few.seconds, 0.5)
    aims = [
        Aim(f"P8 a look with {many.live:,} live clocks / with {few.live:,}", times, FLAT),
        Aim(f"P8 due clocks a second, {due:,} at once", due / took, LEAST, least=True),
    ]
    rows = [
        (
            f"{look.live:,} live, none due",
            *(f"{1_000 * quantile(look.seconds, share):.1f}" for share in (0.5, 0.99)),
        )
        for look in looks
    ]
    rows.append((f"{due:,} of one supplier due at once", f"{1_000 * took:.0f}", ""))
    return Part(aims, [Sheet("P8 Looks of a timekeeper", ("", "p50 ms", "p99 ms"), rows)])


async def _idle_looks(engine: AsyncEngine) -> list[float]:
    now = datetime.now(UTC)
    await _look(engine, 0, now)  # warm: a connection, plans
    return [await _look(engine, number % TIMEKEEPERS, now) for number in range(LOOKS)]


async def _look(engine: AsyncEngine, shard: int, now: datetime) -> float:
    keep_time = KeepTime(SqlUnitOfWorkFactory(engine), TimeOrderedIds())
    begun = perf_counter()
    await keep_time(shard, now)
    return perf_counter() - begun


def _fill(url: str, count: int) -> None:
    """Live clocks that begin to be due tomorrow, spread over suppliers and over a day."""
    begun = datetime.now(UTC) - 12 * HOUR
    _insert(url, "F", count, None, begun, 24 * HOUR / count)


def _crowd(url: str, count: int) -> None:
    """So many clocks of one supplier whose first rung was reached this very moment."""
    _insert(url, "C", count, CROWDED, datetime.now(UTC) - 37 * HOUR, timedelta(0))


def _insert(url: str, name: str, count: int, supplier: str | None, begun: datetime, apart: timedelta) -> None:
    given = {"name": name, "count": count, "supplier": supplier, "begun": begun, "apart": apart}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(CLOCKS, given)
        connection.execute("VACUUM (ANALYZE) clocks")


def _still_due(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM clocks WHERE next_at <= now()").fetchone()
        assert found is not None
        return int(found[0])


@asynccontextmanager
async def _database(arena: Arena) -> AsyncGenerator[tuple[str, AsyncEngine]]:
    """A migrated database on the server under measurement, dropped at the end."""
    own = arena.stack.settings.database_url
    assert own is not None
    name = f"bench_{uuid4().hex[:8]}"
    with psycopg.connect(own.get_secret_value(), autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}".encode())
        url = f"{own.get_secret_value().rpartition('/')[0]}/{name}"
        await asyncio.to_thread(upgrade, url)
        engine = create_engine(url, statement_timeout=timedelta(minutes=1))
        try:
            yield url, engine
        finally:
            await engine.dispose()
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
