"""What customers ask back of unshipped lines: nobody should ship what may be refunded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.commands import AcceptProposal, Approve, Cancel, DeclineProposal, Propose, Reject
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import Kind, State
from tests.clocks.promises import (
    CLOSED,
    COLLECTED,
    DELIVERED,
    HOUR,
    REFUNDED,
    ClockRow,
    Promises,
    at,
    line,
    order_of,
)
from tests.domain.builders import TICK
from tests.timekeeping.orders import CUSTOMER, DUE_AT, supplier

pytestmark = pytest.mark.rule("T2")
SUPPLIER = supplier()


async def asked_back(
    shop: Promises, *, hours: float = 10, quantity: int = 1, of: int = 1
) -> tuple[Order, str]:
    """An order of one line of which units are asked back, so many hours after its release."""
    order = await shop.released(line("1", of))
    shop.here.at = at(hours)
    return order, await shop.ask(order, [("1", quantity)])


def paused_after(clock: ClockRow, hours: float) -> bool:
    """It stands, with nothing to be due or looked at."""
    assert (clock.due_at, clock.at_risk_at, clock.next_at, clock.ended_at) == (None,) * 4
    return clock.state == "paused" and clock.elapsed == hours * HOUR


async def test_a_line_asked_back_in_full_pauses(shop: Promises) -> None:
    """Ten hours count against the supplier, the review does not, however long."""
    order, _ = await asked_back(shop)
    assert paused_after(await shop.shipment(order), 10)
    assert (await shop.look(at(47))).clocks <= 1  # the review's, never the shipment's
    assert paused_after(await shop.shipment(order), 10)


@pytest.mark.parametrize(("command", "caller"), [(Reject("no"), SUPPLIER), (Cancel(), CUSTOMER)])
async def test_without_a_refund_it_goes_on_with_exactly_what_was_left(
    shop: Promises, command: Reject | Cancel, caller: object
) -> None:
    """38 hours from the end of the request, to the tick."""
    order, no = await asked_back(shop)
    shop.here.at = at(31) + TICK
    await shop.command(no, command, caller)  # type: ignore[arg-type]
    clock = await shop.shipment(order)
    assert (clock.state, clock.running_since, clock.elapsed) == ("running", at(31) + TICK, 10 * HOUR)
    assert clock.due_at == at(31 + 38) + TICK
    shop.here.at = at(80)
    await shop.tell(order, COLLECTED, at(31 + 38) + TICK)
    met = await shop.shipment(order)
    assert (met.outcome, met.elapsed, met.due_at) == ("met", 48 * HOUR, at(31 + 38) + TICK)


async def test_asked_back_again_and_again_only_running_time_counts(shop: Promises) -> None:
    """Three requests, three pauses, none of them lost."""
    order = await shop.released()
    for begin, end in ((5, 9), (11, 20), (21, 40)):
        shop.here.at = at(begin)
        no = await shop.ask(order)
        shop.here.at = at(end)
        await shop.command(no, Cancel(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.elapsed, clock.due_at) == ("running", 8 * HOUR, at(80))


async def test_an_approved_request_voids_the_clock(shop: Promises) -> None:
    """Refunded: nothing is left to ship, and the hours of the review are nobody's."""
    order, no = await asked_back(shop)
    shop.here.at = at(20)
    await shop.command(no, Approve(), SUPPLIER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(20), 10 * HOUR)


async def test_a_refund_of_what_was_late_leaves_it_late(shop: Promises) -> None:
    """Who refunds after 50 hours what they never shipped was late all the same."""
    order, no = await asked_back(shop, hours=50)
    await shop.command(no, Approve(), SUPPLIER)
    clock = await shop.shipment(order)
    assert (clock.outcome, clock.ended_at, clock.elapsed) == ("breached", at(50), 50 * HOUR)


