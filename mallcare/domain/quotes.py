"""Which units a request takes, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mallcare.domain.book import OrderBook, Unit
from mallcare.domain.errors import InvalidInput, LineNotReturnable, UnitsUnavailable
from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Kind, TenderKind


@dataclass(frozen=True, slots=True)
class RequestedLine:
    """`quantity` units of a line, whichever are free."""

    line_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Units of a line that a case holds, by ordinal; `accepted_quantity` after an inspection."""

    line_id: str
    units: tuple[int, ...]
    accepted_quantity: int | None = None

    @property
    def quantity(self) -> int:
        """How many units the case asked for."""
        return len(self.units)


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
    book: OrderBook, kind: Kind, requested: tuple[RequestedLine, ...] | None
) -> tuple[CaseLine, ...]:
    """The units a request would reserve: the lowest free of each line; None asks for all that are free.

    Raises:
        InvalidInput: a line unknown, named twice, or with no quantity.
        LineNotReturnable: the goods would have to come back, and may not.
        UnitsUnavailable: not enough units are free (A4).
    """
    if requested is None:
        requested = tuple(
            RequestedLine(line.line_id, book.refundable_quantity(line.line_id))
            for line in book.order.lines
            if book.refundable_quantity(line.line_id)
        )
        if not requested:
            raise UnitsUnavailable("no unit of the order is left to ask for", available=0)
    by_id = {line.line_id: line for line in book.order.lines}
    seen: set[str] = set()
    for wanted in requested:
        line = by_id.get(wanted.line_id)
        if line is None:
            raise InvalidInput(f"the order has no line {wanted.line_id}", line_id=wanted.line_id)
        if wanted.line_id in seen:
            raise InvalidInput(f"line {wanted.line_id} is named twice", line_id=wanted.line_id)
        if wanted.quantity < 1:
            raise InvalidInput("quantity must be at least 1", line_id=wanted.line_id)
        if kind is not Kind.REFUND_ONLY and not line.returnable:
            raise LineNotReturnable(
                f"line {wanted.line_id} is sold as not returnable", line_id=wanted.line_id
            )
        seen.add(wanted.line_id)
    if not requested:
        raise InvalidInput("a request names at least one line, or the whole order")
    return tuple(CaseLine(w.line_id, book.lowest_free(w.line_id, w.quantity)) for w in requested)


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
    book: OrderBook, holder: str, known: Quote, reason_code: str, policy: AfterSalesPolicy
) -> Quote:
    """The quote with freight decided, under the order's lock, for a case whose units are held.

    The freight's one unit goes to the case that leaves no unrefunded unit, at most once an order.
    """
    gets_it = not book.freight_decided and freight_is_due(book, reason_code, policy) and book.is_last(holder)
    freight = book.value([Unit(FREIGHT_LINE, 1)]) if gets_it else known.freight
    return replace(known, freight=freight, freight_if_last_fen=0)
