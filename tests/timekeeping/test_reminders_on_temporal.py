"""The timekeeper as a workflow reminds in time: over skipped days, through failures and corrections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from mallcare.ports import StorageUnavailable
from tests.timekeeping.killed import StoppingFactory
from tests.timekeeping.orders import Shop
from tests.timekeeping.promises import HOUR, Desk, K, event, promise
from tests.timekeeping.timekeepers import Timekeeper, timekeeper

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("P2")]
MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=5)
"""A moment, on a machine that has much to do."""
SELDOM = timedelta(hours=30)
"""Looks at the latest after so long, so that every earlier one has its reason."""
RUNGS = [timedelta(hours=1), 11 * HOUR, 13 * HOUR, 37 * HOUR]
"""Of a promise that is 35 hours old: twelve and two hours before its deadline, at it, and a day after."""


@pytest.fixture
async def started(desk: Desk, shop: Shop) -> datetime:
    """The present, in which every timekeeper starts, of a supplier with people and without quiet hours."""
    shop.here.at = datetime.now(UTC)
    await desk.staffed()
    return shop.here.at - 35 * HOUR


async def loud(desk: Desk) -> int:
    """A policy under which everybody is told at any hour."""
    return await desk.policy(quiet_from=timedelta(0), quiet_until=timedelta(0))


async def pass_by(running: Timekeeper, rung: timedelta, so_far: timedelta) -> timedelta:
    """Skip from `so_far` after the start to a minute after a rung."""
    await running.skip(rung + MINUTE - so_far)
    return rung + MINUTE


async def test_every_rung_is_told_within_a_moment(
    desk: Desk, shop: Shop, client: Client, started: datetime
) -> None:
    """The timekeeper sleeps for hours and wakes for each rung: nobody hears of it before, everybody at it."""
    await desk.promised(promise(started, policy_version=await loud(desk)))
    expected = [1, 2, 4, 5]
    async with timekeeper(client, shop, longest=SELDOM) as running:
        await running.looked(1)
        so_far = timedelta(0)
        for rung, notices in zip(RUNGS, expected, strict=True):
            before = len(desk.notices())
            await running.skip(rung - MINUTE - so_far)
            assert len(desk.notices()) == before
            so_far = await pass_by(running, rung, rung - MINUTE)
            told = desk.notices()
            assert len(told) == notices
            late = told[-1].created_at - shop.here.at - rung
            assert timedelta(0) <= late < SOON
        assert running.looks.kept[-1].next_due_at is None
    assert [row.kind for row in desk.tasks()] == ["reminders_ignored"]
    (recorded,) = desk.recorded()
    assert recorded is not None
    assert timedelta(0) < recorded - shop.here.at - 13 * HOUR < SOON


async def test_a_late_scan_ends_it(desk: Desk, shop: Shop, client: Client, started: datetime) -> None:
    """Shipped before the deadline, told afterwards, twice: the promise was kept, nobody hears more of it."""
    (clock,) = await desk.promised(promise(started, policy_version=await loud(desk)))
    async with timekeeper(client, shop, longest=SELDOM) as running:
        await running.looked(1)
        so_far = await pass_by(running, 13 * HOUR, timedelta(0))
        told = len(desk.notices())
        assert told == 4
        for _ in range(2):
            await desk.happened(clock, event(K.FULFIL, started + 47 * HOUR))
        await pass_by(running, 60 * HOUR, so_far)
    assert len(desk.notices()) == told
    (row,) = desk.rows("SELECT outcome FROM clocks")
    assert row.outcome == "met"


@pytest.mark.parametrize("stop", [1, 2, 3])
async def test_a_database_lost_in_a_page_costs_a_retry(
    desk: Desk, shop: Shop, client: Client, engine: AsyncEngine, started: datetime, stop: int
) -> None:
    """The look fails at one of its commits and is tried again: every clock told once, in one notice."""
    version = await loud(desk)
    await desk.promised(*(promise(started - 2 * HOUR, policy_version=version) for _ in range(6)))
    breaking = shop.beside(StoppingFactory(engine, stop, StorageUnavailable("away")))
    async with timekeeper(client, breaking, longest=SELDOM, page=3) as running:
        await running.looked(1)
        assert len(running.looks.at) == 2
    assert [row[2] for row in desk.reminders()] == ["told"] * 6
    (notice,) = desk.notices()
    assert notice.contact_id == "staff"
