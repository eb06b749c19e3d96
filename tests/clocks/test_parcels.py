"""Parcels under way: one clock for each silence in which somebody may be reminded."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.commands import Approve
from mallcare.domain.metrics import Metric
from mallcare.domain.orders import Order
from mallcare.domain.timeliness import Level, Party, Promise, TimelinessPolicy
from tests.clocks.promises import (
    ALARM,
    CLOSED,
    COLLECTED,
    DELIVERED,
    HOUR,
    MOVED,
    NONE,
    Promises,
    at,
    line,
    order_of,
)
from tests.domain.builders import TICK
from tests.timekeeping.orders import supplier

pytestmark = pytest.mark.rule("T2")
TARGET = 72 * HOUR
PATIENCE = 60 * HOUR
"""12 hours before the deadline somebody is reminded."""


async def sent(shop: Promises, hours: float = 1, waybill: str | None = "SF1") -> Order:
    """An order whose parcel was collected so many hours after its release."""
    order = await shop.released(line("1"), line("2"))
    shop.here.at = at(hours)
    await shop.tell(order, COLLECTED, at(hours), waybill)
    return order


async def tell(shop: Promises, order: Order, *told: tuple[object, float], waybill: str = "SF1") -> None:
    """Reports as they happen, hours after the release."""
    for type_, hours in told:
        shop.here.at = max(shop.here.at, at(hours))
        await shop.tell(order, type_, at(hours), waybill)  # type: ignore[arg-type]


async def test_a_parcel_under_way_is_due_after_72_hours_of_silence(shop: Promises) -> None:
    """At risk in the last fifth."""
    order = await sent(shop)
    (clock,) = await shop.parcels(order)
    assert (clock.part, clock.seq, clock.state) == ("SF1", 1, "running")
    assert (clock.started_at, clock.due_at) == (at(1), at(73))
    assert (clock.at_risk_at, clock.next_at) == (at(73) - TARGET / 5, at(61))


async def test_a_parcel_that_moves_has_one_clock(shop: Promises) -> None:
    """Measured from its last movement, as long as nobody had to be reminded."""
    order = await sent(shop)
    await tell(shop, order, (MOVED, 30), (MOVED, 90))
    (clock,) = await shop.parcels(order)
    assert (clock.state, clock.started_at, clock.due_at) == ("running", at(90), at(162))


async def test_a_parcel_that_was_stuck_has_one_clock_for_the_silence_and_one_since(shop: Promises) -> None:
    """The silence stays on record, in time or not."""
    order = await sent(shop, 0)
    await tell(shop, order, (MOVED, 65), (MOVED, 145))
    first, second, third = await shop.parcels(order)
    assert (first.seq, first.outcome, first.elapsed, first.ended_at) == (1, "met", 65 * HOUR, at(65))
    assert (second.seq, second.outcome, second.elapsed) == (2, "breached", 80 * HOUR)
    assert (third.seq, third.state, third.started_at) == (3, "running", at(145))


@pytest.mark.parametrize(("extra", "clocks"), [(NONE, 1), (TICK, 2)])
async def test_a_silence_as_long_as_patience_is_none(shop: Promises, extra: timedelta, clocks: int) -> None:
    """Beyond it, it is."""
    order = await sent(shop, 0)
    shop.here.at = at(70)
    await shop.tell(order, MOVED, at(0) + PATIENCE + extra, "SF1")
    assert len(await shop.parcels(order)) == clocks


async def test_a_delivered_parcel_has_kept_its_promise(shop: Promises) -> None:
    """And what is reported after its delivery is not heard."""
    order = await sent(shop)
    await tell(shop, order, (DELIVERED, 20), (MOVED, 30), (ALARM, 31))
    (clock,) = await shop.parcels(order)
    assert (clock.outcome, clock.elapsed, clock.ended_at) == ("met", 19 * HOUR, at(20))


async def test_a_late_movement_takes_a_silence_back(shop: Promises) -> None:
    """The silence turned out to be none: its second clock is void, nothing of it is late."""
    order = await sent(shop, 0)
    await tell(shop, order, (MOVED, 80))
    assert [clock.state for clock in await shop.parcels(order)] == ["breached", "running"]
    await tell(shop, order, (MOVED, 40))
    first, gone = await shop.parcels(order)
    assert (first.state, first.started_at, first.due_at) == ("running", at(80), at(152))
    assert (gone.state, gone.elapsed, gone.next_at) == ("void", NONE, None)


async def test_a_late_report_keeps_the_breach_on_record(shop: Promises) -> None:
    """What the timekeeper saw it saw; the figure is corrected all the same."""
    order = await sent(shop, 0)
    await shop.look(at(73))
    await tell(shop, order, (MOVED, 74))
    await tell(shop, order, (MOVED, 50))
    seen, now = await shop.parcels(order)
    assert (seen.breach_recorded_at, seen.state) == (at(73), "void")
    assert (now.breach_recorded_at, now.state, now.started_at) == (None, "running", at(74))


async def test_a_silence_after_a_breach_on_record_is_heard_of_again(shop: Promises) -> None:
    """A late report makes the recorded silence none and begins another: that one is recorded anew."""
    order = await sent(shop, 0)
    await shop.look(at(73))
    await tell(shop, order, (MOVED, 50))
    await shop.look(at(123))
    seen, now = await shop.parcels(order)
    assert (seen.breach_recorded_at, seen.state) == (at(73), "void")
    assert (now.started_at, now.breach_recorded_at) == (at(50), at(123))


async def test_what_follows_a_corrected_breach_keeps_its_clocks(shop: Promises) -> None:
    """Movements add no rows, and a breach that is recorded later stays with the silence it is of."""
    order = await sent(shop, 0)
    await shop.look(at(73))
    await tell(shop, order, (MOVED, 50), (MOVED, 90), (MOVED, 100))
    assert [(clock.seq, clock.started_at) for clock in await shop.parcels(order)] == [
        (1, at(0)),
        (2, at(100)),
    ]
    await shop.look(at(173))
    await tell(shop, order, (MOVED, 180))
    assert [(one.seq, one.state, one.breach_recorded_at) for one in await shop.parcels(order)] == [
        (1, "void", at(73)),
        (2, "breached", at(173)),
        (3, "running", None),
    ]


async def test_a_parcel_that_is_back_in_time_may_be_stuck_again(shop: Promises) -> None:
    """A clock that was void for a while is the next silence's."""
    order = await sent(shop, 0)
    await tell(shop, order, (MOVED, 80), (MOVED, 40), (MOVED, 150))
    assert [clock.state for clock in await shop.parcels(order)] == ["met", "running"]


