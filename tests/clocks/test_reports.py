"""Late, repeated and permuted reports of carriers: the clocks are a function of what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import OrderEventType
from tests.clocks.promises import (
    ALARM,
    CLOSED,
    COLLECTED,
    DELIVERED,
    MOVED,
    REFUNDED,
    ClockRow,
    Promises,
    at,
    line,
    order_of,
)
from tests.timekeeping.orders import DUE_AT, MALL

pytestmark = pytest.mark.rule("T2")
TOLD_AT = at(300)
CARRIERS = (COLLECTED, MOVED, MOVED, DELIVERED, ALARM)
MALLS = (*CARRIERS, CLOSED, REFUNDED)
LINES = (None, ("1",), ("2",), ("1", "2"))
WAYBILLS = (None, "SF1", " sf1 ", "SF2")
SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def reports(types: Sequence[OrderEventType]) -> st.SearchStrategy[list[OrderEvent]]:
    """Of an order's first twelve days, one hour or more apart, or at one instant."""
    drawn = st.tuples(
        st.sampled_from(types), st.integers(-1, 290), st.sampled_from(WAYBILLS), st.sampled_from(LINES)
    )
    return st.lists(drawn, min_size=1, max_size=8).map(
        lambda told: [
            OrderEvent(f"E{number}", type_, at(hours), waybill, line_ids=lines)
            for number, (type_, hours, waybill, lines) in enumerate(told)
        ]
    )


async def tell(shop: Promises, order: Order, told: Sequence[OrderEvent]) -> None:
    """The mall tells them one by one."""
    for one in told:
        await shop.use_cases.take_in_order_event(order.order_no, one, {}, MALL)


async def clocks_of(shop: Promises, order: Order) -> list[ClockRow]:
    """Without the order's number, and without the order in which events were written down."""
    found = await shop.clocks(subject=order.order_no)
    return [replace(one, subject="", events=tuple(sorted(one.events))) for one in found]


def standing(clocks: Sequence[ClockRow]) -> list[ClockRow]:
    """Without clocks that turned out to be none."""
    return [one for one in clocks if "none" not in one.events]


@SETTINGS
@given(told=reports(MALLS), data=st.data())
async def test_any_order_of_arrival_gives_the_same_clocks(
    shop: Promises, told: list[OrderEvent], data: st.DataObject
) -> None:
    """Carriers, the mall's refunds and a closed order; some of them told twice."""
    shop.here.at = TOLD_AT
    repeated = [*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]
    orders = [order_of(line("1", 2), line("2")) for _ in range(2)]
    await shop.take_in(*orders)
    await shop.look(DUE_AT)
    await tell(shop, orders[0], sorted(told, key=lambda one: one.occurred_at))
    await tell(shop, orders[1], data.draw(st.permutations(repeated)))
    in_turn, mixed = [standing(await clocks_of(shop, order)) for order in orders]
    assert in_turn == mixed


@SETTINGS
@given(told=reports(CARRIERS), data=st.data())
async def test_reports_before_their_order_and_before_its_release_count_alike(
    shop: Promises, told: list[OrderEvent], data: st.DataObject
) -> None:
    """Whether the parcel is known before the order, before the release, or after both."""
    shop.here.at = TOLD_AT
    phases = data.draw(st.lists(st.sampled_from((0, 1, 2)), min_size=len(told), max_size=len(told)))
    early, late = (order_of(line("1", 2), line("2")) for _ in range(2))

    def of_phase(phase: int) -> list[OrderEvent]:
        return [one for one, when in zip(told, phases, strict=True) if when == phase]

    await tell(shop, early, of_phase(0))
    await shop.take_in(early, late)
    await tell(shop, early, of_phase(1))
    await shop.look(DUE_AT)
    await tell(shop, early, of_phase(2))
    await tell(shop, late, told)
    assert standing(await clocks_of(shop, early)) == standing(await clocks_of(shop, late))
