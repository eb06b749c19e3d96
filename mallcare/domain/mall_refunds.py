"""Refunds the mall made by itself: reported as order events, they count inside every cap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mallcare.domain.book import FREIGHT_LINE, OrderBook, Unit
from mallcare.domain.fulfilment import OrderEvent


@dataclass(frozen=True, slots=True)
class MallRefund:
    """What a report takes from an order: fen by tender, free units, and units of undecided requests.

    Units `taken_over` change hands from their request to the mall: the request can then no longer be
    approved (`OrderBook.check_held`), else a unit would be paid back twice within the order's cap.
    """

    by_tender: tuple[int, ...]
    units: tuple[Unit, ...]
    taken_over: tuple[Unit, ...] = ()


def mall_refund(book: OrderBook, event: OrderEvent) -> MallRefund:
    """Which units a report speaks of, and what they are worth.

    A report with quantities takes those; one with line ids takes the whole lines; one with neither
    takes the whole order with its freight. Free units go first, lowest ordinals first, then units of
    requests that are not decided yet, highest first: what such a request may still accept are its lowest.
    Units already refunded are not taken again, and no tender is driven beyond what it paid.
    """
    decided = {h.unit for h in book.holdings if h.decided}
    held = {h.unit for h in book.holdings}
    taken: list[Unit] = []
    for line_id, quantity in _reported(book, event).items():
        size = _size(book, line_id)
        open_units = [u for u in (Unit(line_id, j) for j in range(1, size + 1)) if u not in decided]
        taken += sorted(open_units, key=lambda unit: _turn(unit, held))[:quantity]
    worth = book.value(taken)
    left = (t.amount_fen - spent for t, spent in zip(book.order.tenders, book.spent_fen, strict=True))
    return MallRefund(
        by_tender=tuple(max(0, min(w, rest)) for w, rest in zip(worth, left, strict=True)),
        units=tuple(unit for unit in taken if unit not in held),
        taken_over=tuple(unit for unit in taken if unit in held),
    )


def _turn(unit: Unit, held: set[Unit]) -> tuple[bool, int]:
    return (unit in held, -unit.ordinal if unit in held else unit.ordinal)


def _reported(book: OrderBook, event: OrderEvent) -> Mapping[str, int]:
    known = {line.line_id: line.quantity for line in book.order.lines}
    if event.refunded_lines is not None:
        return {line_id: n for line_id, n in event.refunded_lines.items() if line_id in known}
    if event.line_ids is not None:
        return {line_id: known[line_id] for line_id in event.line_ids if line_id in known}
    return {**known, FREIGHT_LINE: 1}


def _size(book: OrderBook, line_id: str) -> int:
    return next((line.quantity for line in book.order.lines if line.line_id == line_id), 1)