async def test_two_parcels_have_clocks_of_their_own(shop: Promises) -> None:
    """However their waybills are written."""
    order = await sent(shop, 0)
    await tell(shop, order, (COLLECTED, 2), waybill=" sf2 ")
    shop.here.at = at(9)
    await shop.tell(order, DELIVERED, at(9), "sf1", ["1"])
    assert [(clock.part, clock.state) for clock in await shop.parcels(order)] == [
        ("SF1", "met"),
        ("SF2", "running"),
    ]


async def test_reports_without_a_waybill_are_one_parcel(shop: Promises) -> None:
    """There is nothing to tell them apart by."""
    order = await sent(shop, 0, None)
    await shop.tell(order, MOVED, at(0), "  ", ["2"])
    (clock,) = await shop.parcels(order)
    assert (clock.part, clock.seq) == ("", 1)


async def test_all_lines_delivered_ends_every_parcel(shop: Promises) -> None:
    """The delivery names no parcel: what travels on without a word has arrived."""
    order = await sent(shop, 0)
    shop.here.at = at(30)
    await shop.tell(order, DELIVERED, at(20), None, ["1"])
    assert [clock.state for clock in await shop.parcels(order)] == ["met", "running"]
    await shop.tell(order, DELIVERED, at(25), None, ["2"])
    nameless, parcel = await shop.parcels(order)
    assert (nameless.outcome, nameless.elapsed) == ("met", NONE)
    assert (parcel.outcome, parcel.ended_at, parcel.elapsed) == ("met", at(25), 25 * HOUR)


