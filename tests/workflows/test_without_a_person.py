"""What changes a case beside its clocks: approval by policy, another kind, the mall's own doing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from mallcare.application.papers import Beside
from mallcare.domain.commands import (
    AcceptProposal,
    Approve,
    Choose,
    Close,
    OutOfStock,
    Propose,
    Refuse,
    Reship,
    Resume,
    RetryRefund,
    SetReturnAddress,
    SettleOffline,
    SubmitWaybill,
)
from mallcare.domain.errors import IllegalTransition, UnitsUnavailable
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType, State
from tests.travels import MOMENT, accepted, just_after, travelling, walk, waybill
from tests.workflows.clocks import arrives
from tests.world import CHECKER, CUSTOMER, FINANCE, MALL, OPERATIONS, RETURN_ADDRESS, World
from workflows.after_sales import DUE, KIND

RETURN, EXCHANGE = Kind.RETURN_REFUND, Kind.EXCHANGE


async def supplier_with(world: World, **policy: object) -> str:
    """A supplier with a policy of its own."""
    supplier_id = f"S{uuid4().hex[:12]}"
    own = replace(AfterSalesPolicy(), **policy)  # type: ignore[arg-type]
    await world.use_cases.policies.publish(own, supplier_id, OPERATIONS)
    return supplier_id


async def test_a_return_approved_by_policy_freezes_the_address(world: World) -> None:
    """Approved by the clock, the address frozen, and nothing paid before the goods are back."""
    supplier_id = await supplier_with(world, review_timeout=ReviewTimeout.AUTO_APPROVE)
    await world.return_address(supplier_id)
    no = await travelling(world, RETURN, supplier_id=supplier_id)
    await just_after(world, no)
    await world.reaches(no, "approved")
    case = await world.case(no)
    assert (case.state, case.return_address_set, case.legs) == (State.AWAITING_RETURN, True, ())
    assert (await world.use_cases.papers.addresses(no, MALL)).return_address == RETURN_ADDRESS
    await world.command(no, SubmitWaybill("sf", waybill(case)), CUSTOMER)
    await walk(world, no, State.REFUNDING)
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_supplier_without_an_address_is_asked_for_one(world: World) -> None:
    """Approved all the same; operations is asked, and once it is known the seven days begin anew."""
    supplier_id = await supplier_with(world)
    order = await world.take_in(world.new_order(supplier_id=supplier_id))
    no = await world.submit(order, kind=RETURN)
    approved = await world.command(no, Approve(), MALL)
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.RETURN_ADDRESS_MISSING]
    named = await world.command(no, SetReturnAddress(), MALL, beside=Beside(address=RETURN_ADDRESS))
    assert named.deadline_at is not None
    assert approved.deadline_at is not None
    assert named.deadline_at > approved.deadline_at
    assert [task.status for task in await world.tasks(no)] == [TaskStatus.RESOLVED]


@pytest.mark.parametrize("kind", [EXCHANGE, Kind.REFUND_ONLY])
async def test_a_proposal_that_changes_the_kind_is_found_by_it(world: World, kind: Kind) -> None:
    """A return becomes an exchange, or a refund without the goods: the Temporal UI finds it so."""
    no = await travelling(world, RETURN)
    await world.command(no, Propose("rather this?", kind=kind))
    assert (await world.case(no)).kind is RETURN
    case = await world.command(no, AcceptProposal(), CUSTOMER)
    assert case.kind is kind
    await arrives(world, no, State.COMPLETED if kind is Kind.REFUND_ONLY else State.AWAITING_RETURN)
    told = (await world.handle(no).describe()).typed_search_attributes
    assert told.get(KIND) == kind
    assert told.get(DUE) == (await world.case(no)).deadline_at


@pytest.mark.parametrize("state", [State.PENDING_REVIEW, State.AWAITING_RETURN])
async def test_a_refund_by_the_mall_ends_a_request_that_sent_nothing(world: World, state: State) -> None:
    """The mall refunded the units by itself: the request is closed, its workflow ends, no vendor is asked."""
    no = await travelling(world, RETURN, state)
    await world.report((await world.case(no)).order_no, OrderEventType.REFUNDED)
    assert (await world.finished(no)).state is State.CLOSED
    assert (await world.case(no)).legs == ()


async def test_a_refund_by_the_mall_stops_the_clock_of_goods_on_their_way(world: World) -> None:
    """The goods travel on: nobody is late any more, operations sees to them, and they can be refused."""
    no = await travelling(world, RETURN, State.RETURN_IN_TRANSIT)
    due = (await world.case(no)).deadline_at
    assert due is not None
    await world.report((await world.case(no)).order_no, OrderEventType.REFUNDED)
    await world.skip(no, due - world.clock.now() + MOMENT)
    case = await world.case(no)
    assert (case.state, case.deadline_at) == (State.RETURN_IN_TRANSIT, None)
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.TAKEN_OVER_BY_MALL]
    await walk(world, no, State.RETURNING_TO_CUSTOMER)
    assert "escalated" not in await world.events(no)


async def test_a_closed_order_refunds_nothing_by_default(world: World) -> None:
    """The mall closed the order: the choice's clock is void, and a person decides."""
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK)
    await world.report((await world.case(no)).order_no, OrderEventType.CLOSED)
    await world.skip(no, timedelta(days=8))
    case = await world.case(no)
    assert (case.state, case.legs, case.deadline_at) == (State.OUT_OF_STOCK, (), None)
    await world.command(no, Choose(Choice.REFUND), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED


TAKEN_OVER = TaskKind.TAKEN_OVER_BY_MALL


async def closed_by_operations(world: World, no: str) -> None:
    """Operations ends what the mall took over: the workflow ends with it, and so does the task."""
    await world.command(no, Close("the customer has the money, the goods stay"), OPERATIONS)
    assert (await world.finished(no)).state is State.CLOSED
    asked = [task for task in await world.tasks(no) if task.kind is TAKEN_OVER]
    assert [task.status for task in asked] == [TaskStatus.RESOLVED]
    assert (await world.case(no)).legs == ()


@pytest.mark.parametrize("state", [State.INSPECTING, State.RETURNING_TO_CUSTOMER])
async def test_a_return_of_units_the_mall_refunded_is_closed_by_operations(
    world: World, state: State
) -> None:
    """Goods that are inspected, or refused and on their way back: nothing is paid, and a person ends it."""
    no = await travelling(world, RETURN, state)
    await world.report((await world.case(no)).order_no, OrderEventType.REFUNDED)
    case = await world.case(no)
    assert (case.state, case.deadline_at, case.taken_over) == (state, None, True)
    assert [task.kind for task in await world.tasks(no)] == [TAKEN_OVER]
    if state is State.INSPECTING:
        with pytest.raises(UnitsUnavailable):
            await world.command(no, accepted(case))
    await closed_by_operations(world, no)


async def test_goods_refused_after_the_malls_refund_may_be_closed(world: World) -> None:
    """They can still be refused, which has them sent back; operations may end that as well."""
    no = await travelling(world, RETURN, State.INSPECTING)
    await world.report((await world.case(no)).order_no, OrderEventType.REFUNDED)
    case = await world.command(no, Refuse("the mall paid already", 1))
    assert (case.state, case.taken_over) == (State.RETURNING_TO_CUSTOMER, True)
    await closed_by_operations(world, no)


async def test_an_exchange_of_units_the_mall_refunded_sends_nothing(world: World) -> None:
    """No replacement beside the money, not even by way of the choice; operations ends it."""
    no = await travelling(world, EXCHANGE, State.AWAITING_RESHIPMENT)
    case = await world.case(no)
    await world.report(case.order_no, OrderEventType.REFUNDED)
    with pytest.raises(UnitsUnavailable):
        await world.command(no, Reship("sf", waybill(case, "X")))
    await world.command(no, OutOfStock())
    for choice in Choice:
        with pytest.raises(UnitsUnavailable):
            await world.command(no, Choose(choice), CUSTOMER)
    await just_after(world, no)
    await world.reaches(no, "escalated")
    await closed_by_operations(world, no)


async def failed_and_refunded_by_the_mall(world: World) -> str:
    """A refund whose vendor refused it, which the mall then reports to have made by itself."""
    order = world.new_order()
    world.vendor.script(order.order_no, "cash", "fail:USER_ACCOUNT_ABNORMAL")
    await world.take_in(order)
    no = await world.submit(order)
    await world.command(no, Approve())
    await world.reaches(no, "refund_failed")
    await world.report(order.order_no, OrderEventType.REFUNDED, refunded_lines={"1": 1})
    return no


async def test_a_failed_refund_is_not_paid_beside_the_malls_own(world: World) -> None:
    """Finance can neither retry nor settle it: operations is asked about the line."""
    no = await failed_and_refunded_by_the_mall(world)
    for command in (RetryRefund(), SettleOffline(1)):
        with pytest.raises(IllegalTransition):
            await world.command(no, command, FINANCE)
    (task,) = await world.tasks(no)
    assert (task.kind, task.facts["line_ids"]) == (TAKEN_OVER, ["1"])
    case = await world.case(no)
    assert (case.state, case.deadline_at) == (State.REFUND_FAILED, None)
    assert case.legs[0].refund_no not in world.vendor.paid


@pytest.mark.parametrize("paid_by_the_mall", [True, False])
async def test_a_failed_refund_is_finances_again(world: World, paid_by_the_mall: bool) -> None:
    """What the mall paid is settled with its payment as evidence, what it did not pay is retried, once."""
    no = await failed_and_refunded_by_the_mall(world)
    resumed = await world.command(no, Resume("the mall was asked"), OPERATIONS)
    assert (resumed.taken_over, resumed.deadline_at is None) == (False, False)
    assert [task.status for task in await world.tasks(no)] == [TaskStatus.RESOLVED]
    if paid_by_the_mall:
        await world.command(no, SettleOffline(1), FINANCE)
        await world.command(no, SettleOffline(1), CHECKER)
    else:
        await world.command(no, RetryRefund(), FINANCE)
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert leg.settled_offline is paid_by_the_mall
    assert (leg.refund_no in world.vendor.paid) is not paid_by_the_mall
