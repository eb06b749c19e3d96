"""kill -9 of one process in the middle of refunds: nothing acknowledged is lost, nothing is paid twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.e2e.batches import mixed_orders, refund_all
from tests.e2e.books import completed, recorded_once, refunded_once, told_in_order
from tests.e2e.live import SERVICES, LivePlatform
from tests.e2e.orders import Json

pytestmark = [pytest.mark.rule("P2"), pytest.mark.rule("P3")]
BATCH = 20


@pytest.fixture(scope="module")
async def survived(running_platform: LivePlatform) -> AsyncGenerator[list[Json]]:
    """Cases that lived through a kill. In the end the mall has heard of every step of each, in order."""
    cases: list[Json] = []
    yield cases
    await told_in_order(running_platform.api, running_platform.vendors, cases)


@pytest.mark.parametrize("service", SERVICES)
async def test_one_process_is_killed(platform: LivePlatform, survived: list[Json], service: str) -> None:
    """Clients repeat what was not answered; then every case completes and every fen is paid once."""
    api, vendors = platform.api, platform.vendors
    orders = mixed_orders(BATCH)
    await api.put(*orders)
    await vendors.strike_cash("slow", times=BATCH // 2, delay_seconds=0.5)
    await vendors.strike_cash("timeout_after_commit", times=2)

    async def kill() -> None:
        platform.kill(service)

    cases = await refund_all(api, orders, when_answered=6, then=kill)
    done = await completed(api, cases)
    await platform.all_up()
    assert platform.supervisor.restarts(service) >= 1
    await refunded_once(vendors, orders, done)
    await recorded_once(api, orders, done)
    survived += done
