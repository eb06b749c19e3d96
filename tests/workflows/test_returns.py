"""Returns on a real Temporal: every way from sending the goods back to an end."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    Cancel,
    Confirm,
    Refuse,
    RetryRefund,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.tasks import TaskKind
from mallcare.domain.vocabulary import Kind, LegStatus, State
from tests.travels import accepted, just_after, just_before, received, travelling, walk, waybill
from tests.world import CUSTOMER, FINANCE, World

RETURN = Kind.RETURN_REFUND


async def paid(world: World, no: str) -> int:
    """What vendors paid for a case, each leg once."""
    legs = (await world.case(no)).legs
    assert [world.vendor.paid[leg.refund_no] for leg in legs] == [1] * len(legs)
    return sum(world.vendor.ledger[leg.refund_no] for leg in legs)


async def test_a_return_is_refunded_once_its_goods_were_accepted(world: World) -> None:
    """Approved, sent, received, accepted: paid once, each step once on record."""
    no = await travelling(world, RETURN, State.REFUNDING, points=300)
    assert (await world.finished(no)).state is State.COMPLETED
    assert await paid(world, no) == 1_000
    assert await world.events(no) == [
        *("submitted", "approved", "waybill_submitted", "received", "inspected", "accepted"),
        *("refund_succeeded", "refund_succeeded", "completed"),
    ]
    assert await world.tasks(no) == []


async def test_a_missing_unit_is_not_paid_and_is_free_again(world: World) -> None:
    """Three sent, two arrived: two are refunded, the third can be asked for anew."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT, units=3, quantity=3)
    case = await world.case(no)
    case = await world.command(no, received(case, missing=1))
    await world.command(no, accepted(case))
    assert (await world.finished(no)).state is State.COMPLETED
    assert await paid(world, no) == 2_000
    assert {holding.unit.ordinal for holding in (await world.case(no)).holdings} == {1, 2}


async def test_goods_refused_go_back_and_the_request_ends_rejected(world: World) -> None:
    """Nothing accepted: shipped back, confirmed, rejected, nothing paid, every unit free."""
    no = await travelling(world, RETURN, State.RETURNING_TO_CUSTOMER)
    await world.command(no, ShipBack("sf", f"B{no}"))
    await world.command(no, Confirm(), CUSTOMER)
    assert (await world.finished(no)).state is State.REJECTED
    case = await world.case(no)
    assert (case.legs, case.holdings) == ((), ())


async def test_a_return_refused_with_nothing_arrived_ends_at_once(world: World) -> None:
    """There is nothing to ship back: rejected; operations was asked to look for the parcel."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    await world.command(no, received(await world.case(no), missing=1))
    await world.command(no, Refuse("empty parcel", 1))
    assert (await world.finished(no)).state is State.REJECTED
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.RETURN_NOT_ARRIVED]


@pytest.mark.parametrize("shipped_back", [State.REFUNDING, State.RETURNING_TO_CUSTOMER])
async def test_a_refund_in_part_still_sends_the_refused_unit_back(world: World, shipped_back: State) -> None:
    """One of two accepted: it is paid, the other goes back, before or after the money; then completed."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT, units=2, quantity=2)
    order_no = (await world.case(no)).order_no
    world.vendor.script(order_no, "cash", "busy")
    await world.command(no, received(await world.case(no), damaged=1))
    await world.command(no, Accept((AcceptedLine("1", 1),)))
    if shipped_back is State.REFUNDING:
        await world.command(no, ShipBack("sf", f"B{no}"))
    await world.skip(no, timedelta(seconds=70))
    case = await world.reaches(no, "goods_going_back")
    assert case.state is State.RETURNING_TO_CUSTOMER
    if shipped_back is State.RETURNING_TO_CUSTOMER:
        await world.command(no, ShipBack("sf", f"B{no}"))
    await world.command(no, Confirm(), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED
    assert await paid(world, no) == 1_000


@pytest.mark.rule("A2")
async def test_a_return_nobody_sent_can_be_cancelled(world: World) -> None:
    """Approved but not sent back: the customer withdraws, the workflow ends without an activity."""
    no = await travelling(world, RETURN, State.AWAITING_RETURN)
    await world.command(no, Cancel(), CUSTOMER)
    assert (await world.finished(no)).state is State.CANCELLED


@pytest.mark.rule("A3")
async def test_the_seven_days_run_from_the_approval(world: World) -> None:
    """A review of a day takes nothing from the customer's seven; a waybill in time stops the clock."""
    no = await travelling(world, RETURN)
    await world.skip(no, timedelta(hours=24))
    approved = await world.command(no, Approve())
    assert approved.deadline_at is not None
    assert approved.deadline_at - approved.updated_at == timedelta(days=7)
    await just_before(world, no)
    case = await world.command(no, SubmitWaybill("sf", waybill(approved)), CUSTOMER)
    assert case.state is State.RETURN_IN_TRANSIT
    await world.skip(no, timedelta(days=1))
    assert (await world.case(no)).state is State.RETURN_IN_TRANSIT


async def test_a_refund_that_fails_after_a_return_is_retried(world: World) -> None:
    """The vendor refuses what the inspection accepted: finance retries, goods and number stay the same."""
    no = await travelling(world, RETURN, State.INSPECTING)
    world.vendor.script((await world.case(no)).order_no, "cash", "refuse:account_closed", "pay")
    await walk(world, no, State.REFUNDING)
    case = await world.reaches(no, "refund_failed")
    assert case.legs[0].status is LegStatus.FAILED
    await world.command(no, RetryRefund(), FINANCE)
    assert (await world.finished(no)).state is State.COMPLETED
    assert await paid(world, no) == 1_000


async def test_a_refund_that_failed_asks_operations_once_until_somebody_answers(world: World) -> None:
    """Every 24 hours; what still asks is not asked twice, what was answered is asked again."""
    no = await travelling(world, RETURN, State.INSPECTING)
    world.vendor.script((await world.case(no)).order_no, "cash", "refuse:NOT_ENOUGH")
    await walk(world, no, State.REFUNDING)
    await world.reaches(no, "refund_failed")
    for times in (1, 2):
        await just_after(world, no)
        await world.reaches(no, "escalated", times)
        (task,) = await world.tasks(no)
        assert task.kind is TaskKind.REFUND_FAILED
    await world.use_cases.tasks.resolve(task.task_id, "funded the account", FINANCE)
    await just_after(world, no)
    await world.reaches(no, "escalated", 3)
    assert [task.status for task in await world.tasks(no)] == ["resolved", "open"]
    await world.command(no, RetryRefund(), FINANCE)
    assert (await world.finished(no)).state is State.COMPLETED
    assert [task.status for task in await world.tasks(no)] == ["resolved", "resolved"]
