"""What an after-sales workflow may do to its case."""

from __future__ import annotations

from temporalio import activity

from activities.errors import typed_failures
from activities.metrics import DEADLINE_LATENESS
from mallcare.application.use_cases import UseCases
from mallcare.contracts.after_sales import CaseSnapshot, FireDeadlineInput
from mallcare.contracts.names import ActivityName
from mallcare.ports import Clock


class AfterSalesActivities:
    """Database transactions of the case."""

    def __init__(self, use_cases: UseCases, clock: Clock) -> None:
        self._use_cases = use_cases
        self._clock = clock

    @activity.defn(name=ActivityName.FIRE_DEADLINE)
    async def fire_deadline(self, given: FireDeadlineInput) -> CaseSnapshot:
        """Let a deadline take its effect, once; a repetition answers the case as it is.

        It happens now, on whichever clock is ahead: the workflow's skips time in tests and demos, and
        this machine's has gone on where earlier attempts failed.
        """
        now = max(given.now, self._clock.now())
        with typed_failures():
            snapshot = await self._use_cases.fire_deadline(given.after_sales_no, given.deadline_at, now)
        DEADLINE_LATENESS.observe(max(0.0, (now - given.deadline_at).total_seconds()))
        return snapshot
