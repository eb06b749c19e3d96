"""Service calendars: which hours count against a promise, and arithmetic of open time.

Open time is a union of half-open intervals, several a day, by plans of the week that follow each other,
with single days apart: holidays that are closed and make-up working days (调休) that are not. A version
never changes, so that whatever was measured with it can be recomputed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo

DAY = timedelta(days=1)
DAYS_OF_WEEK = 7


class Unreachable(Exception):
    """The calendar never opens for so long: there is no such instant."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open hours of a day: half-open spans since local midnight, ascending, at most 24 hours in all.

    Raises:
        ValueError: spans that are empty, overlap, or leave the day.
    """

    spans: tuple[tuple[timedelta, timedelta], ...] = ()

    def __post_init__(self) -> None:
        edge = timedelta(0)
        for opens, closes in self.spans:
            if not edge <= opens < closes <= DAY:
                raise ValueError("open hours must be ascending spans within one day")
            edge = closes


CLOSED = Hours()
ALL_DAY = Hours(((timedelta(0), DAY),))


@dataclass(frozen=True, slots=True)
class WeekPlan:
    """Hours of each day of the week, Monday first, from a local date on.

    Raises:
        ValueError: other than seven days.
    """

    effective_from: date
    days: tuple[Hours, ...]

    def __post_init__(self) -> None:
        if len(self.days) != DAYS_OF_WEEK:
            raise ValueError("a week has seven days")


ALWAYS = (WeekPlan(date.min, (ALL_DAY,) * DAYS_OF_WEEK),)
"""The plans of a calendar that never closes."""


@dataclass(frozen=True, slots=True)
class ServiceCalendar:
    """One version of a calendar. Before its first plan nothing is open.

    `special`: days that follow no plan. `known_until`: the last day whose holidays are known; later days
    follow their plan, and a deadline beyond has to be looked at again.

    Raises:
        ValueError: plans out of order.
    """

    calendar_id: str
    version: int
    zone: tzinfo
    plans: tuple[WeekPlan, ...]
    special: Mapping[date, Hours] = field(default_factory=dict[date, Hours])
    known_until: date | None = None

    def __post_init__(self) -> None:
        begins = [plan.effective_from for plan in self.plans]
        if begins != sorted(set(begins)):
            raise ValueError("plans must follow each other")

    def hours_of(self, day: date) -> Hours:
        """The open hours of a local day."""
        if day in self.special:
            return self.special[day]
        plan = next((p for p in reversed(self.plans) if p.effective_from <= day), None)
        return CLOSED if plan is None else plan.days[day.weekday()]

    def open_time(self, begin: datetime, end: datetime) -> timedelta:
        """Open time within [begin, end); nothing where end does not come after begin."""
        if self._never_closes:
            return max(timedelta(0), end - begin)
        total = timedelta(0)
        if end <= begin:
            return total
        for opens, closes in self._open_from(begin):
            if opens >= end:
                break
            total += min(closes, end) - max(opens, begin)
        return total

    def add(self, begin: datetime, open_time: timedelta) -> datetime:
        """The first instant by which so much open time has passed since `begin`, in UTC.

        Raises:
            Unreachable: the calendar never opens for so long.
        """
        left = open_time
        if left <= timedelta(0):
            return begin
        if self._never_closes:
            return begin.astimezone(UTC) + left
        for opens, closes in self._open_from(begin):
            since = max(opens, begin)
            if closes - since >= left:
                return since + left
            left -= closes - since
        raise Unreachable(f"calendar {self.calendar_id} never opens for so long")

    @property
    def _never_closes(self) -> bool:
        """Most promises count every hour: their arithmetic needs no walk over days."""
        return self.plans == ALWAYS and not self.special and str(self.zone) == "UTC"

    def beyond_knowledge(self, instant: datetime) -> bool:
        """The instant lies on a day whose holidays are not known yet."""
        return self.known_until is not None and instant.astimezone(self.zone).date() > self.known_until

    def _open_from(self, begin: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Open intervals that end after `begin`, ascending, as long as any can come."""
        day, last = begin.astimezone(self.zone).date() - DAY, self._last_exceptional_day()
        forever = bool(self.plans) and any(hours.spans for hours in self.plans[-1].days)
        while (forever or (last is not None and day <= last)) and day < date.max - DAY:
            for opens, closes in self.hours_of(day).spans:
                interval = self._instant(day, opens), self._instant(day, closes)
                if interval[0] < interval[1] and interval[1] > begin:
                    yield interval
            day += DAY

    def _last_exceptional_day(self) -> date | None:
        days = [*self.special, *(plan.effective_from for plan in self.plans)]
        return max(days, default=None)

    def _instant(self, day: date, since_midnight: timedelta) -> datetime:
        """A local time of day as an instant; the wall clock decides, also on days that change it."""
        return (datetime(day.year, day.month, day.day, tzinfo=self.zone) + since_midnight).astimezone(UTC)


def always_open(calendar_id: str = "24x7", version: int = 1) -> ServiceCalendar:
    """Every hour counts: adding open time is plain addition."""
    return ServiceCalendar(calendar_id, version, UTC, ALWAYS)
