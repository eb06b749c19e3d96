"""P3: how late deadlines fire, spread over a minute and all at one instant, against scans and bare timers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import uuid4

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from benchmarks.bare import Due
from benchmarks.shape import quantile
from benchmarks.stack import PRETENDED_NOW, Arena
from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable
from mallcare.application.submit import Submission
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, Role
from mallcare.ports import CaseDetails

REVIEW = AfterSalesPolicy().review
MALL = Caller(Role.MALL, "bench")
AT_ONCE = 16
LEAD = timedelta(seconds=4)
"""Between the last arming and the first deadline, so that nothing is still being started."""
PROBES, CAUTION = 100, 0.7
"""Cases opened to learn how fast this machine arms deadlines, and the share of that speed to count on."""
PATIENCE_SECONDS = 120
# The record keeps the workflow's instant; when it was written is known to a column of the bench alone.
STAMP = "ALTER TABLE after_sales_events ADD COLUMN written_at timestamptz DEFAULT clock_timestamp()"
FIRED = text(
    "SELECT (e.facts->>'late_ms')::float / 1000 AS told, extract(epoch FROM e.written_at) AS written,"
    " e.after_sales_no FROM after_sales_events e JOIN after_sales c USING (after_sales_no)"
    " WHERE c.supplier_id = :supplier AND e.name = 'escalated'"
)
ESCALATED = text(
    "SELECT count(*) FROM after_sales WHERE supplier_id = :supplier AND escalated_at IS NOT NULL"
)
UNTOLD = text("SELECT count(*) FROM after_sales WHERE supplier_id = :supplier AND told_version = 0")
SCAN = text("SELECT after_sales_no FROM after_sales WHERE deadline_at < :now ORDER BY deadline_at LIMIT 500")


@dataclass(frozen=True)
class Lateness:
    """Seconds after deadlines; `drained`: from the first deadline to the last deed."""

    what: str
    seconds: Sequence[float]
    drained: float

    def at(self, share: float) -> float:
        """A quantile in seconds."""
        return quantile(self.seconds, share)


@dataclass(frozen=True)
class Deadlines:
    """All that P3 tells."""

    spread: list[Lateness]
    burst: list[Lateness]
    scan_seconds: float


async def measure(arena: Arena, spread: int, burst: int, within: timedelta) -> Deadlines:
    """Bursts first (bare, then ours), then the spread with its scans."""
    async with arena.platform.database.begin() as connection:
        await connection.execute(text(STAMP))
    pace = await _pace(arena)
    bursts = [
        await _bare_burst(arena, _dues(burst, timedelta(0), pace), act=False),
        await _bare_burst(arena, _dues(burst, timedelta(0), pace), act=True),
        *await _ours(arena, "burst", burst, timedelta(0), pace),
    ]
    spreads = await _ours(arena, "spread", spread, within, pace)
    async with arena.platform.database.connect() as connection:
        scan = await _scan_seconds(connection)
    dues = _dues(spread, within, pace)
    return Deadlines(
        spread=[*spreads, _scanned(dues, 1, scan), _scanned(dues, 60, scan)],
        burst=bursts,
        scan_seconds=scan,
    )


async def _pace(arena: Arena) -> float:
    """Deadlines this machine arms in a second, its workflows started, with some caution."""
    orders = await arena.orders(PROBES, supplier="probe")
    begun, due = perf_counter(), datetime.now(UTC) + REVIEW
    await _open_all(arena, orders, [due] * PROBES)
    await _count(arena, UNTOLD, "probe", lambda untold: untold == 0)
    return CAUTION * PROBES / (perf_counter() - begun)


def _dues(count: int, within: timedelta, pace: float) -> list[datetime]:
    """Instants spread evenly over `within`, all after everything could be armed at `pace`."""
    first = datetime.now(UTC) + timedelta(seconds=count / pace) + LEAD
    return [first + within * number / count for number in range(count)]


async def _bare_burst(arena: Arena, dues: Sequence[datetime], *, act: bool) -> Lateness:
    """Bare timers at one instant, with or without an activity after it."""
    due = dues[0]
    at_once = asyncio.Semaphore(AT_ONCE)

    async def arm() -> str:
        async with at_once:
            return await arena.floor.arm(Due(due, act))

    ids = await asyncio.gather(*(arm() for _ in dues))
    await _until(due)
    late = [(closed - due).total_seconds() for closed in await arena.floor.closed_at(ids)]
    return Lateness("bare timers" + (", then one activity" if act else ""), late, max(late))


async def _ours(arena: Arena, supplier: str, count: int, within: timedelta, pace: float) -> list[Lateness]:
    """Cases whose reviews end as wished: what their record tells, and when it was written."""
    orders = await arena.orders(count, age=REVIEW + timedelta(hours=2), supplier=supplier)
    dues = _dues(count, within, pace)
    due_of = await _open_all(arena, orders, dues)
    if datetime.now(UTC) > dues[0]:
        raise RuntimeError("this machine is too busy: deadlines passed before all were armed")
    await _until(dues[-1])
    await _count(arena, ESCALATED, supplier, lambda escalated: escalated == count)
    async with arena.platform.database.connect() as connection:
        fired = (await connection.execute(FIRED, {"supplier": supplier})).all()
    told = [float(row.told) for row in fired]
    written = [float(row.written) - due_of[row.after_sales_no].timestamp() for row in fired]
    drained = max(float(row.written) for row in fired) - dues[0].timestamp()
    return [
        Lateness("mallcare, the workflow's clock", told, drained),
        Lateness("mallcare, written to the database", written, drained),
    ]


async def _open_all(arena: Arena, orders: Sequence[str], dues: Sequence[datetime]) -> dict[str, datetime]:
    """A case of each order, falling due when told; by number."""
    at_once = asyncio.Semaphore(AT_ONCE)

    async def one(order_no: str, due: datetime) -> tuple[str, datetime]:
        async with at_once:
            return await _open(arena, order_no, due), due

    return dict(await asyncio.gather(*map(one, orders, dues)))


async def _count(arena: Arena, query: TextClause, supplier: str, enough: Callable[[int], bool]) -> None:
    """Ask every half second until the count is what it should be."""
    async with asyncio.timeout(PATIENCE_SECONDS), arena.platform.database.connect() as connection:
        while not enough((await connection.execute(query, {"supplier": supplier})).scalar_one()):
            await connection.rollback()
            await asyncio.sleep(0.5)


async def _open(arena: Arena, order_no: str, due: datetime) -> str:
    """Open a case that falls due at `due`, through the use case, at a pretended time; its number."""
    request = Request(Kind.REFUND_ONLY, "changed_mind", (RequestedLine("1", 1),))
    submission = Submission(order_no, request, CaseDetails(), Repeatable(uuid4().hex, "bench"))
    token = PRETENDED_NOW.set(due - REVIEW)
    try:
        body = await arena.platform.use_cases.submit(
            submission, MALL, lambda record: {"no": record.case.after_sales_no}
        )
    finally:
        PRETENDED_NOW.reset(token)
    return str(body["no"])


async def _until(instant: datetime) -> None:
    await asyncio.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


async def _scan_seconds(connection: AsyncConnection) -> float:
    """One indexed look for what is due, on the table of this run; the median of many."""
    took: list[float] = []
    for _ in range(50):
        begun = perf_counter()
        (await connection.execute(SCAN, {"now": datetime.now(UTC)})).all()
        took.append(perf_counter() - begun)
    return quantile(took, 0.5)


def _scanned(dues: Sequence[datetime], period: int, scan: float) -> Lateness:
    """Lateness if a scan every `period` seconds did all, its deeds free: to the next turn, plus the look."""
    phase = dues[0].timestamp() - period / 3
    late = [period - (due.timestamp() - phase) % period + scan for due in dues]
    return Lateness(f"a scan each {period} s (computed)", late, dues[-1].timestamp() - dues[0].timestamp())
