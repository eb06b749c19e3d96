"""Reopening the customer's entry: only past its own window, one period each time, stackable."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mallcare.domain.book import Holding, OrderBook, Unit
from mallcare.domain.errors import UnitsUnavailable, WindowClosed, WindowStillOpen
from mallcare.domain.fulfilment import Fulfilment
from mallcare.domain.quotes import CaseLine
from mallcare.domain.submission import check_entry, quote_request
from mallcare.domain.vocabulary import Kind
from mallcare.domain.window import extend_window
from tests.domain.builders import PLACED_AT, POLICY, TICK, asking, book, line, order

DELIVERED_AT = PLACED_AT + timedelta(days=2)
REGULAR_END = DELIVERED_AT + timedelta(days=7)
WEEK = timedelta(days=7)


def delivered() -> OrderBook:
    """An order of one line that was delivered."""
    given = book(order(line("A")))
    return replace(given, fulfilment=Fulfilment(PLACED_AT, delivered_at={"A": DELIVERED_AT}))


def test_goods_that_never_travel_do_not_keep_the_window_open() -> None:
    """A line refunded before it was shipped is never delivered: the others' delivery opens the window."""
    given = book(order(line("A", 2), line("B")))
    partly = replace(given, fulfilment=Fulfilment(PLACED_AT, delivered_at={"B": DELIVERED_AT}))
    assert partly.after_sales_until(POLICY) is None
    one = Holding(Unit("A", 1), "case-1", decided=True)
    assert replace(partly, holdings=(one,)).after_sales_until(POLICY) is None
    other = Holding(Unit("A", 2), None, decided=True)
    undecided = replace(other, decided=False, holder="case-2")
    assert replace(partly, holdings=(one, undecided)).after_sales_until(POLICY) is None
    assert replace(partly, holdings=(one, other)).after_sales_until(POLICY) == REGULAR_END
    everything = (one, other, Holding(Unit("B", 1), "case-3", decided=True))
    assert replace(given, holdings=everything).after_sales_until(POLICY) is None


@pytest.mark.rule("A5")
def test_a_window_that_is_open_is_not_extended() -> None:
    """Refused to its last moment, and while it has no end because nothing was delivered."""
    with pytest.raises(WindowStillOpen):
        extend_window(delivered(), POLICY, REGULAR_END - TICK)
    with pytest.raises(WindowStillOpen):
        extend_window(book(order(line("A"))), POLICY, REGULAR_END + WEEK)


@pytest.mark.rule("A5")
def test_an_extension_opens_the_entry_for_a_week_and_it_closes_by_itself() -> None:
    """Half-open like every window: the entry is open just before the end and closed at it."""
    now = REGULAR_END + timedelta(days=30)
    closed = delivered()
    with pytest.raises(WindowClosed):
        check_entry(closed, POLICY, now)
    until = extend_window(closed, POLICY, now)
    assert until == now + WEEK
    reopened = replace(closed, extended_until=until)
    check_entry(reopened, POLICY, until - TICK)
    with pytest.raises(WindowClosed):
        check_entry(reopened, POLICY, until)


@pytest.mark.rule("A5")
def test_extensions_stack_while_open_and_start_anew_once_closed() -> None:
    """Seven days are added to an extension that is open; after its end they count from now."""
    now = REGULAR_END
    first = extend_window(delivered(), POLICY, now)
    reopened = replace(delivered(), extended_until=first)
    assert extend_window(reopened, POLICY, now + timedelta(days=1)) == now + 2 * WEEK
    assert extend_window(reopened, POLICY, first + timedelta(days=3)) == first + timedelta(days=3) + WEEK


EXCHANGED_AT = DELIVERED_AT + timedelta(days=20)
"""Long after the order's own window: an exchange asked for in time took its time."""


def exchanged() -> OrderBook:
    """Of three A one was replaced."""
    given = book(order(line("A", 3)), exchanged_at={Unit("A", 2): EXCHANGED_AT})
    return replace(given, fulfilment=Fulfilment(PLACED_AT, delivered_at={"A": DELIVERED_AT}))


@pytest.mark.rule("A4")
@pytest.mark.parametrize("offset", [-TICK, timedelta(0), TICK])
def test_a_replaced_unit_has_a_window_of_its_own(offset: timedelta) -> None:
    """Seven days from its signature, half-open, for that unit alone; the others' entry stays closed."""
    known, now = exchanged(), EXCHANGED_AT + WEEK + offset
    open_ = offset < timedelta(0)
    assert [known.entry_open(Unit("A", j), POLICY, now) for j in (1, 2, 3)] == [False, open_, False]
    if not open_:
        with pytest.raises(WindowClosed):
            quote_request(known, asking(("A", 1), kind=Kind.RETURN_REFUND), POLICY, now)
        return
    for wanted in (asking(("A", 1)), asking()):
        lines, _ = quote_request(known, wanted, POLICY, now)
        assert lines == (CaseLine("A", (2,)),)
    with pytest.raises(WindowClosed) as refused:
        quote_request(known, asking(("A", 2)), POLICY, now)
    assert refused.value.facts == {"line_id": "A", "available": 1, "requested": 2}
    with pytest.raises(UnitsUnavailable):
        quote_request(known, asking(("A", 4)), POLICY, now)


@pytest.mark.rule("A4")
def test_a_replaced_unit_that_is_held_opens_nothing() -> None:
    """Who asked for the replacement again leaves no unit to ask for."""
    known = replace(exchanged(), holdings=(Holding(Unit("A", 2), "AS2", decided=False),))
    with pytest.raises(UnitsUnavailable):
        quote_request(known, asking(), POLICY, EXCHANGED_AT)
    with pytest.raises(WindowClosed):
        quote_request(known, asking(("A", 1)), POLICY, EXCHANGED_AT)


@pytest.mark.rule("A4")
def test_a_replacement_signed_before_the_order_s_window_ends_shortens_nothing() -> None:
    """The later of the two ends counts, and the lowest free units go first while both are open."""
    early = replace(exchanged(), exchanged_at={Unit("A", 2): DELIVERED_AT - WEEK})
    lines, _ = quote_request(early, asking(("A", 2)), POLICY, REGULAR_END - TICK)
    assert lines == (CaseLine("A", (1, 2)),)
    with pytest.raises(WindowClosed):
        check_entry(early, POLICY, REGULAR_END)
