"""The review's 48 hours on a real Temporal that skips time, against every command that races them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from mallcare.application.caller import Caller
from mallcare.domain.commands import Approve, Cancel, Command, ExtendDeadline, Reject
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.vocabulary import DeadlineEffect, State
from tests.world import CUSTOMER, FINANCE, MALL, OPERATIONS, SUPPLIER, World

REVIEW = timedelta(hours=48)
MOMENT = timedelta(seconds=5)

RACERS = [
    pytest.param(Approve(), SUPPLIER, State.COMPLETED, id="approve"),
    pytest.param(Reject("used"), SUPPLIER, State.REJECTED, id="reject"),
    pytest.param(Cancel(), CUSTOMER, State.CANCELLED, id="cancel"),
]


async def opened_for(world: World, review_timeout: ReviewTimeout) -> str:
    """A case of a supplier of its own, under a policy of its own."""
    supplier_id = f"S{uuid4().hex[:12]}"
    policy = replace(AfterSalesPolicy(), review_timeout=review_timeout)
    await world.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
    order = await world.take_in(replace(world.new_order(), supplier_id=supplier_id))
    return await world.submit(order)


@pytest.fixture
async def automatic(world: World) -> str:
    """A case that its supplier's policy approves when nobody answers."""
    return await opened_for(world, ReviewTimeout.AUTO_APPROVE)


async def test_nothing_happens_just_before_the_deadline(world: World) -> None:
    """A moment before its deadline a case is as it was, and its workflow still waits."""
    no = await world.opened()
    await world.skip(no, REVIEW - MOMENT)
    case = await world.case(no)
    assert (case.version, case.escalated_at) == (1, None)
    assert case.deadline_effect is DeadlineEffect.ESCALATE


async def test_a_review_nobody_answers_escalates_once(world: World) -> None:
    """At its deadline the case calls for a person, once, and stays where a person can decide."""
    no = await world.opened()
    await world.skip(no, REVIEW + MOMENT)
    case = await world.reaches(no, "escalated")
    assert (case.state, case.version, case.deadline_at) == (State.PENDING_REVIEW, 2, None)
    await world.skip(no, REVIEW)
    assert await world.events(no) == ["submitted", "escalated"]


@pytest.mark.parametrize(("command", "caller", "end"), RACERS)
async def test_a_command_just_before_the_deadline_wins(
    world: World, command: Command, caller: Caller, end: State
) -> None:
    """A decision a moment before the deadline ends the case; the dead timer does nothing."""
    no = await world.opened()
    await world.skip(no, REVIEW - MOMENT)
    await world.command(no, command, caller)
    assert (await world.finished(no)).state is end
    assert "escalated" not in await world.events(no)


@pytest.mark.parametrize(("command", "caller", "end"), RACERS)
async def test_a_command_after_an_escalation_still_decides(
    world: World, command: Command, caller: Caller, end: State
) -> None:
    """Escalating takes nothing away from the people who may decide."""
    no = await world.opened()
    await world.skip(no, REVIEW + MOMENT)
    await world.reaches(no, "escalated")
    await world.command(no, command, caller)
    assert (await world.finished(no)).state is end


@pytest.mark.parametrize(("command", "caller", "end"), RACERS)
async def test_a_timer_that_missed_the_command_changes_nothing(
    world: World, command: Command, caller: Caller, end: State
) -> None:
    """The hint was lost, so the timer fires on a decided case: the transaction sees it and only informs."""
    no = await world.opened()
    world.hints.lose = True
    await world.command(no, command, caller)
    await world.skip(no, REVIEW + MOMENT)
    assert (await world.finished(no)).state is end
    assert "escalated" not in await world.events(no)


async def test_an_automatic_approval_refunds_at_the_deadline(world: World, automatic: str) -> None:
    """Where the policy says so, silence is consent: the case is refunded by the system."""
    await world.skip(automatic, REVIEW + MOMENT)
    assert (await world.finished(automatic)).state is State.COMPLETED
    case = await world.case(automatic)
    assert world.vendor.paid[case.legs[0].refund_no] == 1


@pytest.mark.parametrize(("command", "caller", "end"), RACERS)
async def test_from_its_instant_a_deadline_that_decides_belongs_to_the_clock(
    world: World, automatic: str, command: Command, caller: Caller, end: State
) -> None:
    """The deadline has passed but its timer is late: a command is refused, whoever is busier."""
    world.clock.offset += REVIEW
    own = replace(caller, supplier_id=(await world.case(automatic)).supplier_id)
    with pytest.raises(IllegalTransition):
        await world.command(automatic, command, own)
    assert (await world.case(automatic)).state is State.PENDING_REVIEW
    world.clock.offset -= REVIEW
    await world.skip(automatic, REVIEW + MOMENT)
    assert (await world.finished(automatic)).state is State.COMPLETED


async def test_the_stop_switch_turns_an_automatic_approval_into_an_escalation(
    world: World, automatic: str
) -> None:
    """Operations stopped automatic refunds: the deadline escalates instead of paying."""
    await world.use_cases.stop_switch.set(stopped=True, reason="drill", caller=FINANCE)
    try:
        await world.skip(automatic, REVIEW + MOMENT)
        case = await world.reaches(automatic, "escalated")
    finally:
        await world.use_cases.stop_switch.set(stopped=False, reason="over", caller=FINANCE)
    assert (case.state, case.legs) == (State.PENDING_REVIEW, ())


async def test_an_extended_deadline_fires_at_its_new_instant_only(world: World) -> None:
    """The old timer is dead, the new one lives: nothing at 48 h, the escalation at 72 h."""
    no = await world.opened()
    until = world.clock.now() + timedelta(hours=72)
    await world.command(no, ExtendDeadline(until, "holiday"), OPERATIONS)
    await world.skip(no, REVIEW + MOMENT)
    assert (await world.case(no)).escalated_at is None
    await world.skip(no, timedelta(hours=24))
    await world.reaches(no, "escalated")


async def test_a_lost_extension_does_not_fire_the_old_deadline(world: World) -> None:
    """The workflow never heard of the extension: its old timer asks, learns, and waits again."""
    no = await world.opened()
    world.hints.lose = True
    until = world.clock.now() + timedelta(hours=72)
    await world.command(no, ExtendDeadline(until, "holiday"), OPERATIONS)
    await world.skip(no, REVIEW + MOMENT)
    assert (await world.case(no)).escalated_at is None
    await world.skip(no, timedelta(hours=24))
    await world.reaches(no, "escalated")


async def test_lateness_is_what_really_passed(world: World) -> None:
    """The attempts before were lost and this machine's clock went on: the record tells the true lateness."""
    no = await world.opened()
    world.clock.offset += REVIEW + timedelta(minutes=10)
    await world.skipper.fast_forward(world.handle(no), REVIEW + MOMENT)
    case = await world.reaches(no, "escalated")
    page = await world.use_cases.read.events(no, MALL)
    [escalated] = [event for event in page.items if event.name == "escalated"]
    late_ms = escalated.facts["late_ms"]
    assert isinstance(late_ms, int)
    assert late_ms >= 600_000
    assert case.escalated_at == escalated.at
