"""Shipping: one clock a line, from the very instant of the release to the carrier's first scan."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from mallcare.domain.commands import Approve, Reject
from mallcare.domain.metrics import Metric
from tests.clocks.promises import (
    ALARM,
    CLOSED,
    COLLECTED,
    DELIVERED,
    HOUR,
    MOVED,
    NONE,
    TARGET,
    Promises,
    at,
    line,
    order_of,
)
from tests.domain.builders import PLACED_AT, TICK
from tests.timekeeping.orders import DUE_AT, supplier

pytestmark = pytest.mark.rule("T2")


async def test_every_line_is_promised_from_the_release_on(shop: Promises) -> None:
    """However late the look: 48 hours from the release, at risk in the last fifth, a look 12 hours before."""
    order = order_of(line("1"), line("2", 3))
    await shop.take_in(order)
    await shop.look(DUE_AT + 7 * HOUR)
    clocks = await shop.shipments(order)
    assert list(clocks) == ["1", "2"]
    for clock in clocks.values():
        assert (clock.started_at, clock.running_since, clock.elapsed) == (DUE_AT, DUE_AT, NONE)
        assert (clock.due_at, clock.at_risk_at) == (DUE_AT + TARGET, DUE_AT + TARGET - TARGET / 5)
        assert (clock.next_at, clock.state) == (DUE_AT + 36 * HOUR, "running")
        assert (clock.seq, clock.supplier_id, clock.policy_version) == (1, "supplier-1", 1)
        assert clock.calendar == ("24x7", 1)


async def test_nothing_is_promised_before_the_release(shop: Promises) -> None:
    """Not by the order, nor a tick before its instant, nor for one that is withheld."""
    order, closed = order_of(line("1")), order_of(line("1"))
    await shop.take_in(order, closed)
    await shop.tell(closed, CLOSED, PLACED_AT)
    assert await shop.clocks() == []
    await shop.look(DUE_AT - TICK)
    assert await shop.clocks() == []
    await shop.look(DUE_AT)
    assert [clock.subject for clock in await shop.clocks()] == [order.order_no]


async def test_an_order_paid_late_is_promised_from_its_payment(shop: Promises) -> None:
    """The release is the later of payment and the end of the cooling-off."""
    paid = DUE_AT + 3 * HOUR
    shop.here.at = paid
    order = order_of(line("1"), paid_at=paid)
    await shop.take_in(order)
    await shop.look(paid)
    assert (await shop.shipment(order)).started_at == paid


async def test_an_order_that_is_not_held_back_is_promised_from_its_payment(shop: Promises) -> None:
    """A supplier without a cooling-off has it at once."""
    await shop.policy(hold_during_cooling_off=False)
    order = order_of(line("1"))
    await shop.take_in(order)
    await shop.look(DUE_AT)
    assert (await shop.shipment(order)).started_at == PLACED_AT


async def test_looks_that_repeat_or_meet_start_a_clock_once(shop: Promises) -> None:
    """A second look finds nothing to start, and changes nothing."""
    order = await shop.released()
    before = await shop.clocks()
    await shop.look(DUE_AT)
    await shop.beside().look(DUE_AT + HOUR)
    assert await shop.clocks() == before
    assert [clock.subject for clock in before] == [order.order_no]


async def test_a_page_of_releases_starts_the_clocks_of_all(shop: Promises) -> None:
    """Whatever the size of a page."""
    orders = [order_of(line("1"), line("2")) for _ in range(7)]
    await shop.take_in(*orders)
    await shop.look(DUE_AT, page=3)
    assert {clock.subject for clock in await shop.clocks()} == {order.order_no for order in orders}
    assert len(await shop.clocks()) == 14


async def test_a_line_refunded_before_the_release_is_void_from_the_start(shop: Promises) -> None:
    """Of two lines one was refunded: it was never owed, the other one is."""
    shop.here.at = PLACED_AT + timedelta(minutes=5)
    order = order_of(line("1"), line("2"))
    await shop.take_in(order)
    no = await shop.ask(order, [("1", 1)])
    await shop.command(no, Approve(), supplier())
    shop.here.at = DUE_AT
    assert (await shop.look(DUE_AT)).released == 1
    clocks = await shop.shipments(order)
    void = clocks["1"]
    assert (void.state, void.started_at, void.ended_at, void.elapsed) == ("void", DUE_AT, DUE_AT, NONE)
    assert void.next_at is None
    assert clocks["2"].state == "running"


async def test_a_line_asked_back_before_the_release_is_paused_from_the_start(shop: Promises) -> None:
    """Nobody has decided yet; the other line is owed from the release on."""
    shop.here.at = PLACED_AT + timedelta(minutes=5)
    order = order_of(line("1"), line("2"))
    await shop.take_in(order)
    await shop.ask(order, [("1", 1)])
    await shop.look(DUE_AT)
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["1"].elapsed, clocks["1"].due_at) == ("paused", NONE, None)
    assert (clocks["1"].at_risk_at, clocks["1"].next_at) == (None, None)
    assert clocks["2"].state == "running"


async def test_a_scan_fulfils_the_lines_it_names(shop: Promises) -> None:
    """The others are still owed; the time counted is the carrier's."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(20)
    await shop.tell(order, COLLECTED, at(9), "SF1", ["2"])
    clocks = await shop.shipments(order)
    assert clocks["1"].state == "running"
    met = clocks["2"]
    assert (met.state, met.ended_at, met.elapsed, met.due_at) == ("met", at(9), 9 * HOUR, at(48))
    assert (met.running_since, met.at_risk_at, met.next_at) == (None, None, None)


