"""The workflows beside the cases: sweep, pump of webhooks, reconciliation, timekeepers, daily SMS."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from temporalio.client import WorkflowFailureError, WorkflowHandle

from mallcare.contracts.maintenance import DeliveryInput, SweepReport
from mallcare.contracts.names import DISPATCH_WAKE, TIMEKEEPER_WAKE, Queue, WorkflowName
from mallcare.contracts.notices import NoticeDispatchInput
from mallcare.contracts.reconciliation import ReconcileInput, ReconcileReport
from mallcare.contracts.timekeeping import TimekeeperInput
from mallcare.domain.commands import Reject
from mallcare.domain.contacts import Channel
from tests.replay.stage import BANK, CLOSED_BANK
from tests.replay.walking import Runs, Walker, path, workflow_at_rest

DAY = date(2026, 3, 1)


async def start_sweep(walker: Walker) -> WorkflowHandle[Any, SweepReport]:
    """A sweep as the schedule starts it, which skips the time between attempts."""
    return await walker.world.skipper.client.start_workflow(
        WorkflowName.SWEEP,
        id=f"sweep/{uuid4().hex}",
        task_queue=Queue.MAINTENANCE,
        result_type=SweepReport,
        execution_timeout=timedelta(minutes=10),
    )


@path("sweep")
async def healed(walker: Walker) -> Runs:
    """One activity, whose report is the result."""
    w = walker.world
    w.hints.lose = True
    no = await w.opened()
    await w.command(no, Reject("used"))
    handle = await start_sweep(walker)
    assert (await handle.result()).told >= 1
    return handle


@path("sweep")
async def failed(walker: Walker) -> Runs:
    """The database is away: after two attempts the sweep leaves it to the next one."""
    walker.stage.sweep.broken = True
    try:
        handle = await start_sweep(walker)
        try:
            await handle.result()
        except WorkflowFailureError:
            return handle
    finally:
        walker.stage.sweep.broken = False
    raise AssertionError("a sweep without a database did not fail")


async def start_pump(walker: Walker, turn: timedelta) -> WorkflowHandle[Any, None]:
    """A pump of the whole outbox; a turn of no length ends once it looked."""
    return await walker.client.start_workflow(
        WorkflowName.WEBHOOK_DELIVERY,
        DeliveryInput(shard=0, shards=1, until_seconds=int(turn.total_seconds())),
        id=f"webhook-delivery/{uuid4().hex}",
        task_queue=Queue.DELIVERY,
    )


@path("webhook-delivery")
async def pumping(walker: Walker) -> Runs:
    """One long activity, cut off with its workflow: as most histories in production look at any moment."""
    handle = await start_pump(walker, timedelta(minutes=10))
    async with asyncio.timeout(20):
        while not (await handle.describe()).raw_description.pending_activities:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.01)
    await handle.terminate("the path ends here")
    return handle


@path("webhook-delivery")
async def continued_as_new(walker: Walker) -> Runs:
    """Turn follows turn until the history is long, then a new run goes on with the same shard."""
    handle = await start_pump(walker, timedelta(0))
    current = walker.client.get_workflow_handle(handle.id)
    async with asyncio.timeout(20):
        while (await current.describe()).run_id == handle.first_execution_run_id:  # noqa: ASYNC110 - the server tells nobody
            await asyncio.sleep(0.02)
    await current.terminate("the path ends here")
    return walker.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


async def start_reconciliation(walker: Walker, provider: str) -> WorkflowHandle[Any, ReconcileReport]:
    """A day of a vendor, as finance asks for it."""
    return await walker.client.start_workflow(
        WorkflowName.RECONCILIATION,
        ReconcileInput(provider=provider, day=DAY),
        id=f"reconciliation/{uuid4().hex}",
        task_queue=Queue.MAINTENANCE,
        result_type=ReconcileReport,
    )


@path("reconciliation")
async def reconciled(walker: Walker) -> Runs:
    """One activity, whose counts are the result."""
    handle = await start_reconciliation(walker, BANK)
    assert (await handle.result()).differences == 0
    return handle


@path("reconciliation")
async def given_up(walker: Walker) -> Runs:
    """The vendor says no for good: a second activity calls for a person, and the run fails."""
    handle = await start_reconciliation(walker, CLOSED_BANK)
    try:
        await handle.result()
    except WorkflowFailureError:
        return handle
    raise AssertionError("a day without a bill did not fail")


LONGEST_SLEEP = timedelta(minutes=5)


async def start_timekeeper(walker: Walker) -> WorkflowHandle[Any, None]:
    """The timekeeper of a shard, asleep after its first look."""
    handle = await walker.client.start_workflow(
        WorkflowName.TIMEKEEPER,
        TimekeeperInput(shard=0, longest_sleep_seconds=int(LONGEST_SLEEP.total_seconds())),
        id=f"timekeeper/{uuid4().hex}",
        task_queue=Queue.TIMEKEEPING,
    )
    await workflow_at_rest(handle)
    return handle


@path("timekeeper")
async def woken(walker: Walker) -> Runs:
    """A look, a sleep that a wake cuts short, a breath if it was very short, another look."""
    handle = await start_timekeeper(walker)
    skipper = walker.world.skipper
    await skipper.fast_forward(handle, LONGEST_SLEEP / 2)
    for slept in (timedelta(milliseconds=10), timedelta(seconds=2)):
        await handle.signal(TIMEKEEPER_WAKE)
        await workflow_at_rest(handle)
        await skipper.fast_forward(handle, slept)
        await workflow_at_rest(handle)
    await handle.terminate("the path ends here")
    return handle


@path("timekeeper")
async def slept_until_continued(walker: Walker) -> Runs:
    """Look after look until the history is long, then a new run goes on with the same shard."""
    first = await start_timekeeper(walker)
    current = walker.client.get_workflow_handle(first.id)
    while (await current.describe()).run_id == first.first_execution_run_id:
        await walker.world.skipper.fast_forward(current, LONGEST_SLEEP)
        await workflow_at_rest(current)
    await current.terminate("the path ends here")
    return walker.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id)


HALF_A_DAY = timedelta(hours=9, minutes=1)
"""Until the stage's next day begins, and from there until its hour."""


