"""Pursuing refunds: unclear answers, slow vendors, callbacks in any order, failures and retries."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.commands import Approve, RetryRefund
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.vocabulary import LegStatus, State
from tests.world import FINANCE, World


async def approved(
    world: World, *, points: int = 0, cash: tuple[str, ...] = (), mall: tuple[str, ...] = ()
) -> str:
    """An approved case of an order whose vendor follows the given scripts."""
    order = await world.take_in(world.new_order(points=points))
    world.vendor.script(order.order_no, "cash", *cash)
    world.vendor.script(order.order_no, "points", *mall)
    no = await world.submit(order)
    await world.command(no, Approve())
    return no


@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
async def test_an_unclear_answer_is_asked_for_and_paid_once(world: World, lost: str) -> None:
    """The vendor timed out, after or before paying: the same number is asked for, and paid once."""
    no = await approved(world, cash=(lost,))
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert world.vendor.paid[leg.refund_no] == 1
    calls = [what for what, refund_no in world.vendor.calls if refund_no == leg.refund_no]
    assert calls[:2] == ["submit", "query"]
    assert "refund_unclear" in await world.events(no)


async def test_a_vendor_that_asks_to_slow_down_is_obeyed(world: World) -> None:
    """Too frequent: the leg stays pending, is asked again a minute later, and nothing is called unclear."""
    no = await approved(world, cash=("busy",))
    assert (await world.case(no)).legs[0].status is LegStatus.PENDING
    await world.skip(no, timedelta(seconds=70))
    assert (await world.finished(no)).state is State.COMPLETED
    assert "refund_unclear" not in await world.events(no)


async def test_a_refusal_of_what_was_paid_is_no_failure(world: World) -> None:
    """An attempt nobody knows of got through and the vendor refuses to repeat it: it is asked first."""
    order = await world.take_in(world.new_order())
    no = await world.submit(order)
    world.vendor.script(order.order_no, "cash", "lose_answer_and_refuse:INVALID_REQUEST")
    await world.command(no, Approve())
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert world.vendor.paid[leg.refund_no] == 1
    assert "refund_failed" not in await world.events(no)


async def test_a_failure_of_the_round_before_says_nothing_about_a_retry(world: World) -> None:
    """A failure callback that comes after finance retried does not fail the retry."""
    no = await approved(world, cash=("refuse:CLOSED_ACCOUNT", "pay", *("process",) * 50))
    case = await world.reaches(no, "refund_failed")
    await world.command(no, RetryRefund(), FINANCE)
    late = LegOutcome(case.legs[0].refund_no, succeeded=False, failure_code="ABNORMAL")
    assert await world.use_cases.receive_refund_callback(late)
    assert (await world.case(no)).state is State.REFUNDING
    await world.use_cases.receive_refund_callback(LegOutcome(case.legs[0].refund_no, succeeded=True))
    await world.hints.told()
    assert (await world.finished(no)).state is State.COMPLETED


async def test_processing_can_take_days_and_a_callback_ends_it(world: World) -> None:
    """The vendor is processing: the case waits without a deadline; the callback completes it."""
    no = await approved(world, cash=("process",) * 50)
    case = await world.case(no)
    assert (case.state, case.deadline_at) == (State.REFUNDING, None)
    outcome = LegOutcome(case.legs[0].refund_no, succeeded=True, vendor_refund_id="V1")
    for _ in range(3):
        assert await world.use_cases.receive_refund_callback(outcome)
    await world.hints.told()
    assert (await world.finished(no)).state is State.COMPLETED
    assert await world.events(no) == ["submitted", "approved", "refund_succeeded", "completed"]


async def test_a_callback_after_the_end_changes_nothing(world: World) -> None:
    """The vendor's word comes twice more after the case completed, once as a failure."""
    no = await approved(world)
    await world.finished(no)
    before = await world.case(no)
    for succeeded in (True, False):
        outcome = LegOutcome(before.legs[0].refund_no, succeeded=succeeded, failure_code="ABNORMAL")
        assert await world.use_cases.receive_refund_callback(outcome)
    assert await world.case(no) == before


