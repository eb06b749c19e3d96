"""Hypothesis strategies for orders that add up, their parcels, and partitions of their units."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import strategies as st

from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.money import largest_remainder
from mallcare.domain.orders import Discount, Order, OrderLine, Tender
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.vocabulary import OrderEventType, TenderKind
from tests.domain.builders import PLACED_AT, order

KINDS = tuple(TenderKind)
PRICES = st.one_of(st.integers(0, 3), st.integers(1, 99_999))
AMOUNTS = st.one_of(st.integers(0, 20), st.integers(0, 10_000_000))


@st.composite
def lines(draw: st.DrawFn, most: int = 6) -> tuple[OrderLine, ...]:
    """One to `most` lines of 1-12 units; prices are often so small that single fen decide."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 12), PRICES), min_size=1, max_size=most))
    return tuple(
        OrderLine(f"L{i}", f"sku-{i}", f"thing {i}", quantity, price)
        for i, (quantity, price) in enumerate(sizes, start=1)
    )


@st.composite
def discounts(draw: st.DrawFn, bought: tuple[OrderLine, ...]) -> tuple[Discount, ...]:
    """Up to three discounts in their order, none more than the ones before it left of its lines."""
    left = {line.line_id: line.gross_fen for line in bought}
    found: list[Discount] = []
    for i in range(draw(st.integers(0, 3))):
        named = draw(st.none() | st.lists(st.sampled_from(sorted(left)), unique=True, max_size=len(left)))
        covered = list(left) if named is None else named
        weights = [left[line_id] for line_id in covered]
        amount = draw(st.integers(0, sum(weights)))
        for line_id, share in zip(covered, largest_remainder(amount, weights), strict=True):
            left[line_id] -= share
        found.append(Discount(f"D{i}", amount, None if named is None else tuple(named)))
    return tuple(found)


@st.composite
def tenders(draw: st.DrawFn, net_fen: int) -> tuple[Tender, ...]:
    """One to four tenders that sum to `net_fen`; the first is paid through a vendor's transaction."""
    cuts = sorted(draw(st.lists(st.integers(0, net_fen), max_size=3)))
    amounts = [high - low for low, high in zip([0, *cuts], [*cuts, net_fen], strict=True)]
    return tuple(
        Tender(KINDS[i], amount, "wechat_pay" if i == 0 else "mall", "T1" if i == 0 else None)
        for i, amount in enumerate(amounts)
    )


@st.composite
def orders(draw: st.DrawFn, most_lines: int = 6) -> Order:
    """A paid order that adds up: lines, freight, discounts and tenders all vary."""
    bought = draw(lines(most_lines))
    off = draw(discounts(bought))
    freight = draw(st.one_of(st.just(0), st.integers(1, 3_000)))
    net = sum(line.gross_fen for line in bought) - sum(d.amount_fen for d in off) + freight
    return order(*bought, tenders=draw(tenders(net)), freight_fen=freight, discounts=off)


@st.composite
def partitions(draw: st.DrawFn, bought: Order) -> list[tuple[RequestedLine, ...]]:
    """All units of an order dealt out over one to four requests, none of them empty."""
    hands: list[list[RequestedLine]] = [[] for _ in range(draw(st.integers(1, 4)))]
    for line in bought.lines:
        cuts = sorted(draw(st.lists(st.integers(0, line.quantity), max_size=len(hands) - 1)))
        for hand, low, high in zip(hands, [0, *cuts], [*cuts, line.quantity], strict=False):
            if high > low:
                hand.append(RequestedLine(line.line_id, high - low))
    return draw(st.permutations([tuple(hand) for hand in hands if hand]))


@st.composite
def order_events(draw: st.DrawFn, line_ids: tuple[str, ...]) -> list[OrderEvent]:
    """Reports of the mall about an order, of any type, at any hour, about any of its lines or all."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(OrderEventType),
                st.integers(0, 30),
                st.none() | st.lists(st.sampled_from(line_ids), unique=True, max_size=3),
            ),
            max_size=8,
        )
    )
    return [
        OrderEvent(
            f"E{i}",
            type_,
            PLACED_AT + timedelta(hours=hours),
            line_ids=None if named is None else tuple(named),
        )
        for i, (type_, hours, named) in enumerate(drawn)
    ]
