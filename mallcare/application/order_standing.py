"""Use case: read an order with everything that follows from it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.caller import Caller
from mallcare.domain.book import OrderBook
from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, OrderRecord, UnitOfWork, UnitOfWorkFactory, WindowExtension


@dataclass(frozen=True, slots=True)
class OrderStanding:
    """An order with everything that follows from it now."""

    record: OrderRecord
    book: OrderBook
    policy: AfterSalesPolicy
    cooling_off_until: datetime
    released_at: datetime | None
    after_sales_until: datetime | None
    extensions: tuple[WindowExtension, ...]


class ReadOrder:
    """An order with its cooling-off, release and window, and what is left of each line."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def __call__(self, order_no: str, caller: Caller) -> OrderStanding:
        """The order's standing.

        Raises:
            NotFound: unknown, another tenant's, or not released to the supplier who asks.
        """
        async with self._uow() as uow:
            record = await uow.orders.get(order_no)
            caller.require_order(record.order if record else None, order_no)
            assert record is not None
            released_at = await released_to(caller, uow, record, self._clock.now())
            policy = await uow.policies.current(record.order.supplier_id)
            book = await uow.orders.book(record, lock_transactions=False)
            extensions = await uow.orders.window_extensions(order_no) if record.extended_until else []
        order = record.order
        cooling_off_until = order.placed_at + policy.cooling_off
        return OrderStanding(
            record=record,
            book=book,
            policy=policy,
            cooling_off_until=cooling_off_until,
            released_at=released_at,
            after_sales_until=book.after_sales_until(policy),
            extensions=tuple(extensions),
        )


async def released_to(caller: Caller, uow: UnitOfWork, record: OrderRecord, now: datetime) -> datetime | None:
    """When an order was released; the instant it was due, where its timekeeper is late and would release it.

    Raises:
        NotFound: a supplier asks, and it is not released: to suppliers such an order is not there (A1).
    """
    order_no, due_at = record.order.order_no, record.release_due_at
    released_at = record.released_at
    if released_at is None and due_at is not None and due_at <= now:
        released_at = None if await uow.releases.withheld(order_no) else due_at
    if caller.role is Role.SUPPLIER and released_at is None:
        raise NotFound("there is no such order", order_no=order_no)
    return released_at
