"""The live board (T2): what is late and what is about to be, from clocks as they are stored."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from mallcare.application.caller import Caller
from mallcare.domain.boards import (
    OPEN_STATES,
    Age,
    ClockState,
    Cohort,
    Period,
    figure_of,
    last_days,
    was_overdue,
)
from mallcare.domain.calendars import Unreachable
from mallcare.domain.errors import NotFound
from mallcare.domain.metrics import Figure, Metric
from mallcare.domain.tasks import TaskKind, TaskStatus
from mallcare.domain.vocabulary import Role
from mallcare.ports.boards import KEPT_AT_ONCE, ClockRecord, CohortDay, OpenClocks, RowFilter
from mallcare.ports.clock import Clock
from mallcare.ports.clocks import StoredClock
from mallcare.ports.queries import Page
from mallcare.ports.storage import UnitOfWork, UnitOfWorkFactory

SEES_BOARDS = (Role.OPERATIONS, Role.AUDITOR, Role.MALL, Role.SUPPLIER)
SEES_TASKS = frozenset({Role.OPERATIONS, Role.AUDITOR})
DAYS_SHOWN = 7
"""Days of cohorts where nobody says which."""
EARLIER = timedelta(hours=24)
"""A figure is compared with what it was so long ago."""
AT_RISK_SHOWN = 20
BREACHES_SHOWN = 20
BREACHES_OF = timedelta(days=7)
"""The feed of breaches goes back so far."""
FRESH_FOR = timedelta(seconds=1)
"""A board of all suppliers is shown again for so long; `data_as_of` tells its age."""
PERIODS_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure: its clocks by state, distinct orders or requests of the overdue ones, and `before`: how
    many were overdue 24 hours ago, as far as is known now."""

    figure: Figure
    states: Mapping[ClockState, int]
    subjects: int
    before: int
    longest_overdue_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A supplier's clocks of a metric: open ones now, and ended ones of the period's cohorts."""

    metric: Metric
    states: Mapping[ClockState, int]
    cohort: Cohort


@dataclass(frozen=True, slots=True)
class SupplierRow:
    """A supplier's line of the heat table."""

    supplier_id: str
    cells: tuple[Cell, ...]

    @property
    def urgency(self) -> tuple[int, int, int, str]:
        """What needs eyes comes first: overdue, at risk, broken in the period; then by id."""
        overdue = sum(cell.states[ClockState.OVERDUE] for cell in self.cells)
        at_risk = sum(cell.states[ClockState.AT_RISK] for cell in self.cells)
        return -overdue, -at_risk, -sum(cell.cohort.breached for cell in self.cells), self.supplier_id


@dataclass(frozen=True, slots=True)
class Board:
    """Everything the board shows, of one instant.

    `pages`: what was made of it for showing; kept with it, so that it is made once and goes with it.
    """

    data_as_of: datetime
    supplier_id: str | None
    period: Period
    tiles: tuple[Tile, ...]
    ages: Mapping[Metric, Mapping[Age, int]]
    suppliers: tuple[SupplierRow, ...]
    cohorts: tuple[CohortDay, ...]
    running_by_day: Mapping[tuple[Metric, date], int]
    at_risk: tuple[ClockRecord, ...]
    breaches: tuple[ClockRecord, ...]
    tasks: Mapping[tuple[TaskKind, TaskStatus], int]
    pages: dict[tuple[int, bool], bytes] = field(default_factory=dict[tuple[int, bool], bytes], compare=False)

    @property
    def overdue(self) -> int:
        """The stock of open clocks beyond their deadlines."""
        return sum(tile.states[ClockState.OVERDUE] for tile in self.tiles)


