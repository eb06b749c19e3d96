"""One look as an activity: whose clock it goes by, and what is counted of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from temporalio.testing import ActivityEnvironment

from activities.timekeeping import TimekeepingActivities
from mallcare.contracts.timekeeping import KeepTimeInput, KeepTimeReport
from tests.domain.builders import PLACED_AT
from tests.timekeeping.orders import DUE_AT, SHARD, Shop

pytestmark = pytest.mark.rule("A1")
EARLY = DUE_AT - timedelta(minutes=1)
FIRST_RUNG = DUE_AT + timedelta(hours=36)
"""What comes next once an order is released: its supplier is reminded of shipping it."""


def counted(outcome: str) -> float:
    """Orders of this process so far."""
    return REGISTRY.get_sample_value("mallcare_orders_released_total", {"outcome": outcome}) or 0.0


async def looked(shop: Shop) -> KeepTimeReport:
    """A look of a timekeeper that was told to look a minute early."""
    activities = TimekeepingActivities(shop.use_cases.keep_time, shop.here)
    return await ActivityEnvironment().run(activities.keep_time, KeepTimeInput(shard=SHARD, now=EARLY))


async def test_the_later_clock_decides(shop: Shop) -> None:
    """An activity may run long after it was asked for; a workflow whose time was skipped is ahead."""
    await shop.bought()
    shop.here.at = PLACED_AT
    assert await looked(shop) == KeepTimeReport(next_due_at=DUE_AT)
    shop.here.at = DUE_AT
    assert await looked(shop) == KeepTimeReport(released=1, next_due_at=FIRST_RUNG)


async def test_both_outcomes_are_counted(shop: Shop) -> None:
    """By what became of each order."""
    before = counted("released"), counted("withheld")
    shop.here.at = PLACED_AT
    orders = [await shop.bought() for _ in range(3)]
    await shop.ask(orders[0])
    shop.here.at = DUE_AT
    assert await looked(shop) == KeepTimeReport(released=2, withheld=1, next_due_at=FIRST_RUNG)
    assert (counted("released") - before[0], counted("withheld") - before[1]) == (2, 1)
