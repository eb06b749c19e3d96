"""Which units a request takes, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from mallcare.domain.book import OrderBook, Unit
from mallcare.domain.errors import InvalidInput, LineNotReturnable, UnitsUnavailable, WindowClosed
from mallcare.domain.inspection import Counts, refused_of
from mallcare.domain.money import largest_remainder
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Kind, TenderKind


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """`quantity` units of a line, whichever are free."""

    line_id: str
    quantity: int


Worth = tuple[tuple[int, ...], ...]
"""For each unit its amounts in fen, by tender."""


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Units of a line that a case asked for, by ordinal; what came back and was accepted after inspection.

    `lowered`: the worth of each unit where the customer agreed to less; None: the order's cells.
    """

    line_id: str
    units: tuple[int, ...]
    accepted_quantity: int | None = None
    received: Counts | None = None
    lowered: Worth | None = None

    @property
    def quantity(self) -> int:
        """How many units the case asked for."""
        return len(self.units)

    @property
    def accepted(self) -> tuple[int, ...]:
        """Ordinals the case goes on with: all of them, unless an inspection accepted fewer."""
        return self.units if self.accepted_quantity is None else self.units[: self.accepted_quantity]

    @property
    def refused(self) -> tuple[int, ...]:
        """Ordinals that came back and go to the customer again."""
        if self.accepted_quantity is None or self.received is None:
            return ()
        begin = self.accepted_quantity
        return self.units[begin : begin + refused_of(self.received, begin)]

    def worth(self, book: OrderBook) -> tuple[int, ...]:
        """Worth of the accepted units in fen, by tender."""
        if self.lowered is None:
            return book.value(Unit(self.line_id, ordinal) for ordinal in self.accepted)
        return tuple(sum(column) for column in zip(*self.lowered[: len(self.accepted)], strict=True)) or (
            tuple(0 for _ in book.order.tenders)
        )


@dataclass(frozen=True, slots=True)
class Quote:
    """What a case refunds, in fen by tender. Freight counts only once it was decided.

    `freight_if_last_fen` is what freight would add if this case turns out to be the order's last.
    """

    tenders: tuple[TenderKind, ...]
    goods: tuple[int, ...]
    freight: tuple[int, ...]
    freight_if_last_fen: int

    @property
    def by_tender(self) -> tuple[int, ...]:
        """Goods and decided freight together."""
        return tuple(g + f for g, f in zip(self.goods, self.freight, strict=True))

    @property
    def goods_fen(self) -> int:
        """All goods, in fen."""
        return sum(self.goods)

    @property
    def freight_fen(self) -> int:
        """Decided freight, in fen."""
        return sum(self.freight)

    @property
    def total_fen(self) -> int:
        """What the case refunds, in fen."""
        return self.goods_fen + self.freight_fen


def choose_units(
    book: OrderBook,
    kind: Kind,
    requested: tuple[RequestedLine, ...] | None,
    policy: AfterSalesPolicy,
    now: datetime,
) -> tuple[CaseLine, ...]:
    """The units a request would reserve: the lowest free of each line; None asks for all that are free.

    Raises:
        InvalidInput: a line unknown, named twice, or with no quantity.
        LineNotReturnable: the goods would have to come back, and may not.
        UnitsUnavailable: not enough units are free (A4).
        WindowClosed: they are free, but the window of some has passed.
    """
    open_units = {
        line.line_id: tuple(
            j for j in book.free(line.line_id) if book.entry_open(Unit(line.line_id, j), policy, now)
        )
        for line in book.order.lines
    }
    if requested is None:
        requested = tuple(
            RequestedLine(line_id, len(units)) for line_id, units in open_units.items() if units
        )
        if not requested:
            raise UnitsUnavailable("no unit of the order is left to ask for", available=0)
    seen: set[str] = set()
    for wanted in requested:
        if wanted.line_id not in open_units:
            raise InvalidInput(f"the order has no line {wanted.line_id}", line_id=wanted.line_id)
        if wanted.line_id in seen:
            raise InvalidInput(f"line {wanted.line_id} is named twice", line_id=wanted.line_id)
        if wanted.quantity < 1:
            raise InvalidInput("quantity must be at least 1", line_id=wanted.line_id)
        seen.add(wanted.line_id)
    if not requested:
        raise InvalidInput("a request names at least one line, or the whole order")
    check_returnable(book, kind, seen)
    return tuple(_chosen(book, wanted, open_units[wanted.line_id]) for wanted in requested)


