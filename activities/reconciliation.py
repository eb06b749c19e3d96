"""Comparing a vendor's bill with our refund legs."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.alive import alive
from activities.errors import ask_again, gateway_delay, typed_failures
from activities.metrics import RECONCILIATION_DIFFERENCES
from mallcare.application.reconciliation import ReconcileDay
from mallcare.contracts.names import ActivityName
from mallcare.contracts.reconciliation import ReconcileDayInput, ReconcileReport
from mallcare.ports import GatewayError


class ReconciliationActivities:
    """The bill is read and compared in one step, so that it never becomes a payload."""

    def __init__(self, reconcile: ReconcileDay) -> None:
        self._reconcile = reconcile

    @activity.defn(name=ActivityName.RECONCILE_DAY)
    async def reconcile_day(self, given: ReconcileDayInput) -> ReconcileReport:
        """Answer the day's counts; a bill that is not there yet is asked for again."""
        async with alive():
            with typed_failures():
                try:
                    result = await self._reconcile(given.provider, given.day)
                except GatewayError as error:
                    raise _not_reconciled(error) from None
        for kind, count in result.by_kind.items():
            RECONCILIATION_DIFFERENCES.labels(provider=given.provider, kind=kind).inc(count)
        return ReconcileReport(
            provider=given.provider,
            day=given.day,
            billed=result.billed,
            due=result.due,
            differences=result.different,
        )

    @activity.defn(name=ActivityName.GIVE_UP_RECONCILIATION)
    async def give_up_reconciliation(self, given: ReconcileDayInput) -> None:
        """Open a task for the day that could not be reconciled."""
        with typed_failures():
            await self._reconcile.give_up(given.provider, given.day)


def _not_reconciled(error: GatewayError) -> ApplicationError:
    """A vendor's "not yet" is asked again at its own pace; a definite no ends the run."""
    if error.retryable:
        return ask_again(error.code, str(error), gateway_delay(error))
    return ApplicationError(str(error), type=error.code, non_retryable=True)
