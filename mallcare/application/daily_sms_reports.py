"""Use cases: see what came of the daily SMS (T4), and ask for a person where a report is missing."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import structlog

from mallcare.application.caller import Caller
from mallcare.domain.daily_sms import DAY, PLANNED_BY, DailySmsRun, DailyTimes, overdue_part, turn_of
from mallcare.domain.errors import NotFound
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.vocabulary import Role
from mallcare.ports import Ids, Page, TaskFilter, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()


class DailySmsReports:
    """Each day's report, as it was when the day was over."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def of_day(self, day: date, caller: Caller) -> DailySmsRun:
        """What came of a day so far.

        Raises:
            NotAllowed: the caller is none of operations, finance, auditor.
            NotFound: the day was not begun.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            run = await uow.daily_sms.get(day)
        if run is None:
            raise NotFound("no daily SMS was begun on this day", day=day.isoformat())
        return run

    async def page(self, limit: int, before: date | None, caller: Caller) -> Page[DailySmsRun]:
        """Days before `before`, newest first; the cursor is the last day of its page.

        Raises:
            NotAllowed: the caller is none of operations, finance, auditor.
        """
        caller.require_role(Role.OPERATIONS, Role.FINANCE, Role.AUDITOR)
        async with self._uow() as uow:
            runs = await uow.daily_sms.before(before, limit + 1)
        items = tuple(runs[:limit])
        return Page(items, items[-1].day.isoformat() if len(runs) > limit else None)


class WatchDailySms:
    """Opens a task where a day's messages or its report are not there in time; once for each day.

    Looks every few minutes at most. A platform that was away gets half an hour to catch up before anybody is
    called; the task is resolved by the report when it comes.
    """

    def __init__(
        self,
        uow: UnitOfWorkFactory,
        ids: Ids,
        times: DailyTimes | None = None,
        *,
        every: timedelta = timedelta(minutes=5),
    ) -> None:
        self._uow = uow
        self._ids = ids
        self._times = times or DailyTimes()
        self._every = every
        self._since: datetime | None = None
        self._looks_at: datetime | None = None

    async def __call__(self, now: datetime) -> None:
        """Look, unless it looked a moment ago.

        Raises:
            StorageUnavailable
        """
        if self._since is None:
            self._since = now
        if now < self._since + PLANNED_BY or (self._looks_at is not None and now < self._looks_at):
            return
        today = self._times.local_day(now)
        async with self._uow() as uow:
            opened = [await self._look(uow, day, now, self._since) for day in (today - DAY, today)]
            await uow.commit()
        self._looks_at = now + self._every
        if any(opened):
            log.error("daily_sms.missing", day=today.isoformat())

    async def _look(self, uow: UnitOfWork, day: date, now: datetime, since: datetime) -> bool:
        turn = turn_of(day, self._times)
        lacking = overdue_part(turn, await uow.daily_sms.get(day), now)
        if lacking is None or not await self._expected(uow, day, turn.send_at, since):
            return False
        kind, subject = TaskKind.DAILY_SMS_MISSING, day.isoformat()
        if (await uow.tasks.page(TaskFilter(kind=kind, subject=subject), 1, None)).items:
            return False
        facts = {"day": subject, "lacking": lacking}
        return await uow.tasks.open([OperationsTask(self._ids.task_id(), kind, subject, now, facts)]) > 0

    async def _expected(self, uow: UnitOfWork, day: date, send_at: datetime, since: datetime) -> bool:
        """The platform was there at the hour, or had been there before: the first day is nobody's fault."""
        return since <= send_at or bool(await uow.daily_sms.before(day + DAY, 1))