async def test_an_alarm_puts_it_at_risk_at_once(shop: Promises) -> None:
    """It is no movement: due as before, shown at risk since the alarm; a movement ends that."""
    order = await sent(shop)
    await tell(shop, order, (ALARM, 5))
    (clock,) = await shop.parcels(order)
    assert (clock.started_at, clock.due_at, clock.at_risk_at) == (at(1), at(73), at(5))
    assert clock.alarmed_at == at(5)
    await tell(shop, order, (MOVED, 6))
    (clock,) = await shop.parcels(order)
    assert (clock.due_at, clock.at_risk_at, clock.alarmed_at) == (at(78), at(78) - TARGET / 5, None)


async def test_a_parcel_that_never_moved_runs_from_its_first_alarm(shop: Promises) -> None:
    """Its lines are not shipped by it."""
    order = await shop.released()
    shop.here.at = at(9)
    await shop.tell(order, ALARM, at(8), "SF1")
    await shop.tell(order, ALARM, at(9), "SF1")
    (clock,) = await shop.parcels(order)
    assert (clock.started_at, clock.at_risk_at, clock.due_at) == (at(8), at(8), at(80))
    assert (await shop.shipment(order)).state == "running"


async def test_an_alarm_that_is_told_late_does_not_outlive_a_movement(shop: Promises) -> None:
    """Dated before the last movement, it is history."""
    order = await sent(shop)
    await tell(shop, order, (MOVED, 10), (ALARM, 5))
    (clock,) = await shop.parcels(order)
    assert (clock.started_at, clock.alarmed_at) == (at(10), None)


async def test_a_closed_order_waits_for_no_parcel(shop: Promises) -> None:
    """Void since it was closed; a delivery before that is kept."""
    order = await sent(shop)
    await tell(shop, order, (MOVED, 2), waybill="SF2")
    shop.here.at = at(9)
    await shop.tell(order, DELIVERED, at(3), "SF2", ["2"])
    await shop.tell(order, CLOSED, at(9))
    first, second = await shop.parcels(order)
    assert (first.outcome, first.ended_at, first.elapsed) == ("void", at(9), 8 * HOUR)
    assert second.outcome == "met"


async def test_a_parcel_of_an_order_that_was_never_released_is_followed(shop: Promises) -> None:
    """Sent before the cooling-off was over, and closed by the mall."""
    order = order_of(line("1"))
    await shop.take_in(order)
    await shop.tell(order, CLOSED, at(-0.25))
    await shop.tell(order, COLLECTED, at(-0.2), "SF1")
    assert [clock.metric for clock in await shop.clocks()] == [Metric.ABNORMAL_DELIVERY]
    (clock,) = await shop.parcels(order)
    assert (clock.outcome, clock.elapsed) == ("void", NONE)


async def test_a_parcel_keeps_the_rules_of_its_first_clock(shop: Promises) -> None:
    """Its silences are cut by one patience and measured by one target, or a reminded one could vanish."""
    order = await sent(shop, 0)
    await shop.publish(
        TimelinessPolicy(
            promises={Metric.ABNORMAL_DELIVERY: Promise(24 * HOUR)},
            ladder=(Level("now", 2 * HOUR, (Party.STAFF,)),),
        )
    )
    await tell(shop, order, (MOVED, 65))
    await tell(shop, order, (COLLECTED, 65), waybill="SF2")
    first, second, other = await shop.parcels(order)
    assert (first.policy_version, first.target) == (second.policy_version, second.target) == (1, TARGET)
    assert other.target == 24 * HOUR
    await shop.look(at(65 + 25))
    await tell(shop, order, (MOVED, 65 + 26))
    assert [(clock.part, clock.state) for clock in await shop.parcels(order)] == [
        ("SF1", "met"),
        ("SF1", "running"),
        ("SF2", "running"),
    ]


async def test_a_refund_under_way_ends_the_wait_for_the_parcel(shop: Promises) -> None:
    """Refunded while it travels: nobody waits for it any more, whatever its carrier says later."""
    order = await sent(shop, 0)
    shop.here.at = at(5)
    no = await shop.ask(order)
    shop.here.at = at(6)
    await shop.command(no, Approve(), supplier())
    (clock,) = await shop.parcels(order)
    assert (clock.state, clock.ended_at) == ("void", at(6))
    await tell(shop, order, (MOVED, 7))
    assert [one.state for one in await shop.parcels(order)] == ["void"]
