"""Use case: heal what was lost between the database and the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from mallcare.application.calendar_horizon import WatchCalendars
from mallcare.application.daily_sms_reports import WatchDailySms
from mallcare.contracts.after_sales import snapshot_of
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.ports import (
    CaseEngine,
    DailySmsProcess,
    EngineUnavailable,
    NobodyListens,
    NoticeDispatchers,
    Pumps,
    Timekeepers,
    UnitOfWorkFactory,
)

log = structlog.get_logger()

BROKEN_WITHIN = timedelta(minutes=10)
"""How far back workflows that broke are looked for; older ones come up in rotation."""
BROKEN_AT_ONCE = 1_000
"""How many of them one sweep looks at; those that run again no longer count."""

Call = Callable[[AfterSalesCase], Awaitable[None]]


@dataclass
class Round:
    """What one sweep did so far, and the end of its time."""

    now: datetime
    ends_at: float
    told: int = 0
    overdue: int = 0
    restarted: int = 0
    checked: int = 0
    reached: int = 0
    failure: Exception | None = None
    seen: set[str] = field(default_factory=set[str])

    @property
    def over(self) -> bool:
        """No further page may begin."""
        return asyncio.get_running_loop().time() >= self.ends_at

    def failed(self, event: str, error: Exception, **facts: str) -> None:
        """Log a failure that does not hold up the rest."""
        self.failure = error
        log.warning(event, reason=str(error), error=type(error).__name__, **facts)


class Sweep:
    """Heals every loss: repeats hints that were not noted, starts workflows and pumps that are missing.

    A missing workflow shows itself by a deadline that did not fire, by the engine's index of broken
    workflows, or at the latest when its case comes up in rotation: a page of cases a sweep, and page after
    page as long as each finds some missing.

    Args:
        grace: how long a hint may take before it counts as lost.
        page: how many cases are read at a time.
        budget: how long further pages may begin; every kind of loss gets one page at least.
        tellers: calls to the engine side by side.
        pumps: None where no webhooks are delivered.
        timekeepers: None where nothing else falls due.
        daily_sms, daily_reports: None where suppliers are not told daily what is overdue.
        calendars: None where nothing is promised by calendars.
        dispatchers: None where nobody is sent messages.
    """

    def __init__(
        self,
        engine: CaseEngine,
        uow: UnitOfWorkFactory,
        *,
        grace: timedelta = timedelta(seconds=5),
        page: int = 200,
        budget: timedelta = timedelta(seconds=60),
        tellers: int = 16,
        pumps: Pumps | None = None,
        timekeepers: Timekeepers | None = None,
        daily_sms: DailySmsProcess | None = None,
        daily_reports: WatchDailySms | None = None,
        calendars: WatchCalendars | None = None,
        dispatchers: NoticeDispatchers | None = None,
    ) -> None:
        self._engine = engine
        self._uow = uow
        self._grace = grace
        self._page = page
        self._budget = budget
        self._tellers = tellers
        self._calendars = calendars
        self._daily_reports = daily_reports
        endless = (pumps, timekeepers, daily_sms, dispatchers)
        self._endless = [one for one in endless if one is not None]

    async def __call__(self, now: datetime) -> dict[str, int]:
        """One sweep; answers how many cases were told, woken for an overdue deadline, restarted, checked.

        Raises:
            EngineUnavailable: nothing at all could be told; the next sweep tries again.
            StorageUnavailable
        """
        this = Round(now, asyncio.get_running_loop().time() + self._budget.total_seconds())
        await self._start_endless(this)
        await self._tell_untold(this)
        await self._wake_overdue(this)
        await self._restart_broken(this)
        await self._check_in_rotation(this)
        if self._calendars is not None:
            await self._calendars(now)
        if self._daily_reports is not None:
            await self._daily_reports(now)
        if this.failure is not None and not this.reached:
            raise this.failure
        return {
            "told": this.told,
            "overdue": this.overdue,
            "restarted": this.restarted,
            "checked": this.checked,
        }

    async def _start_endless(self, this: Round) -> None:
        for endless in self._endless:
            try:
                await endless.start()
            except EngineUnavailable as error:
                this.failed("sweep.endless_not_started", error)

    async def _tell_untold(self, this: Round) -> None:
        """Repeat lost hints; each page is noted before the next one, so that a sweep cut off lost little."""

        async def tell(case: AfterSalesCase) -> None:
            await self._engine.tell(snapshot_of(case), Signal.RESYNC)

        last: AfterSalesCase | None = None
        while last is None or not this.over:
            async with self._uow() as uow:
                cases = await uow.cases.untold(this.now - self._grace, self._page, last)
            told = await self._each(this, cases, tell)
            if told:
                async with self._uow() as uow:
                    await uow.cases.mark_told({case.after_sales_no: case.version for case in told})
                    await uow.commit()
            this.told += len(told)
            if len(cases) < self._page or not told:
                return
            last = cases[-1]

    async def _wake_overdue(self, this: Round) -> None:
        """A running workflow fires its deadline by itself: only a missing one needs help."""
        last: AfterSalesCase | None = None
        while last is None or not this.over:
            async with self._uow() as uow:
                cases = await uow.cases.overdue(this.now - 6 * self._grace, self._page, last)
            woken = await self._each(this, cases, self._starter(this))
            this.overdue += len(woken)
            if len(cases) < self._page or not woken:
                return
            last = cases[-1]

    async def _restart_broken(self, this: Round) -> None:
        try:
            broken = await self._engine.broken(this.now - BROKEN_WITHIN, BROKEN_AT_ONCE)
        except EngineUnavailable as error:
            this.failed("sweep.broken_unknown", error)
            return
        for begin in range(0, len(broken), self._page):
            async with self._uow() as uow:
                page = broken[begin : begin + self._page]
                records = [await uow.cases.get(after_sales_no) for after_sales_no in page]
            live = [record.case for record in records if record is not None and not record.case.state.final]
            await self._each(this, live, self._starter(this))
            if this.over:
                return

    async def _check_in_rotation(self, this: Round) -> None:
        """One page, and further ones while workflows are missing, as after a loss of the engine's data."""
        while True:
            async with self._uow() as uow:
                cases = await uow.cases.least_recently_checked(this.now, self._page)
                await uow.commit()
            new = [case for case in cases if case.after_sales_no not in this.seen]
            this.seen.update(case.after_sales_no for case in new)
            before = this.restarted
            this.checked += len(await self._each(this, new, self._starter(this)))
            if this.over or this.restarted == before:
                return

    def _starter(self, this: Round) -> Call:
        async def start(case: AfterSalesCase) -> None:
            if await self._engine.start(snapshot_of(case)):
                this.restarted += 1

        return start

    async def _each(self, this: Round, cases: Sequence[AfterSalesCase], call: Call) -> list[AfterSalesCase]:
        """Call for each case, some side by side; answers those that succeeded.

        One that fails does not hold up the others, but when all of the first fail the rest is left.
        """
        waiting = iter(cases)
        done: list[AfterSalesCase] = []
        failures = 0

        async def work() -> None:
            nonlocal failures
            for case in waiting:
                if failures >= self._tellers and not done:
                    return
                try:
                    await call(case)
                except NobodyListens:
                    done.append(case)  # it is long over, and so is every start of it
                except Exception as error:  # noqa: BLE001 - a case that cannot be told must not stop the sweep
                    failures += 1
                    this.failed("sweep.not_told", error, after_sales_no=case.after_sales_no)
                else:
                    done.append(case)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._tellers, len(cases))):
                group.create_task(work())
        this.reached += len(done)
        return done
