"""Use case: heal what was lost between the database and the engine."""

from __future__ import annotations

from datetime import datetime, timedelta

from mallcare.application.hints import tell
from mallcare.contracts.after_sales import snapshot_of
from mallcare.contracts.names import Signal
from mallcare.ports import CaseEngine, UnitOfWorkFactory


class Sweep:
    """Heals every loss: repeats hints that were not noted, and starts workflows that are missing."""

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
        """One sweep; answers how many cases were told, woken for an overdue deadline, and checked.

        Raises:
            EngineUnavailable: the next sweep goes on.
        """
        async with self._uow() as uow:
            untold = await uow.cases.untold(now - self._grace, self._page)
            overdue = await uow.cases.overdue(now - 6 * self._grace, self._page)
            checked = await uow.cases.least_recently_checked(now, self._page)
            await uow.commit()
        for case in untold:
            await tell(self._engine, snapshot_of(case), Signal.RESYNC)
        for case in [*overdue, *checked]:
            await self._engine.start(snapshot_of(case))
        async with self._uow() as uow:
            await uow.cases.mark_told({case.after_sales_no: case.version for case in untold})
            await uow.commit()
        return {"told": len(untold), "overdue": len(overdue), "checked": len(checked)}
