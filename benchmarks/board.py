"""P6: the board and the lists behind it, on a small mall and on one a hundred times as large.

Both are made by COPY in databases of one server and read through the API in this process, with what a
deployment has: its pool, its tokens, its JSON. What is left out is the socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final

import httpx
import jwt
import psycopg
from psycopg import sql
from rich.console import Console

from api.app import create_app
from api.deps import ApiDependencies, ApiPlatform
from api.security import TokenVerifier
from benchmarks.board_data import History, fill, supplier_of
from benchmarks.board_telling import telling
from benchmarks.finding import Aim, Part, Sheet
from benchmarks.shape import quantile
from mallcare.application.use_cases import build_use_cases
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.engine import create_engine
from mallcare.persistence.migrate import upgrade
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory

KEY: Final = "a key of a benchmark, thirty-two bytes"
ROWS: Final = "/v1/boards/timeliness/rows"
MOST_MS, MOST_TIMES = 50.0, 2.0
WARMING: Final = 12
"""Calls that are not counted: pools fill, statements are prepared, plans settle."""


@dataclass
class Answers:
    """How long a call took on each mall, in seconds."""

    name: str
    small: list[float] = field(default_factory=list[float])
    large: list[float] = field(default_factory=list[float])


@dataclass(frozen=True)
class BoardScale:
    """How large the two malls are, and how often each call is made."""

    small: tuple[int, int]
    large: tuple[int, int]
    calls: int


FULL: Final = BoardScale((10_000, 2_000), (1_000_000, 200_000), 200)
QUICK: Final = BoardScale((500, 100), (2_000, 400), 10)


@dataclass
class BoardFindings:
    """What P6 found; `made`: what the two malls hold and how long that took."""

    made: list[str] = field(default_factory=list[str])
    answers: list[Answers] = field(default_factory=list[Answers])
    telling: dict[str, float] = field(default_factory=dict[str, float])


class _Deaf:
    """Nobody is told: nothing is changed here."""

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Nothing."""


@dataclass
class _StillClock:
    """The instant at which both malls are looked at; moves a second when a fresh board is wanted."""

    at: datetime

    def now(self) -> datetime:
        """That instant."""
        return self.at


@dataclass(frozen=True)
class _Mall:
    client: httpx.AsyncClient
    clock: _StillClock
    history: History


def measure(scale: BoardScale, console: Console) -> Part:
    """Make both malls and read them in turn; then what it costs writers that changes are told."""
    findings = BoardFindings()
    with (
        TemporaryDirectory(prefix="mallcare-board-", ignore_cleanup_errors=True) as folder,
        EmbeddedPostgres(Path(folder)).running() as server,
    ):
        urls: list[tuple[str, History]] = []
        now = datetime.now(UTC).replace(microsecond=0)
        for name, (orders, cases) in (("small", scale.small), ("large", scale.large)):
            history = History(orders, cases, now)
            begun = time.perf_counter()
            urls.append((_database(server, f"board_{name}"), history))
            console.print(f"board: {orders:,} orders, {cases:,} cases ...")
            fill(*urls[-1], console.print)
            findings.made.append(_census(urls[-1][0], time.perf_counter() - begun))
            console.print(findings.made[-1])
        findings.answers = asyncio.run(_read(urls, scale.calls, console))
        findings.telling = telling(urls[1][0])
    return _part(findings)


def _part(findings: BoardFindings) -> Part:
    """Each call twice an aim: at most 50 ms, and at most twice what the small mall takes."""
    part = Part()
    rows: list[tuple[str, ...]] = []
    for each in findings.answers:
        small, large = quantile(each.small, 0.95), quantile(each.large, 0.95)
        part.aims.append(Aim(f"P6 {each.name}, p95, ms", 1_000 * large, MOST_MS))
        part.aims.append(Aim(f"P6 {each.name}, p95 / small mall", large / small, MOST_TIMES))
        cells = (quantile(each.small, 0.5), small, quantile(each.large, 0.5), large)
        rows.append((each.name, *(f"{1_000 * cell:.1f}" for cell in cells), f"{large / small:.2f}"))
    heads = ("", "small p50 ms", "small p95 ms", "large p50 ms", "large p95 ms", "large / small")
    part.sheets.append(Sheet("P6 The board and its lists", heads, rows))
    malls = [(name, made) for name, made in zip(("small", "large"), findings.made, strict=True)]
    part.sheets.append(Sheet("P6 The two malls", ("", "holds"), list(malls)))
    told = [(name, f"{1_000 * seconds:.2f}") for name, seconds in findings.telling.items()]
    part.sheets.append(Sheet("P6 What it costs to tell of changes", ("", "ms a commit, mean"), told))
    return part


