"""Orders that change after their release, and parcels that turn out to be somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mallcare.application.orders import IncomingOrder
from mallcare.domain.commands import Approve, CorrectWaybill, SubmitWaybill
from mallcare.domain.errors import OrderFrozen
from mallcare.domain.orders import Order, OrderLine, Tender
from mallcare.domain.vocabulary import Kind, TenderKind
from mallcare.ports import PersonalData
from tests.clocks.promises import COLLECTED, DELIVERED, HOUR, MOVED, NONE, TARGET, Promises, at, line
from tests.timekeeping.orders import CUSTOMER, DUE_AT, MALL, supplier

pytestmark = pytest.mark.rule("T2")
SUPPLIER = supplier()


def newer(order: Order, *lines: OrderLine) -> Order:
    """The next version, with these lines."""
    fen = 1_000 * sum(one.quantity for one in lines)
    tender = Tender(TenderKind.CASH, fen, "wechat_pay", f"T{order.order_no}-{order.version + 1}", fen)
    return replace(order, version=order.version + 1, lines=lines, tenders=(tender,))


async def test_a_line_that_is_gone_was_never_owed(shop: Promises) -> None:
    """Void from the start, and none is added for it when it is told again."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(10)
    order = newer(order, line("1"))
    await shop.take_in(order)
    clocks = await shop.shipments(order)
    assert (clocks["2"].state, clocks["2"].ended_at, clocks["2"].elapsed) == ("void", DUE_AT, NONE)
    assert (clocks["1"].state, clocks["1"].due_at) == ("running", at(48))
    await shop.take_in(newer(order, line("1"), line("2")))
    clocks = await shop.shipments(order)
    assert {(one.state, one.due_at) for one in clocks.values()} == {("running", at(48))}


async def test_an_added_line_is_owed_from_the_release(shop: Promises) -> None:
    """As the rest of its order, scanned before it was known or not."""
    order = await shop.released(line("1"))
    shop.here.at = at(10)
    await shop.tell(order, COLLECTED, at(5), "SF1")
    await shop.take_in(newer(order, line("1"), line("2"), line("3")))
    clocks = await shop.shipments(order)
    assert [(one.part, one.outcome, one.elapsed) for one in clocks.values()] == [
        (part, "met", 5 * HOUR) for part in "123"
    ]


async def test_an_added_line_that_nobody_scanned_runs(shop: Promises) -> None:
    """The scan named the other one."""
    order = await shop.released(line("1"))
    shop.here.at = at(10)
    await shop.tell(order, COLLECTED, at(5), "SF1", ["1"])
    await shop.take_in(newer(order, line("1"), line("2")))
    clock = (await shop.shipments(order))["2"]
    assert (clock.state, clock.started_at, clock.due_at) == ("running", DUE_AT, DUE_AT + TARGET)


async def test_an_older_or_repeated_version_changes_nothing(shop: Promises) -> None:
    """Clocks follow the newest version there is."""
    order = await shop.released(line("1"), line("2"))
    await shop.take_in(newer(order, line("1")))
    before = await shop.clocks()
    with pytest.raises(AssertionError, match="ignored"):
        await shop.take_in(order)
    assert await shop.clocks() == before


async def test_a_version_that_only_tells_more_keeps_a_pause(shop: Promises) -> None:
    """What customers did stays: the request is still open."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(10)
    await shop.ask(order, [("1", 1)])
    shop.here.at = at(12)
    await shop.take_in(replace(order, version=2))
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["1"].elapsed, clocks["2"].state) == ("paused", 10 * HOUR, "running")


async def a_return(shop: Promises, order: Order) -> str:
    """Of line 1, agreed to."""
    await shop.return_address()
    no = await shop.ask(order, [("1", 1)], Kind.RETURN_REFUND)
    await shop.command(no, Approve(), SUPPLIER)
    return no


async def half_shipped(shop: Promises) -> tuple[Order, str]:
    """Line 1 arrived and is to go back, line 2 is still to be shipped."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(5)
    await shop.tell(order, DELIVERED, at(4), "OWN1", ["1"])
    return order, await a_return(shop, order)


