"""Use case: a deadline of a case passed on its workflow's clock."""

from __future__ import annotations

from datetime import datetime

from mallcare.application.recording import write_change
from mallcare.contracts.after_sales import CaseSnapshot, snapshot_of
from mallcare.domain.after_sales import Decision
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AutoRefundUsage
from mallcare.domain.vocabulary import DeadlineEffect
from mallcare.ports import Ids, UnitOfWorkFactory


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
            book = await uow.orders.book(order, lock_transactions=True)
            usage = AutoRefundUsage()
            if case.deadline_effect is DeadlineEffect.AUTO_APPROVE:
                since = now - policy.auto_refund_period
                usage = await uow.cases.auto_refund_usage(case.customer_id, case.supplier_id, since)
            decision: Decision = fire_deadline(
                case, deadline_at, book, policy, usage, now, self._ids.refund_no
            )
            await write_change(uow, case, decision, self._ids, told=True)
            await uow.commit()
        return snapshot_of(decision.case)