async def test_a_callback_with_another_amount_settles_nothing(world: World) -> None:
    """The vendor tells another amount under our number: nothing is believed until the amounts agree."""
    no = await approved(world, cash=("process",) * 50)
    (leg,) = (await world.case(no)).legs
    outcome = LegOutcome(leg.refund_no, succeeded=True)
    assert await world.use_cases.receive_refund_callback(outcome, leg.amount_fen - 1)
    assert (await world.case(no)).legs[0].status is LegStatus.PENDING
    assert await world.use_cases.receive_refund_callback(outcome, leg.amount_fen)
    await world.hints.told()
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_callback_for_a_number_that_is_not_ours_is_told_apart(world: World) -> None:
    """An unknown refund number is reported, and settles nothing."""
    assert not await world.use_cases.receive_refund_callback(LegOutcome("RFnotours", succeeded=True))


async def test_one_tender_failing_keeps_the_truth_of_the_other(world: World) -> None:
    """Points fail for good, cash is paid: the case waits for finance; a retry finishes it, cash untouched."""
    no = await approved(world, points=300, mall=("refuse:account_closed",))
    case = await world.reaches(no, "refund_failed")
    await world.reaches(no, "refund_succeeded")
    case = await world.case(no)
    assert case.state is State.REFUND_FAILED
    cash, points = case.legs
    assert (cash.status, points.status, points.failure_code) == (
        LegStatus.SUCCEEDED,
        LegStatus.FAILED,
        "account_closed",
    )
    await world.command(no, RetryRefund(), FINANCE)
    assert (await world.finished(no)).state is State.COMPLETED
    again = (await world.case(no)).legs
    assert [leg.refund_no for leg in again] == [cash.refund_no, points.refund_no]
    assert world.vendor.ledger[cash.refund_no] + world.vendor.ledger[points.refund_no] == 1_000
    assert world.vendor.paid[cash.refund_no] == world.vendor.paid[points.refund_no] == 1


async def test_a_failed_refund_calls_for_a_person_every_day(world: World) -> None:
    """Nobody acts on a failed refund: it escalates after each 24 hours until finance retries."""
    no = await approved(world, cash=("refuse:NOT_ENOUGH",))
    await world.reaches(no, "refund_failed")
    for times in (1, 2, 3):
        await world.skip(no, timedelta(hours=24, seconds=2))
        case = await world.reaches(no, "escalated", times=times)
        assert case.state is State.REFUND_FAILED
    await world.command(no, RetryRefund(), FINANCE)
    assert (await world.finished(no)).state is State.COMPLETED


@pytest.mark.parametrize("code", ["ABNORMAL", "CLOSED"])
async def test_a_refund_the_vendor_failed_can_be_retried(world: World, code: str) -> None:
    """The vendor gave up on the refund: a retry asks again under the same number."""
    no = await approved(
        world, cash=(f"fail:{code}", f"fail:{code}" if code == "CLOSED" else "process", "pay")
    )
    case = await world.reaches(no, "refund_failed")
    assert case.legs[0].failure_code == code
    await world.command(no, RetryRefund(), FINANCE)
    if code == "ABNORMAL":
        await world.skip(no, timedelta(seconds=30))
    assert (await world.finished(no)).state is State.COMPLETED
    assert world.vendor.paid[case.legs[0].refund_no] == 1


async def test_a_vendor_that_succeeds_after_failing_completes_the_case(world: World) -> None:
    """Resolved on the vendor's own platform: its late callback completes the case without a retry."""
    no = await approved(world, cash=("fail:ABNORMAL",))
    case = await world.reaches(no, "refund_failed")
    await world.use_cases.receive_refund_callback(LegOutcome(case.legs[0].refund_no, succeeded=True))
    await world.hints.told()
    assert (await world.finished(no)).state is State.COMPLETED
