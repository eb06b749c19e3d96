"""Use case: read an order with everything that follows from it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mallcare.application.caller import Caller
from mallcare.domain.book import OrderBook
from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, OrderRecord, UnitOfWorkFactory, WindowExtension


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
        """The order's standing. A supplier does not see an order before it is released (A1).

        Raises:
            NotFound: unknown, another tenant's, or not released to the supplier who asks.
        """
        async with self._uow() as uow:
            record = await uow.orders.get(order_no)
            caller.require_order(record.order if record else None, order_no)
            assert record is not None
            policy = await uow.policies.current(record.order.supplier_id)
            book = await uow.orders.book(record, lock_transactions=False)
            extensions = await uow.orders.window_extensions(order_no) if record.extended_until else []
        order = record.order
        released_at = record.released_at or self._due_already(record, book)
        if caller.role is Role.SUPPLIER and released_at is None:
            raise NotFound("there is no such order", order_no=order_no)
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

    def _due_already(self, record: OrderRecord, book: OrderBook) -> datetime | None:
        """The instant it was due, where its timekeeper is late; not while all of it is asked back.

        Nor where the mall closed the order: its timekeeper will withhold it.
        """
        due = record.release_due_at if record.fulfilment.closed_at is None else None
        free = any(book.refundable_quantity(line.line_id) for line in record.order.lines)
        return due if due is not None and due <= self._clock.now() and free else None
