"""Clocks as people ask about them: those of an order or a request, and one with its arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mallcare.application.boards import scope_of
from mallcare.application.caller import Caller
from mallcare.domain.boards import ClockState, state_at
from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import (
    Clock,
    Standing,
    read,
    standing,
)
from mallcare.domain.errors import InvalidInput, NotFound
from mallcare.domain.timeliness import TimelinessPolicy
from mallcare.ports import clock as time
from mallcare.ports.boards import ClockInFull, ClockRecord
from mallcare.ports.storage import UnitOfWorkFactory

MOST_CLOCKS = 1_000
"""Clocks of one order and its requests that are answered at most."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch in which a clock ran. `until`: None while it runs. `open_time`: what of it counted."""

    since: datetime
    until: datetime | None
    open_time: timedelta


@dataclass(frozen=True, slots=True)
class ClockExplained:
    """A clock with everything its figure follows from.

    `folded`: where it stands by its events, its calendar and its policy, computed anew; `agrees`: what is
    stored says the same. `elapsed`: the sum of the segments, as of `as_of`.
    """

    stored: ClockInFull
    as_of: datetime
    segments: tuple[Segment, ...]
    elapsed: timedelta
    state: ClockState | None
    folded: Standing
    agrees: bool


class ReadClocks:
    """Clocks of suppliers, for the suppliers and for those who see all of them."""

    def __init__(self, uow: UnitOfWorkFactory, clock: time.Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def of(
        self, order_no: str | None, subject: str | None, supplier_id: str | None, caller: Caller
    ) -> tuple[list[ClockRecord], datetime]:
        """Clocks of an order with its requests, or of one order or request, and the instant now.

        Raises:
            NotAllowed, NotFound: see `Boards.timeliness`.
            InvalidInput: neither an order nor a subject, or both.
        """
        scope = scope_of(supplier_id, caller)
        if (order_no is None) is (subject is None):
            raise InvalidInput("name an order_no or a subject")
        async with self._uow() as uow:
            subjects = [subject] if subject is not None else []
            if order_no is not None:
                subjects = [order_no, *await uow.boards.requests_of(order_no)]
            return await uow.boards.clocks_of(subjects, scope, MOST_CLOCKS), self._clock.now()

    async def one(self, clock_id: int, caller: Caller) -> ClockExplained:
        """A clock and its arithmetic.

        Raises:
            NotAllowed: see `Boards.timeliness`.
            NotFound: unknown, or another supplier's.
        """
        scope = scope_of(None, caller)
        async with self._uow() as uow:
            stored = await uow.boards.clock(clock_id)
            if stored is None or scope not in (None, stored.clock.supplier_id):
                raise NotFound("there is no such clock", clock_id=clock_id)
            calendar = await uow.timeliness.calendar(stored.clock.calendar)
            policy = await uow.timeliness.version(stored.clock.policy_version)
        return explain(stored, calendar, policy, self._clock.now())


def explain(
    stored: ClockInFull, calendar: ServiceCalendar, policy: TimelinessPolicy, now: datetime
) -> ClockExplained:
    """A clock folded anew, segment by segment."""
    parts = segments(stored.clock, calendar, now)
    folded = standing(stored.clock, calendar, policy)
    return ClockExplained(
        stored=stored,
        as_of=now,
        segments=parts,
        elapsed=sum((part.open_time for part in parts), timedelta()),
        state=state_at(stored.record.standing, now),
        folded=folded,
        agrees=_told(folded) == _told(stored.record.standing),
    )


def segments(clock: Clock, calendar: ServiceCalendar, now: datetime) -> tuple[Segment, ...]:
    """The stretches in which a clock ran, up to now; found by reading it after each of its events."""
    found: list[Segment] = []
    since: datetime | None = None
    for at in sorted({event.at for event in clock.events}):
        running = read((event for event in clock.events if event.at <= at), calendar).running_since
        if since is not None and running != since:
            found.append(Segment(since, at, calendar.open_time(since, at)))
        since = running
    if since is not None:
        found.append(Segment(since, None, calendar.open_time(since, now)))
    return tuple(found)


def _told(of: Standing) -> Sequence[object]:
    """All but the timekeeper's next look, which follows from what it has done already."""
    return of.started_at, of.running_since, of.elapsed, of.due_at, of.at_risk_at, of.ended_at, of.outcome
