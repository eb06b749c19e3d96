"""Plain examples of orders, books and actors; every argument has a default that suits most tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mallcare.domain.after_sales import Circumstances
from mallcare.domain.book import Holding, OrderBook, Transaction, Unit
from mallcare.domain.commands import Actor
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.orders import Discount, Order, OrderLine, Tender, TransactionKey, freeze
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.domain.vocabulary import Channel, Kind, OrderEventType, Role, TenderKind

PLACED_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
AFTER_COOLING_OFF = PLACED_AT + timedelta(hours=1)
TICK = timedelta(microseconds=1)
"""The least step of a clock here: just before and just after an instant are one tick away from it."""

POLICY = AfterSalesPolicy()
UNUSED = AutoRefundUsage()
CUSTOMER = Actor(Role.CUSTOMER, "customer-1")
SUPPLIER = Actor(Role.SUPPLIER, "supplier-1")
OPERATIONS = Actor(Role.OPERATIONS, "operations-1")
FINANCE = Actor(Role.FINANCE, "finance-1")
CHECKER = Actor(Role.FINANCE, "finance-2")
"""The second person of finance."""
MALL = Actor(Role.MALL, "mall")


class Mint:
    """Refund numbers in sequence, so that a test can count how many were minted."""

    def __init__(self) -> None:
        self.minted: list[str] = []

    def __call__(self) -> str:
        self.minted.append(f"R{len(self.minted) + 1:04d}")
        return self.minted[-1]


def line(line_id: str = "A", quantity: int = 1, unit_price_fen: int = 1_000, **flags: bool) -> OrderLine:
    """A line of `quantity` units; `flags` are `returnable` and `freight_insured`."""
    return OrderLine(line_id, f"sku-{line_id}", f"thing {line_id}", quantity, unit_price_fen, **flags)


T1 = TransactionKey("wechat_pay", "T1")
"""The payment of `cash`."""


def cash(amount_fen: int, transaction_total_fen: int | None = None) -> Tender:
    """Money paid over WeChat Pay in transaction `T1`."""
    return Tender(TenderKind.CASH, amount_fen, "wechat_pay", "T1", transaction_total_fen)


def points(amount_fen: int) -> Tender:
    """Points of the mall, worth `amount_fen`."""
    return Tender(TenderKind.POINTS, amount_fen)


def order(
    *lines: OrderLine,
    tenders: tuple[Tender, ...] | None = None,
    freight_fen: int = 0,
    discounts: tuple[Discount, ...] = (),
    paid: bool = True,
) -> Order:
    """An order placed and paid at `PLACED_AT`; without `tenders` cash pays all of it."""
    bought = lines or (line(),)
    net = sum(x.gross_fen for x in bought) + freight_fen - sum(d.amount_fen for d in discounts)
    return Order(
        order_no="O1",
        version=1,
        supplier_id="supplier-1",
        channel=Channel.CONSUMER,
        customer_id="customer-1",
        placed_at=PLACED_AT,
        paid_at=PLACED_AT if paid else None,
        tenders=(cash(net),) if tenders is None else tenders,
        freight_fen=freight_fen,
        discounts=discounts,
        lines=bought,
    )


def book(
    bought: Order | None = None,
    *,
    fulfilment: Fulfilment | None = None,
    holdings: tuple[Holding, ...] = (),
    spent_fen: tuple[int, ...] | None = None,
    transactions: Mapping[TransactionKey, Transaction] | None = None,
    extended_until: datetime | None = None,
    exchanged_at: Mapping[Unit, datetime] | None = None,
) -> OrderBook:
    """The book of an order, by default one of which nothing is held, spent or shipped."""
    known = order() if bought is None else bought
    return OrderBook(
        order=known,
        cells=freeze(known),
        fulfilment=fulfilment or Fulfilment(),
        holdings=holdings,
        spent_fen=tuple(0 for _ in known.tenders) if spent_fen is None else spent_fen,
        transactions=transactions or {},
        extended_until=extended_until,
        exchanged_at=exchanged_at or {},
    )


def circumstances(
    known: OrderBook,
    now: datetime,
    *,
    policy: AfterSalesPolicy = POLICY,
    usage: AutoRefundUsage = UNUSED,
    mint: Mint | None = None,
    return_address_known: bool = True,
) -> Circumstances:
    """What a decision on that book depends on; refund numbers begin anew unless `mint` is given."""
    return Circumstances(known, policy, now, mint or Mint(), usage, return_address_known)


def mall_refunded(quantities: Mapping[str, int] | None = None, *line_ids: str) -> OrderEvent:
    """The mall's report of its own refund: of quantities, of whole lines, or of the whole order."""
    return OrderEvent(
        "M1",
        OrderEventType.REFUNDED,
        PLACED_AT,
        line_ids=line_ids or None,
        refunded_lines=quantities,
    )


def asking(
    *lines: tuple[str, int], reason: str = "no_longer_wanted", kind: Kind = Kind.REFUND_ONLY
) -> Request:
    """A request, refund-only if not said otherwise, for named lines, or for the whole order where none is."""
    named = tuple(RequestedLine(line_id, quantity) for line_id, quantity in lines)
    return Request(kind, reason, named or None)


def reported(
    type_: OrderEventType, at: datetime, waybill: str | None = None, *line_ids: str, event_id: str = "E1"
) -> OrderEvent:
    """A carrier's report of a parcel, as the mall passes it on; without line ids of the whole order."""
    return OrderEvent(event_id, type_, at, waybill, line_ids=line_ids or None)
