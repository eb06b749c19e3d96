"""Failure 9 on a real Temporal that skips time: cancel, approve and timer race, and dead timers stay dead.

The guards: a timer only asks (`FireDeadline`), and the transaction decides under the locks of order and case,
by the instant; a workflow that missed the news (a lost hint) learns it then and waits for the right clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

import pytest

from mallcare.application.caller import Caller
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Approve, Cancel
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.vocabulary import Kind, State
from tests.failures.races import PAYING, RACES, Race, automatic
from tests.failures.shop import Shop
from tests.world import CUSTOMER, SUPPLIER

pytestmark = [pytest.mark.rule("A2"), pytest.mark.rule("A3"), pytest.mark.rule("P2")]

MOMENT = timedelta(seconds=5)
OF_REFUNDS = {"refund_unclear", "refund_succeeded", "completed"}
"""What vendors, and no clock, make of a request that is being paid."""

EVERY_RACE = pytest.mark.parametrize("race", RACES, ids=str)
CLOCK_DECIDES = pytest.mark.parametrize("race", [race for race in RACES if race.decides], ids=str)


async def begun(shop: Shop, race: Race) -> AfterSalesCase:
    """The request in the wait of the race."""
    case = await shop.world.case(await race.begin(shop))
    assert case.deadline_at is not None
    return case


async def until(shop: Shop, case: AfterSalesCase, offset: timedelta) -> None:
    """Both clocks moved to so long after the deadline, or before it."""
    assert case.deadline_at is not None
    await shop.world.skip(case.after_sales_no, case.deadline_at + offset - shop.world.clock.now())


async def nothing_more(shop: Shop, done: AfterSalesCase, told: list[str]) -> None:
    """Since then nothing happened to the request but its refund, if it is one."""
    since = (await shop.world.events(done.after_sales_no))[len(told) :]
    assert set(since) <= (OF_REFUNDS if done.state in PAYING else set())


@EVERY_RACE
async def test_just_before_the_deadline_the_command_wins_and_the_timer_dies(shop: Shop, race: Race) -> None:
    """A moment before: nothing happened yet, the command decides, and past the instant nothing more comes.

    Guard: the timer set for the wait before asks, and `fire_deadline` finds another instant.
    """
    case = await begun(shop, race)
    no = case.after_sales_no
    await until(shop, case, -MOMENT)
    assert await shop.world.case(no) == case
    done = await shop.world.command(no, race.command(), race.caller)
    assert done.state in race.won_by_command
    told = await shop.world.events(no)
    if done.state.final or done.state in PAYING:
        await shop.world.finished(no)
    else:
        await shop.world.skip(no, MOMENT + MOMENT)
    await nothing_more(shop, done, told)


@EVERY_RACE
async def test_a_timer_whose_workflow_missed_the_command_does_nothing(shop: Shop, race: Race) -> None:
    """The hint is lost, so the timer is armed for a state that is no more: it rings, asks, and is told so.

    Guard: the workflow acts on nothing by itself; the database decides what an alarm means.
    """
    case = await begun(shop, race)
    no = case.after_sales_no
    await until(shop, case, -MOMENT)
    shop.world.hints.lose = True
    done = await shop.world.command(no, race.command(), race.caller)
    told = await shop.world.events(no)
    await shop.world.skip(no, MOMENT + MOMENT)
    if done.state.final or done.state in PAYING:
        await shop.world.finished(no)
    else:
        await asyncio.sleep(0.1)
    await nothing_more(shop, done, told)


@CLOCK_DECIDES
async def test_from_the_instant_on_a_command_is_refused_however_late_the_timer_is(
    shop: Shop, race: Race
) -> None:
    """At its very instant the wait is the clock's, though no timer has rung: refused by type, with the state.

    Guard: `_clock_owns`; without it the outcome would hang on how busy a worker is.
    """
    case = await begun(shop, race)
    no = case.after_sales_no
    assert case.deadline_at is not None
    ahead = case.deadline_at - shop.world.clock.now()
    shop.world.clock.offset += ahead
    with pytest.raises(IllegalTransition) as refused:
        await shop.world.command(no, race.command(), race.caller)
    assert refused.value.facts["current_state"] == case.state.value
    assert refused.value.facts["deadline_effect"] == str(case.deadline_effect)
    assert await shop.world.case(no) == case
    shop.world.clock.offset -= ahead
    await until(shop, case, MOMENT)
    assert (await shop.world.reaches(no, race.fired)).state in race.won_by_clock


@EVERY_RACE
async def test_just_after_the_deadline_the_timer_has_acted_once(shop: Shop, race: Race) -> None:
    """A moment after: the clock's effect is there, once; the command is refused with the new state, or open.

    Guard: a clock that decides ends the wait; one that only calls for a person takes nothing away.
    """
    case = await begun(shop, race)
    no = case.after_sales_no
    assert case.deadline_at == case.updated_at + race.lasts
    await until(shop, case, MOMENT)
    after = await shop.world.reaches(no, race.fired)
    assert after.state in race.won_by_clock
    if race.decides:
        with pytest.raises(IllegalTransition) as refused:
            await shop.world.command(no, race.command(), race.caller)
        assert refused.value.facts["current_state"] in {state.value for state in race.won_by_clock}
    else:
        done = await shop.world.command(no, race.command(), race.caller)
        assert done.state in race.won_by_command
    assert (await shop.world.events(no)).count(race.fired) == 1


async def test_cancel_approve_and_timer_at_once(shop: Shop) -> None:
    """All three in the same instant, over and over, of all kinds: one decides, and pays at most once.

    Guard: the three take the same locks, so that the loser reads what the winner made: a person is told the
    state, the alarm finds no such deadline. Without the locks the version alone would stop it, by an error.
    """
    nos = [await automatic(kind)(shop) for kind in (*Kind, *Kind)]

    async def race(no: str, turn: int) -> None:
        case = await shop.world.case(no)
        assert case.deadline_at is not None
        supplier = Caller(SUPPLIER.role, "s", supplier_id=case.supplier_id)
        tries: list[Awaitable[object]] = [
            shop.world.command(no, Cancel(), CUSTOMER),
            shop.world.command(no, Approve(), supplier),
            shop.world.use_cases.fire_deadline(no, case.deadline_at, case.deadline_at),
        ]
        tries = tries[turn % 3 :] + tries[: turn % 3]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        lost = [answer for answer in answers if isinstance(answer, BaseException)]
        assert [type(error) for error in lost] == [IllegalTransition] * len(lost)
        told = await shop.world.events(no)
        approved, cancelled = told.count("approved"), told.count("cancelled")
        now = await shop.world.case(no)
        assert approved <= 1
        assert cancelled <= 1
        assert approved + cancelled >= 1
        if case.kind is Kind.REFUND_ONLY:
            assert approved + cancelled == 1
            assert len(now.legs) == approved
        assert (now.state is State.CANCELLED) is (cancelled == 1)

    await asyncio.gather(*(race(no, turn) for turn, no in enumerate(nos)))
