"""Refunds that a callback settled first: their activities are let go, and nobody mourns them in the log."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from mallcare.domain.commands import Approve
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.vocabulary import LegStatus, State, TenderKind
from tests.world import World


async def test_a_refund_that_is_let_go_is_no_error_of_the_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """Two legs are asked for when callbacks settle one, then the other: the case completes, in silence."""
    order = await world.take_in(world.new_order(points=300))
    for tender in ("cash", "points"):
        world.vendor.script(order.order_no, tender, *("process",) * 50)
    no = await world.submit(order)
    with caplog.at_level(logging.WARNING):
        case = await world.command(no, Approve())
        assert {leg.status for leg in case.legs} == {LegStatus.PENDING}
        for leg in sorted(case.legs, key=lambda one: one.tender is TenderKind.POINTS):
            async with asyncio.timeout(10):
                while ("submit", leg.refund_no) not in world.vendor.calls:  # noqa: ASYNC110 - a worker calls
                    await asyncio.sleep(0.02)
            outcome = LegOutcome(leg.refund_no, succeeded=True, vendor_refund_id="V1")
            assert await world.use_cases.receive_refund_callback(outcome)
            await world.hints.told()
        assert (await world.finished(no)).state is State.COMPLETED
        gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
