"""What an after-sales workflow may do to its case."""

from __future__ import annotations

from temporalio import activity

from activities.errors import typed_failures
from activities.metrics import DEADLINE_LATENESS
from mallcare.application.use_cases import UseCases
from mallcare.contracts.after_sales import CaseSnapshot, FireDeadlineInput
from mallcare.contracts.names import ActivityName


class AfterSalesActivities:
    """Database transactions of the case."""

    def __init__(self, use_cases: UseCases) -> None:
        self._use_cases = use_cases

    @activity.defn(name=ActivityName.FIRE_DEADLINE)
    async def fire_deadline(self, given: FireDeadlineInput) -> CaseSnapshot:
        """Let a deadline take its effect, once; a repetition answers the case as it is."""
        with typed_failures():
            snapshot = await self._use_cases.fire_deadline(given.after_sales_no, given.deadline_at, given.now)
        DEADLINE_LATENESS.observe(max(0.0, (given.now - given.deadline_at).total_seconds()))
        return snapshot
