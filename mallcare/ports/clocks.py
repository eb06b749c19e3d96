"""Clocks of promises, and the versions of policies and calendars they are counted by."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import CalendarVersion, Clock, Standing
from mallcare.domain.commands import Actor
from mallcare.domain.shipments import LineClaims
from mallcare.domain.timeliness import Party, TimelinessPolicy


@dataclass(frozen=True, slots=True)
class TimedClock:
    """A clock with its standing, as it is to be stored."""

    clock: Clock
    standing: Standing


@dataclass(frozen=True, slots=True)
class StoredClock:
    """A stored clock under its number."""

    clock_id: int
    clock: Clock


class Clocks(Protocol):
    """Promises and how they stand."""

    async def of(self, subjects: Collection[str]) -> list[Clock]:
        """All clocks of orders and requests under their row locks, in ascending order of their keys."""
        ...

    async def write(self, timed: Sequence[TimedClock]) -> None:
        """Insert new clocks and replace what is stored of known ones."""
        ...

    async def claims(self, order_nos: Collection[str]) -> Mapping[str, Mapping[str, LineClaims]]:
        """By order and line, what customers ask back of locked orders.

        Refunds of goods that still have to come, and exchanges, count for nothing.
        """
        ...

    async def due(self, shard: int, now: datetime, limit: int) -> list[StoredClock]:
        """Clocks of a shard to look at, longest due first, locked; what others have locked is left out."""
        ...

    async def looked_at(self, timed: Sequence[TimedClock]) -> None:
        """Note on locked clocks what a look did: levels done, breach recorded, and when the next look is."""
        ...

    async def next_look(self, shard: int) -> datetime | None:
        """The earliest look of a shard, None if none is to come."""
        ...


@dataclass(frozen=True, slots=True)
class PublishedPolicy:
    """A version of the timeliness policy: for whom (None: for all without their own), by whom, since when."""

    policy: TimelinessPolicy
    supplier_id: str | None
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedCalendar:
    """A version of a calendar: by whom, since when."""

    calendar: ServiceCalendar
    created_by: str
    created_at: datetime


class Timeliness(Protocol):
    """Versions of timeliness policies and service calendars; they never change."""

    async def current(self, supplier_id: str) -> TimelinessPolicy:
        """The newest version for a supplier, else the newest for all."""
        ...

    async def version(self, version: int) -> TimelinessPolicy:
        """A pinned version.

        Raises:
            NotFound
        """
        ...

    async def publish(
        self, policy: TimelinessPolicy, supplier_id: str | None, actor: Actor, now: datetime
    ) -> int:
        """Add a version; answers its number."""
        ...

    async def calendar(self, of: CalendarVersion) -> ServiceCalendar:
        """A pinned version of a calendar.

        Raises:
            NotFound
        """
        ...

    async def newest_calendar(self, calendar_id: str) -> ServiceCalendar:
        """A calendar as clocks are started with it now.

        Raises:
            NotFound
        """
        ...

    async def add_calendar(self, calendar: ServiceCalendar, actor: Actor, now: datetime) -> int:
        """Add the next version of a calendar, whatever number it says; answers its number."""
        ...

    async def lock_calendar(self, calendar_id: str) -> None:
        """Nobody else adds a version of the calendar before this unit of work ends."""
        ...

    async def published_policy(self, version: int) -> PublishedPolicy:
        """A version with who published it.

        Raises:
            NotFound
        """
        ...

    async def published_calendar(self, calendar_id: str, version: int | None = None) -> PublishedCalendar:
        """A version, else the newest, with who published it.

        Raises:
            NotFound
        """
        ...

    async def published_calendars(self) -> Sequence[PublishedCalendar]:
        """The newest version of every calendar, by id."""
        ...

    async def in_force(self) -> Sequence[TimelinessPolicy]:
        """The policies that clocks are started under now: the newest for all, and the newest of each
        supplier with its own."""
        ...

    async def latest_deadlines(self) -> Mapping[str, datetime]:
        """By calendar, the latest deadline of clocks that run."""
        ...


@dataclass(frozen=True, slots=True)
class PlannedReminder:
    """A rung that a clock reached, for one party: once for ever."""

    clock_id: int
    level: str
    party: Party
    supplier_id: str
    reached_at: datetime
    remind_at: datetime
