"""Use cases: compare a day's bill with our legs, have that done, and see what came of it (日终对账)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import structlog

from mallcare.application.caller import Caller
from mallcare.domain.errors import InvalidInput, NotFound
from mallcare.domain.reconciliation import (
    BEIJING,
    BillDay,
    BilledRefund,
    Difference,
    compare,
    days_to_search,
)
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.vocabulary import Role
from mallcare.ports import (
    BILLED_AS_PAID,
    BilledMerchant,
    BillRow,
    Clock,
    GatewayError,
    Ids,
    ReconciledDay,
    Reconciler,
    ReconciliationRun,
    UnitOfWorkFactory,
)

log = structlog.get_logger()

MOST_REPORTED = 1_000
"""Differences kept in a day's report; each further one still is a task."""


class ReconcileDay:
    """Read a day's bill, compare it with our legs, open a task for each difference. Repeatable.

    Bills are read outside of any transaction and never leave this call: what it answers is counts.
    """

    def __init__(
        self, uow: UnitOfWorkFactory, merchants: Mapping[str, BilledMerchant], clock: Clock, ids: Ids
    ) -> None:
        self._uow = uow
        self._merchants = merchants
        self._clock = clock
        self._ids = ids

    async def __call__(self, provider: str, day: date) -> ReconciledDay:
        """What the day came to; a repetition opens no task a second time.

        Raises:
            NotFound: no bills of such a provider.
            GatewayError: the vendor's, after noting it: nothing was compared.
        """
        account = self._account(provider)
        run = ReconciliationRun(provider, account.merchant, day, self._clock.now())
        try:
            result = await self._compared(account, provider, BillDay(day))
        except GatewayError as error:
            async with self._uow() as uow:
                await uow.reconciliations.failed(replace(run, failure_code=error.code))
                await uow.commit()
            raise
        now = self._clock.now()
        kept = replace(result, differences=result.differences[:MOST_REPORTED])
        async with self._uow() as uow:
            await uow.reconciliations.finished(replace(run, finished_at=now, result=kept))
            opened = await uow.tasks.open([self._task(run, one, now) for one in result.differences])
            await uow.commit()
        log.info(
            "reconciliation.finished",
            provider=provider,
            day=day.isoformat(),
            billed=result.billed,
            due=result.due,
            differences=result.different,
            new_tasks=opened,
        )
        return kept

    async def give_up(self, provider: str, day: date) -> None:
        """Ask for a person where a day could not be reconciled.

        Raises:
            NotFound: no bills of such a provider.
        """
        account, now = self._account(provider), self._clock.now()
        task = OperationsTask(
            self._ids.task_id(),
            TaskKind.RECONCILIATION_FAILED,
            f"{provider}:{account.merchant}:{day}",
            now,
            {"provider": provider, "merchant": account.merchant, "day": day.isoformat()},
        )
        async with self._uow() as uow:
            await uow.tasks.open([task])
            await uow.commit()
        log.error("reconciliation.given_up", provider=provider, day=day.isoformat())

    def _account(self, provider: str) -> BilledMerchant:
        account = self._merchants.get(provider)
        if account is None:
            raise NotFound("no bills of this provider are read here", provider=provider)
        return account

    async def _compared(self, account: BilledMerchant, provider: str, day: BillDay) -> ReconciledDay:
        bill = [_billed(row) for row in await account.bills.refunds_of(day.day)]
        async with self._uow() as uow:
            legs = await uow.reconciliations.legs(provider, {row.refund_no for row in bill}, day)
        elsewhere: set[str] = set()
        for earlier in days_to_search(day, bill, legs):
            elsewhere |= {row.refund_no for row in await account.bills.refunds_of(earlier)}
        differences = compare(day, bill, legs, elsewhere)
        return ReconciledDay(
            billed=len(bill),
            due=sum(day.due(leg) for leg in legs),
            by_kind=dict(Counter(one.kind.value for one in differences)),
            differences=differences,
        )

    def _task(self, run: ReconciliationRun, found: Difference, now: datetime) -> OperationsTask:
        return OperationsTask(
            self._ids.task_id(),
            TaskKind.RECONCILIATION_DIFFERENCE,
            f"{run.provider}:{run.merchant}:{run.day}:{found.refund_no}:{found.kind.value}",
            now,
            {
                "provider": run.provider,
                "merchant": run.merchant,
                "day": run.day.isoformat(),
                "difference": found.kind.value,
                "refund_no": found.refund_no,
                "after_sales_no": found.after_sales_no,
                "our_fen": found.our_fen,
                "our_status": found.our_status,
                "billed_fen": list(found.billed_fen),
                "billed_status": list(found.billed_status),
            },
        )


@dataclass(frozen=True, slots=True)
class StartedReconciliation:
    """Reconciliations that are under way; results of a later start are theirs."""

    asked_at: datetime
    providers: tuple[str, ...]


class Reconciliations:
    """Have days reconciled, and see their reports."""

    def __init__(
        self,
        uow: UnitOfWorkFactory,
        merchants: Mapping[str, BilledMerchant],
        reconciler: Reconciler | None,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._merchants = merchants
        self._reconciler = reconciler
        self._clock = clock

    async def start(self, day: date, caller: Caller) -> StartedReconciliation:
        """Have a day reconciled with every vendor that writes bills.

        A day whose bill is not written yet waits for it.

        Raises:
            NotAllowed: only operations and finance.
            InvalidInput: the day has not come, or there is no such vendor.
            EngineUnavailable: nothing, or not all of it, was started; it may be repeated.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE)
        now = self._clock.now()
        if day > now.astimezone(BEIJING).date():
            raise InvalidInput("the day has not come yet")
        if self._reconciler is None or not self._merchants:
            raise InvalidInput("no payment vendor that writes bills is configured")
        for provider in self._merchants:
            await self._reconciler.reconcile(provider, day)
        log.info("reconciliation.asked_for", day=day.isoformat(), role=caller.role.value, by=caller.subject)
        return StartedReconciliation(now, tuple(self._merchants))

    async def of_day(self, day: date, caller: Caller) -> list[ReconciliationRun]:
        """What came of a day, merchant by merchant; empty if nobody tried.

        Raises:
            NotAllowed: the caller is none of operations, finance, auditor.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.reconciliations.of_day(day)


def _billed(row: BillRow) -> BilledRefund:
    return BilledRefund(row.refund_no, row.amount_fen, row.status == BILLED_AS_PAID, row.status)
