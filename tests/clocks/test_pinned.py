"""Clocks keep the policy and the calendar they were started with."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from mallcare.domain.calendars import Hours, ServiceCalendar, WeekPlan
from mallcare.domain.commands import Cancel, DeclineProposal, Propose
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from mallcare.ports import shard_of
from tests.clocks.promises import COLLECTED, HOUR, TARGET, Promises, at, line, order_of
from tests.clocks.test_newer_versions import newer
from tests.timekeeping.orders import CUSTOMER, DUE_AT, supplier

pytestmark = pytest.mark.rule("T2")
DAY_SHIFT = Hours(((9 * HOUR, 18 * HOUR),))
NIGHT_SHIFT = Hours(((20 * HOUR, 24 * HOUR),))


def desk(hours: Hours) -> ServiceCalendar:
    """Open every day in Shanghai; the release is at 16:30 there."""
    plan = WeekPlan(date(2026, 1, 1), (hours,) * 7)
    return ServiceCalendar("desk", 1, ZoneInfo("Asia/Shanghai"), (plan,))


def promising(target: timedelta, calendar: str = "24x7") -> TimelinessPolicy:
    """Of shipments and reviews."""
    promise = Promise(target, calendar)
    return TimelinessPolicy(promises={Metric.SHIPMENT: promise, Metric.REVIEW: promise})


async def test_a_new_policy_is_for_clocks_that_start_after_it(shop: Promises) -> None:
    """What runs keeps its target and its ladder, whatever happens to it later."""
    old = await shop.released()
    version = await shop.publish(promising(24 * HOUR))
    new = order_of(line("1"))
    await shop.take_in(new)
    await shop.look(DUE_AT)
    assert (await shop.shipment(new)).policy_version == version
    assert ((await shop.shipment(new)).due_at, (await shop.shipment(old)).due_at) == (at(24), at(48))
    shop.here.at = at(10)
    no = await shop.ask(old)
    shop.here.at = at(20)
    await shop.command(no, Cancel(), CUSTOMER)
    clock = await shop.shipment(old)
    assert (clock.policy_version, clock.target, clock.due_at) == (1, TARGET, at(58))
    shop.here.at = at(60)
    await shop.tell(old, COLLECTED, at(58))
    assert (await shop.shipment(old)).outcome == "met"


async def test_a_supplier_s_own_policy_is_its_own(shop: Promises) -> None:
    """Others keep the one for all, published later or not."""
    own = await shop.publish(promising(12 * HOUR), "supplier-1")
    await shop.publish(promising(24 * HOUR))
    mine, others = order_of(line("1")), order_of(line("1"), supplier_id="supplier-1b")
    await shop.take_in(mine, others)
    await shop.look(DUE_AT)
    await shop.look(DUE_AT, shard_of("supplier-1b"))
    clock = await shop.shipment(mine)
    assert (clock.policy_version, clock.due_at) == (own, at(12))
    assert (await shop.shipment(others)).due_at == at(24)


async def test_a_second_review_is_promised_by_the_present_policy(shop: Promises) -> None:
    """It is an instance of its own; the first keeps what it was measured by."""
    order = await shop.released()
    no = await shop.ask(order, [("1", 1)])
    await shop.publish(promising(24 * HOUR))
    shop.here.at = at(30)
    await shop.command(no, Propose("less", goods_fen=100), supplier())
    await shop.command(no, DeclineProposal(), CUSTOMER)
    first, second = await shop.clocks(Metric.REVIEW)
    assert (first.target, first.outcome, second.target, second.due_at) == (TARGET, "met", 24 * HOUR, at(54))


async def test_an_added_line_is_promised_by_the_present_policy(shop: Promises) -> None:
    """Late or not, it starts now; the lines beside it keep theirs."""
    order = await shop.released(line("1"))
    await shop.publish(promising(24 * HOUR))
    await shop.take_in(newer(order, line("1"), line("2")))
    assert {one.part: one.due_at for one in (await shop.shipments(order)).values()} == {
        "1": at(48),
        "2": at(24),
    }


async def test_a_new_calendar_is_for_clocks_that_start_after_it(shop: Promises) -> None:
    """A day shift: an hour and a half on the first day, nine on the next, and so on; no night counts."""
    await shop.add_calendar(desk(DAY_SHIFT))
    await shop.publish(promising(10 * HOUR, "desk"))
    old = await shop.released()
    assert await shop.add_calendar(desk(NIGHT_SHIFT)) == 2
    new = order_of(line("1"))
    await shop.take_in(new)
    await shop.look(DUE_AT)
    by_day, by_night = await shop.shipment(old), await shop.shipment(new)
    assert (by_day.calendar, by_night.calendar) == (("desk", 1), ("desk", 2))
    assert by_day.due_at == at(24 + 1)  # 16:30-18:00, then 9:00-17:30
    assert by_night.due_at == at(2 * 24 + 5.5)  # 20:00-24:00 twice, then until 22:00
    shop.here.at = at(3 * 24)
    await shop.tell(old, COLLECTED, at(24 + 1))
    assert ((await shop.shipment(old)).outcome, (await shop.shipment(old)).elapsed) == ("met", 10 * HOUR)


async def test_a_pause_outside_the_hours_changes_nothing(shop: Promises) -> None:
    """Asked back at night and withdrawn before nine: due as before."""
    await shop.add_calendar(desk(DAY_SHIFT))
    await shop.publish(promising(10 * HOUR, "desk"))
    order = await shop.released()
    shop.here.at = at(4)
    no = await shop.ask(order)
    assert (await shop.shipment(order)).elapsed == 1.5 * HOUR
    shop.here.at = at(12)
    await shop.command(no, Cancel(), CUSTOMER)
    clock = await shop.shipment(order)
    assert (clock.elapsed, clock.due_at) == (1.5 * HOUR, at(25))


async def test_a_calendar_that_never_opens_promises_nothing(shop: Promises) -> None:
    """The clock is there, and neither due nor at risk, nor looked at."""
    await shop.add_calendar(desk(Hours()))
    await shop.publish(promising(10 * HOUR, "desk"))
    order = await shop.released()
    clock = await shop.shipment(order)
    assert (clock.state, clock.due_at, clock.at_risk_at, clock.next_at) == ("running", None, None, None)
    shop.here.at = at(900)
    await shop.tell(order, COLLECTED, at(800))
    assert (await shop.shipment(order)).outcome == "met"
