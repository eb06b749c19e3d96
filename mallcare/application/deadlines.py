"""Use case: a deadline of a case passed on its workflow's clock."""

from __future__ import annotations

from datetime import datetime

from mallcare.application.papers import NOTHING_BESIDE, freeze_return_address, return_address_for
from mallcare.application.recording import write_change
from mallcare.contracts.after_sales import CaseSnapshot, snapshot_of
from mallcare.domain.after_sales import SYSTEM, Circumstances
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AutoRefundUsage
from mallcare.domain.vocabulary import DeadlineEffect
from mallcare.ports import Ids, UnitOfWorkFactory

MAY_PAY = frozenset({DeadlineEffect.AUTO_APPROVE, DeadlineEffect.REFUND})
"""Effects that may decide a refund without a person."""


class FireDeadline:
    """Let a deadline take its effect, at most once; a stale alarm answers the case as it is.

    `now` comes from the workflow, whose clock may be ahead of this machine's in tests and demos.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids) -> None:
        self._uow = uow
        self._ids = ids

    async def __call__(self, after_sales_no: str, deadline_at: datetime, now: datetime) -> CaseSnapshot:
        """The case afterwards.

        Raises:
            NotFound: the database does not know the case.
        """
        async with self._uow() as uow:
            order = await uow.orders.lock_of_case(after_sales_no)
            record = await uow.cases.lock(after_sales_no) if order else None
            if order is None or record is None:
                raise NotFound("there is no such after-sales request", after_sales_no=after_sales_no)
            case = record.case
            policy = await uow.policies.version(case.policy_version)
            automatic = case.deadline_effect in MAY_PAY
            address = await return_address_for(uow, case, None, NOTHING_BESIDE) if automatic else None
            usage = AutoRefundUsage()
            book = await uow.orders.book(order, lock_transactions=automatic)
            if automatic:
                since = now - policy.auto_refund_period
                usage = await uow.cases.auto_refund_usage(case.customer_id, case.supplier_id, since)
            at = Circumstances(book, policy, now, self._ids.refund_no, usage, address is not None)
            decision = fire_deadline(case, deadline_at, at)
            await freeze_return_address(uow, case, decision, address, SYSTEM)
            await write_change(uow, case, decision, self._ids, told=True)
            await uow.commit()
        return snapshot_of(decision.case)
