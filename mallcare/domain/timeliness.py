"""Timeliness policies: targets, calendars and the ladder of reminders, versioned and pinned to each clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import Metric

ALWAYS_OPEN = "24x7"
"""Id of the calendar in which every hour counts; always there, version 1."""
NOTHING = timedelta(0)
LEAST_RISK = timedelta(hours=2)
RISK_SHARE = 5
"""A clock is at risk in the last fifth of its target."""


class Party(StrEnum):
    """Who is reminded."""

    STAFF = "staff"
    """The supplier's people on duty."""
    PRINCIPAL = "principal"
    """The supplier's principal (负责人)."""
    OPERATIONS = "operations"
    """The platform's operations, by a task of theirs."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A metric's target, counted in open time of a calendar."""

    target: timedelta
    calendar_id: str = ALWAYS_OPEN

    @property
    def risk_margin(self) -> timedelta:
        """Open time before the deadline from which a clock is at risk."""
        return min(self.target, max(self.target / RISK_SHARE, LEAST_RISK))


@dataclass(frozen=True, slots=True)
class Level:
    """A rung of the ladder: `before` the deadline in open time; below zero: after it."""

    name: str
    before: timedelta
    to: tuple[Party, ...]


LADDER = (
    Level("soon", timedelta(hours=12), (Party.STAFF,)),
    Level("now", timedelta(hours=2), (Party.STAFF,)),
    Level("due", NOTHING, (Party.STAFF, Party.PRINCIPAL)),
    Level("ignored", timedelta(hours=-24), (Party.PRINCIPAL, Party.OPERATIONS)),
)
"""What ignoring leads to: the principal hears of it at the deadline, operations a day later (T3)."""

TARGETS: Mapping[Metric, Promise] = {
    Metric.SHIPMENT: Promise(timedelta(hours=48)),
    Metric.REVIEW: Promise(timedelta(hours=48)),
    Metric.INSPECTION: Promise(timedelta(hours=48)),
    Metric.RESHIPMENT: Promise(timedelta(hours=48)),
    Metric.SHIP_BACK: Promise(timedelta(hours=48)),
    Metric.ABNORMAL_DELIVERY: Promise(timedelta(hours=72)),
}


@dataclass(frozen=True, slots=True)
class TimelinessPolicy:
    """One version; a clock keeps the one it was started under.

    `quiet_from`, `quiet_until`: since local midnight; nobody is reminded between them, over midnight or not.
    `daily_when_zero`: the daily SMS (T4) goes to suppliers without anything overdue, too.

    Raises:
        InvalidInput: a ladder out of order or with equal names, a target that is not positive.
    """

    version: int = 1
    promises: Mapping[Metric, Promise] = field(default_factory=lambda: dict(TARGETS))
    ladder: tuple[Level, ...] = LADDER
    quiet_from: timedelta = timedelta(hours=21)
    quiet_until: timedelta = timedelta(hours=8)
    daily_when_zero: bool = False

    def __post_init__(self) -> None:
        befores = [level.before for level in self.ladder]
        if befores != sorted(befores, reverse=True) or len(set(befores)) != len(befores):
            raise InvalidInput("levels of the ladder must come one after the other, the earliest first")
        if len({level.name for level in self.ladder}) != len(self.ladder):
            raise InvalidInput("levels of the ladder need names of their own")
        if any(promise.target <= NOTHING for promise in self.promises.values()):
            raise InvalidInput("targets must be longer than nothing")

    def promise(self, metric: Metric) -> Promise:
        """The promise of a metric; what a version does not name is promised as by default."""
        return self.promises.get(metric, TARGETS[metric])
