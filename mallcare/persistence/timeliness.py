"""Versions of timeliness policies and service calendars, and what a process remembers of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Integer, Row, Text, bindparam, func, insert, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import CalendarVersion
from mallcare.domain.commands import Actor
from mallcare.domain.errors import NotFound
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.persistence.clock_tables import RUNS
from mallcare.persistence.codec import instant
from mallcare.persistence.tables import clocks, service_calendars, timeliness_policies
from mallcare.persistence.timeliness_codec import (
    calendar_json,
    calendar_of,
    timeliness_policy_json,
    timeliness_policy_of,
)
from mallcare.ports.clocks import PublishedCalendar, PublishedPolicy
from mallcare.ports.records import StorageUnavailable

Rule = TypeVar("Rule")

P = timeliness_policies.c
C = service_calendars.c
SUPPLIER = bindparam("supplier", type_=Text())
CALENDAR = bindparam("calendar", type_=Text())
NUMBER = bindparam("number", type_=Integer())
CALENDARS = 7310
"""Family of advisory locks on calendars: their versions are numbered one after the other."""
LOCK_CALENDAR = select(func.pg_advisory_xact_lock(CALENDARS, func.hashtext(CALENDAR)))
CURRENT = (
    select(P.version, P.body)
    .where(or_(P.supplier_id == SUPPLIER, P.supplier_id.is_(None)))
    .order_by(P.supplier_id.nulls_last(), P.version.desc())
    .limit(1)
)
POLICY = select(P.body).where(P.version == NUMBER)
PUBLISH = insert(timeliness_policies).returning(P.version)
CALENDAR_COLUMNS = (C.version, C.body, C.known_until)
PINNED = select(*CALENDAR_COLUMNS).where(C.calendar_id == CALENDAR, C.version == NUMBER)
NEWEST = select(*CALENDAR_COLUMNS).where(C.calendar_id == CALENDAR).order_by(C.version.desc()).limit(1)
LAST_NUMBER = select(func.coalesce(func.max(C.version), 0)).where(C.calendar_id == CALENDAR)
NEWEST_OF_EACH = select(service_calendars).distinct(C.calendar_id).order_by(C.calendar_id, C.version.desc())
IN_FORCE = select(P.version, P.body).distinct(P.supplier_id).order_by(P.supplier_id, P.version.desc())
LATEST_DEADLINES = (
    select(clocks.c.calendar_id, func.max(clocks.c.due_at).label("due_at"))
    .where(text(RUNS), clocks.c.due_at.is_not(None))
    .group_by(clocks.c.calendar_id)
)


class _Remembered(Generic[Rule]):
    """Versions for ever; which of them is the newest, for a moment."""

    def __init__(self, seconds: float, monotonic: Callable[[], float], room: int) -> None:
        self.versions: dict[tuple[str, int], Rule] = {}
        self._newest: dict[str, tuple[Rule, float]] = {}
        self._seconds = seconds
        self._monotonic = monotonic
        self._room = room

    def newest(self, name: str) -> Rule | None:
        """What was read a moment ago."""
        rule, until = self._newest.get(name, (None, 0.0))
        return rule if self._monotonic() < until else None

    def keep_newest(self, name: str, rule: Rule) -> None:
        """Remember it for a moment."""
        if len(self._newest) >= self._room:
            self._newest.clear()
        self._newest[name] = (rule, self._monotonic() + self._seconds)


class TimelinessCache:
    """What a process knows of policies and calendars: versions for ever, the newest for `seconds` at most."""

    def __init__(
        self, *, seconds: float = 1.0, monotonic: Callable[[], float] = time.monotonic, room: int = 10_000
    ) -> None:
        self.policies: _Remembered[TimelinessPolicy] = _Remembered(seconds, monotonic, room)
        self.calendars: _Remembered[ServiceCalendar] = _Remembered(seconds, monotonic, room)


class SqlTimeliness:
    """Policies and calendars in PostgreSQL; see `ports.clocks.Timeliness`.

    A version that another process publishes is seen once the cache's second is over. A unit of work
    that published reads past the cache: what it sees may still be taken back.
    """

    def __init__(self, connection: AsyncConnection, cache: TimelinessCache) -> None:
        self._connection = connection
        self._cache = cache
        self._published = False

    async def current(self, supplier_id: str) -> TimelinessPolicy:
        """The supplier's own newest version beats a newer one for all."""
        cached = self._cache.policies
        known = None if self._published else cached.newest(supplier_id)
        if known is not None:
            return known
        row = (await self._connection.execute(CURRENT, {"supplier": supplier_id})).one_or_none()
        if row is None:
            raise StorageUnavailable("the database has no timeliness policy: migrations did not run")
        policy = timeliness_policy_of(row.version, row.body)
        if not self._published:
            cached.versions["", policy.version] = policy
            cached.keep_newest(supplier_id, policy)
        return policy

    async def version(self, version: int) -> TimelinessPolicy:
        """As it was published.

        Raises:
            NotFound: no such version.
        """
        known = self._cache.policies.versions.get(("", version))
        if known is not None:
            return known
        body = (await self._connection.execute(POLICY, {"number": version})).scalar_one_or_none()
        if body is None:
            raise NotFound("no such version of the timeliness policy", version=version)
        policy = timeliness_policy_of(version, body)
        if not self._published:
            self._cache.policies.versions["", version] = policy
        return policy

    async def publish(
        self, policy: TimelinessPolicy, supplier_id: str | None, actor: Actor, now: datetime
    ) -> int:
        """The version inside `policy` is ignored: the database counts."""
        self._published = True
        values = {
            "supplier_id": supplier_id,
            "body": timeliness_policy_json(policy),
            "created_by": f"{actor.role.value}:{actor.subject}",
            "created_at": now,
        }
        return (await self._connection.execute(PUBLISH, values)).scalar_one()

    async def calendar(self, of: CalendarVersion) -> ServiceCalendar:
        """As it was added.

        Raises:
            NotFound: no such version.
        """
        known = self._cache.calendars.versions.get(of)
        if known is not None:
            return known
        found = await self._connection.execute(PINNED, {"calendar": of.calendar_id, "number": of.version})
        row = found.one_or_none()
        if row is None:
            raise NotFound("no such version of the calendar", calendar_id=of.calendar_id, version=of.version)
        calendar = calendar_of(of.calendar_id, row.version, row.body, row.known_until)
        if not self._published:
            self._cache.calendars.versions[of] = calendar
        return calendar

    async def newest_calendar(self, calendar_id: str) -> ServiceCalendar:
        """The version with the highest number.

        Raises:
            NotFound: no such calendar.
        """
        cached = self._cache.calendars
        known = None if self._published else cached.newest(calendar_id)
        if known is not None:
            return known
        row = (await self._connection.execute(NEWEST, {"calendar": calendar_id})).one_or_none()
        if row is None:
            raise NotFound("no such calendar", calendar_id=calendar_id)
        calendar = calendar_of(calendar_id, row.version, row.body, row.known_until)
        if not self._published:
            cached.versions[calendar_id, calendar.version] = calendar
            cached.keep_newest(calendar_id, calendar)
        return calendar

    async def add_calendar(self, calendar: ServiceCalendar, actor: Actor, now: datetime) -> int:
        """One after the other: whoever adds a version of the same calendar waits for this unit of work."""
        self._published = True
        named = {"calendar": calendar.calendar_id}
        await self.lock_calendar(calendar.calendar_id)
        version: int = (await self._connection.execute(LAST_NUMBER, named)).scalar_one() + 1
        values = {
            "calendar_id": calendar.calendar_id,
            "version": version,
            "body": calendar_json(calendar),
            "known_until": calendar.known_until,
            "created_by": f"{actor.role.value}:{actor.subject}",
            "created_at": now,
        }
        await self._connection.execute(insert(service_calendars).values(values))
        return version

    async def lock_calendar(self, calendar_id: str) -> None:
        """An advisory lock, held to the end of the transaction; from then on the cache is passed by."""
        self._published = True
        await self._connection.execute(LOCK_CALENDAR, {"calendar": calendar_id})

    async def published_policy(self, version: int) -> PublishedPolicy:
        """Read anew: only people ask for it.

        Raises:
            NotFound: no such version.
        """
        found = await self._connection.execute(select(timeliness_policies).where(P.version == version))
        row = found.one_or_none()
        if row is None:
            raise NotFound("no such version of the timeliness policy", version=version)
        return PublishedPolicy(
            timeliness_policy_of(row.version, row.body),
            row.supplier_id,
            row.created_by,
            instant(row.created_at),
        )

    async def published_calendar(self, calendar_id: str, version: int | None = None) -> PublishedCalendar:
        """Read anew: only people ask for it.

        Raises:
            NotFound: no such calendar, or no such version of it.
        """
        statement = select(service_calendars).where(C.calendar_id == calendar_id)
        if version is not None:
            statement = statement.where(C.version == version)
        found = await self._connection.execute(statement.order_by(C.version.desc()).limit(1))
        row = found.one_or_none()
        if row is None:
            raise NotFound("no such calendar, or no such version of it", calendar_id=calendar_id)
        return _published(row)

    async def published_calendars(self) -> list[PublishedCalendar]:
        """In one statement; calendars are few."""
        return [_published(row) for row in await self._connection.execute(NEWEST_OF_EACH)]

    async def in_force(self) -> list[TimelinessPolicy]:
        """NULL, which stands for all, is a supplier like others to DISTINCT ON."""
        return [
            timeliness_policy_of(row.version, row.body) for row in await self._connection.execute(IN_FORCE)
        ]

    async def latest_deadlines(self) -> dict[str, datetime]:
        """By the index of clocks that run."""
        rows = await self._connection.execute(LATEST_DEADLINES)
        return {row.calendar_id: instant(row.due_at) for row in rows}


def _published(row: Row[*tuple[Any, ...]]) -> PublishedCalendar:
    calendar = calendar_of(row.calendar_id, row.version, row.body, row.known_until)
    return PublishedCalendar(calendar, row.created_by, instant(row.created_at))
