"""The daily SMS (T4): on which day and at which instant it goes out, and what a day came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mallcare.domain.errors import Fact, InvalidInput
from mallcare.domain.notices import NoticeStatus

DAY: Final = timedelta(days=1)
MOST_DAYS_BACK: Final = 31
"""Days longer ago that nobody was told anything on are not reported as missed one by one."""
REPORT_WITHIN: Final = timedelta(hours=2)
"""How long receipts are waited for before a day is reported as it is."""
SHORTEST_WAIT: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = timedelta(minutes=30)
PLANNED_BY: Final = timedelta(minutes=30)
REPORTED_BY: Final = timedelta(hours=3)
"""How long after its hour a day's messages are planned, and then its report is there, if all is well."""

LAST_ONES_TAKE: Final = timedelta(hours=1)
"""How long messages that were planned at the latest hour may still be sent."""

MISSED: Final = "missed"
"""Problem of a day: its latest hour had passed before all suppliers were told."""
CONTACTS_MISSING: Final = "contacts_missing"
"""Problem of a supplier: something is overdue, and no principal has a phone."""

OPEN: Final = frozenset({NoticeStatus.WAITING, NoticeStatus.ASKING})
"""What may still be sent."""
UNSETTLED: Final = OPEN | {NoticeStatus.SENT}
"""What a receipt or an answer may still change."""
ARRIVED: Final = frozenset({NoticeStatus.SENT, NoticeStatus.DELIVERED, NoticeStatus.MOOT})
"""What asks for nobody, once a day is reported."""
HOURS_OF_DAY: Final = 24


@dataclass(frozen=True, slots=True)
class DailyTimes:
    """When the daily SMS goes out: at `hour` by the wall clock of `zone`.

    After an outage the same day is caught up until `latest_hour`; later it is left out.

    Raises:
        InvalidInput: hours that are none, a latest one that does not come after the first, an unknown zone.
    """

    hour: int = 9
    latest_hour: int = 20
    zone: str = "Asia/Shanghai"

    def __post_init__(self) -> None:
        if not 0 <= self.hour < self.latest_hour < HOURS_OF_DAY:
            raise InvalidInput("the latest hour of the daily SMS must come after its hour, on the same day")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError) as error:
            raise InvalidInput(f"there is no time zone {self.zone!r}") from error

    def local_day(self, at: datetime) -> date:
        """The day it is in the zone."""
        return at.astimezone(ZoneInfo(self.zone)).date()

    def told_until(self, day: date) -> datetime:
        """From when on nobody is told of a day any more, in UTC: an hour is left to what was caught up last,
        and nobody is woken at night."""
        return at_hour(day, self.latest_hour, self.zone) + LAST_ONES_TAKE


@dataclass(frozen=True, slots=True)
class DailyTurn:
    """One local day's turn, its instants in UTC: from `begins_at`, its midnight, the hours are settled."""

    day: date
    begins_at: datetime
    send_at: datetime
    latest_at: datetime


@dataclass(frozen=True, slots=True)
class DailyProblem:
    """Something about a day that a person may have to see to; `count`: how many messages it concerns."""

    code: str
    count: int = 0
    supplier_id: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True)
class DailySmsRun:
    """What is kept of one day. `suppliers`: how many were looked at; `planned`: messages to be sent.

    `cursor`: the last supplier that was looked at; `after_seq`: the day's notices have higher numbers.
    `outcomes`: messages by what had become of them when the day was reported.
    """

    day: date
    started_at: datetime
    planned_at: datetime | None = None
    reported_at: datetime | None = None
    suppliers: int = 0
    planned: int = 0
    outcomes: Mapping[NoticeStatus, int] = field(default_factory=dict[NoticeStatus, int])
    problems: tuple[DailyProblem, ...] = ()
    cursor: str = ""
    after_seq: int = 0

    @property
    def missed(self) -> bool:
        """Not everybody was told, because it was too late."""
        return any(problem.code == MISSED for problem in self.problems)

    @property
    def troubled(self) -> int:
        """Messages that did not arrive, or that nobody knows of."""
        return sum(count for status, count in self.outcomes.items() if status not in ARRIVED)


