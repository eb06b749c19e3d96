"""P2 for returns and exchanges: played over HTTP, each command once the workflow took in the one before.

Told in one breath, hints would share workflow tasks and events would be fewer. What takes days in between
may need a few more (`tests/workflows/test_history_size.py`): deadlines less than an hour apart share a timer.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

from temporalio.service import RPCError

from benchmarks.lifecycle import PATIENCE_SECONDS, command, submit
from benchmarks.stack import CUSTOMER, SUPPLIER, Arena
from benchmarks.wire import Json, Wire
from mallcare.application.caller import Caller
from mallcare.contracts.names import after_sales_workflow_id
from mallcare.domain.vocabulary import Kind, Role
from mallcare.ports import Address

ADDRESS: Address = {
    "name": "returns",
    "phone": "13800000000",
    "province": "Zhejiang",
    "city": "Hangzhou",
    "district": "Xihu",
    "address": "1 Warehouse Road",
}


async def prepare(arena: Arena) -> None:
    """The supplier has an address for returns."""
    staff = Caller(Role.SUPPLIER, "bench", supplier_id=SUPPLIER)
    await arena.platform.use_cases.return_addresses.set(SUPPLIER, ADDRESS, staff)


class Journey:
    """One case with goods, and both its parties."""

    def __init__(self, arena: Arena, wire: Wire) -> None:
        self._arena = arena
        self._wire = wire
        self._customer = arena.token(Role.CUSTOMER, CUSTOMER)
        self._supplier = arena.token(Role.SUPPLIER, "desk")
        self._seen = 0
        self.case: Json = {}

    async def open(self, order: str, kind: Kind, quantity: int) -> None:
        """Ask for so many units."""
        self.case = await submit(self._wire, self._customer, order, kind=kind, quantity=quantity)
        await self._taken_in()

    async def customer(self, name: str, **facts: object) -> None:
        """The customer does something."""
        await command(self._wire, self._customer, self.case, name, **facts)
        await self._taken_in()

    async def supplier(self, name: str, **facts: object) -> None:
        """The supplier does something."""
        await command(self._wire, self._supplier, self.case, name, **facts)
        await self._taken_in()

    async def come_back(self, order: str, kind: Kind, *, arrive: int, quantity: int = 1) -> None:
        """From the request to the acceptance of what arrived."""
        await self.open(order, kind, quantity)
        await self.supplier("approve")
        await self.customer("submit-waybill", **parcel())
        counted = {"line_id": "1", "good": arrive, "missing": quantity - arrive}
        await self.supplier("receive", lines=[counted])
        await self.supplier("accept", lines=[{"line_id": "1", "quantity": arrive}])

    async def _taken_in(self) -> None:
        """The hint came, and the workflow task it caused is done."""
        number = after_sales_workflow_id(self.case["after_sales_no"])
        handle = self._arena.floor.client.get_workflow_handle(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                await asyncio.sleep(0.01)
                try:
                    told = (await handle.describe()).raw_description
                except RPCError:  # its start is still on the way
                    continue
                length = told.workflow_execution_info.history_length
                if length > self._seen + 3 and not told.HasField("pending_workflow_task"):
                    self._seen = length
                    return


def parcel() -> dict[str, str]:
    """A carrier and a waybill of its own."""
    return {"carrier": "shunfeng", "waybill": f"SF{uuid4().hex[:16].upper()}"}


async def returned(arena: Arena, wire: Wire, order: str) -> str:
    """A return of one unit, refunded."""
    journey = Journey(arena, wire)
    await journey.come_back(order, Kind.RETURN_REFUND, arrive=1)
    return journey.case["after_sales_no"]


async def returned_in_part(arena: Arena, wire: Wire, order: str) -> str:
    """A return of two units of which one arrived."""
    journey = Journey(arena, wire)
    await journey.come_back(order, Kind.RETURN_REFUND, arrive=1, quantity=2)
    return journey.case["after_sales_no"]


async def exchanged(arena: Arena, wire: Wire, order: str) -> str:
    """An exchange whose customer confirms the replacement."""
    journey = Journey(arena, wire)
    await journey.come_back(order, Kind.EXCHANGE, arrive=1)
    await journey.supplier("reship", **parcel())
    await journey.customer("confirm")
    return journey.case["after_sales_no"]


async def exchanged_for_money(arena: Arena, wire: Wire, order: str) -> str:
    """An exchange without a replacement, refunded."""
    journey = Journey(arena, wire)
    await journey.come_back(order, Kind.EXCHANGE, arrive=1)
    await journey.supplier("out-of-stock")
    await journey.customer("choose", choice="refund")
    return journey.case["after_sales_no"]
