"""Opening a request: the guards of submit, and the choice between review and cooling-off refund."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase, Circumstances, Decision
from mallcare.domain.book import OrderBook
from mallcare.domain.commands import Actor
from mallcare.domain.errors import (
    Fact,
    OrderClosed,
    OrderNotPaid,
    RefundCapExceeded,
    WindowClosed,
)
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundRefusal, refuse_auto_refund
from mallcare.domain.quotes import (
    CaseLine,
    Quote,
    RequestedLine,
    choose_units,
    decide_freight,
    quote,
    units_of,
)
from mallcare.domain.reviewing import begin_cooling_off, begin_review
from mallcare.domain.vocabulary import Kind, State


@dataclass(frozen=True, slots=True)
class Request:
    """What the customer asks for. `lines` None asks for the whole order, all that is left of it."""

    kind: Kind
    reason_code: str
    lines: tuple[RequestedLine, ...] | None = None

    @property
    def whole_order(self) -> bool:
        """Everything that is left, rather than named lines."""
        return self.lines is None


def quote_request(
    book: OrderBook, request: Request, policy: AfterSalesPolicy, now: datetime
) -> tuple[tuple[CaseLine, ...], Quote]:
    """The units and the money `submit` would take now; changes nothing.

    Raises:
        OrderNotPaid, OrderClosed, WindowClosed: the order's entry is not open.
        InvalidInput, LineNotReturnable, UnitsUnavailable: see `choose_units`.
    """
    check_entry(book, policy, now)
    lines = choose_units(book, request.kind, request.lines, policy, now)
    known = quote(book, lines, request.reason_code, policy)
    if in_cooling_off(book, request, policy, now):
        known = decide_freight(book, units_of(lines), known, request.reason_code, policy)
    return lines, known


def submit(request: Request, after_sales_no: str, actor: Actor, at: Circumstances) -> Decision:
    """Open a request under the order's lock: reserve units, then review or refund at once (A1).

    What an automatic refund may not pay goes to review: beyond the limits, or beyond a cap.

    Raises: as `quote_request`.
    """
    book, policy, now = at.book, at.policy, at.now
    check_entry(book, policy, now)
    lines = choose_units(book, request.kind, request.lines, policy, now)
    case = AfterSalesCase(
        after_sales_no=after_sales_no,
        order_no=book.order.order_no,
        supplier_id=book.order.supplier_id,
        customer_id=book.order.customer_id,
        kind=request.kind,
        state=State.PENDING_REVIEW,
        version=1,
        whole_order=request.whole_order,
        lines=lines,
        quote=quote(book, lines, request.reason_code, policy),
        reason_code=request.reason_code,
        policy_version=policy.version,
        created_at=now,
        updated_at=now,
        intercept=request.kind is Kind.REFUND_ONLY
        and book.fulfilment.under_way(line.line_id for line in lines),
    )
    if not in_cooling_off(book, request, policy, now):
        return begin_review(case, actor, policy, now, {})
    refusal = refuse_auto_refund(policy, book.order.paid_fen, at.usage)
    if refusal is not None:
        return begin_review(case, actor, policy, now, _refused(refusal))
    held = replace(at, book=replace(book, holdings=book.holdings + case.holdings))
    try:
        return begin_cooling_off(case, actor, held)
    except RefundCapExceeded as capped:  # a payment shared with other orders: a person looks at it
        return begin_review(case, actor, policy, now, {"auto_refund_refused": capped.code})


def check_entry(book: OrderBook, policy: AfterSalesPolicy, now: datetime) -> None:
    """Refuse where the customer's entry is not open, neither for the order nor for a replaced unit.

    Raises:
        OrderNotPaid, OrderClosed, WindowClosed.
    """
    if book.order.paid_at is None:
        raise OrderNotPaid("the order is not paid, so there is nothing to refund")
    if book.fulfilment.closed_at is not None:
        raise OrderClosed("the mall closed the order", closed_at=book.fulfilment.closed_at.isoformat())
    until = book.after_sales_until(policy)
    replaced = any(book.entry_open(unit, policy, now) for unit in book.exchanged_at)
    if until is not None and now >= until and not replaced:
        raise WindowClosed(
            "the after-sales window of the order has passed; operations can reopen it",
            after_sales_until=until.isoformat(),
        )


def in_cooling_off(book: OrderBook, request: Request, policy: AfterSalesPolicy, now: datetime) -> bool:
    """The guard of A1: whole order, refund-only, in time (half-open), every unit free, nothing shipped.

    An order that was released is its supplier's, whatever the clock of this machine says.
    """
    return (
        request.kind is Kind.REFUND_ONLY
        and request.whole_order
        and now < book.order.placed_at + policy.cooling_off
        and not book.holdings
        and not (book.released and policy.hold_during_cooling_off)
        and book.fulfilment.first_parcel_at is None
    )


def _refused(refusal: AutoRefundRefusal) -> dict[str, Fact]:
    return {"auto_refund_refused": refusal.value}