@dataclass(frozen=True, slots=True)
class NoticeOutcome:
    """How many of a day's notices stand alike; `error_code`: the vendor's word on why, if it gave one."""

    status: NoticeStatus
    error_code: str | None
    count: int


def at_hour(day: date, hour: int, zone: str) -> datetime:
    """An hour of a local day, in UTC. One that the clocks leave out comes an hour later, one that they
    repeat is the first."""
    return datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC)


def next_run(now: datetime, hour: int, zone: str) -> datetime:
    """The earliest instant not before `now` at which it is `hour` in `zone`, in UTC."""
    today = now.astimezone(ZoneInfo(zone)).date()
    at = at_hour(today, hour, zone)
    return at if at >= now else at_hour(today + DAY, hour, zone)


def turn_of(day: date, times: DailyTimes) -> DailyTurn:
    """A day's turn by the hours as they are set now."""
    return DailyTurn(
        day=day,
        begins_at=at_hour(day, 0, times.zone),
        send_at=at_hour(day, times.hour, times.zone),
        latest_at=at_hour(day, times.latest_hour, times.zone),
    )


def next_turn(now: datetime, times: DailyTimes, newest: DailySmsRun | None) -> DailyTurn:
    """The turn to make after the newest one that is known: a day that is not reported is finished first.

    The very first one comes at the next hour; later ones leave out no day of the last month, so that the
    missed ones are reported as missed.
    """
    if newest is None:
        return turn_of(times.local_day(next_run(now, times.hour, times.zone)), times)
    if newest.reported_at is None:
        return turn_of(newest.day, times)
    first = times.local_day(now) - MOST_DAYS_BACK * DAY
    return turn_of(max(newest.day + DAY, first), times)


def next_ask(waited: timedelta) -> timedelta | None:
    """How long to wait before it is looked again at what became of a day's messages, at growing intervals.

    None: the day is reported as it is.
    """
    left = REPORT_WITHIN - waited
    if left <= timedelta(0):
        return None
    return min(max(waited, SHORTEST_WAIT), LONGEST_WAIT, left)


def settled(outcomes: Iterable[NoticeOutcome]) -> bool:
    """Nothing more will be heard of a day's messages."""
    return all(one.status not in UNSETTLED for one in outcomes)


def by_status(outcomes: Iterable[NoticeOutcome]) -> dict[NoticeStatus, int]:
    """Messages by what became of them."""
    counted: Counter[NoticeStatus] = Counter()
    for one in outcomes:
        counted[one.status] += one.count
    return dict(counted)


def reasons(outcomes: Iterable[NoticeOutcome]) -> tuple[DailyProblem, ...]:
    """Why messages did not arrive, the most frequent first; without a vendor's word, how they stand."""
    lost = [one for one in outcomes if one.status not in ARRIVED]
    ordered = sorted(lost, key=lambda one: (-one.count, one.status, one.error_code or ""))
    return tuple(
        DailyProblem(code=one.error_code or one.status.value, count=one.count, status=one.status.value)
        for one in ordered
    )


def trouble_of(run: DailySmsRun) -> dict[str, Fact] | None:
    """What operations has to know about a reported day; None: all is well.

    A supplier without contacts asks for them by a task of its own.
    """
    if not run.missed and not run.troubled:
        return None
    codes = sorted({f"{one.code}: {one.count}" for one in run.problems if one.status is not None})
    counted: dict[str, Fact] = {
        status.value: count for status, count in run.outcomes.items() if status not in ARRIVED
    }
    return {"day": run.day.isoformat(), "missed": run.missed, "reasons": codes, **counted}


def overdue_part(turn: DailyTurn, run: DailySmsRun | None, now: datetime) -> str | None:
    """What of a day should be there by now and is not: "planned", "reported"; None: nothing."""
    if run is None or run.planned_at is None:
        return "planned" if now >= turn.send_at + PLANNED_BY else None
    if run.reported_at is None:
        return "reported" if now >= max(turn.send_at, run.planned_at) + REPORTED_BY else None
    return None
