"""Clocks: promises with their deadlines, and the arithmetic behind one."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from mallcare.domain.boards import ClockState
from mallcare.domain.clocks import ClockEventKind, Outcome
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Party


class ClockOut(BaseModel):
    """A clock: one promise to one customer."""

    clock_id: int = Field(
        description="Number of the clock; `/v1/clocks/{clock_id}` explains it.", examples=[7]
    )
    metric: Metric = Field(description="What was promised.")
    subject: str = Field(
        description="The order, or the request of after-sales.", examples=["MO20260301-0001"]
    )
    part: str = Field(description="The order line or waybill, where there are several.", examples=["1"])
    seq: int = Field(description="Which instance, where a promise was made again.", examples=[1])
    order_no: str = Field(description="The order it is about.", examples=["MO20260301-0001"])
    supplier_id: str = Field(description="Who promised.", examples=["supplier-7"])
    state: ClockState | None = Field(description="Where it counts now; null: it never began.")
    target_seconds: int = Field(description="Open time promised.", examples=[172800])
    started_at: datetime | None = Field(description="Since when.")
    due_at: datetime | None = Field(
        description="When the promise would be broken; of an ended one its cohort. Null while it is paused."
    )
    at_risk_at: datetime | None = Field(description="From when it is at risk.")
    remaining_seconds: int | None = Field(
        description="By the wall clock until `due_at`, below zero beyond it; null where it does not run.",
        examples=[3600],
    )
    ended_at: datetime | None = Field(description="When it was fulfilled or became void.")
    outcome: Outcome | None = Field(description="How it ended.")
    breach_recorded_at: datetime | None = Field(description="When it was seen beyond its deadline.")


class ClockListOut(BaseModel):
    """Clocks of an order or a request."""

    as_of: datetime = Field(description="The instant that states refer to.")
    items: list[ClockOut] = Field(description="By subject, metric, part and instance.")


class ClockEventOut(BaseModel):
    """Something that happened to a clock."""

    event_id: str = Field(description="Once for each clock.", examples=["released"])
    kind: ClockEventKind = Field(description="What it did to the clock.")
    at: datetime = Field(description="When.")


class SegmentOut(BaseModel):
    """A stretch in which the clock ran."""

    since: datetime = Field(description="From.")
    until: datetime | None = Field(description="To; null: it runs.")
    open_time: timedelta = Field(description="What of it the calendar counts.", examples=["PT18H"])


class CalendarOut(BaseModel):
    """The version of a service calendar that a clock is pinned to."""

    calendar_id: str = Field(description="Which calendar.", examples=["24x7"])
    version: int = Field(description="Which version.", examples=[1])


class FoldedOut(BaseModel):
    """Where a clock stands by its events, computed anew by its calendar and policy."""

    elapsed: timedelta = Field(description="Open time of all segments that ended.", examples=["PT18H"])
    due_at: datetime | None = Field(description="When it is or was due.")
    at_risk_at: datetime | None = Field(description="From when it is at risk.")
    ended_at: datetime | None = Field(description="When it ended.")
    outcome: Outcome | None = Field(description="How it ended.")


class ReminderOut(BaseModel):
    """A rung of the ladder that the clock reached."""

    level: str = Field(description="Which rung.", examples=["soon"])
    party: Party = Field(description="Whom it was for.")
    state: str = Field(description="planned, told, moot or unaddressed.", examples=["told"])
    reached_at: datetime = Field(description="When the clock reached it.")
    remind_at: datetime = Field(description="When it was to be told.")


class ClockExplainedOut(BaseModel):
    """A clock with its events and its arithmetic."""

    as_of: datetime = Field(description="The instant that the state, the last segment and the sum refer to.")
    clock: ClockOut = Field(description="The clock as it is stored.")
    policy_version: int = Field(description="The timeliness policy it is pinned to.", examples=[1])
    calendar: CalendarOut = Field(description="The calendar it counts with.")
    alarmed_at: datetime | None = Field(description="When somebody said that something is wrong.")
    events: list[ClockEventOut] = Field(description="In the order of time.")
    segments: list[SegmentOut] = Field(description="When it ran.")
    elapsed: timedelta = Field(description="The sum of the segments.", examples=["PT18H"])
    target: timedelta = Field(description="The open time promised.", examples=["PT48H"])
    stored_elapsed: timedelta = Field(
        description="What is stored of segments that ended.", examples=["PT18H"]
    )
    folded: FoldedOut = Field(description="The same, computed anew from the events.")
    agrees: bool = Field(description="What is stored is what the events come to.")
    reminders: list[ReminderOut] = Field(description="Rungs it reached, and what became of them.")
