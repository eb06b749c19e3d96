"""kill -9 of everything at once, the supervisor included; then `mallcare up` on the same folder."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.e2e.batches import mixed_orders, refund_all
from tests.e2e.books import completed, recorded_once, refunded_once
from tests.e2e.callers import eventually, supplier
from tests.e2e.killing import KillableFolder, runs
from tests.e2e.live import own_ports
from tests.e2e.orders import order

pytestmark = [pytest.mark.rule("P2"), pytest.mark.rule("P3")]
ANSWERS_WITHIN_SECONDS = 15.0
"""Of the second start; an idle machine of two cores takes a third of it. On one so busy that the first
start took long, the second may take as long again."""
KEPT = ("state", "version", "deadline_at", "deadline_effect", "quote", "lines", "updated_at")


@pytest.mark.timeout(180)
async def test_everything_is_killed_in_the_middle_of_refunds(tmp_path: Path) -> None:
    """What was acknowledged is there with its deadlines, refunds are finished, and none is made twice."""
    folder = KillableFolder(tmp_path)
    own_ports(tmp_path)
    reviewed = [order(1_500, points_fen=15 * place) for place in range(6)]
    orders = mixed_orders(16)
    killed = asyncio.Event()

    async with folder.up() as first, folder.api() as api:
        vendors = folder.vendors()
        await api.put(*reviewed, *orders)
        pending = [await api.submit(bought) for bought in reviewed]
        await vendors.strike_cash("slow", times=8, delay_seconds=0.5)

        async def kill() -> None:
            folder.kill_everything(first)
            killed.set()

        batch = asyncio.create_task(refund_all(api, orders, when_answered=8, then=kill))
        await killed.wait()
        assert await first.process.wait() == -signal.SIGKILL

        async with folder.up() as second:
            assert second.seconds < max(ANSWERS_WITHIN_SECONDS, 2 * first.seconds)
            cases = await batch
            for case in pending:
                kept = await api.case(case)
                assert [kept[fact] for fact in KEPT] == [case[fact] for fact in KEPT]
            await eventually(
                lambda: runs(folder, pending),
                lambda statuses: set(statuses) == {WorkflowExecutionStatus.RUNNING},
            )
            approved = [
                await api.command(supplier(bought), case, "approve")
                for bought, case in zip(reviewed, pending, strict=True)
            ]
            done = await completed(api, [*cases, *approved])
            await refunded_once(vendors, [*orders, *reviewed], done)
            await recorded_once(api, [*orders, *reviewed], done)
            second.process.terminate()
            assert await second.process.wait() == 0
