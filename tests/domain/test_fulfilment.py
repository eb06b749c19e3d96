"""Parcels: events in any order and any number fold to one truth, and open the window from it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.errors import WindowClosed
from mallcare.domain.fulfilment import Fulfilment, OrderEvent, after_sales_until, fold
from mallcare.domain.submission import check_entry
from mallcare.domain.vocabulary import PARCEL_EVENTS, OrderEventType
from tests.domain.builders import PLACED_AT, POLICY, TICK, book, line, order
from tests.domain.strategies import order_events

LINES = ("A", "B", "C")
DAY = timedelta(days=1)


def event(type_: OrderEventType, at: datetime, line_ids: tuple[str, ...] | None = None) -> OrderEvent:
    """A report about the whole order, or about some of its lines."""
    return OrderEvent(f"{type_}-{at}", type_, at, line_ids=line_ids)


@given(order_events(LINES), st.data())
def test_folding_ignores_order_and_repetition(events: list[OrderEvent], data: st.DataObject) -> None:
    """However often and in whatever order the mall's reports come, the order stands where it stood."""
    repeated = events + (data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else [])
    assert fold(data.draw(st.permutations(repeated)), LINES) == fold(events, LINES)


@given(order_events(LINES))
def test_folding_keeps_the_earliest(events: list[OrderEvent]) -> None:
    """The first parcel event, the first closing and each line's first delivery are what counts."""
    folded = fold(events, LINES)
    parcels = [e.occurred_at for e in events if e.type in PARCEL_EVENTS]
    closings = [e.occurred_at for e in events if e.type is OrderEventType.CLOSED]
    assert folded.first_parcel_at == min(parcels, default=None)
    assert folded.closed_at == min(closings, default=None)
    for line_id in LINES:
        deliveries = [
            e.occurred_at
            for e in events
            if e.type is OrderEventType.DELIVERED and (e.line_ids is None or line_id in e.line_ids)
        ]
        assert folded.delivered_at.get(line_id) == min(deliveries, default=None)
        about = [
            e.occurred_at
            for e in events
            if e.type in PARCEL_EVENTS and (e.line_ids is None or line_id in e.line_ids)
        ]
        assert folded.shipped_at.get(line_id) == min(about, default=None)
        assert folded.under_way([line_id]) is (bool(about) and not deliveries)


def test_a_delivery_of_no_lines_delivers_none() -> None:
    """Only an absent list means the whole order; an empty one must not start the window."""
    assert fold([event(OrderEventType.DELIVERED, PLACED_AT, ())], LINES).delivered_at == {}
    assert set(fold([event(OrderEventType.DELIVERED, PLACED_AT)], LINES).delivered_at) == set(LINES)


def test_an_order_without_lines_is_never_delivered_in_full() -> None:
    """Nothing asked about is not the same as everything arrived."""
    assert Fulfilment().delivered_in_full_at([]) is None


def test_partial_delivery_leaves_the_window_open_without_an_end() -> None:
    """While one line is still on its way the window has no end, not even with an extension."""
    partly = fold([event(OrderEventType.DELIVERED, PLACED_AT, ("A", "B"))], LINES)
    assert after_sales_until(partly, LINES, 7 * DAY, None) is None
    assert after_sales_until(partly, LINES, 7 * DAY, PLACED_AT + DAY) is None


def test_the_window_counts_from_the_last_line_delivered() -> None:
    """Three lines on three days: the seven days begin with the last of them."""
    events = [event(OrderEventType.DELIVERED, PLACED_AT + i * DAY, (x,)) for i, x in enumerate(LINES)]
    assert after_sales_until(fold(events, LINES), LINES, 7 * DAY, None) == PLACED_AT + 9 * DAY


@pytest.mark.parametrize(("extended_days", "ends_after_days"), [(None, 7), (3, 7), (7, 7), (14, 14)])
def test_an_extension_counts_only_where_it_ends_later(
    extended_days: int | None, ends_after_days: int
) -> None:
    """Reopening the entry never shortens the regular window."""
    extended = None if extended_days is None else PLACED_AT + extended_days * DAY
    delivered = fold([event(OrderEventType.DELIVERED, PLACED_AT)], LINES)
    assert after_sales_until(delivered, LINES, 7 * DAY, extended) == PLACED_AT + ends_after_days * DAY


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(("offset", "open_"), [(-TICK, True), (timedelta(0), False), (TICK, False)])
def test_the_window_is_half_open(extended: bool, offset: timedelta, open_: bool) -> None:
    """Just before its end the entry is open; at the end and after it is closed, extended or not."""
    end = PLACED_AT + (14 if extended else 7) * DAY
    delivered = fold([event(OrderEventType.DELIVERED, PLACED_AT)], ["A"])
    known = book(order(line("A")), fulfilment=delivered, extended_until=end if extended else None)
    if open_:
        check_entry(known, POLICY, end + offset)
    else:
        with pytest.raises(WindowClosed) as refused:
            check_entry(known, POLICY, end + offset)
        assert refused.value.facts == {"after_sales_until": end.isoformat()}