def check_returnable(book: OrderBook, kind: Kind, line_ids: Iterable[str]) -> None:
    """Refuse where goods would have to come back that may not.

    Raises:
        LineNotReturnable
    """
    if kind is Kind.REFUND_ONLY:
        return
    fixed = {line.line_id for line in book.order.lines if not line.returnable}
    for line_id in sorted(fixed.intersection(line_ids)):
        raise LineNotReturnable(f"line {line_id} is sold as not returnable", line_id=line_id)


def _chosen(book: OrderBook, wanted: RequestedLine, open_units: tuple[int, ...]) -> CaseLine:
    if len(open_units) < wanted.quantity <= book.refundable_quantity(wanted.line_id):
        raise WindowClosed(
            f"the after-sales window of units of line {wanted.line_id} has passed; operations can reopen it",
            line_id=wanted.line_id,
            available=len(open_units),
            requested=wanted.quantity,
        )
    if len(open_units) < wanted.quantity:
        raise UnitsUnavailable(
            f"line {wanted.line_id} has {len(open_units)} units left to ask for, not {wanted.quantity}",
            line_id=wanted.line_id,
            available=len(open_units),
            requested=wanted.quantity,
        )
    return CaseLine(wanted.line_id, open_units[: wanted.quantity])


def lower(book: OrderBook, lines: tuple[CaseLine, ...], goods_fen: int) -> tuple[CaseLine, ...]:
    """The lines with their worth lowered to `goods_fen` in all, shared over the cells of their units.

    By largest remainder over every (unit, tender) in order, so that no cell grows and no fen is lost;
    frozen from then on. What is waived stays spent: the units are the case's for good.

    Raises:
        InvalidInput: more than the units are worth.
    """
    cells = [[book.value([Unit(line.line_id, j)]) for j in line.units] for line in lines]
    flat = [amount for line in cells for unit in line for amount in unit]
    if not 0 <= goods_fen <= sum(flat):
        raise InvalidInput(
            "the amount offered must not exceed what the goods are worth",
            goods_fen=goods_fen,
            worth_fen=sum(flat),
        )
    shares = iter(largest_remainder(goods_fen, flat))
    lowered = [tuple(tuple(next(shares) for _ in unit) for unit in line) for line in cells]
    return tuple(replace(line, lowered=worth) for line, worth in zip(lines, lowered, strict=True))


def accepted_units(lines: tuple[CaseLine, ...]) -> tuple[Unit, ...]:
    """The units a case goes on with, one by one."""
    return tuple(Unit(line.line_id, ordinal) for line in lines for ordinal in line.accepted)


def refused_units(lines: tuple[CaseLine, ...]) -> tuple[Unit, ...]:
    """The units that came back and go to the customer again."""
    return tuple(Unit(line.line_id, ordinal) for line in lines for ordinal in line.refused)


def requote(book: OrderBook, lines: tuple[CaseLine, ...], known: Quote) -> Quote:
    """The quote with its goods as the lines are worth now: fewer after an inspection, or lowered."""
    worth = [line.worth(book) for line in lines]
    return replace(known, goods=tuple(sum(column) for column in zip(*worth, strict=True)))


def units_of(lines: tuple[CaseLine, ...]) -> tuple[Unit, ...]:
    """The units of case lines, one by one."""
    return tuple(Unit(line.line_id, ordinal) for line in lines for ordinal in line.units)


def quote(book: OrderBook, lines: tuple[CaseLine, ...], reason_code: str, policy: AfterSalesPolicy) -> Quote:
    """What the lines are worth now; freight stays conditional until the final decision."""
    nothing = tuple(0 for _ in book.order.tenders)
    may_get_freight = not book.freight_decided and freight_is_due(book, reason_code, policy)
    return Quote(
        tenders=tuple(tender.tender for tender in book.order.tenders),
        goods=book.value(units_of(lines)),
        freight=nothing,
        freight_if_last_fen=book.order.freight_fen if may_get_freight else 0,
    )


def freight_is_due(book: OrderBook, reason_code: str, policy: AfterSalesPolicy) -> bool:
    """The last case of an order gets the freight if nothing was shipped, or the supplier is liable."""
    return book.fulfilment.first_parcel_at is None or reason_code in policy.supplier_liable_reasons


def decide_freight(
    book: OrderBook, units: tuple[Unit, ...], known: Quote, reason_code: str, policy: AfterSalesPolicy
) -> Quote:
    """The quote with freight decided, under the order's lock, for a case that refunds `units`.

    The freight's one unit goes to the case that leaves no unrefunded unit, at most once an order.
    """
    gets_it = (
        not book.freight_decided and freight_is_due(book, reason_code, policy) and book.leaves_nothing(units)
    )
    freight = book.value([Unit(FREIGHT_LINE, 1)]) if gets_it else known.freight
    return replace(known, freight=freight, freight_if_last_fen=0)