class Boards:
    """The board and the rows behind its numbers, within the caller's own."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock
        self._latest: OrderedDict[Period, Board] = OrderedDict()
        self._reading = asyncio.Lock()
        self._keeping = asyncio.Lock()

    async def timeliness(
        self, supplier_id: str | None, first: date | None, last: date | None, caller: Caller
    ) -> Board:
        """The board of a supplier, or (None) of all. Without days: the last seven.

        Raises:
            NotAllowed: the caller's role sees no boards.
            NotFound: another tenant's was asked for.
            InvalidInput: a period that is empty or too long.
        """
        scope = scope_of(supplier_id, caller)
        now = self._clock.now()
        usual = last_days(now, DAYS_SHOWN)
        until = last if last is not None else max(usual.last, first or usual.last)
        since = first if first is not None else until - (usual.last - usual.first)
        period = Period(since, until)
        if scope is not None:
            return await self._read(scope, period, now)
        return await self._of_all(period)

    async def rows(
        self, where: RowFilter, limit: int, cursor: str | None, caller: Caller
    ) -> tuple[Page[ClockRecord], datetime]:
        """The clocks that a number of the board counts, and the instant all pages of the list refer to.

        Raises:
            NotAllowed, NotFound: see `timeliness`.
            InvalidInput: a cursor of another list.
        """
        own = replace(where, supplier_id=scope_of(where.supplier_id, caller))
        async with self._uow() as uow:
            return await uow.boards.rows(own, limit, cursor)

    def now(self) -> datetime:
        """The instant that a list refers to where its caller names none."""
        return self._clock.now()

    async def _of_all(self, period: Period) -> Board:
        """One reader at a time: whoever waited for another's board is shown that.

        Nobody waits for days that somebody else counts to keep them, which takes long for long periods.
        """
        if self._fresh(period) is None and not self._keeping.locked():
            async with self._keeping:
                await self._keep_days(period)
        async with self._reading:
            known = self._fresh(period)
            if known is not None:
                return known
            now = self._clock.now()
            board = self._latest[period] = await self._read(None, period, now)
            self._latest.move_to_end(period)
            while len(self._latest) > PERIODS_REMEMBERED:
                self._latest.popitem(last=False)
            return board

    def _fresh(self, period: Period) -> Board | None:
        """What was read of a period a moment ago."""
        known = self._latest.get(period)
        fresh = known is not None and timedelta() <= self._clock.now() - known.data_as_of < FRESH_FOR
        return known if fresh else None

    async def _keep_days(self, period: Period) -> None:
        """Each bite is a unit of work: what is counted stays, whatever becomes of the rest. Days that change
        meanwhile are for the next board."""
        async with self._uow() as uow:
            days = await uow.boards.days_to_keep(period)
        for _ in range(0, days, KEPT_AT_ONCE):
            async with self._uow() as uow:
                await uow.boards.keep_days(period)
                await uow.commit()

    async def _read(self, scope: str | None, period: Period, now: datetime) -> Board:
        before = now - EARLIER
        async with self._uow() as uow:
            boards = uow.boards
            await boards.freeze()
            open_clocks = await boards.open_clocks(scope, now, before)
            subjects = await boards.overdue_subjects(scope, now)
            gone = await _overdue_before(uow, scope, before)
            cohorts = await boards.cohorts(scope, period)
            compliance = await boards.compliance(period) if scope is None else _sums(scope, cohorts)
            at_risk = RowFilter(tuple(Metric), (ClockState.AT_RISK,), now, scope)
            return Board(
                data_as_of=now,
                supplier_id=scope,
                period=period,
                tiles=tuple(_tile(figure, open_clocks, subjects, gone) for figure in Figure),
                ages={metric: _ages(metric, open_clocks) for metric in Metric},
                suppliers=_heat(scope, open_clocks, compliance),
                cohorts=tuple(sorted(cohorts, key=lambda each: (each.day, each.metric))),
                running_by_day=await boards.open_by_day(scope, period),
                at_risk=(await boards.rows(at_risk, AT_RISK_SHOWN, None))[0].items,
                breaches=tuple(await boards.breaches(scope, now - BREACHES_OF, BREACHES_SHOWN)),
                tasks=await boards.unresolved_tasks() if scope is None else {},
            )


def scope_of(supplier_id: str | None, caller: Caller) -> str | None:
    """Whose clocks a caller asks for: a supplier its own, others one's or (None) all.

    Raises:
        NotAllowed: the role sees no boards.
        NotFound: a supplier asked for another's.
    """
    caller.require_role(*SEES_BOARDS)
    if caller.role is not Role.SUPPLIER:
        return supplier_id
    if supplier_id not in (None, caller.supplier_id):
        raise NotFound("there is no such supplier")
    return caller.supplier_id


async def _overdue_before(uow: UnitOfWork, scope: str | None, before: datetime) -> Mapping[Metric, int]:
    """Clocks that were overdue at an earlier instant and are not any more: ended since, or paused since."""
    gone = dict(await uow.boards.ended_overdue(scope, before))
    for stored in await uow.boards.paused_overdue(scope, before):
        if await _was_overdue(uow, stored, before):
            metric = stored.clock.key.metric
            gone[metric] = gone.get(metric, 0) + 1
    return gone


async def _was_overdue(uow: UnitOfWork, stored: StoredClock, before: datetime) -> bool:
    calendar = await uow.timeliness.calendar(stored.clock.calendar)
    try:
        return was_overdue(stored.clock, calendar, before)
    except Unreachable:
        return False


def _tile(
    figure: Figure,
    open_clocks: Sequence[OpenClocks],
    subjects: Mapping[Figure, int],
    gone: Mapping[Metric, int],
) -> Tile:
    own = [clocks for clocks in open_clocks if figure_of(clocks.metric) is figure]
    ended = sum(count for metric, count in gone.items() if figure_of(metric) is figure)
    return Tile(
        figure=figure,
        states={state: sum(clocks.states[state] for clocks in own) for state in OPEN_STATES},
        subjects=subjects.get(figure, 0),
        before=sum(clocks.overdue_before for clocks in own) + ended,
        longest_overdue_at=min(
            (clocks.longest_overdue_at for clocks in own if clocks.longest_overdue_at is not None),
            default=None,
        ),
    )


def _ages(metric: Metric, open_clocks: Sequence[OpenClocks]) -> Mapping[Age, int]:
    own = [clocks for clocks in open_clocks if clocks.metric is metric]
    return {age: sum(clocks.ages[age] for clocks in own) for age in Age}


def _sums(supplier_id: str, cohorts: Sequence[CohortDay]) -> Mapping[tuple[str, Metric], Cohort]:
    sums: dict[tuple[str, Metric], Cohort] = {}
    for each in cohorts:
        place = supplier_id, each.metric
        sums[place] = sums.get(place, Cohort()) + each.cohort
    return sums


def _heat(
    scope: str | None,
    open_clocks: Sequence[OpenClocks],
    compliance: Mapping[tuple[str, Metric], Cohort],
) -> tuple[SupplierRow, ...]:
    """Suppliers with open clocks or cohorts, the most urgent first; one that was asked for always."""
    states = {(clocks.supplier_id, clocks.metric): clocks.states for clocks in open_clocks}
    none: Mapping[ClockState, int] = dict.fromkeys(map(ClockState, OPEN_STATES), 0)
    suppliers = {supplier for supplier, _ in (*states, *compliance)}
    if scope is not None:
        suppliers.add(scope)
    rows = [
        SupplierRow(
            supplier,
            tuple(
                Cell(
                    metric, states.get((supplier, metric), none), compliance.get((supplier, metric), Cohort())
                )
                for metric in Metric
            ),
        )
        for supplier in suppliers
    ]
    return tuple(sorted(rows, key=lambda row: row.urgency))
