"""P2: exact sizes of histories, kind by kind, against a bare workflow's."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from benchmarks import goods
from benchmarks.lifecycle import command, ended, submit
from benchmarks.shape import EVENTS, MOST_EVENTS, event_counts
from benchmarks.stack import SUPPLIER, Arena
from benchmarks.wire import Wire, connected
from mallcare.application.caller import Caller
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Kind, Role

SHORT_REVIEW = timedelta(seconds=1)
PEER = "peer: start, update, timer, one activity"


@dataclass(frozen=True)
class Shape:
    """The history most cases had, the smallest and largest seen, and how many events are aimed at."""

    name: str
    counts: dict[str, int]
    smallest: int
    largest: int
    most: int | None


Walk = Callable[[Arena, Wire, str], Awaitable[str]]
"""From an order to its case, whose number it answers; the end is waited for elsewhere."""


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


@dataclass(frozen=True)
class Play:
    """How cases of a shape go. `hurry`: the supplier's review is short while they are opened."""

    name: str
    kind: Kind
    walk: Walk
    points: int = 0
    age: timedelta = timedelta(hours=2)
    hurry: bool = False


PLAYS = (
    Play("approved, one tender", Kind.REFUND_ONLY, _approved),
    Play("approved, two tenders", Kind.REFUND_ONLY, _approved, points=500),
    Play("rejected", Kind.REFUND_ONLY, _rejected),
    Play("cancelled", Kind.REFUND_ONLY, _cancelled),
    Play("escalated, then approved", Kind.REFUND_ONLY, _escalated, hurry=True),
    Play("cooling-off", Kind.REFUND_ONLY, _cooling_off, age=timedelta(minutes=1)),
    Play("return, one tender", Kind.RETURN_REFUND, goods.returned),
    Play("return, two tenders, a unit missing", Kind.RETURN_REFUND, goods.returned_in_part, points=500),
    Play("exchange, confirmed", Kind.EXCHANGE, goods.exchanged),
    Play("exchange, out of stock, refunded", Kind.EXCHANGE, goods.exchanged_for_money),
)


async def measure(arena: Arena, repeats: int) -> list[Shape]:
    """Each shape played `repeats` times over HTTP; the peer once."""
    await goods.prepare(arena)
    shapes = [await _shape(arena, play, repeats) for play in PLAYS]
    peer = await arena.floor.peer_of_histories()
    return [*shapes, Shape(PEER, peer, peer[EVENTS], peer[EVENTS], None)]


async def _shape(arena: Arena, play: Play, repeats: int) -> Shape:
    orders = await arena.orders(repeats, points=play.points, age=play.age)
    if play.hurry:
        await _publish(arena, replace(AfterSalesPolicy(), review=SHORT_REVIEW))
    found: Counter[tuple[tuple[str, int], ...]] = Counter()
    with connected(arena.api_url, 1) as (wire,):
        for order in orders:
            number = await play.walk(arena, wire, order)
            await ended(arena, number)
            handle = arena.floor.client.get_workflow_handle(after_sales_workflow_id(number))
            found[tuple(event_counts(await handle.fetch_history()).items())] += 1
    if play.hurry:
        await _publish(arena, AfterSalesPolicy())
    sizes = [dict(counts)[EVENTS] for counts in found]
    most = MOST_EVENTS[play.kind]
    return Shape(play.name, dict(found.most_common(1)[0][0]), min(sizes), max(sizes), most)


async def _publish(arena: Arena, policy: AfterSalesPolicy) -> None:
    await arena.platform.use_cases.policies.publish(policy, SUPPLIER, Caller(Role.OPERATIONS, "bench"))
    await asyncio.sleep(1.1)  # processes look again after a second
