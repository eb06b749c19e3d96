"""Every clock of returns and exchanges, just before, at and after its deadline, against what races it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.travels import MOMENT, just_after, just_before
from tests.workflows.clocks import CLOCKS, Clock, Racer, arrives, by_clock, given_by, refused
from tests.world import World

pytestmark = pytest.mark.rule("P3")

EACH_CLOCK = pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: clock.name)


def races(*, decided: bool | None = None) -> pytest.MarkDecorator:
    """Each clock with each command that races it; `decided`: only those that decide, or only the others."""
    chosen = [
        pytest.param(clock, racer, id=f"{clock.name} against {number}")
        for clock in CLOCKS
        if decided in (None, clock.decides)
        for number, racer in enumerate(clock.racers, 1)
    ]
    return pytest.mark.parametrize(("clock", "racer"), chosen)


@EACH_CLOCK
async def test_a_clock_does_its_work_at_its_deadline_and_not_before(world: World, clock: Clock) -> None:
    """A moment before, the case is as it was; a moment after, the clock acted, once."""
    no = await clock.reach(world)
    before = await world.case(no)
    assert before.deadline_at is not None
    assert abs(before.deadline_at - world.clock.now() - clock.lasts) < MOMENT
    await just_before(world, no)
    assert await world.case(no) == before
    await just_after(world, no)
    await world.reaches(no, clock.event)
    await arrives(world, no, clock.leads_to)
    assert await by_clock(world, no, clock.event) == 1


@races()
async def test_a_command_just_before_its_deadline_wins(world: World, clock: Clock, racer: Racer) -> None:
    """The clock that ran is dead: it does nothing once its instant comes."""
    no = await clock.reach(world)
    await just_before(world, no)
    await given_by(world, no, racer)
    await arrives(world, no, racer.leads_to)
    if not racer.leads_to.final:
        await world.skip(no, 3 * MOMENT)
        assert (await world.case(no)).state is racer.leads_to
    assert await by_clock(world, no, clock.event) == 0


@races()
async def test_a_timer_that_missed_the_command_asks_and_learns(
    world: World, clock: Clock, racer: Racer
) -> None:
    """The command's hint was lost: the old timer changes nothing, and brings the workflow the news."""
    no = await clock.reach(world)
    await just_before(world, no)
    world.hints.lose = True
    await given_by(world, no, racer)
    await world.skip(no, 3 * MOMENT)
    await arrives(world, no, racer.leads_to)
    assert await by_clock(world, no, clock.event) == 0


@races(decided=True)
async def test_from_its_instant_on_a_clock_that_decides_has_won(
    world: World, clock: Clock, racer: Racer
) -> None:
    """At the very deadline, and its timer late: the command is refused, and the clock has its way."""
    no = await clock.reach(world)
    world.clock.stopped_at = (await world.case(no)).deadline_at
    assert await refused(world, no, racer)
    world.clock.stopped_at = None
    await just_after(world, no)
    await world.reaches(no, clock.event)
    await arrives(world, no, clock.leads_to)


@races(decided=False)
async def test_a_clock_that_only_calls_takes_nothing_away(world: World, clock: Clock, racer: Racer) -> None:
    """At the very deadline and long after it, people decide as before."""
    no = await clock.reach(world)
    await just_after(world, no)
    await world.reaches(no, clock.event)
    await world.skip(no, timedelta(hours=1))
    await given_by(world, no, racer)
    await arrives(world, no, racer.leads_to)
    other = await clock.reach(world)
    world.clock.stopped_at = (await world.case(other)).deadline_at
    await given_by(world, other, racer)
    world.clock.stopped_at = None
    await arrives(world, other, racer.leads_to)
    assert await by_clock(world, other, clock.event) == 0
