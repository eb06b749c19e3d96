"""Use case: heal what was lost between the database and the engine."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from mallcare.application.hints import tell
from mallcare.contracts.after_sales import snapshot_of
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.ports import CaseEngine, EngineUnavailable, UnitOfWorkFactory

log = structlog.get_logger()

BROKEN_WITHIN = timedelta(minutes=10)
"""How far back workflows that broke are looked for; older ones come up in rotation."""


class Sweep:
    """Heals every loss: repeats hints that were not noted, and starts workflows that are missing.

    A missing workflow shows itself by a deadline that did not fire, by the engine's index of broken
    workflows, or at the latest when its case comes up in rotation.
    """

    def __init__(
        self,
        engine: CaseEngine,
        uow: UnitOfWorkFactory,
        *,
        grace: timedelta = timedelta(seconds=5),
        page: int = 200,
    ) -> None:
        self._engine = engine
        self._uow = uow
        self._grace = grace
        self._page = page

    async def __call__(self, now: datetime) -> dict[str, int]:
        """One sweep; answers how many cases were told, woken for an overdue deadline, restarted, checked.

        Raises:
            EngineUnavailable: nothing at all could be told; the next sweep tries again.
        """
        broken = await self._engine.broken(now - BROKEN_WITHIN, self._page)
        async with self._uow() as uow:
            untold = await uow.cases.untold(now - self._grace, self._page)
            overdue = await uow.cases.overdue(now - 6 * self._grace, self._page)
            checked = await uow.cases.least_recently_checked(now, self._page)
            records = [await uow.cases.get(after_sales_no) for after_sales_no in broken]
            await uow.commit()
        stopped = [r.case for r in records if r is not None and not r.case.state.final]
        told = await self._tell(untold, Signal.RESYNC)
        await self._tell([*overdue, *stopped, *checked], None)
        async with self._uow() as uow:
            await uow.cases.mark_told({case.after_sales_no: case.version for case in told})
            await uow.commit()
        return {
            "told": len(told),
            "overdue": len(overdue),
            "restarted": len(stopped),
            "checked": len(checked),
        }

    async def _tell(self, cases: Iterable[AfterSalesCase], signal: Signal | None) -> list[AfterSalesCase]:
        """Tell each case, one failing does not hold up the others; answers those that were told."""
        told: list[AfterSalesCase] = []
        failure: EngineUnavailable | None = None
        for case in cases:
            try:
                await tell(self._engine, snapshot_of(case), signal)
            except EngineUnavailable as error:
                failure = error
                log.warning("sweep.not_told", after_sales_no=case.after_sales_no, reason=str(error))
            else:
                told.append(case)
        if failure is not None and not told:
            raise failure
        return told
