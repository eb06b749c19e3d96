"""The live board: numbers, each with the address of the rows it counts."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, Field

from api.schemas.clocks import ClockOut
from mallcare.domain.boards import Age
from mallcare.domain.metrics import Figure, Metric
from mallcare.domain.tasks import TaskKind, TaskStatus


class NumberOut(BaseModel):
    """A number and what it counts."""

    value: int = Field(description="The number.", examples=[3])
    rows: str = Field(
        description="Address of exactly the rows it counts, as of the board's instant.",
        examples=["/v1/boards/timeliness/rows?figure=unshipped&state=overdue&as_of=2026-03-03T02:00:00Z"],
    )


class RateOut(BaseModel):
    """How a cohort ended. Void clocks and running ones are no part of the rate."""

    met: NumberOut = Field(description="Fulfilled in time.")
    breached: NumberOut = Field(description="Fulfilled too late, or void after the deadline.")
    rate: str | None = Field(
        description="met / (met + breached), three decimals, rounded down; null without any.",
        examples=["0.941"],
    )
    enough: bool = Field(description="met + breached is at least 20; below, show it in grey.")


class FigureOut(BaseModel):
    """A figure of the board: its clocks that are open now."""

    figure: Figure = Field(description="Which figure.")
    overdue: NumberOut = Field(
        description="The figure itself: open beyond the deadline (lines, stages, parcels)."
    )
    subjects: NumberOut = Field(description="Distinct orders, or requests, among these overdue rows.")
    at_risk: NumberOut = Field(description="Near the deadline, or alarmed.")
    running: NumberOut = Field(description="With time left.")
    paused: NumberOut = Field(description="Open, while nobody waits for the supplier.")
    overdue_24h_ago: int = Field(
        description="The same count 24 hours before `data_as_of`, by what is known now.", examples=[5]
    )
    change: int = Field(description="`overdue` less `overdue_24h_ago`.", examples=[-2])
    longest_overdue_at: datetime | None = Field(description="The earliest deadline among the overdue ones.")


class BucketOut(NumberOut):
    """Open clocks of an age."""

    bucket: Age = Field(description="Hours since the start, by the wall clock; the end is not included.")


class AgeingOut(BaseModel):
    """Open clocks of a metric by age."""

    metric: Metric = Field(description="Which metric.")
    buckets: list[BucketOut] = Field(description="All spans, the youngest first.")


class CellOut(RateOut):
    """A supplier's clocks of a metric."""

    metric: Metric = Field(description="Which metric.")
    overdue: NumberOut = Field(description="Open beyond the deadline.")
    at_risk: NumberOut = Field(description="Near the deadline, or alarmed.")


class SupplierOut(BaseModel):
    """A supplier's line of the heat table."""

    supplier_id: str = Field(description="Which supplier.", examples=["supplier-7"])
    cells: list[CellOut] = Field(description="Metrics in which anything is open, or was due in the period.")


class SuppliersOut(BaseModel):
    """The heat table, the most urgent suppliers first: overdue, then at risk, then breached."""

    total: int = Field(description="Suppliers with anything open, or due in the period.", examples=[180])
    items: list[SupplierOut] = Field(description="The first of them.")


class ComplianceOut(RateOut):
    """A metric's clocks that were due in the period: sums of its days."""

    metric: Metric = Field(description="Which metric.")
    void: NumberOut = Field(description="Void, with nothing owed: left out of the rate.")
    running: NumberOut = Field(description="Still open: left out of the rate.")


class DayOut(ComplianceOut):
    """A metric's clocks that were due on one local day (Asia/Shanghai)."""

    day: date = Field(description="The day.")
    p50_seconds: int | None = Field(
        description="Half of those met or breached took no longer, in open time; a value that occurred.",
        examples=[64800],
    )
    p90_seconds: int | None = Field(description="Nine tenths took no longer.", examples=[158400])


class TasksOut(NumberOut):
    """Operations tasks that ask for a person."""

    kind: TaskKind = Field(description="Why.")
    status: TaskStatus = Field(description="Open, or claimed.")


class PeriodOut(BaseModel):
    """Local days (Asia/Shanghai), both included."""

    first: date = Field(description="The first day.")
    last: date = Field(description="The last day.")


class BreachOut(ClockOut):
    """A clock that was seen beyond its deadline."""

    corrected: bool = Field(description="A late report made it met, or void, afterwards.")


class BoardOut(BaseModel):
    """The live board."""

    data_as_of: datetime = Field(description="The instant all of it speaks of.")
    supplier_id: str | None = Field(description="Of this supplier alone; null: of all.")
    period: PeriodOut = Field(description="Of the cohorts; open clocks are shown whatever their day.")
    overdue: NumberOut = Field(description="All open clocks beyond their deadlines.")
    figures: list[FigureOut] = Field(description="The three figures.")
    ageing: list[AgeingOut] = Field(description="Open clocks by metric and age.")
    suppliers: SuppliersOut = Field(description="The heat table.")
    compliance: list[ComplianceOut] = Field(description="By metric, over the period.")
    days: list[DayOut] = Field(description="By local day and metric; days without any are left out.")
    at_risk: list[ClockOut] = Field(description="Least time left first, at most 20.")
    breaches: list[BreachOut] = Field(
        description="Seen within the last 7 days, the latest first, at most 20."
    )
    tasks: list[TasksOut] | None = Field(
        description="Unresolved operations tasks; on the board of all, for operations and auditors alone."
    )


class BoardRowsOut(BaseModel):
    """A page of the rows behind a number."""

    as_of: datetime = Field(description="The instant that states and ages refer to.")
    items: list[ClockOut] = Field(description="Earliest deadline first; those without one last.")
    next_cursor: str | None = Field(description="For the next page; null on the last.")


class BoardChangeOut(BaseModel):
    """What changed: read these parts of the board again."""

    supplier_id: str = Field(description="Whose clocks.", examples=["supplier-7"])
    metrics: list[Metric] = Field(description="Of which metrics.")
