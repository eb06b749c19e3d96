"""Looking at clocks whose time has come, as part of a timekeeper's look: rungs reached, and breaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mallcare.domain.calendars import ServiceCalendar
from mallcare.domain.clocks import CalendarVersion, Clock
from mallcare.domain.reminders import Look, after_quiet, look
from mallcare.domain.timeliness import Party, TimelinessPolicy
from mallcare.ports import (
    PlannedReminder,
    StoredClock,
    TimedClock,
    Timeliness,
    UnitOfWork,
    UnitOfWorkFactory,
)


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What the looks at clocks came to: how many, how many were seen broken, and reminders planned."""

    clocks: int = 0
    breached: int = 0
    planned: int = 0


class PinnedRules:
    """Policies and calendars that clocks are pinned to, each read once."""

    def __init__(self) -> None:
        self._policies: dict[int, TimelinessPolicy] = {}
        self._calendars: dict[CalendarVersion, ServiceCalendar] = {}

    async def of(self, clock: Clock, stored: Timeliness) -> tuple[TimelinessPolicy, ServiceCalendar]:
        """What a clock is counted by.

        Raises:
            NotFound: a version that was never published.
        """
        version = clock.policy_version
        if version not in self._policies:
            self._policies[version] = await stored.version(version)
        if clock.calendar not in self._calendars:
            self._calendars[clock.calendar] = await stored.calendar(clock.calendar)
        return self._policies[version], self._calendars[clock.calendar]


class LookAtClocks:
    """Record breaches, once each (T2), and plan reminders of rungs reached (T3).

    Each page is one transaction: whoever is killed in the middle of one has done nothing of it. A clock that
    somebody has locked just now is left for the next look, which comes at once.
    """

    def __init__(self, uow: UnitOfWorkFactory, *, page: int) -> None:
        self._uow = uow
        self._page = page

    async def __call__(self, shard: int, now: datetime) -> LookedAt:
        """Every clock of the shard that is to be looked at by `now`."""
        rules = PinnedRules()
        clocks = breached = planned = 0
        while True:
            async with self._uow() as uow:
                due = await uow.clocks.due(shard, now, self._page)
                looks = [await _look(uow, one, rules, now) for one in due]
                if looks:
                    planned += await self._keep(uow, due, looks, rules, now)
                    await uow.commit()
            clocks += len(looks)
            breached += sum(one.breached for one in looks)
            if len(due) < self._page:
                return LookedAt(clocks, breached, planned)

    async def _keep(
        self,
        uow: UnitOfWork,
        due: Sequence[StoredClock],
        looks: Sequence[Look],
        rules: PinnedRules,
        now: datetime,
    ) -> int:
        await uow.clocks.looked_at([TimedClock(one.clock, one.standing) for one in looks])
        planned: list[PlannedReminder] = []
        for stored, one in zip(due, looks, strict=True):
            policy, _ = await rules.of(one.clock, uow.timeliness)
            planned += _reminders(stored.clock_id, one, policy, now)
        return await uow.reminders.plan(planned)


async def _look(uow: UnitOfWork, stored: StoredClock, rules: PinnedRules, now: datetime) -> Look:
    policy, calendar = await rules.of(stored.clock, uow.timeliness)
    return look(stored.clock, calendar, policy, now)


def _reminders(clock_id: int, look: Look, policy: TimelinessPolicy, now: datetime) -> list[PlannedReminder]:
    """One for each party of a new rung; operations have no quiet hours."""
    if look.rung is None:
        return []
    return [
        PlannedReminder(
            clock_id=clock_id,
            level=look.rung.level.name,
            party=party,
            supplier_id=look.clock.supplier_id,
            reached_at=look.rung.reached_at,
            remind_at=now if party is Party.OPERATIONS else after_quiet(policy, now),
        )
        for party in look.rung.level.to
    ]
