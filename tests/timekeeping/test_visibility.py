"""What a supplier is shown of an order, whether or not its timekeeper has looked already."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from mallcare.domain.commands import AcceptProposal, Cancel, Propose
from mallcare.domain.errors import NotFound
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Kind, OrderEventType
from tests.domain.builders import PLACED_AT, TICK
from tests.timekeeping.orders import CUSTOMER, DUE_AT, MALL, OPERATIONS, Shop, supplier

pytestmark = pytest.mark.rule("A1")
LATER = DUE_AT + timedelta(hours=3)


async def test_hidden_until_it_is_due(shop: Shop) -> None:
    """To the last microsecond; the mall sees it all the time, as not released."""
    order = await shop.bought()
    shop.here.at = DUE_AT - TICK
    assert await shop.seen_by_supplier(order) is None
    standing = await shop.use_cases.read_order(order.order_no, MALL)
    assert (standing.released_at, standing.cooling_off_until) == (None, DUE_AT)


async def test_a_late_timekeeper_hides_nothing(shop: Shop) -> None:
    """Due, and nobody looked: the supplier sees it, released at the instant it was due."""
    order = await shop.bought()
    shop.here.at = LATER
    assert await shop.seen_by_supplier(order) == DUE_AT
    await shop.look(LATER)
    assert await shop.seen_by_supplier(order) == DUE_AT


async def test_what_was_released_is_shown_to_a_clock_that_is_behind(shop: Shop) -> None:
    """The stored instant decides, not this machine's clock."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    shop.here.at = PLACED_AT
    assert await shop.seen_by_supplier(order) == DUE_AT


async def test_what_is_asked_back_stays_hidden(shop: Shop) -> None:
    """Before and after the look that withholds it; once the request is over it is shown again."""
    shop.here.at = PLACED_AT
    await shop.stop_automatic_refunds()
    order = await shop.bought()
    no = await shop.ask(order)
    shop.here.at = DUE_AT
    assert await shop.seen_by_supplier(order) is None
    await shop.look(DUE_AT)
    assert await shop.seen_by_supplier(order) is None
    shop.here.at = LATER
    await shop.command(no, Cancel(), CUSTOMER)
    assert await shop.seen_by_supplier(order) == LATER
    await shop.look(LATER)
    assert await shop.seen_by_supplier(order) == LATER


async def test_asked_back_after_the_release_it_stays_visible(shop: Shop) -> None:
    """The supplier has it, and reviews the request."""
    order = await shop.bought()
    await shop.look(DUE_AT)
    await shop.ask(order)
    assert await shop.seen_by_supplier(order) == DUE_AT


async def test_a_closed_order_stays_hidden(shop: Shop) -> None:
    """Its timekeeper will not release it either."""
    order = await shop.bought()
    await shop.report(order, OrderEventType.CLOSED)
    shop.here.at = LATER
    assert await shop.seen_by_supplier(order) is None
    await shop.look(LATER)
    assert await shop.seen_by_supplier(order) is None


async def test_an_unpaid_order_stays_hidden(shop: Shop) -> None:
    """However old it is."""
    order = await shop.bought(paid_at=None)
    shop.here.at = LATER
    assert await shop.seen_by_supplier(order) is None


async def test_an_unpaid_order_that_is_due_stays_hidden(shop: Shop, cleaner: psycopg.Connection) -> None:
    """A process of the release before took it in, so that it is due unpaid."""
    order = await shop.bought(paid_at=None)
    cleaner.execute("UPDATE orders SET release_due_at = placed_at")
    shop.here.at = LATER
    assert await shop.seen_by_supplier(order) is None


async def test_a_compensated_order_is_shown_on_time(shop: Shop) -> None:
    """Though its timekeeper is late, and no unit can be asked back."""
    order = await shop.bought()
    no = await shop.ask(order)
    assert await shop.seen_by_supplier(order) is None
    await shop.command(no, Propose("keep it", goods_fen=100), supplier())
    await shop.command(no, AcceptProposal(), CUSTOMER)
    assert await shop.seen_by_supplier(order) == DUE_AT


async def test_a_supplier_quotes_only_what_it_sees(shop: Shop) -> None:
    """Until then the order is not there for it; everybody else may know what a refund would come to."""
    order = await shop.bought()
    asked = Request(Kind.REFUND_ONLY, "changed_mind", None)
    shop.here.at = DUE_AT - TICK
    with pytest.raises(NotFound):
        await shop.use_cases.quote(order.order_no, asked, supplier())
    for caller in (MALL, CUSTOMER, OPERATIONS):
        assert (await shop.use_cases.quote(order.order_no, asked, caller)).quote.total_fen == 1_000
    shop.here.at = DUE_AT
    assert (await shop.use_cases.quote(order.order_no, asked, supplier())).quote.total_fen == 1_000
