"""Whose parcel a waybill is: the order's own, a request's, or nobody's any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mallcare.domain.commands import (
    Approve,
    CorrectWaybill,
    ReportMissing,
    Reship,
    SubmitWaybill,
)
from mallcare.domain.errors import WaybillInUse
from mallcare.domain.fulfilment import Fulfilment
from mallcare.domain.intercepts import InterceptStatus
from mallcare.domain.orders import Order, OrderLine
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Kind, OrderEventType, State
from tests.travels import accepted, received, travelling, walk, waybill
from tests.world import CUSTOMER, MALL, OPERATIONS, World

RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE
COLLECTED, MOVED, DELIVERED = (
    OrderEventType.COLLECTED,
    OrderEventType.IN_TRANSIT,
    OrderEventType.DELIVERED,
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def half_delivered(world: World) -> Order:
    """An order of two lines, of which the first has arrived and the second is still to be sent."""
    await world.return_address()
    order = world.new_order(fen=2_000)
    lines = tuple(OrderLine(line_id, f"sku{line_id}", "thing", 1, 1_000) for line_id in ("1", "2"))
    order = await world.take_in(replace(order, lines=lines))
    an_hour_ago = world.clock.now() - HOUR
    await world.report(order.order_no, DELIVERED, "OWN111", line_ids=("1",), occurred_at=an_hour_ago)
    return order


async def fulfilment(world: World, order_no: str) -> Fulfilment:
    """What the order's own parcels did."""
    return (await world.use_cases.read_order(order_no, MALL)).record.fulfilment


async def test_a_replaced_parcel_that_arrives_after_all_is_not_the_order_s(world: World) -> None:
    """Missing, sent again, then the first one turns up: no line is delivered by it, nothing moves."""
    order = await half_delivered(world)
    no = await world.submit(order, (("1", 1),), kind=EXCHANGE)
    first = await walk(world, no, State.RESHIPPED)
    await world.command(no, ReportMissing(), CUSTOMER)
    second = await world.command(no, Reship("sf", f"SECOND{no}"))
    known = await fulfilment(world, order.order_no)
    assert await world.report(order.order_no, DELIVERED, waybill(first, "X")) == "applied"
    assert await fulfilment(world, order.order_no) == known
    assert await world.case(no) == second
    assert (await world.use_cases.read_order(order.order_no, MALL)).after_sales_until is None


async def test_the_order_s_own_parcel_cannot_be_a_request_s(world: World) -> None:
    """It brings another line, or it is how the line left: the order keeps what was reported of it."""
    order = await half_delivered(world)
    no = await world.submit(order, (("1", 1),), kind=RETURN)
    await walk(world, no, State.AWAITING_RETURN)
    await world.report(order.order_no, MOVED, "OWN222", line_ids=("2",))
    known = await fulfilment(world, order.order_no)
    assert "2" in known.shipped_at
    with pytest.raises(WaybillInUse):
        await world.command(no, SubmitWaybill("sf", "OWN222"), CUSTOMER)
    assert await fulfilment(world, order.order_no) == known


async def test_the_only_parcel_that_brought_a_line_is_not_its_return(world: World) -> None:
    """Delivered after the request was made: the goods cannot come back with what brought them."""
    no = await travelling(world, RETURN, State.AWAITING_RETURN)
    order_no = (await world.case(no)).order_no
    await world.report(order_no, DELIVERED, "OWN111")
    with pytest.raises(WaybillInUse):
        await world.command(no, SubmitWaybill("sf", "OWN111"), CUSTOMER)
    assert "1" in (await fulfilment(world, order_no)).delivered_at


async def test_the_waybill_of_an_ended_return_is_not_used_again(world: World) -> None:
    """It moved before the second request was made, although it is no event of the order."""
    await world.return_address()
    order = await world.take_in(world.new_order(quantity=2))
    first = await world.submit(order, (("1", 1),), kind=RETURN)
    case = await walk(world, first, State.RETURN_IN_TRANSIT)
    await world.report(order.order_no, DELIVERED, waybill(case))
    await world.command(first, received(case))
    await world.command(first, accepted(await world.case(first)))
    await world.finished(first)
    second = await world.submit(order, (("1", 1),), kind=RETURN)
    await world.command(second, Approve())
    with pytest.raises(WaybillInUse):
        await world.command(second, SubmitWaybill("sf", waybill(case)), CUSTOMER)


