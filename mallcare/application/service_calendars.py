"""Use cases: versions of service calendars, and the days that follow no plan of the week."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import structlog

from mallcare.application.calendar_horizon import look_at_horizons
from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable, answered_before, remember
from mallcare.domain.calendars import Hours, ServiceCalendar
from mallcare.domain.errors import InvalidInput
from mallcare.domain.timeliness import ALWAYS_OPEN
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, Ids, PublishedCalendar, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()

LOOKED_AHEAD = timedelta(days=366)
"""A calendar that does not open for so long is a mistake: promises that count by it would never be due."""
_ZONE = re.compile(
    r"(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)"
    r"(/[A-Za-z0-9_+-]{1,32}){1,2}"
)


@dataclass(frozen=True, slots=True)
class SpecialDays:
    """Days that follow no plan, and the last day whose holidays are known with them; None: as before."""

    days: Mapping[date, Hours]
    known_until: date | None = None


class ServiceCalendars:
    """Read and add versions of service calendars. Clocks that were started keep the version they have."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def newest_of_each(self, caller: Caller) -> Sequence[PublishedCalendar]:
        """The newest version of every calendar, by id.

        Raises:
            NotAllowed: only operations and auditors.
        """
        caller.require_role(Role.OPERATIONS, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.timeliness.published_calendars()

    async def read(self, calendar_id: str, version: int | None, caller: Caller) -> PublishedCalendar:
        """A version of a calendar; None asks for the newest.

        Raises:
            NotAllowed: only operations and auditors.
            NotFound: no such calendar or version.
        """
        caller.require_role(Role.OPERATIONS, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.timeliness.published_calendar(calendar_id, version)

    async def add(
        self, calendar: ServiceCalendar, caller: Caller, once: Repeatable | None = None
    ) -> PublishedCalendar:
        """Add the first or the next version of a calendar; repeated under its key, answers the same one.

        Raises:
            NotAllowed: only operations.
            InvalidInput: the calendar that is always open, or one that does not open within a year.
            IdempotencyMismatch: the key was used with another body.
        """
        caller.require_role(Role.OPERATIONS)
        async with self._uow() as uow:
            first = await answered_before(uow, caller, once) if once else None
            if first is not None:
                return await uow.timeliness.published_calendar(
                    str(first["calendar_id"]), int(str(first["version"]))
                )
            now = self._clock.now()
            added = await self._add(uow, calendar, caller, now)
            if once:
                told = {"calendar_id": calendar.calendar_id, "version": added.calendar.version}
                await remember(uow, caller, once, told, now)
            await uow.commit()
        return added

    async def set_special_days(
        self, calendar_id: str, special: SpecialDays, caller: Caller
    ) -> PublishedCalendar:
        """The newest version with further special days; what it has for other days stays.

        A day that is known until is never taken back. What changes nothing adds no version.

        Raises:
            NotAllowed: only operations.
            NotFound: no such calendar.
            InvalidInput: as for `add`.
        """
        caller.require_role(Role.OPERATIONS)
        async with self._uow() as uow:
            await uow.timeliness.lock_calendar(calendar_id)
            newest = await uow.timeliness.published_calendar(calendar_id)
            known = newest.calendar
            days = (known.known_until, special.known_until)
            calendar = replace(
                known,
                special={**known.special, **special.days},
                known_until=max((day for day in days if day is not None), default=None),
            )
            if calendar == known:
                return newest
            added = await self._add(uow, calendar, caller, self._clock.now())
            await uow.commit()
        return added

    async def _add(
        self, uow: UnitOfWork, calendar: ServiceCalendar, caller: Caller, now: datetime
    ) -> PublishedCalendar:
        if calendar.calendar_id == ALWAYS_OPEN:
            raise InvalidInput(f"the calendar {ALWAYS_OPEN} is always open and has no other version")
        if not calendar.open_time(now, now + LOOKED_AHEAD):
            raise InvalidInput("the calendar does not open within a year from now")
        version = await uow.timeliness.add_calendar(calendar, caller.actor, now)
        await look_at_horizons(uow, self._ids, now)
        log.info("calendar.added", calendar_id=calendar.calendar_id, version=version)
        return await uow.timeliness.published_calendar(calendar.calendar_id, version)


def zone_named(name: str) -> tzinfo:
    """The time zone of an IANA name: `UTC`, or one of a region, which every machine knows alike.

    Raises:
        InvalidInput: there is none.
    """
    if name == "UTC":
        return UTC
    if _ZONE.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass  # OSError: a folder of zones
    raise InvalidInput("there is no such time zone", zone=name)
