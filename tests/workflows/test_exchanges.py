"""Exchanges on a real Temporal: a replacement that arrives, does not arrive, or does not exist."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Choose,
    Confirm,
    OutOfStock,
    ReportMissing,
    Reship,
    SettleOffline,
    ShipBack,
)
from mallcare.domain.errors import FourEyes
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.tasks import TaskKind
from mallcare.domain.vocabulary import Choice, Kind, LegStatus, State
from tests.travels import just_after, received, travelling
from tests.world import CHECKER, CUSTOMER, FINANCE, OPERATIONS, World

EXCHANGE = Kind.EXCHANGE


async def test_an_exchange_completes_without_money(world: World) -> None:
    """Returned, accepted, reshipped, confirmed: no vendor was asked, no activity was needed."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    await world.command(no, Confirm(), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED
    case = await world.case(no)
    assert (case.legs, case.holdings) == ((), ())
    assert await world.events(no) == [
        *("submitted", "approved", "waybill_submitted", "received", "inspected", "accepted"),
        *("reshipped", "replacement_confirmed", "completed"),
    ]


async def test_a_customer_can_wait_for_the_replacement(world: World) -> None:
    """Out of stock, the customer waits: the supplier's 48 hours run anew, and the exchange goes on."""
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK)
    case = await world.command(no, Choose(Choice.WAIT), CUSTOMER)
    assert case.state is State.AWAITING_RESHIPMENT
    await world.command(no, Reship("sf", f"X{no}"))
    await world.command(no, Confirm(), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_customer_can_take_the_money(world: World) -> None:
    """Out of stock, the customer chooses the money: it is paid once over each tender."""
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK, points=400)
    await world.command(no, Choose(Choice.REFUND), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED
    legs = (await world.case(no)).legs
    assert [world.vendor.paid[leg.refund_no] for leg in legs] == [1, 1]
    assert [leg.amount_fen for leg in legs] == [600, 400]


async def test_silence_while_out_of_stock_refunds(world: World) -> None:
    """Nobody chose in 7 days: the money goes back by itself."""
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK)
    await just_after(world, no)
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert world.vendor.paid[leg.refund_no] == 1
    assert "refund_by_default" in await world.events(no)


async def test_a_refund_by_default_stays_within_its_limits(world: World) -> None:
    """Beyond the ceiling of automatic refunds the clock only calls; the customer can still choose."""
    supplier_id = f"S{uuid4().hex[:12]}"
    policy = replace(AfterSalesPolicy(), auto_refund_ceiling_fen=999)
    await world.use_cases.policies.publish(policy, supplier_id, OPERATIONS)
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK, supplier_id=supplier_id)
    await just_after(world, no)
    case = await world.reaches(no, "escalated")
    assert (case.state, case.legs, case.deadline_at) == (State.OUT_OF_STOCK, (), None)
    await world.command(no, Choose(Choice.REFUND), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_replacement_reported_missing_is_sent_again(world: World) -> None:
    """No clock completes the case over the customer's word; operations looks, another parcel arrives."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    case = await world.command(no, ReportMissing(), CUSTOMER)
    assert case.deadline_at is not None
    assert [task.kind for task in await world.tasks(no)] == [TaskKind.RESHIPMENT_MISSING]
    await just_after(world, no)
    case = await world.reaches(no, "escalated")
    assert case.state is State.RESHIPPED
    await world.command(no, Reship("sf", f"Y{no}"))
    await just_after(world, no)
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_missing_replacement_without_stock_becomes_a_refund(world: World) -> None:
    """Reported missing and none left: the customer takes the money."""
    no = await travelling(world, EXCHANGE, State.RESHIPPED)
    await world.command(no, ReportMissing(), CUSTOMER)
    await world.command(no, OutOfStock())
    await world.command(no, Choose(Choice.REFUND), CUSTOMER)
    assert (await world.finished(no)).state is State.COMPLETED
    (leg,) = (await world.case(no)).legs
    assert world.vendor.paid[leg.refund_no] == 1


async def test_a_refused_unit_goes_back_beside_the_replacement(world: World) -> None:
    """One of two accepted: one replacement, and the other unit shipped back; completed when both arrived."""
    no = await travelling(world, EXCHANGE, State.RETURN_IN_TRANSIT, units=2, quantity=2)
    await world.command(no, received(await world.case(no), damaged=1))
    await world.command(no, Accept((AcceptedLine("1", 1),)))
    await world.command(no, Reship("sf", f"X{no}"))
    case = await world.command(no, Confirm(), CUSTOMER)
    assert case.state is State.RETURNING_TO_CUSTOMER
    await world.command(no, ShipBack("sf", f"B{no}"))
    await world.skip(no, timedelta(days=10, seconds=5))
    assert (await world.finished(no)).state is State.COMPLETED


async def test_a_failed_tender_is_settled_offline_by_two_people(world: World) -> None:
    """The money instead of the goods, points fail for good: one of finance says paid, another one agrees."""
    no = await travelling(world, EXCHANGE, State.OUT_OF_STOCK, points=300)
    world.vendor.script((await world.case(no)).order_no, "points", "refuse:account_closed")
    await world.command(no, Choose(Choice.REFUND), CUSTOMER)
    await world.reaches(no, "refund_failed")
    await world.reaches(no, "refund_succeeded")
    case = await world.command(no, SettleOffline(1), FINANCE)
    assert case.state is State.REFUND_FAILED
    with pytest.raises(FourEyes):
        await world.command(no, SettleOffline(1), FINANCE)
    await world.command(no, SettleOffline(1), CHECKER)
    assert (await world.finished(no)).state is State.COMPLETED
    cash, points = (await world.case(no)).legs
    assert (cash.status, points.status) == (LegStatus.SUCCEEDED, LegStatus.SUCCEEDED)
    assert (world.vendor.paid[cash.refund_no], points.settled_offline) == (1, True)
    assert points.refund_no not in world.vendor.ledger