async def start_daily_sms(walker: Walker) -> WorkflowHandle[Any, None]:
    """The daily SMS, waiting for the first day to begin."""
    walker.stage.days.turn, walker.stage.days.pages = None, 0
    handle = await walker.client.start_workflow(
        WorkflowName.DAILY_SMS, id=f"daily-sms/{uuid4().hex}", task_queue=Queue.MAINTENANCE
    )
    await workflow_at_rest(handle)
    return handle


@path("daily-sms")
async def a_day(walker: Walker) -> Runs:
    """Its begin, its hour, two pages, its report; then the next day begins."""
    handle = await start_daily_sms(walker)
    for _ in range(3):
        await walker.world.skipper.fast_forward(handle, HALF_A_DAY)
        await workflow_at_rest(handle)
    await handle.terminate("the path ends here")
    return handle


@path("daily-sms")
async def told_until_continued(walker: Walker) -> Runs:
    """Day after day until the history is long, then a new run goes on with the next one."""
    first = await start_daily_sms(walker)
    current = walker.client.get_workflow_handle(first.id)
    while (await current.describe()).run_id == first.first_execution_run_id:
        await walker.world.skipper.fast_forward(current, HALF_A_DAY)
        await workflow_at_rest(current)
    await current.terminate("the path ends here")
    return walker.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id)


A_MINUTE = timedelta(minutes=1)


async def start_dispatcher(walker: Walker, *due: tuple[str, ...]) -> WorkflowHandle[Any, None]:
    """The dispatcher of a channel, asleep after its first messages."""
    walker.stage.notices.due = [*due]
    handle = await walker.client.start_workflow(
        WorkflowName.NOTICE_DISPATCH,
        NoticeDispatchInput(channel=Channel.SMS, sending=Queue.NOTICES_SMS, room=2),
        id=f"notice-dispatch/{uuid4().hex}",
        task_queue=Queue.NOTICES,
    )
    await workflow_at_rest(handle)
    return handle


@path("notice-dispatch")
async def sent(walker: Walker) -> Runs:
    """As many as there is room for, then one more; a wake brings another one, which has to wait."""
    handle = await start_dispatcher(walker, ("one", "two"), ("three",))
    await walker.world.skipper.fast_forward(handle, A_MINUTE / 2)
    walker.stage.notices.due = [("later",)]
    await handle.signal(DISPATCH_WAKE)
    await workflow_at_rest(handle)
    await walker.world.skipper.fast_forward(handle, A_MINUTE / 2)
    await workflow_at_rest(handle)
    await handle.terminate("the path ends here")
    return handle


@path("notice-dispatch")
async def dispatched_until_continued(walker: Walker) -> Runs:
    """Look after look until the history is long, then a new run goes on with the same channel."""
    first = await start_dispatcher(walker, ("one",))
    current = walker.client.get_workflow_handle(first.id)
    while (await current.describe()).run_id == first.first_execution_run_id:
        await walker.world.skipper.fast_forward(current, A_MINUTE)
        await workflow_at_rest(current)
    await current.terminate("the path ends here")
    return walker.client.get_workflow_handle(first.id, run_id=first.first_execution_run_id)
