"""P2: exact sizes of histories, kind by kind, against a bare workflow's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from benchmarks.lifecycle import command, ended, submit
from benchmarks.shape import EVENTS, event_counts
from benchmarks.stack import SUPPLIER, Arena
from benchmarks.wire import Wire, connected
from mallcare.application.caller import Caller
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Role

SHORT_REVIEW = timedelta(seconds=1)
PEER = "peer: start, update, timer, one activity"


@dataclass(frozen=True)
class Shape:
    """The history most cases of a kind had, and the smallest and largest seen."""

    kind: str
    counts: dict[str, int]
    smallest: int
    largest: int


Play = Callable[[Arena, Wire, str], Awaitable[str]]


async def _approved(arena: Arena, wire: Wire, order: str) -> str:
    case = await submit(wire, arena.token(Role.CUSTOMER, "c"), order)
    await command(wire, arena.token(Role.SUPPLIER, "s"), case, "approve")
    return case["after_sales_no"]


async def _rejected(arena: Arena, wire: Wire, order: str) -> str:
    case = await submit(wire, arena.token(Role.CUSTOMER, "c"), order)
    await command(wire, arena.token(Role.SUPPLIER, "s"), case, "reject", reason="used")
    return case["after_sales_no"]


async def _cancelled(arena: Arena, wire: Wire, order: str) -> str:
    case = await submit(wire, arena.token(Role.CUSTOMER, "c"), order)
    await command(wire, arena.token(Role.CUSTOMER, "c"), case, "cancel")
    return case["after_sales_no"]


async def _escalated(arena: Arena, wire: Wire, order: str) -> str:
    case = await submit(wire, arena.token(Role.CUSTOMER, "c"), order)
    await asyncio.sleep(2 * SHORT_REVIEW.total_seconds())
    await command(wire, arena.token(Role.SUPPLIER, "s"), case, "approve")
    return case["after_sales_no"]


async def _cooling_off(arena: Arena, wire: Wire, order: str) -> str:
    return (await submit(wire, arena.token(Role.CUSTOMER, "c"), order, whole=True))["after_sales_no"]


async def measure(arena: Arena, repeats: int) -> list[Shape]:
    """Each kind played `repeats` times over HTTP; the peer once."""
    shapes = [
        await _shape(arena, "approved, one tender", _approved, await arena.orders(repeats)),
        await _shape(arena, "approved, two tenders", _approved, await arena.orders(repeats, points=500)),
        await _shape(arena, "rejected", _rejected, await arena.orders(repeats)),
        await _shape(arena, "cancelled", _cancelled, await arena.orders(repeats)),
        await _shape(arena, "escalated, then approved", _escalated, await arena.orders(repeats), hurry=True),
        await _shape(
            arena, "cooling-off", _cooling_off, await arena.orders(repeats, age=timedelta(minutes=1))
        ),
    ]
    peer = await arena.floor.peer_of_histories()
    return [*shapes, Shape(PEER, peer, peer[EVENTS], peer[EVENTS])]


async def _shape(arena: Arena, kind: str, play: Play, orders: list[str], *, hurry: bool = False) -> Shape:
    """`hurry`: the supplier's review is short while these cases are opened."""
    if hurry:
        await _publish(arena, replace(AfterSalesPolicy(), review=SHORT_REVIEW))
    found: Counter[tuple[tuple[str, int], ...]] = Counter()
    with connected(arena.api_url, 1) as (wire,):
        for order in orders:
            number = await play(arena, wire, order)
            await ended(arena, number)
            handle = arena.floor.client.get_workflow_handle(after_sales_workflow_id(number))
            found[tuple(event_counts(await handle.fetch_history()).items())] += 1
    if hurry:
        await _publish(arena, AfterSalesPolicy())
    sizes = [dict(counts)[EVENTS] for counts in found]
    return Shape(kind, dict(found.most_common(1)[0][0]), min(sizes), max(sizes))


async def _publish(arena: Arena, policy: AfterSalesPolicy) -> None:
    await arena.platform.use_cases.policies.publish(policy, SUPPLIER, Caller(Role.OPERATIONS, "bench"))
    await asyncio.sleep(1.1)  # processes look again after a second