async def test_a_late_clock_that_goes_on_is_due_at_once(shop: Promises) -> None:
    """No hour is won by a request that came too late."""
    order, no = await asked_back(shop, hours=50)
    shop.here.at = at(60)
    await shop.command(no, Cancel(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.due_at, clock.elapsed) == ("running", at(60), 50 * HOUR)


async def test_a_part_asked_back_leaves_the_rest_owed(shop: Promises) -> None:
    """Two of three units: the third has to be shipped in time, whatever becomes of them."""
    order, no = await asked_back(shop, quantity=2, of=3)
    assert (await shop.shipment(order)).state == "running"
    await shop.command(no, Approve(), SUPPLIER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.running_since, clock.due_at) == ("running", DUE_AT, at(48))


async def test_parts_that_make_up_the_line_pause_and_void_it(shop: Promises) -> None:
    """Two requests of one unit each: paused once both stand, void once both are refunded."""
    order, first = await asked_back(shop, of=2)
    shop.here.at = at(12)
    second = await shop.ask(order, [("1", 1)])
    assert paused_after(await shop.shipment(order), 12)
    shop.here.at = at(14)
    await shop.command(first, Approve(), SUPPLIER)
    assert paused_after(await shop.shipment(order), 12)
    shop.here.at = at(15)
    await shop.command(second, Cancel(), CUSTOMER)
    assert (await shop.shipment(order)).due_at == at(51)
    shop.here.at = at(16)
    third = await shop.ask(order, [("1", 1)])
    await shop.command(third, Approve(), SUPPLIER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(16), 13 * HOUR)


async def test_the_other_lines_run_on(shop: Promises) -> None:
    """Only what is asked back waits."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(10)
    await shop.ask(order, [("2", 1)])
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["2"].state) == ("running", "paused")


async def test_a_compensation_owes_the_goods_all_the_same(shop: Promises) -> None:
    """Less money was agreed and the goods still come: it goes on with what was left, and is not void."""
    order, no = await asked_back(shop)
    await shop.command(no, Propose("keep it", goods_fen=100), SUPPLIER)
    assert paused_after(await shop.shipment(order), 10)
    shop.here.at = at(30)
    await shop.command(no, AcceptProposal(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.running_since, clock.due_at) == ("running", at(30), at(68))
    shop.here.at = at(40)
    await shop.tell(order, COLLECTED, at(35))
    assert (await shop.shipment(order)).elapsed == 15 * HOUR


async def test_a_declined_compensation_is_a_request_like_any_other(shop: Promises) -> None:
    """The line stays paused, and is void once all of it is refunded."""
    order, no = await asked_back(shop)
    await shop.command(no, Propose("keep it", goods_fen=100), SUPPLIER)
    await shop.command(no, DeclineProposal(), CUSTOMER)
    assert paused_after(await shop.shipment(order), 10)
    await shop.command(no, Approve(), SUPPLIER)
    assert (await shop.shipment(order)).state == "void"


async def test_a_request_that_becomes_a_return_lets_the_clock_go_on(shop: Promises) -> None:
    """Goods that are to come back have to come first."""
    await shop.return_address()
    order, no = await asked_back(shop)
    await shop.command(no, Propose("send it back", kind=Kind.RETURN_REFUND), SUPPLIER)
    shop.here.at = at(30)
    await shop.command(no, AcceptProposal(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.due_at) == ("running", at(68))


async def test_a_return_that_becomes_refund_only_voids_the_clock(shop: Promises) -> None:
    """The supplier gives the money back for what it never shipped."""
    order = await shop.released()
    shop.here.at = at(10)
    no = await shop.ask(order, [("1", 1)], Kind.RETURN_REFUND)
    assert (await shop.shipment(order)).state == "running"
    await shop.command(no, Propose("never mind", kind=Kind.REFUND_ONLY), SUPPLIER)
    shop.here.at = at(30)
    await shop.command(no, AcceptProposal(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(30), 30 * HOUR)


@pytest.mark.parametrize("kind", [Kind.RETURN_REFUND, Kind.EXCHANGE])
async def test_goods_that_still_have_to_come_are_owed(shop: Promises, kind: Kind) -> None:
    """A return or an exchange of what was not shipped yet pauses nothing."""
    order = await shop.released()
    shop.here.at = at(10)
    no = await shop.ask(order, [("1", 1)], kind)
    assert (await shop.shipment(order)).state == "running"
    await shop.command(no, Reject("no"), SUPPLIER)
    assert (await shop.shipment(order)).due_at == at(48)


async def test_refund_of_what_was_shipped_changes_nothing(shop: Promises) -> None:
    """A promise that was kept stays kept."""
    order = await shop.released()
    shop.here.at = at(5)
    await shop.tell(order, DELIVERED, at(4))
    before = await shop.shipment(order)
    no = await shop.ask(order)
    await shop.command(no, Approve(), SUPPLIER)
    after = await shop.shipment(order)
    assert (after.outcome, after.ended_at, after.elapsed) == (before.outcome, at(4), 4 * HOUR)


async def test_a_scan_told_after_the_refund_that_was_before_it_counts(shop: Promises) -> None:
    """The parcel left before the refund was decided: shipped in time, and void no more."""
    order, no = await asked_back(shop)
    await shop.command(no, Approve(), SUPPLIER)
    shop.here.at = at(12)
    await shop.tell(order, COLLECTED, at(9))
    clock = await shop.shipment(order)
    assert (clock.outcome, clock.ended_at, clock.elapsed) == ("met", at(9), 9 * HOUR)


async def test_the_mall_s_own_refund_voids_what_it_names(shop: Promises) -> None:
    """One line of two, in full; the other one is still owed."""
    order = await shop.released(line("1", 2), line("2"))
    shop.here.at = at(7)
    await shop.tell(order, REFUNDED, at(6), refunded_lines={"1": 1})
    assert {one.state for one in (await shop.shipments(order)).values()} == {"running"}
    shop.here.at = at(8)
    await shop.tell(order, REFUNDED, at(6), refunded_lines={"1": 1})
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["1"].ended_at) == ("void", at(8))
    assert clocks["2"].state == "running"


async def test_the_mall_s_refund_of_what_is_asked_back_voids_it(shop: Promises) -> None:
    """It ends the request, whose customer has the money: void, not resumed."""
    order, no = await asked_back(shop)
    shop.here.at = at(15)
    await shop.tell(order, REFUNDED, at(14))
    assert (await shop.case(no)).state is State.CLOSED
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(15), 10 * HOUR)


async def test_the_mall_s_refund_of_one_of_two_units_frees_the_other(shop: Promises) -> None:
    """The request for both is closed by it: one unit is owed again, from then on."""
    order, no = await asked_back(shop, quantity=2, of=2)
    shop.here.at = at(15)
    await shop.tell(order, REFUNDED, at(14), refunded_lines={"1": 1})
    assert (await shop.case(no)).state is State.CLOSED
    clock = await shop.shipment(order)
    assert (clock.state, clock.elapsed, clock.due_at) == ("running", 10 * HOUR, at(53))


async def test_a_refund_before_the_order_is_known_counts(shop: Promises) -> None:
    """The mall told of a refund first: that line is void from the release on."""
    order = order_of(line("1"), line("2"))
    await shop.tell(order, REFUNDED, DUE_AT - HOUR / 4, refunded_lines={"2": 1})
    await shop.take_in(order)
    assert (await shop.look(DUE_AT)).released == 1
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["2"].state, clocks["2"].ended_at) == ("running", "void", DUE_AT)


async def test_an_order_closed_while_asked_back_is_void_since_it_was_closed(shop: Promises) -> None:
    """Even where the report comes after the request, and the request ends later."""
    order, no = await asked_back(shop)
    shop.here.at = at(20)
    await shop.tell(order, CLOSED, at(8))
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(8), 8 * HOUR)
    assert (await shop.case(no)).taken_over


async def test_a_request_between_the_release_and_a_late_look_pauses_from_the_release(shop: Promises) -> None:
    """The timekeeper was away for an hour: no time of the review counts, and none is counted twice."""
    order = order_of(line("1"), line("2"))
    await shop.take_in(order)
    shop.here.at = at(0.5)
    no = await shop.ask(order, [("1", 1)])
    await shop.look(at(1))
    assert paused_after((await shop.shipments(order))["1"], 0)
    shop.here.at = at(2)
    await shop.command(no, Cancel(), CUSTOMER)
    assert (await shop.shipments(order))["1"].due_at == at(50)


async def test_a_rejected_request_before_the_look_leaves_no_trace(shop: Promises) -> None:
    """Asked back and cancelled before the release: a clock like any other."""
    order = order_of(line("1"))
    shop.here.at = DUE_AT - timedelta(minutes=20)
    await shop.take_in(order)
    no = await shop.ask(order, [("1", 1)])
    await shop.command(no, Cancel(), CUSTOMER)
    await shop.look(DUE_AT)
    assert (await shop.shipment(order)).events == ("released",)
