"""Requests brought to each stage of their way, by the moves that lead there and no others.

All of it happens at `NOW`: an order of three A and one B, of which a request asks for the three A.
"""

from __future__ import annotations

from datetime import timedelta

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
from mallcare.domain.commands import (
    Accept,
    AcceptedLine,
    Approve,
    OutOfStock,
    Receive,
    ReceivedLine,
    Refuse,
    ReportMissing,
    Reship,
    ShipBack,
    SubmitWaybill,
)
from mallcare.domain.orders import Order
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Kind, OrderEventType
from tests.domain.builders import (
    AFTER_COOLING_OFF,
    CUSTOMER,
    PLACED_AT,
    POLICY,
    SUPPLIER,
    asking,
    cash,
    line,
    order,
    points,
    reported,
)
from tests.domain.ledger import Ledger

NO = "AS1"
NOW = AFTER_COOLING_OFF
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RO, RR, EX = Kind.REFUND_ONLY, Kind.RETURN_REFUND, Kind.EXCHANGE
WITH_GOODS = (RR, EX)
COMING_BACK = "SF-RETURN"
REPLACEMENT = "SF-NEW"
WAY_BACK = "SF-BACK"
A_UNITS = tuple(Unit("A", j) for j in (1, 2, 3))
DELIVERED = reported(OrderEventType.DELIVERED, PLACED_AT + timedelta(minutes=30))
"""The order itself arrived: no freight without the supplier's fault, and seven days to ask."""


def bought(*, freight_fen: int = 300) -> Order:
    """Three A of 10.00 and one B of 7.00 with freight, half of all in cash and half in points."""
    half = (3_700 + freight_fen) // 2
    paid = (cash(half), points(3_700 + freight_fen - half))
    return order(line("A", 3), line("B", 1, 700), tenders=paid, freight_fen=freight_fen)


def only(ledger: Ledger) -> AfterSalesCase:
    """The first request of the ledger."""
    return ledger.cases[NO]


def requested(
    kind: Kind, *wanted: tuple[str, int], policy: AfterSalesPolicy = POLICY, shipped: bool = True
) -> Ledger:
    """Under review."""
    ledger = Ledger(bought(), policy)
    ledger.parcels = [DELIVERED] if shipped else []
    ledger.submit(asking(*(wanted or (("A", 3),)), kind=kind), NOW)
    return ledger


def approved(
    kind: Kind, *wanted: tuple[str, int], policy: AfterSalesPolicy = POLICY, shipped: bool = True
) -> Ledger:
    """Agreed to: refunding, or to be sent back."""
    ledger = requested(kind, *wanted, policy=policy, shipped=shipped)
    ledger.decide(NO, Approve(), SUPPLIER, NOW)
    return ledger


def sent(
    kind: Kind, *wanted: tuple[str, int], policy: AfterSalesPolicy = POLICY, shipped: bool = True
) -> Ledger:
    """On its way back under `COMING_BACK`."""
    ledger = approved(kind, *wanted, policy=policy, shipped=shipped)
    ledger.decide(NO, SubmitWaybill("SF", COMING_BACK), CUSTOMER, NOW)
    return ledger


def counted(kind: Kind, good: int = 3, damaged: int = 0, wrong: int = 0, *, shipped: bool = True) -> Ledger:
    """What came back of the three A is counted; the rest of them is missing."""
    ledger = sent(kind, shipped=shipped)
    ledger.decide(NO, Receive((ReceivedLine("A", good, damaged, wrong),)), SUPPLIER, NOW)
    return ledger


def accepted(
    kind: Kind, quantity: int = 3, *, good: int = 3, damaged: int = 0, wrong: int = 0, shipped: bool = True
) -> Ledger:
    """So many of the three A are accepted: refunding, or to be replaced."""
    ledger = counted(kind, good, damaged, wrong, shipped=shipped)
    reason = None if quantity <= good else "goodwill"
    ledger.decide(NO, Accept((AcceptedLine("A", quantity),), reason), SUPPLIER, NOW)
    return ledger


def refused(kind: Kind, good: int = 3, damaged: int = 0, wrong: int = 0) -> Ledger:
    """Nothing is accepted of what came back."""
    ledger = counted(kind, good, damaged, wrong)
    ledger.decide(NO, Refuse("worn", 2), SUPPLIER, NOW)
    return ledger


def reshipped(quantity: int = 3, *, good: int = 3, damaged: int = 0) -> Ledger:
    """The replacement is on its way under `REPLACEMENT`."""
    ledger = accepted(EX, quantity, good=good, damaged=damaged)
    ledger.decide(NO, Reship("SF", REPLACEMENT), SUPPLIER, NOW)
    return ledger


def reported_missing(quantity: int = 3, *, good: int = 3, damaged: int = 0) -> Ledger:
    """The customer says that the replacement did not arrive."""
    ledger = reshipped(quantity, good=good, damaged=damaged)
    ledger.decide(NO, ReportMissing(), CUSTOMER, NOW)
    return ledger


def out_of_stock(quantity: int = 3, *, good: int = 3, damaged: int = 0) -> Ledger:
    """There is no replacement: the customer chooses."""
    ledger = accepted(EX, quantity, good=good, damaged=damaged)
    ledger.decide(NO, OutOfStock(), SUPPLIER, NOW)
    return ledger


def failed(quantity: int = 3, *, good: int = 3, damaged: int = 0) -> Ledger:
    """The cash of a return's refund was refused by its vendor, the points are still open."""
    ledger = accepted(RR, quantity, good=good, damaged=damaged)
    ledger.settle(NO, only(ledger).legs[0].refund_no, NOW, succeeded=False)
    return ledger


def shipped_back(ledger: Ledger) -> Ledger:
    """Refused goods are on their way to the customer under `WAY_BACK`."""
    ledger.decide(NO, ShipBack("SF", WAY_BACK), SUPPLIER, NOW)
    return ledger