async def test_a_mistyped_waybill_gives_the_order_its_parcel_back(world: World) -> None:
    """The customer named the parcel of the other line before it moved, then corrected the mistake."""
    order = await half_delivered(world)
    no = await world.submit(order, (("1", 1),), kind=RETURN)
    await walk(world, no, State.AWAITING_RETURN)
    await world.command(no, SubmitWaybill("sf", "OWN222"), CUSTOMER)
    await world.report(order.order_no, MOVED, "OWN222", line_ids=("2",))
    assert "2" not in (await fulfilment(world, order.order_no)).shipped_at
    await world.report(order.order_no, MOVED, f"RIGHT{no}")
    case = await world.command(no, CorrectWaybill("sf", f"RIGHT{no}"), CUSTOMER)
    assert case.parcels[0].moved_at is not None
    assert "2" in (await fulfilment(world, order.order_no)).shipped_at
    await world.report(order.order_no, DELIVERED, "OWN222", line_ids=("2",))
    assert "2" in (await fulfilment(world, order.order_no)).delivered_at


async def test_a_waybill_that_another_request_has_is_not_given_back(world: World) -> None:
    """Two requests named one parcel: it stays a return's until the last of them says otherwise."""
    await world.return_address()
    order = await world.take_in(world.new_order(quantity=2))
    numbers = [await world.submit(order, (("1", 1),), kind=RETURN) for _ in range(2)]
    for no in numbers:
        await world.command(no, Approve())
        await world.command(no, SubmitWaybill("sf", "SHARED1"), CUSTOMER)
    await world.report(order.order_no, MOVED, "SHARED1")
    known: list[bool] = []
    for no in numbers:
        await world.command(no, CorrectWaybill("sf", waybill(await world.case(no))), CUSTOMER)
        known.append("1" in (await fulfilment(world, order.order_no)).shipped_at)
    assert known == [False, True]


async def test_a_replacement_signed_before_it_was_named_leaves_its_customer_time(world: World) -> None:
    """Its waybill comes nine days late: seven days from then, in which it can be reported missing."""
    no = await travelling(world, EXCHANGE, State.AWAITING_RESHIPMENT)
    case = await world.case(no)
    await world.report(case.order_no, COLLECTED, f"OUT-{no}", occurred_at=case.created_at - HOUR)
    await world.report(case.order_no, DELIVERED, waybill(case, "X"))
    world.clock.offset += 9 * DAY
    sent = await world.command(no, Reship("sf", waybill(case, "X")))
    assert sent.deadline_at is not None
    assert timedelta(days=7) - (sent.deadline_at - world.clock.now()) < HOUR
    assert (await world.command(no, ReportMissing(), CUSTOMER)).missing_reported


async def test_an_intercept_forgets_a_delivery_that_was_a_return_s(world: World) -> None:
    """The return was delivered before its waybill was known: the refunded goods still have to be stopped."""
    order = await half_delivered(world)
    await world.report(order.order_no, COLLECTED, "OWN222", line_ids=("2",))
    refunded = await world.submit(order, (("2", 1),))
    await world.command(refunded, Approve())
    await world.finished(refunded)
    returned = await world.submit(order, (("1", 1),), kind=RETURN)
    await world.command(returned, Approve())
    await world.report(order.order_no, DELIVERED, f"BACK{returned}")
    intercept = await world.use_cases.intercepts.one(refunded, OPERATIONS)
    assert intercept.status is InterceptStatus.DELIVERED
    await world.command(returned, SubmitWaybill("sf", f"BACK{returned}"), CUSTOMER)
    intercept = await world.use_cases.intercepts.one(refunded, OPERATIONS)
    assert (intercept.status, intercept.waybills) == (InterceptStatus.WANTED, ("OWN222",))
    calls = [task for task in await world.tasks(refunded) if task.kind is TaskKind.INTERCEPT]
    assert [(task.facts["status"], task.status) for task in calls] == [
        ("wanted", TaskStatus.RESOLVED),
        ("delivered", TaskStatus.RESOLVED),
        ("wanted", TaskStatus.OPEN),
    ]
