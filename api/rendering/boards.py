"""The live board as it is shown: every number with the address of the rows it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from api.rendering.clocks import breach_out, clock_out
from api.schemas.boards import (
    AgeingOut,
    BoardOut,
    BucketOut,
    CellOut,
    ComplianceOut,
    DayOut,
    FigureOut,
    NumberOut,
    PeriodOut,
    SupplierOut,
    SuppliersOut,
    TasksOut,
)
from mallcare.application.boards import SEES_TASKS, Board, Cell, SupplierRow, Tile
from mallcare.application.caller import Caller
from mallcare.domain.boards import Age, ClockState, Cohort, Period
from mallcare.domain.metrics import Figure, Metric
from mallcare.ports.boards import CohortDay

ROWS = "/v1/boards/timeliness/rows"
DUE_STATES = (ClockState.OVERDUE, ClockState.AT_RISK, ClockState.RUNNING)
"""Open clocks that have a deadline, and so a day."""
HANDLED = (ClockState.MET, ClockState.BREACHED)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class RowsLinks:
    """Addresses of rows as of one instant; ids need no escaping, nor do the other words."""

    as_of: datetime
    supplier_id: str | None

    def number(
        self,
        value: int,
        states: Sequence[ClockState],
        *,
        of: Figure | Metric | None = None,
        supplier_id: str | None = None,
        age: Age | None = None,
        days: Period | None = None,
    ) -> NumberOut:
        """A number and its rows."""
        return NumberOut.model_construct(value=value, rows=self.rows(states, of, supplier_id, age, days))

    def rows(
        self,
        states: Sequence[ClockState],
        of: Figure | Metric | None,
        supplier_id: str | None,
        age: Age | None,
        days: Period | None,
    ) -> str:
        """The address of these rows."""
        parts = [f"state={state.value}" for state in states]
        if of is not None:
            parts.insert(0, f"{'figure' if isinstance(of, Figure) else 'metric'}={of.value}")
        supplier = supplier_id or self.supplier_id
        if supplier is not None:
            parts.append(f"supplier_id={supplier}")
        if age is not None:
            parts.append(f"bucket={age.value}")
        if days is not None:
            parts.append(f"from={days.first}&to={days.last}")
        told = self.as_of.astimezone(UTC).replace(tzinfo=None).isoformat()
        return f"{ROWS}?{'&'.join(parts)}&as_of={told}Z"


def board_page(board: Board, suppliers: int, caller: Caller) -> bytes:
    """The board as JSON; made once for all callers who see the same of it."""
    shape = suppliers, caller.role in SEES_TASKS
    page = board.pages.get(shape)
    if page is None:
        page = board.pages[shape] = board_out(board, suppliers, caller).model_dump_json().encode()
    return page


def board_out(board: Board, suppliers: int, caller: Caller) -> BoardOut:
    """The board, with so many suppliers at most in its heat table."""
    links = RowsLinks(board.data_as_of, board.supplier_id)
    shown = board.suppliers[:suppliers]
    return BoardOut(
        data_as_of=board.data_as_of,
        supplier_id=board.supplier_id,
        period=PeriodOut(first=board.period.first, last=board.period.last),
        overdue=links.number(board.overdue, [ClockState.OVERDUE]),
        figures=[_figure(tile, links) for tile in board.tiles],
        ageing=[_ageing(metric, board, links) for metric in Metric],
        suppliers=SuppliersOut(
            total=len(board.suppliers), items=[_supplier(row, board.period, links) for row in shown]
        ),
        compliance=[_compliance(metric, board, links) for metric in Metric],
        days=_days(board, links),
        at_risk=[clock_out(record, board.data_as_of) for record in board.at_risk],
        breaches=[breach_out(record, board.data_as_of) for record in board.breaches],
        tasks=_tasks(board, caller),
    )


def _figure(tile: Tile, links: RowsLinks) -> FigureOut:
    numbers = {state: links.number(count, [state], of=tile.figure) for state, count in tile.states.items()}
    overdue = tile.states[ClockState.OVERDUE]
    return FigureOut(
        figure=tile.figure,
        overdue=numbers[ClockState.OVERDUE],
        subjects=links.number(tile.subjects, [ClockState.OVERDUE], of=tile.figure),
        at_risk=numbers[ClockState.AT_RISK],
        running=numbers[ClockState.RUNNING],
        paused=numbers[ClockState.PAUSED],
        overdue_24h_ago=tile.before,
        change=overdue - tile.before,
        longest_overdue_at=tile.longest_overdue_at,
    )


def _ageing(metric: Metric, board: Board, links: RowsLinks) -> AgeingOut:
    return AgeingOut(
        metric=metric,
        buckets=[
            BucketOut(bucket=age, value=count, rows=links.rows((), metric, None, age, None))
            for age, count in board.ages[metric].items()
        ],
    )


def _supplier(row: SupplierRow, period: Period, links: RowsLinks) -> SupplierOut:
    cells = [_cell(row.supplier_id, cell, period, links) for cell in row.cells if _anything(cell)]
    return SupplierOut(supplier_id=row.supplier_id, cells=cells)


def _anything(cell: Cell) -> bool:
    return any(cell.states.values()) or cell.cohort.counted > 0


def _cell(supplier_id: str, cell: Cell, period: Period, links: RowsLinks) -> CellOut:
    def number(value: int, state: ClockState, days: Period | None = None) -> NumberOut:
        return links.number(value, [state], of=cell.metric, supplier_id=supplier_id, days=days)

    return CellOut.model_construct(
        metric=cell.metric,
        overdue=number(cell.states[ClockState.OVERDUE], ClockState.OVERDUE),
        at_risk=number(cell.states[ClockState.AT_RISK], ClockState.AT_RISK),
        met=number(cell.cohort.met, ClockState.MET, period),
        breached=number(cell.cohort.breached, ClockState.BREACHED, period),
        rate=rate(cell.cohort),
        enough=cell.cohort.enough,
    )


def rate(cohort: Cohort) -> str | None:
    """Compliance to three decimals, rounded down."""
    thousandths = cohort.per_mille
    return None if thousandths is None else f"{thousandths // 1_000}.{thousandths % 1_000:03}"


def _ends(metric: Metric, cohort: Cohort, running: int, days: Period, links: RowsLinks) -> dict[str, object]:
    def number(value: int, states: Sequence[ClockState]) -> NumberOut:
        return links.number(value, states, of=metric, days=days)

    return {
        "metric": metric,
        "met": number(cohort.met, [ClockState.MET]),
        "breached": number(cohort.breached, [ClockState.BREACHED]),
        "void": number(cohort.void, [ClockState.VOID]),
        "running": number(running, DUE_STATES),
        "rate": rate(cohort),
        "enough": cohort.enough,
    }


def _compliance(metric: Metric, board: Board, links: RowsLinks) -> ComplianceOut:
    total = sum((each.cohort for each in board.cohorts if each.metric is metric), Cohort())
    running = sum(count for (of, _), count in board.running_by_day.items() if of is metric)
    return ComplianceOut.model_validate(_ends(metric, total, running, board.period, links))


def _days(board: Board, links: RowsLinks) -> list[DayOut]:
    known: dict[tuple[date, Metric], CohortDay] = {(each.day, each.metric): each for each in board.cohorts}
    found: list[DayOut] = []
    running = {(day, metric): count for (metric, day), count in board.running_by_day.items()}
    for day, metric in sorted({*known, *running}):
        each = known.get((day, metric)) or CohortDay(metric, day, Cohort(), None, None)
        ends = _ends(metric, each.cohort, running.get((day, metric), 0), Period(day, day), links)
        found.append(
            DayOut.model_validate(
                {
                    **ends,
                    "day": day,
                    "p50_seconds": each.p50 // SECOND if each.p50 is not None else None,
                    "p90_seconds": each.p90 // SECOND if each.p90 is not None else None,
                }
            )
        )
    return found


def _tasks(board: Board, caller: Caller) -> list[TasksOut] | None:
    if caller.role not in SEES_TASKS or board.supplier_id is not None:
        return None
    return [
        TasksOut(
            kind=kind,
            status=status,
            value=count,
            rows=f"/v1/operations/tasks?kind={kind.value}&status={status.value}",
        )
        for (kind, status), count in sorted(board.tasks.items())
    ]
