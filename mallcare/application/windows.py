"""Use case: operations reopen the customer's entry of an order (A5)."""

from __future__ import annotations

from collections.abc import Mapping

from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable, answered_before, remember
from mallcare.domain.vocabulary import Role
from mallcare.domain.window import extend_window
from mallcare.ports import Clock, Ids, OutgoingMessage, UnitOfWorkFactory, WindowExtension


class ExtendWindow:
    """Seven days (by policy) an opening, stackable, kept with who and why, and told to the mall."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def __call__(
        self, order_no: str, reason: str, once: Repeatable, caller: Caller
    ) -> Mapping[str, object]:
        """`order_no`, `after_sales_until` and `reason`; a repeated key answers the first time's.

        Raises:
            NotAllowed: only operations extend.
            NotFound, IdempotencyMismatch.
            WindowStillOpen: the regular window has not passed.
        """
        caller.require_role(Role.OPERATIONS)
        async with self._uow() as uow:
            first = await answered_before(uow, caller, once)
            if first is not None:
                return first
            record = await uow.orders.lock(order_no)
            order = caller.require_order(record.order if record else None, order_no)
            assert record is not None
            policy = await uow.policies.current(order.supplier_id)
            book = await uow.orders.book(record, lock_transactions=False)
            now = self._clock.now()
            until = extend_window(book, policy, now)
            await uow.orders.extend_window(order_no, WindowExtension(until, reason, caller.actor, now))
            body = {"order_no": order_no, "after_sales_until": until.isoformat(), "reason": reason}
            told = OutgoingMessage(
                self._ids.message_id(), order_no, "order.after_sales_window_extended", now, body
            )
            await uow.outbox.add([told])
            await remember(uow, caller, once, body, now)
            await uow.commit()
        return body
