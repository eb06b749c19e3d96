"""Use cases: quote and submit an after-sales request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable, answered_before, remember
from mallcare.application.order_standing import released_to
from mallcare.application.recording import write_new
from mallcare.contracts.after_sales import snapshot_of
from mallcare.domain.after_sales import Circumstances
from mallcare.domain.book import OrderBook
from mallcare.domain.policy import AfterSalesPolicy, AutoRefundUsage
from mallcare.domain.quotes import CaseLine, Quote
from mallcare.domain.submission import Request, in_cooling_off, quote_request, submit
from mallcare.domain.vocabulary import Role
from mallcare.ports import (
    Address,
    AddressUse,
    CaseDetails,
    CaseRecord,
    Clock,
    Hints,
    Ids,
    UnitOfWork,
    UnitOfWorkFactory,
)

RenderCase = Callable[[CaseRecord], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Submission:
    """A request with the key that makes it safe to repeat."""

    order_no: str
    request: Request
    details: CaseDetails
    once: Repeatable
    ship_to: Address | None = None
    """Where the replacement of an exchange goes, if not where the order went."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """What a request would take now."""

    book: OrderBook
    lines: tuple[CaseLine, ...]
    quote: Quote


class QuoteAfterSales:
    """What would be refunded, unit by unit; changes nothing (A4)."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self, order_no: str, request: Request, caller: Caller) -> Quoted:
        """Quote a request.

        Raises:
            NotFound: unknown, another tenant's, or not released to the supplier who asks.
            And what `quote_request` raises.
        """
        caller.require_role(Role.MALL, Role.CUSTOMER, Role.SUPPLIER, Role.OPERATIONS)
        async with self._uow() as uow:
            record = await uow.orders.get(order_no)
            order = caller.require_order(record.order if record else None, order_no)
            assert record is not None
            now = self._clock.now()
            await released_to(caller, uow, record, now)
            policy = await uow.policies.current(order.supplier_id)
            book = await uow.orders.book(record, lock_transactions=False)
        lines, quote = quote_request(book, request, policy, now)
        return Quoted(book, lines, quote)


class SubmitAfterSales:
    """Open a request: units reserved and clock armed in one transaction, then its workflow started.

    The answer does not wait for the engine: a lost start is healed by the sweeper (P1, P2).
    """

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids, hints: Hints) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids
        self._hints = hints

    async def __call__(
        self, submission: Submission, caller: Caller, render: RenderCase
    ) -> Mapping[str, object]:
        """Submit, answering the body as `render` makes it; a repeated key answers the first body.

        Raises:
            NotFound, IdempotencyMismatch, and what `submit` of the domain raises.
        """
        caller.require_role(Role.MALL, Role.CUSTOMER)
        async with self._uow() as uow:
            first = await answered_before(uow, caller, submission.once)
            if first is not None:
                return first
            record = await self._open(uow, submission, caller)
            body = render(record)
            await remember(uow, caller, submission.once, body, record.case.created_at)
            await uow.commit()
        self._hints.offer(snapshot_of(record.case), None)
        return body

    async def _open(self, uow: UnitOfWork, submission: Submission, caller: Caller) -> CaseRecord:
        stored = await uow.orders.lock(submission.order_no)
        order = caller.require_order(stored.order if stored else None, submission.order_no)
        assert stored is not None
        policy = await uow.policies.current(order.supplier_id)
        book = await uow.orders.book(stored, lock_transactions=submission.request.whole_order)
        now = self._clock.now()
        usage = AutoRefundUsage()
        if in_cooling_off(book, submission.request, policy, now):
            usage = await _usage(uow, order.customer_id, order.supplier_id, policy, self._clock)
        at = Circumstances(book, policy, now, self._ids.refund_no, usage)
        decision = submit(submission.request, self._ids.after_sales_no(), caller.actor, at)
        await write_new(uow, decision, submission.details, self._ids)
        if submission.ship_to is not None:
            no = decision.case.after_sales_no
            await uow.cases.add_address(no, AddressUse.DELIVERY, submission.ship_to, caller.actor, now)
        return CaseRecord(decision.case, submission.details)


async def _usage(
    uow: UnitOfWork, customer_id: str, supplier_id: str, policy: AfterSalesPolicy, clock: Clock
) -> AutoRefundUsage:
    return await uow.cases.auto_refund_usage(
        customer_id, supplier_id, clock.now() - policy.auto_refund_period
    )
