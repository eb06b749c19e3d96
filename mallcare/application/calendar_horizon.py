"""Use case: ask for the next holidays before a promise is counted by days nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog

from mallcare.domain.calendars import ServiceCalendar, Unreachable
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.ports import Ids, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()

NOTICE = timedelta(days=30)
"""How long before the first deadline beyond a calendar's holidays operations are asked for them."""
EVERY = timedelta(hours=1)
BY_PLATFORM = "system:calendars"


class WatchCalendars:
    """Keeps a task `calendar_ends` for each calendar in use whose holidays do not reach far enough.

    Called with every sweep, it looks once an hour.
    """

    def __init__(self, uow: UnitOfWorkFactory, ids: Ids) -> None:
        self._uow = uow
        self._ids = ids
        self._next_at: datetime | None = None

    async def __call__(self, now: datetime) -> None:
        """Look, if the last look is an hour ago.

        Raises:
            StorageUnavailable: the next call looks again.
        """
        if self._next_at is not None and now < self._next_at:
            return
        async with self._uow() as uow:
            await look_at_horizons(uow, self._ids, now)
            await uow.commit()
        self._next_at = now + EVERY


async def look_at_horizons(uow: UnitOfWork, ids: Ids, now: datetime) -> None:
    """Open a task for each calendar that ends too early, resolve those of calendars that reach far enough.

    Looked at are deadlines of clocks that run, and those of clocks that may be started within `NOTICE`.
    """
    targets = longest_targets(await uow.timeliness.in_force())
    deadlines = await uow.timeliness.latest_deadlines()
    wanted: list[OperationsTask] = []
    for published in await uow.timeliness.published_calendars():
        calendar = published.calendar
        target, deadline = targets.get(calendar.calendar_id), deadlines.get(calendar.calendar_id)
        if ends_early(calendar, target, deadline, now):
            wanted.append(_task(calendar, ids, now))
        else:
            note = f"version {calendar.version} reaches far enough"
            kind = TaskKind.CALENDAR_ENDS
            await uow.tasks.resolve_for(calendar.calendar_id, kind, BY_PLATFORM, note, now)
    if opened := await uow.tasks.open(wanted):
        log.warning("calendar.ends", calendars=[task.subject for task in wanted], new_tasks=opened)


def longest_targets(policies: Iterable[TimelinessPolicy]) -> dict[str, timedelta]:
    """By calendar, the longest target that is promised in its open time."""
    longest: dict[str, timedelta] = {}
    for policy in policies:
        for promise in policy.promises.values():
            known = longest.get(promise.calendar_id, promise.target)
            longest[promise.calendar_id] = max(known, promise.target)
    return longest


def ends_early(
    calendar: ServiceCalendar, target: timedelta | None, deadline: datetime | None, now: datetime
) -> bool:
    """Whether a deadline, or one that is promised within `NOTICE`, lies beyond the calendar's holidays.

    `target`, `deadline`: None where nothing is promised by the calendar, or no clock runs by it.
    """
    if calendar.known_until is None:
        return False
    if deadline is not None and calendar.beyond_knowledge(deadline):
        return True
    if target is None:
        return False
    try:
        return calendar.beyond_knowledge(calendar.add(now + NOTICE, target))
    except Unreachable:
        return True


def _task(calendar: ServiceCalendar, ids: Ids, now: datetime) -> OperationsTask:
    return OperationsTask(
        task_id=ids.task_id(),
        kind=TaskKind.CALENDAR_ENDS,
        subject=calendar.calendar_id,
        opened_at=now,
        facts={
            "calendar_version": calendar.version,
            "known_until": calendar.known_until.isoformat() if calendar.known_until is not None else None,
        },
    )
