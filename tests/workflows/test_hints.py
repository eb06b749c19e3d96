"""Signals are hints: duplicated, reordered, lost or unreadable ones change nothing in the end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.application.hints import BackgroundHints
from mallcare.contracts.names import Signal, after_sales_workflow_id
from mallcare.domain.commands import Approve, ExtendDeadline, Reject
from mallcare.domain.vocabulary import State
from mallcare.ports import NobodyListens
from tests.world import OPERATIONS, World

pytestmark = pytest.mark.rule("P2")


async def test_hints_told_three_times_act_once(world: World) -> None:
    """Start and approve each reach the engine three times: one workflow, one refund."""
    world.hints.repeat = 3
    no = await world.opened()
    await world.command(no, Approve())
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert world.vendor.paid[leg.refund_no] == 1


async def test_an_older_hint_after_a_newer_one_is_ignored(world: World) -> None:
    """Hints that overtake each other: the higher version stays believed."""
    no = await world.opened()
    world.hints.lose = True
    world.hints.offered.clear()
    for days in (9, 10):
        until = world.clock.now() + timedelta(days=days)
        await world.command(no, ExtendDeadline(until, "holiday"), OPERATIONS)
    (older, _), (newer, _) = world.hints.offered
    for snapshot in (newer, older, older):
        await world.engine.tell(snapshot, Signal.EXTEND_DEADLINE)
    await world.skip(no, timedelta(days=9, hours=12))
    assert await world.events(no) == ["submitted", "deadline_extended", "deadline_extended"]
    await world.skip(no, timedelta(days=1))
    await world.reaches(no, "escalated")


async def test_a_lost_start_is_healed(world: World) -> None:
    """The engine never heard of the case: a sweep starts its workflow."""
    world.hints.lose = True
    no = await world.opened()
    await world.sweep(world.clock.now())
    world.hints.lose = False
    await world.command(no, Approve())
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_lost_command_is_healed(world: World) -> None:
    """The engine never heard of the approval: a sweep tells it and the refund is made."""
    no = await world.opened()
    world.hints.lose = True
    await world.command(no, Approve())
    swept = await world.sweep(world.clock.now())
    assert swept["told"] >= 1
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_lost_end_is_healed(world: World) -> None:
    """The engine never heard of the rejection: a sweep ends the workflow; a closed one stays closed."""
    no = await world.opened()
    world.hints.lose = True
    await world.command(no, Reject("used"))
    await world.sweep(world.clock.now())
    assert (await world.finished(no)).state is State.REJECTED


async def test_a_terminated_workflow_is_started_again(world: World) -> None:
    """Somebody terminated the workflow of a live case: a sweep starts another, which finishes the job."""
    no = await world.opened()
    await world.handle(no).terminate("by mistake")
    for _ in range(50):
        await world.sweep(world.clock.now())
        described = await world.client.get_workflow_handle(after_sales_workflow_id(no)).describe()
        if described.status is not None and described.status.name == "RUNNING":
            break
    await world.command(no, Approve())
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_final_case_is_never_started_again(world: World) -> None:
    """Its workflow is closed: hints of a final case start nothing."""
    no = await world.opened()
    await world.command(no, Reject("used"))
    ended = await world.finished(no)
    with pytest.raises(NobodyListens):
        await world.engine.tell(ended, Signal.RESYNC)
    await world.sweep(world.clock.now())
    described = await world.handle(no).describe()
    assert described.status is not None
    assert described.status.name == "COMPLETED"


async def test_an_unreadable_hint_is_ignored(world: World) -> None:
    """A hint of nonsense, or of another case, leaves the workflow waiting as before."""
    no, other = await world.opened(), await world.opened()
    for nonsense in ({"nonsense": True}, None, "approve", [], 7):
        await world.handle(no).signal(Signal.APPROVE, nonsense)
    naive = world.hints.offered[0][0].model_dump(mode="json")
    naive |= {"version": 98, "deadline_at": "2026-03-01T08:00:00"}
    await world.handle(no).signal(Signal.RESYNC, naive)
    await world.handle(no).signal(Signal.APPROVE)
    foreign = world.hints.offered[-1][0].model_copy(update={"version": 99, "state": State.COMPLETED})
    assert foreign.after_sales_no == other
    await world.handle(no).signal(Signal.APPROVE, foreign)
    await world.command(no, Reject("used"))
    assert (await world.finished(no)).state is State.REJECTED


async def test_an_end_told_before_its_start_still_ends_the_workflow(world: World) -> None:
    """Two processes: the end is told first, the start of the same case arrives after it; a sweep ends it."""
    world.hints.lose = True
    no = await world.opened()
    started = world.hints.offered[-1][0]
    await world.command(no, Reject("used"))
    ended = world.hints.offered[-1][0]
    async with BackgroundHints(world.engine, world.uow) as hints:
        hints.offer(ended, Signal.REJECT)
    await world.engine.start(started)
    await world.sweep(world.clock.now())
    assert (await world.finished(no)).state is State.REJECTED
