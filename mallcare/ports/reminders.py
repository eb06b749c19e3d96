"""Reminders of clocks: planned by a timekeeper's look, told by batches of notices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Party
from mallcare.ports.clocks import PlannedReminder


@dataclass(frozen=True, slots=True)
class Reminded:
    """Clocks of one metric whose latest reminder of a batch is of one level.

    `overdue` of `count` are beyond their deadlines; `earliest_due_at` of all of them, `next_due_at` of the
    others: None where all are overdue.
    """

    metric: Metric
    level: str
    count: int
    overdue: int
    earliest_due_at: datetime
    next_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class StillRunning:
    """What of a batch is left to tell: its clocks that run on, each counted once, under its latest level."""

    by_level: tuple[Reminded, ...] = ()

    @property
    def count(self) -> int:
        """Clocks in all; at 0 there is nothing to tell."""
        return sum(one.count for one in self.by_level)

    @property
    def overdue(self) -> int:
        """Those of them beyond their deadlines."""
        return sum(one.overdue for one in self.by_level)

    @property
    def earliest_due_at(self) -> datetime | None:
        """The deadline of the most urgent clock, past or to come; None where none is left."""
        return min((one.earliest_due_at for one in self.by_level), default=None)

    @property
    def next_due_at(self) -> datetime | None:
        """The earliest deadline to come; None where all are overdue, or none is left."""
        return min((one.next_due_at for one in self.by_level if one.next_due_at is not None), default=None)


class Reminders(Protocol):
    """Reminders, one for each clock, level and party, for ever.

    Of a supplier's planned reminders only those count here whose time to be told has come by `now`.
    """

    async def plan(self, planned: Sequence[PlannedReminder]) -> int:
        """Insert reminders; one that is there already stays. Answers how many are new."""
        ...

    async def suppliers(self, shard: int, now: datetime, limit: int, after: str = "") -> list[str]:
        """Suppliers of a shard with reminders to tell, in ascending order, beyond `after`."""
        ...

    async def take(self, supplier_id: str) -> bool:
        """Whether the supplier's reminders are ours alone until this unit of work ends; never waits."""
        ...

    async def drop_moot(self, supplier_id: str, now: datetime) -> int:
        """Give up those whose clocks ended or stand still; answers how many."""
        ...

    async def parties(self, supplier_id: str, now: datetime) -> list[Party]:
        """Whom the supplier's reminders are for."""
        ...

    async def postpone(self, supplier_id: str, party: Party, now: datetime, until: datetime) -> int:
        """Tell a party's later; answers how many."""
        ...

    async def tell(self, supplier_id: str, parties: Collection[Party], now: datetime, batch_id: str) -> int:
        """Those of these parties are told by the notices of a batch; answers how many."""
        ...

    async def give_up(self, supplier_id: str, parties: Collection[Party], now: datetime) -> int:
        """There is nobody to tell; answers how many."""
        ...

    async def still_running(self, batch_id: str, parties: Collection[Party], now: datetime) -> StillRunning:
        """What there is to tell these parties of a batch: to be asked just before each message."""
        ...

    async def next_reminder(self, shard: int) -> datetime | None:
        """The earliest time to tell anything planned in a shard, None if nothing is planned."""
        ...
