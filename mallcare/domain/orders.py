"""An order as the mall sends it, and its money frozen into cells at payment.

A cell is what one tender paid for one line (or for freight). All later arithmetic on refunds is
arithmetic on cells, so that no later change of prices or thresholds can move a fen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from mallcare.domain.errors import InvalidInput, MoneyDoesNotAddUp
from mallcare.domain.money import largest_remainder
from mallcare.domain.vocabulary import Channel, TenderKind

MALL_PROVIDER = "mall"
WECHAT_PAY_PROVIDER = "wechat_pay"

FREIGHT_LINE = "#freight"
"""Id of the pseudo-line that stands for the order's freight: one unit, decided at the very end."""


class TransactionKey(NamedTuple):
    """Names a payment transaction: two providers may give the same id to two payments."""

    provider: str
    transaction_id: str


@dataclass(frozen=True, slots=True)
class Tender:
    """One means of payment of one order, `amount_fen` of it for this order.

    `transaction_total_fen` is the whole of the vendor's transaction, which may span several orders.
    """

    tender: TenderKind
    amount_fen: int
    provider: str = MALL_PROVIDER
    transaction_id: str | None = None
    transaction_total_fen: int | None = None

    @property
    def transaction(self) -> TransactionKey | None:
        """The payment this tender is part of, None where the provider has none."""
        return None if self.transaction_id is None else TransactionKey(self.provider, self.transaction_id)


@dataclass(frozen=True, slots=True)
class Discount:
    """A reduction of `amount_fen` over the given lines, or over all of them."""

    discount_id: str
    amount_fen: int
    line_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`quantity` units of one thing at `unit_price_fen`."""

    line_id: str
    sku: str
    title: str
    quantity: int
    unit_price_fen: int
    freight_insured: bool = False
    returnable: bool = True

    @property
    def gross_fen(self) -> int:
        """Price before discounts, in fen."""
        return self.quantity * self.unit_price_fen


@dataclass(frozen=True, slots=True)
class Order:
    """One version of an order, without personal data."""

    order_no: str
    version: int
    supplier_id: str
    channel: Channel
    customer_id: str
    placed_at: datetime
    paid_at: datetime | None
    tenders: tuple[Tender, ...]
    freight_fen: int
    discounts: tuple[Discount, ...]
    lines: tuple[OrderLine, ...]

    @property
    def paid_fen(self) -> int:
        """What all tenders paid together, in fen."""
        return sum(tender.amount_fen for tender in self.tenders)

    def money_facts(self) -> tuple[object, ...]:
        """All that decides the cells; equal facts mean equal cells."""
        lines = tuple((line.line_id, line.quantity, line.unit_price_fen) for line in self.lines)
        return (self.tenders, self.freight_fen, self.discounts, lines, self.paid_at is not None)


@dataclass(frozen=True, slots=True)
class Cells:
    """Who paid for what: per line, and for freight, one amount in fen for each tender in order."""

    by_line: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    freight: tuple[int, ...] = ()


def _net_prices(order: Order) -> dict[str, int]:
    """Price of each line after all discounts, applied in their order."""
    left = {line.line_id: line.gross_fen for line in order.lines}
    for discount in order.discounts:
        covered = list(left) if discount.line_ids is None else list(discount.line_ids)
        unknown = sorted(set(covered) - set(left))
        if unknown:
            raise InvalidInput(
                f"discount {discount.discount_id} names lines the order does not have", line_ids=unknown
            )
        if len(set(covered)) != len(covered):
            raise InvalidInput(f"discount {discount.discount_id} names a line twice", line_ids=covered)
        weights = [left[line_id] for line_id in covered]
        if discount.amount_fen > sum(weights):
            raise MoneyDoesNotAddUp(
                f"discount {discount.discount_id} is more than is left of its lines",
                discount_fen=discount.amount_fen,
                left_fen=sum(weights),
            )
        for line_id, share in zip(covered, largest_remainder(discount.amount_fen, weights), strict=True):
            left[line_id] -= share
    return left


def check(order: Order) -> None:
    """Refuse an order that contradicts itself; an unpaid order may have no tenders yet.

    Raises:
        InvalidInput: repeated or reserved line ids, unknown or repeated lines in a discount.
        MoneyDoesNotAddUp: tenders are not lines + freight - discounts, a discount exceeds its lines,
            or a tender its transaction.
    """
    ids = [line.line_id for line in order.lines]
    if len(set(ids)) != len(ids):
        raise InvalidInput("line_id is repeated", line_ids=sorted({i for i in ids if ids.count(i) > 1}))
    if FREIGHT_LINE in ids:
        raise InvalidInput(f"line_id {FREIGHT_LINE} is kept for the freight", line_ids=[FREIGHT_LINE])
    for tender in order.tenders:
        if tender.transaction_total_fen is not None and tender.transaction_total_fen < tender.amount_fen:
            raise MoneyDoesNotAddUp(
                "a tender is more than its transaction",
                amount_fen=tender.amount_fen,
                transaction_total_fen=tender.transaction_total_fen,
            )
    net = sum(_net_prices(order).values()) + order.freight_fen
    if order.paid_at is None and not order.tenders:
        return
    if order.paid_fen != net:
        raise MoneyDoesNotAddUp(
            "sum of tenders must be sum of lines + freight - discounts",
            tenders_fen=order.paid_fen,
            expected_fen=net,
        )


def freeze(order: Order) -> Cells:
    """The order's money as cells: rows sum to net prices, columns to tenders, none is negative.

    Each tender in its order is shared by largest remainder over what is left of lines and freight;
    the last takes the rest, which is exactly its amount.

    Raises:
        InvalidInput, MoneyDoesNotAddUp: see `check`.
    """
    check(order)
    net = _net_prices(order)
    left = [*net.values(), order.freight_fen]
    columns: list[tuple[int, ...]] = []
    for tender in order.tenders:
        shares = largest_remainder(tender.amount_fen, left)
        left = [rest - share for rest, share in zip(left, shares, strict=True)]
        columns.append(shares)
    rows = [tuple(column[i] for column in columns) for i in range(len(left))]
    return Cells(by_line=dict(zip(net, rows[:-1], strict=True)), freight=rows[-1])