async def test_a_scan_that_names_no_line_fulfils_all(shop: Promises) -> None:
    """It speaks of the whole order."""
    order = await shop.released(line("1"), line("2"))
    await shop.tell(order, MOVED, at(0))
    assert {clock.state for clock in (await shop.shipments(order)).values()} == {"met"}


@pytest.mark.parametrize("scan", [COLLECTED, MOVED, DELIVERED])
async def test_any_movement_shows_that_the_carrier_has_it(shop: Promises, scan: object) -> None:
    """A carrier that never says `collected` says it with its first scan."""
    order = await shop.released()
    shop.here.at = at(30)
    await shop.tell(order, scan, at(24))  # type: ignore[arg-type]
    assert (await shop.shipment(order)).elapsed == 24 * HOUR


async def test_an_alarm_alone_does_not_fulfil(shop: Promises) -> None:
    """Something is wrong with a parcel that nobody scanned: the goods may never have left."""
    order = await shop.released()
    shop.here.at = at(60)
    await shop.tell(order, ALARM, at(20), "SF1")
    clock = await shop.shipment(order)
    assert (clock.state, clock.due_at) == ("running", at(48))
    await shop.tell(order, COLLECTED, at(40), "SF1")
    assert (await shop.shipment(order)).state == "met"


@pytest.mark.parametrize(
    ("after", "outcome"), [(TARGET, "met"), (TARGET + TICK, "breached")], ids=["exactly", "a tick late"]
)
async def test_exactly_48_hours_is_in_time(shop: Promises, after: timedelta, outcome: str) -> None:
    """The first instant beyond is not."""
    order = await shop.released()
    shop.here.at = at(60)
    await shop.tell(order, COLLECTED, DUE_AT + after)
    assert (await shop.shipment(order)).outcome == outcome


async def test_a_late_report_turns_a_breach_into_a_promise_kept(shop: Promises) -> None:
    """The scan was in time and told late: the figure is corrected, the breach stays on record."""
    order = await shop.released()
    await shop.look(at(49))
    seen = await shop.shipment(order)
    assert seen.breach_recorded_at == at(49)
    shop.here.at = at(70)
    await shop.tell(order, DELIVERED, at(69), "SF1")
    assert (await shop.shipment(order)).outcome == "breached"
    await shop.tell(order, COLLECTED, at(47), "SF1")
    clock = await shop.shipment(order)
    assert (clock.outcome, clock.ended_at, clock.elapsed) == ("met", at(47), 47 * HOUR)
    assert clock.breach_recorded_at == seen.breach_recorded_at


async def test_a_scan_before_the_release_fulfils_at_once(shop: Promises) -> None:
    """Nobody is fulfilled before they owe anything."""
    order = order_of(line("1"), line("2"))
    await shop.take_in(order)
    shop.here.at = at(1)
    await shop.tell(order, COLLECTED, PLACED_AT + HOUR / 4, "SF1", ["1"])
    await shop.look(at(1))
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["1"].ended_at, clocks["1"].elapsed) == ("met", DUE_AT, NONE)
    assert clocks["2"].state == "running"


async def test_events_that_came_before_their_order_count(shop: Promises) -> None:
    """Parcels at once, shipments from the release on."""
    order = order_of(line("1"), line("2"))
    shop.here.at = at(3)
    assert await shop.tell(order, COLLECTED, at(2), "SF1", ["1"]) == "kept"
    assert await shop.clocks() == []
    await shop.take_in(order)
    (parcel,) = await shop.parcels(order)
    assert (parcel.state, parcel.started_at) == ("running", at(2))
    assert await shop.shipments(order) == {}
    await shop.look(at(3))
    clocks = await shop.shipments(order)
    assert (clocks["1"].state, clocks["1"].ended_at) == ("met", at(2))
    assert clocks["2"].state == "running"


async def test_a_closed_order_owes_nothing(shop: Promises) -> None:
    """Void from the instant the mall closed it, told late or not."""
    order = await shop.released()
    shop.here.at = at(10)
    await shop.tell(order, CLOSED, at(4))
    clock = await shop.shipment(order)
    assert (clock.state, clock.ended_at, clock.elapsed) == ("void", at(4), 4 * HOUR)
    await shop.tell(order, COLLECTED, at(3))
    assert (await shop.shipment(order)).state == "met"


async def test_who_closes_what_was_late_was_late(shop: Promises) -> None:
    """A promise that was broken before it became void stays broken."""
    order = await shop.released()
    shop.here.at = at(60)
    await shop.tell(order, CLOSED, at(49))
    assert (await shop.shipment(order)).outcome == "breached"


async def test_an_order_older_than_clocks_is_left_alone(shop: Promises, cleaner: psycopg.Connection) -> None:
    """Released by the release before: no clock of a line appears years later."""
    order = await shop.released()
    cleaner.execute("DELETE FROM clocks")
    shop.here.at = at(3)
    await shop.tell(order, COLLECTED, at(2), "SF1")
    assert await shop.shipments(order) == {}
    assert [clock.part for clock in await shop.parcels(order)] == ["SF1"]
    await shop.ask(order)
    assert await shop.shipments(order) == {}


async def test_a_withheld_order_that_is_released_later_is_promised_from_then(shop: Promises) -> None:
    """All of it was asked back until an hour after the cooling-off."""
    shop.here.at = PLACED_AT + timedelta(minutes=10)
    await shop.stop_automatic_refunds()
    order = order_of(line("1"))
    await shop.take_in(order)
    no = await shop.ask(order)
    await shop.look(DUE_AT)
    assert await shop.clocks(Metric.SHIPMENT) == []
    shop.here.at = at(1)
    await shop.command(no, Reject("no"), supplier())
    await shop.look(at(1))
    clock = await shop.shipment(order)
    assert (clock.state, clock.started_at, clock.due_at) == ("running", at(1), at(49))
