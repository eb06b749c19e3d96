"""kill -9 of everything while goods are under way and while money is: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.e2e.books import completed, recorded_once, refunded_once, told_in_order
from tests.e2e.callers import Api
from tests.e2e.goods import SENT_BACK, accepted, approved, delivered, received, sent_back, sold
from tests.e2e.killing import KillableFolder, Up
from tests.e2e.live import own_ports
from tests.e2e.orders import Json, order

pytestmark = [pytest.mark.rule("P2"), pytest.mark.rule("P3"), pytest.mark.rule("A4")]
KEPT = ("state", "version", "deadline_at", "deadline_effect", "quote", "lines", "parcels", "updated_at")
BOTH = [{"line_id": "1", "quantity": 2}]


@pytest.mark.timeout(240)
async def test_everything_is_killed_on_the_way_and_after_the_acceptance(tmp_path: Path) -> None:
    """Sent back, killed; accepted, killed; then each return is refunded once over each of its tenders."""
    folder = KillableFolder(tmp_path)
    own_ports(tmp_path)
    orders = [order(1_500 + 7 * place, quantity=3, points_fen=31 * place) for place in range(5)]

    async with folder.up() as first, folder.api() as api:
        await sold(api, *orders)
        cases = [
            await sent_back(api, of, await approved(api, of, "return_refund", reason_code="quality"))
            for of in orders
        ]
        arrived = [await delivered(api, of, case, "return") for of, case in pairs(orders, cases)[:2]]
        known = [*arrived, *cases[2:]]
        await killed(folder, first)

    async with folder.up() as second, folder.api() as api:
        for case in known:
            kept = await api.case(case)
            assert [kept[fact] for fact in KEPT] == [case[fact] for fact in KEPT]
        for of, case in pairs(orders, known)[2:]:
            await delivered(api, of, case, "return")
        await folder.vendors().strike_cash("slow", times=len(orders), delay_seconds=1.0)
        await asyncio.gather(*(inspected(api, of, case) for of, case in pairs(orders, known)))
        await killed(folder, second)

    async with folder.up(), folder.api() as api:
        vendors = folder.vendors()
        done = await completed(api, known)
        await refunded_once(vendors, orders, done)
        await recorded_once(api, orders, done, (*SENT_BACK, "accepted"))
        assert [await api.left_of(of) for of in orders] == [[1]] * len(orders)
        await told_in_order(api, vendors, done)


async def inspected(api: Api, of: Json, case: Json) -> None:
    """Two units arrived of three, and are accepted: their refund is decided."""
    await received(api, of, case, [{"line_id": "1", "good": 2, "missing": 1}])
    decided = await accepted(api, of, case, BOTH)
    assert decided["state"] == "REFUNDING"


async def killed(folder: KillableFolder, up: Up) -> None:
    """Everything is dead at once."""
    folder.kill_everything(up)
    assert await up.process.wait() == -signal.SIGKILL


def pairs(orders: Sequence[Json], cases: Sequence[Json]) -> list[tuple[Json, Json]]:
    """Each order with its case."""
    return list(zip(orders, cases, strict=True))
