"""What changes a case beside its clocks: approval by policy, another kind, the mall's own doing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from mallcare.application.papers import Beside
from mallcare.domain.commands import AcceptProposal, Approve, Choose, Propose, SetReturnAddress, SubmitWaybill
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Choice, Kind, OrderEventType, State
from tests.travels import MOMENT, just_after, travelling, walk, waybill
from tests.workflows.clocks import arrives
from tests.world import CUSTOMER, MALL, OPERATIONS, RETURN_ADDRESS, World
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