def _database(server: EmbeddedPostgres, name: str) -> str:
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    upgrade(server.url_of(name))
    return server.url_of(name)


def _census(url: str, seconds: float) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*), count(*) FILTER (WHERE ended_at IS NULL),"
            " count(*) FILTER (WHERE ended_at IS NULL AND next_at IS NULL AND running_since IS NOT NULL),"
            " pg_total_relation_size('clocks'), pg_indexes_size('clocks') FROM clocks"
        ).fetchone()
        assert row is not None
    clocks, opened, overdue, size, indexes = row
    return (
        f"{clocks:,} clocks, {opened:,} open, {overdue:,} overdue; {size / 2**20:.0f} MiB,"
        f" {indexes / 2**20:.0f} MiB of it indexes; made in {seconds:.0f} s"
    )


@asynccontextmanager
async def _serving(url: str, history: History) -> AsyncGenerator[_Mall]:
    engine = create_engine(url, pool_size=4)
    clock, queries = _StillClock(history.now), SqlCaseQueries(engine)
    use_cases = build_use_cases(SqlUnitOfWorkFactory(engine), queries, clock, TimeOrderedIds(), _Deaf())

    async def ready() -> dict[str, bool]:
        return {}

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        yield ApiDependencies(use_cases, queries, {}, clock, ready)

    app = create_app(opened, TokenVerifier(algorithm="HS256", issuer="m", audience="m", key=KEY))
    claims = {"iss": "m", "aud": "m", "exp": time.time() + 7_200, "sub": "bench", "role": "operations"}
    headers = {"Authorization": f"Bearer {jwt.encode(claims, KEY, algorithm='HS256')}"}
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
            yield _Mall(client, clock, history)
    await engine.dispose()


async def _read(urls: list[tuple[str, History]], calls: int, console: Console) -> list[Answers]:
    answers: list[Answers] = []
    async with _serving(*urls[0]) as small, _serving(*urls[1]) as large:
        for name, path in paths(small.history).items():
            found = Answers(name)
            chance = Random(name)
            for number in range(calls + WARMING):
                for mall, seconds in ((small, found.small), (large, found.large)):
                    taken = await _call(mall, path, name, chance)
                    if number >= WARMING:
                        seconds.append(taken)
            worst = quantile(found.large, 0.95)
            console.print(f"  {name}: p95 {1_000 * worst:.1f} ms")
            answers.append(found)
    return answers


COMPUTED: Final = "board of all, computed each time"


def paths(history: History) -> dict[str, str]:
    """What is called, by name; `{supplier}`, `{order}` and `{clock}` are others each time."""
    yesterday = (history.now - timedelta(days=1)).date()
    earlier = (history.now - timedelta(days=30)).date()
    days = f"from={earlier}&to={yesterday}"
    return {
        "board of all": "/v1/boards/timeliness",
        COMPUTED: "/v1/boards/timeliness",
        "board of a supplier": "/v1/boards/timeliness?supplier_id={supplier}",
        "board of a supplier, 30 days": f"/v1/boards/timeliness?supplier_id={{supplier}}&{days}",
        "rows: all unshipped": f"{ROWS}?figure=unshipped&state=overdue",
        "rows: at risk, all": f"{ROWS}?state=at_risk",
        "rows: running, all": f"{ROWS}?figure=after_sales&state=running",
        "rows: 24-48 h of a supplier": f"{ROWS}?metric=shipment&bucket=24-48&supplier_id={{supplier}}",
        "rows: breached in 30 days, all": f"{ROWS}?state=breached&{days}",
        "rows: met on a day, of a supplier": f"{ROWS}?metric=shipment&state=met&day={yesterday}"
        "&supplier_id={supplier}",
        "clocks of an order": "/v1/clocks?order_no={order}",
        "one clock": "/v1/clocks/{clock}",
        "cases, newest": "/v1/after-sales",
        "cases of a supplier under review": "/v1/after-sales?supplier_id={supplier}&state=PENDING_REVIEW",
        "one order": "/v1/orders/{order}",
    }


async def _call(mall: _Mall, path: str, name: str, chance: Random) -> float:
    history = mall.history
    number = chance.randrange(history.orders)
    asked = path.replace("{supplier}", supplier_of(history, chance.randrange(history.orders)))
    asked = asked.replace("{order}", f"O{number:08}").replace("{clock}", str(number + 1))
    if name == COMPUTED:
        mall.clock.at += timedelta(seconds=1)
    begun = time.perf_counter()
    response = await mall.client.get(asked)
    taken = time.perf_counter() - begun
    if response.status_code != httpx.codes.OK:
        raise RuntimeError(f"{asked}: {response.status_code} {response.text[:200]}")
    return taken
