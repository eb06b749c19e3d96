"""P4: opening a request, and the memory of all processes, with few and with many requests open."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter
from uuid import uuid4

import httpx
import psutil
from sqlalchemy import text

from benchmarks.finding import Aim, Part, Sheet
from benchmarks.shape import quantile
from benchmarks.stack import SERVICES, Arena
from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable
from mallcare.application.submit import Submission
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, Role
from mallcare.ports import CaseDetails

MALL = Caller(Role.MALL, "bench")
FLAT = 1.2
AT_ONCE = 16
PAGE = 1_000
PATIENCE_SECONDS = 900
OPEN = text("SELECT count(*) FROM after_sales WHERE supplier_id = :supplier AND told_version > 0")
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Standing:
    """With so many requests open: seconds of each creation through HTTP, and memory by process, in bytes."""

    open_requests: int
    create: Sequence[float]
    memory: Mapping[str, int]


async def measure(arena: Arena, few: int, many: int, probes: int) -> Part:
    """Creations are measured one after another, while nothing else happens."""
    standings: list[Standing] = []
    opened = 0
    for wanted in (few, many):
        await _open(arena, wanted - opened)
        opened = wanted
        await _probe(arena, min(probes, 20))  # warm: caches, plans
        standings.append(Standing(wanted, await _probe(arena, probes), _memory(arena)))
    return _findings(*standings)


def _findings(few: Standing, many: Standing) -> Part:
    times = quantile(many.create, 0.5) / quantile(few.create, 0.5)
    named = f"{many.open_requests} open / {few.open_requests}"
    part = Part([Aim(f"P4 create p50, {named}", times, FLAT)])
    for name in ("api", "worker"):
        part.aims.append(Aim(f"P4 memory of {name}, {named}", many.memory[name] / few.memory[name], FLAT))
    heads = ("open", "create p50 ms", "p99 ms", *(f"{name} MB" for name in few.memory))
    rows = [
        (
            str(one.open_requests),
            *(f"{1_000 * quantile(one.create, share):.1f}" for share in (0.5, 0.99)),
            *(f"{used / MEGABYTE:.0f}" for used in one.memory.values()),
        )
        for one in (few, many)
    ]
    part.sheets.append(Sheet("P4 Growth with open requests", heads, rows))
    return part


async def _open(arena: Arena, count: int) -> None:
    """Open requests through the use case, their workflows started; a page at a time."""
    supplier = f"growth-{uuid4().hex[:8]}"
    for begin in range(0, count, PAGE):
        orders = await arena.orders(min(PAGE, count - begin), supplier=supplier)
        at_once = asyncio.Semaphore(AT_ONCE)

        async def submit(order_no: str, at_once: asyncio.Semaphore = at_once) -> None:
            async with at_once:
                await arena.platform.use_cases.submit(_submission(order_no), MALL, lambda _: {})

        await asyncio.gather(*map(submit, orders))
        await _started(arena, supplier, begin + len(orders))


async def _started(arena: Arena, supplier: str, count: int) -> None:
    """Wait until so many workflows run: more at once would be hints dropped, and the sweeper's to heal."""
    async with asyncio.timeout(PATIENCE_SECONDS), arena.platform.database.connect() as connection:
        while (await connection.execute(OPEN, {"supplier": supplier})).scalar_one() < count:
            await connection.rollback()
            await asyncio.sleep(0.2)


def _submission(order_no: str) -> Submission:
    request = Request(Kind.REFUND_ONLY, "changed_mind", (RequestedLine("1", 1),))
    return Submission(order_no, request, CaseDetails(), Repeatable(uuid4().hex, "bench"))


async def _probe(arena: Arena, count: int) -> list[float]:
    """Seconds of creations through HTTP, one client."""
    orders = await arena.orders(count, age=timedelta(hours=2), supplier=f"probe-{uuid4().hex[:8]}")
    headers = {"authorization": f"Bearer {arena.token(Role.MALL, 'bench')}"}
    took: list[float] = []
    async with httpx.AsyncClient(base_url=arena.api_url, headers=headers, timeout=30) as client:
        for order_no in orders:
            body = {
                "order_no": order_no,
                "kind": "refund_only",
                "lines": [{"line_id": "1", "quantity": 1}],
                "reason_code": "changed_mind",
            }
            begun = perf_counter()
            answer = await client.post("/v1/after-sales", json=body, headers={"idempotency-key": uuid4().hex})
            took.append(perf_counter() - begun)
            answer.raise_for_status()
    return took


def _memory(arena: Arena) -> dict[str, int]:
    """Bytes that each process holds for itself, its children included."""
    used: dict[str, int] = {}
    for name in SERVICES:
        process = psutil.Process(arena.stack.pid(name))
        used[name] = 0
        for member in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                used[name] += member.memory_full_info().uss
    return used
