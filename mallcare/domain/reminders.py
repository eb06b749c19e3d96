"""Reminders: which rungs of a clock's ladder were reached, and whom each of them is for (T3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import Clock, Outcome, Reading, Standing, level_at, outcome, read, standing
from mallcare.domain.contacts import Contact, ContactRole, duty_begins, ever_on_duty, on_duty
from mallcare.domain.reconciliation import BEIJING
from mallcare.domain.timeliness import Level, Party, TimelinessPolicy

DAY = timedelta(days=1)


class ReminderState(StrEnum):
    """PLANNED: to be told. TOLD: notices of it were written. MOOT: its clock had stopped by then.

    UNADDRESSED: the supplier has nobody to tell, and operations was asked instead.
    """

    PLANNED = "planned"
    TOLD = "told"
    MOOT = "moot"
    UNADDRESSED = "unaddressed"


@dataclass(frozen=True, slots=True)
class Rung:
    """A level of the ladder, and when a clock reached it."""

    level: Level
    reached_at: datetime


@dataclass(frozen=True, slots=True)
class Look:
    """What a timekeeper's look at a clock came to: the clock and its standing afterwards, as to be stored.

    `rung`: the latest one that is new; whatever lies below it is done with. `breached`: seen broken, for the
    first time.
    """

    clock: Clock
    standing: Standing
    rung: Rung | None = None
    breached: bool = False


def look(clock: Clock, calendar: ServiceCalendar, policy: TimelinessPolicy, now: datetime) -> Look:
    """Look at a clock with the calendar and the policy it is pinned to.

    A clock that ended or stands still reaches nothing. Rungs that were missed are left out, so that nobody is
    reminded several times at once, and the next look lies after `now`. A breach bears the instant of the
    look, never an earlier one, and is noted at most once.
    """
    reading = read(clock.events, calendar)
    rungs = _reached(clock, reading, calendar, policy, now)
    breached = (
        clock.breach_recorded_at is None
        and reading.running_since is not None
        and outcome(reading, calendar, clock.target, now) is Outcome.BREACHED
    )
    seen = replace(
        clock,
        levels_done=clock.levels_done + len(rungs),
        breach_recorded_at=now if breached else clock.breach_recorded_at,
    )
    return Look(seen, standing(seen, calendar, policy), rungs[-1] if rungs else None, breached)


def _reached(
    clock: Clock, reading: Reading, calendar: ServiceCalendar, policy: TimelinessPolicy, now: datetime
) -> list[Rung]:
    rungs: list[Rung] = []
    for level in policy.ladder[clock.levels_done :]:
        at = level_at(reading, calendar, clock.target, level.before)
        if at is None or at > now:
            break
        rungs.append(Rung(level, at))
    return rungs


def after_quiet(policy: TimelinessPolicy, now: datetime) -> datetime:
    """`now`, or the end of the quiet hours it lies in. Quiet hours that end where they begin are none."""
    local = now.astimezone(BEIJING)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    since = local - midnight
    begin, end = policy.quiet_from % DAY, policy.quiet_until % DAY
    over_midnight = begin > end
    quiet = (since >= begin or since < end) if over_midnight else begin <= since < end
    if not quiet:
        return now
    tomorrow = over_midnight and since >= begin
    return (midnight + end + (DAY if tomorrow else timedelta(0))).astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class Telling:
    """Whom to tell, and not before when."""

    people: tuple[Contact, ...]
    at: datetime


def whom(
    contacts: Sequence[Contact], party: Party, policy: TimelinessPolicy, now: datetime
) -> Telling | None:
    """Whom to tell of what `party` of a supplier is to hear, outside quiet hours; None: there is nobody.

    Staff hear of it on duty: the first time anybody is. Who is on duty in quiet hours alone hears of it when
    those end. Where there is no staff the principal stands in, and the other way round.

    Raises:
        ValueError: operations are not at a supplier.
    """
    if party is Party.OPERATIONS:
        raise ValueError("operations are told by a task")
    principals = tuple(one for one in contacts if one.role is ContactRole.PRINCIPAL)
    staff = tuple(one for one in contacts if one.role is ContactRole.STAFF and ever_on_duty(one))
    if principals and (party is Party.PRINCIPAL or not staff):
        return Telling(principals, after_quiet(policy, now))
    return _on_duty_first(staff, policy, now) if staff else None


def _on_duty_first(staff: tuple[Contact, ...], policy: TimelinessPolicy, now: datetime) -> Telling:
    begins = [now, *(begin for one in staff for begin in duty_begins(one, now))]
    for at in sorted(after_quiet(policy, begin) for begin in begins):
        there = tuple(one for one in staff if on_duty(one, at))
        if there:
            return Telling(there, at)
    return Telling(staff, after_quiet(policy, now))
