"""P1 and P7: refund-only lifecycles through HTTP, and the worker's CPU for them, against bare workflows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import perf_counter
from uuid import uuid4

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.machine import busy_seconds
from benchmarks.stack import Arena
from benchmarks.wire import Json, Wire, connected
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.vocabulary import Kind, Role, State

NOT_STARTED_POLL_SECONDS = 0.005
PATIENCE_SECONDS = 60


@dataclass
class Timing:
    """What one side of a level took, in seconds; rounds add up."""

    elapsed: float = 0.0
    create: list[float] = field(default_factory=list[float])
    command: list[float] = field(default_factory=list[float])
    whole: list[float] = field(default_factory=list[float])
    cpu: dict[str, float] = field(default_factory=dict[str, float])
    machine_busy: float = 0.0
    """CPU seconds all processes of the machine used meanwhile, ours and others'."""

    @property
    def others(self) -> float:
        """Cores that processes outside the bench kept busy: the less, the better the figures."""
        return max(0.0, (self.machine_busy - sum(self.cpu.values())) / self.elapsed)

    @property
    def per_second(self) -> float:
        """Lifecycles a second."""
        return len(self.whole) / self.elapsed

    def cpu_ms(self, process: str) -> float:
        """CPU of a process for one lifecycle, in milliseconds."""
        return 1_000 * self.cpu[process] / len(self.whole)


@dataclass
class Level:
    """The product and its floor with so many clients."""

    clients: int
    product: Timing = field(default_factory=Timing)
    floor: Timing = field(default_factory=Timing)

    @property
    def ratio(self) -> float:
        """Throughput of the product as a share of the floor's."""
        return self.product.per_second / self.floor.per_second


async def measure(arena: Arena, clients: int, count: int, rounds: int) -> Level:
    """Floor and product by turns, `count` lifecycles each round, so that both see the same machine."""
    level = Level(clients)
    for _ in range(rounds):
        await _floor_round(arena, level.floor, clients, count)
        await _product_round(arena, level.product, clients, count)
    return level


async def _floor_round(arena: Arena, timing: Timing, clients: int, count: int) -> None:
    async def one(_client: int) -> None:
        create, command, whole = await arena.floor.lifecycle()
        timing.create.append(create)
        timing.command.append(command)
        timing.whole.append(whole)

    await _timed(arena, timing, lambda: _shared(clients, count, one))


async def _product_round(arena: Arena, timing: Timing, clients: int, count: int) -> None:
    orders = await arena.orders(count)
    customer, supplier = arena.token(Role.CUSTOMER, "bench-customer"), arena.token(Role.SUPPLIER, "desk")
    with connected(arena.api_url, clients) as wires:

        async def one(client: int) -> None:
            wire, begun = wires[client], perf_counter()
            case = await submit(wire, customer, orders.pop())
            created = perf_counter()
            await command(wire, supplier, case, "approve")
            commanded = perf_counter()
            end = await ended(arena, case["after_sales_no"])
            assert end.state is State.COMPLETED, end.state
            timing.create.append(created - begun)
            timing.command.append(commanded - created)
            timing.whole.append(perf_counter() - begun)

        await _timed(arena, timing, lambda: _shared(clients, count, one))


async def _shared(clients: int, count: int, one: Callable[[int], Awaitable[None]]) -> None:
    """So many clients share so many lifecycles, each beginning its next when one has ended."""
    left = iter(range(count))

    async def client(number: int) -> None:
        for _ in left:
            await one(number)

    await asyncio.gather(*(client(number) for number in range(clients)))


async def _timed(arena: Arena, timing: Timing, work: Callable[[], Awaitable[None]]) -> None:
    before, busy, begun = arena.cpu_seconds(), busy_seconds(), perf_counter()
    await work()
    timing.elapsed += perf_counter() - begun
    timing.machine_busy += busy_seconds() - busy
    for name, used in arena.cpu_seconds().items():
        timing.cpu[name] = timing.cpu.get(name, 0.0) + used - before[name]


async def submit(
    wire: Wire,
    token: str,
    order_no: str,
    *,
    whole: bool = False,
    kind: Kind = Kind.REFUND_ONLY,
    quantity: int = 1,
) -> Json:
    """A request for so many units, or for the whole order."""
    body: Json = {
        "order_no": order_no,
        "kind": kind.value,
        "reason_code": "changed_mind",
        **({"whole_order": True} if whole else {"lines": [{"line_id": "1", "quantity": quantity}]}),
    }
    return await wire.post("/v1/after-sales", token, body, {"Idempotency-Key": uuid4().hex})


async def command(wire: Wire, token: str, case: Json, name: str, **facts: object) -> Json:
    """A command that is accepted."""
    body: Json = {"command_id": uuid4().hex, **facts}
    return await wire.post(f"/v1/after-sales/{case['after_sales_no']}/{name}", token, body)


async def ended(arena: Arena, after_sales_no: str) -> CaseSnapshot:
    """Wait for the workflow's end, which comes after the database's, as the floor's clients do.

    Raises:
        TimeoutError: it does not end: not slowness, but a fault.
    """
    handle: WorkflowHandle[object, CaseSnapshot] = arena.floor.client.get_workflow_handle(
        after_sales_workflow_id(after_sales_no), result_type=CaseSnapshot
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await handle.result()
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(NOT_STARTED_POLL_SECONDS)  # its start is still on the way