async def test_a_parcel_that_is_a_return_ships_nothing(shop: Promises) -> None:
    """Taken for the order's own until the customer named it: the line is owed again, and never paused."""
    order, no = await half_shipped(shop)
    shop.here.at = at(9)
    await shop.tell(order, MOVED, at(8), "BACK1")
    assert (await shop.shipments(order))["2"].outcome == "met"
    assert [clock.part for clock in await shop.parcels(order)] == ["BACK1", "OWN1"]
    await shop.command(no, SubmitWaybill("sf", "BACK1"), CUSTOMER)
    clock = (await shop.shipments(order))["2"]
    assert (clock.state, clock.started_at, clock.due_at) == ("running", DUE_AT, at(48))
    back, own = await shop.parcels(order)
    assert (back.part, back.state, back.elapsed) == ("BACK1", "void", NONE)
    assert (own.part, own.outcome) == ("OWN1", "met")


async def test_a_parcel_given_back_ships_its_line(shop: Promises) -> None:
    """The customer mistyped the waybill of the line that was to come."""
    order, no = await half_shipped(shop)
    await shop.command(no, SubmitWaybill("sf", "OWN2"), CUSTOMER)
    shop.here.at = at(9)
    await shop.tell(order, COLLECTED, at(8), "OWN2", ["2"])
    assert (await shop.shipments(order))["2"].state == "running"
    await shop.command(no, CorrectWaybill("sf", "BACK1"), CUSTOMER)
    clock = (await shop.shipments(order))["2"]
    assert (clock.outcome, clock.ended_at) == ("met", at(8))
    parcel = next(one for one in await shop.parcels(order) if one.part == "OWN2")
    assert (parcel.state, parcel.started_at) == ("running", at(8))


@pytest.mark.parametrize("waybill_first", [True, False])
async def test_a_report_from_before_a_request_is_not_of_its_parcel(
    shop: Promises, waybill_first: bool
) -> None:
    """Even where the waybill is known already: it is how the order's own line left."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(5)
    await shop.tell(order, DELIVERED, at(4), "OWN1", ["1"])
    shop.here.at = at(10)
    no = await a_return(shop, order)
    if waybill_first:
        await shop.command(no, SubmitWaybill("sf", "SF9"), CUSTOMER)
    shop.here.at = at(12)
    before = await shop.case(no)
    await shop.tell(order, COLLECTED, at(9), " sf9", ["2"])
    assert await shop.case(no) == before
    clock = (await shop.shipments(order))["2"]
    assert (clock.outcome, clock.ended_at) == ("met", at(9))
    assert "2" in (await shop.stored(order)).fulfilment.shipped_at


async def test_a_report_from_a_request_s_first_instant_is_of_its_parcel(shop: Promises) -> None:
    """What happened from then on moves the request, and ships nothing."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(5)
    await shop.tell(order, DELIVERED, at(4), "OWN1", ["1"])
    no = await a_return(shop, order)
    await shop.command(no, SubmitWaybill("sf", "SF9"), CUSTOMER)
    await shop.tell(order, COLLECTED, (await shop.case(no)).created_at, "SF9")
    assert (await shop.shipments(order))["2"].state == "running"
    assert (await shop.case(no)).parcels[0].moved_at == at(5)


async def test_a_released_order_stays_its_supplier_s(shop: Promises) -> None:
    """Who has it is measured by it: another supplier would inherit a clock it never had a chance with."""
    order = await shop.released(line("1"))
    other = replace(order, version=2, supplier_id="supplier-9")
    sent = IncomingOrder(other, PersonalData(), "hash-of-another")
    (refused,) = await shop.use_cases.take_in_orders([sent], MALL)
    assert isinstance(refused.refusal, OrderFrozen)
    assert (await shop.shipment(order)).supplier_id == order.supplier_id
