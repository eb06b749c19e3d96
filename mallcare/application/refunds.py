"""Use cases around one refund leg: what to ask the vendor for, and writing down what it answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from mallcare.application.recording import write_change
from mallcare.contracts.after_sales import CaseSnapshot, snapshot_of
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import Decision
from mallcare.domain.errors import NotFound
from mallcare.domain.refunding import settle_refund
from mallcare.domain.refunds import LegOutcome, RefundLeg
from mallcare.domain.vocabulary import LegStatus
from mallcare.ports import Clock, Hints, Ids, RefundRequest, UnitOfWorkFactory

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PlannedRefund:
    """A leg as it stands, with the request its vendor needs."""

    leg: RefundLeg
    request: RefundRequest
    snapshot: CaseSnapshot


class PlanRefund:
    """Read a leg and make the vendor's request of it: always the same number, always the same amount."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def __call__(self, after_sales_no: str, refund_no: str) -> PlannedRefund:
        """The leg and its request.

        Raises:
            NotFound: no such case, or no such leg of it.
        """
        async with self._uow() as uow:
            record = await uow.cases.get(after_sales_no)
            order = await uow.orders.get(record.case.order_no) if record else None
        leg = next((x for x in record.case.legs if x.refund_no == refund_no), None) if record else None
        if record is None or order is None or leg is None:
            raise NotFound("there is no such refund", refund_no=refund_no)
        tender = order.order.tenders[leg.tender_seq]
        request = RefundRequest(
            refund_no=leg.refund_no,
            order_no=record.case.order_no,
            tender=leg.tender.value,
            transaction_id=leg.transaction_id,
            amount_fen=leg.amount_fen,
            transaction_total_fen=tender.transaction_total_fen or tender.amount_fen,
            reason=record.case.reason_code,
        )
        return PlannedRefund(leg, request, snapshot_of(record.case))


class SettleRefund:
    """Write a vendor's final word down, once; the case completes or fails with it."""

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids) -> None:
        self._uow = uow
        self._ids = ids

    async def __call__(
        self, after_sales_no: str, outcome: LegOutcome, now: datetime, *, told: bool
    ) -> CaseSnapshot:
        """The case afterwards. `told`: its workflow is the one that asked.

        Raises:
            NotFound: no such case.
        """
        return snapshot_of((await self.decide(after_sales_no, outcome, now, told=told)).case)

    async def decide(
        self, after_sales_no: str, outcome: LegOutcome, now: datetime, *, told: bool
    ) -> Decision:
        """The same, telling whether anything changed: a decision without events repeats what was known."""
        async with self._uow() as uow:
            order = await uow.orders.lock_of_case(after_sales_no)
            record = await uow.cases.lock(after_sales_no) if order else None
            if record is None:
                raise NotFound("there is no such after-sales request", after_sales_no=after_sales_no)
            policy = await uow.policies.version(record.case.policy_version)
            decision = settle_refund(record.case, outcome, policy, now)
            await write_change(uow, record.case, decision, self._ids, told=told)
            await uow.commit()
        return decision


class MarkRefundUnclear:
    """Write down that a vendor may have paid: the leg is asked for until it is known."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def __call__(self, refund_no: str, now: datetime) -> None:
        """Mark a pending leg UNKNOWN; any other is left as it is."""
        async with self._uow() as uow:
            await uow.cases.mark_unclear(refund_no, now)
            await uow.commit()


class ReceiveRefundCallback:
    """A vendor's verified callback: settle the leg and wake the workflow. Repeated ones cost one read.

    After a retry a failure may still speak of the round before, so it is left to the workflow, which asks.
    """

    def __init__(self, uow: UnitOfWorkFactory, settle: SettleRefund, clock: Clock, hints: Hints) -> None:
        self._uow = uow
        self._settle = settle
        self._clock = clock
        self._hints = hints

    async def __call__(self, outcome: LegOutcome, amount_fen: int | None = None) -> bool:
        """False when the refund number is not ours.

        A callback that tells another amount than the leg's settles nothing: the workflow asks the vendor,
        and keeps the leg open for a person while the vendor insists.
        """
        async with self._uow() as uow:
            found = await uow.cases.find_leg(outcome.refund_no)
        if found is None:
            return False
        after_sales_no, leg = found
        if amount_fen is not None and amount_fen != leg.amount_fen:
            log.error("callback.amount_mismatch", refund_no=leg.refund_no, after_sales_no=after_sales_no)
            return True
        if outcome.succeeded and leg.status is LegStatus.SUCCEEDED and not leg.settled_offline:
            return True  # most of them: the workflow's own call brought the answer before
        if outcome.succeeded or leg.status.open:
            of_first_round = replace(outcome, round=1)  # a retry is settled by the workflow, which asks
            decision = await self._settle.decide(
                after_sales_no, of_first_round, self._clock.now(), told=False
            )
            if decision.events:
                self._hints.offer(snapshot_of(decision.case), Signal.REFUND_SETTLED)
        return True
