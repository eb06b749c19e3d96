"""Tables of clocks: promises to customers, and the policies and calendars they are counted by."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    Identity,
    Index,
    Interval,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.clocks import Outcome
from mallcare.domain.metrics import Metric
from mallcare.persistence.base import Base, JsonArray, JsonObject, one_of, table_of
from mallcare.persistence.order_tables import NOW, SHARD

RUNS = "ended_at IS NULL"
"""Condition of a clock that has not ended; written alike in indexes and queries."""
ENDED = "ended_at IS NOT NULL"
"""Condition of a clock that has a cohort, or never ran."""
ENDED_LATE = f"outcome = '{Outcome.BREACHED}'"
BREACH_RECORDED = "breach_recorded_at IS NOT NULL"
PAUSED_LATE = """elapsed > target AND events @> '[{"kind": "pause"}]'"""
"""Condition of a clock that ran beyond its target and was paused some time: overdue then, and not now."""
TO_LOOK_AT = "next_at IS NOT NULL"
"""Condition of a clock that its timekeeper will have to look at."""


class ClockRow(Base):
    """A clock: its events, and what they fold to with the calendar and the policy it is pinned to.

    `events`: [{id, kind, at}]. `elapsed`: open time up to its end, or to its last pause. `due_at` of an
    ended one: when it was due. No foreign keys: versions are never deleted, and a look that starts
    thousands of clocks would lock the same two rows for each of them.
    """

    __tablename__ = "clocks"
    __table_args__ = (
        one_of("metric", Metric),
        one_of("outcome", Outcome),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended_has_outcome"),
        CheckConstraint(f"next_at IS NULL OR {RUNS}", name="ended_is_not_looked_at"),
        UniqueConstraint("subject", "metric", "part", "seq"),
        Index("ix_clocks_to_look_at", "shard", "next_at", postgresql_where=text(TO_LOOK_AT)),
        Index(
            "ix_clocks_open",
            *("metric", "supplier_id", "due_at"),
            postgresql_include=["at_risk_at", "running_since", "started_at", "id"],
            postgresql_where=text(RUNS),
        ),
        Index(
            "ix_clocks_cohorts",
            *("metric", "outcome", "due_at"),
            postgresql_include=["supplier_id", "elapsed"],
            postgresql_where=text(ENDED),
        ),
        Index(
            "ix_clocks_cohorts_of_supplier",
            *("supplier_id", "metric", "outcome", "due_at"),
            postgresql_include=["elapsed"],
            postgresql_where=text(ENDED),
        ),
        Index(
            "ix_clocks_breaches",
            "breach_recorded_at",
            postgresql_include=["supplier_id"],
            postgresql_where=text(BREACH_RECORDED),
        ),
        Index(
            "ix_clocks_late_ends",
            "ended_at",
            postgresql_include=["metric", "supplier_id", "due_at"],
            postgresql_where=text(ENDED_LATE),
        ),
        Index("ix_clocks_paused_late", "ended_at", postgresql_where=text(PAUSED_LATE)),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    metric: Mapped[str]
    subject: Mapped[str]
    part: Mapped[str]
    seq: Mapped[int]
    order_no: Mapped[str]
    supplier_id: Mapped[str]
    shard: Mapped[int] = mapped_column(SmallInteger(), Computed(SHARD, persisted=True))
    policy_version: Mapped[int]
    calendar_id: Mapped[str]
    calendar_version: Mapped[int]
    target: Mapped[timedelta] = mapped_column(Interval())
    events: Mapped[JsonArray]
    alarmed_at: Mapped[datetime | None]
    levels_done: Mapped[int] = mapped_column(SmallInteger(), server_default=text("0"))
    breach_recorded_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    running_since: Mapped[datetime | None]
    elapsed: Mapped[timedelta] = mapped_column(Interval())
    due_at: Mapped[datetime | None]
    at_risk_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    next_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)


class ServiceCalendarRow(Base):
    """A version of a service calendar. Never changed. `known_until`: holidays are known up to this day."""

    __tablename__ = "service_calendars"

    calendar_id: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[JsonObject]
    known_until: Mapped[date | None] = mapped_column(Date())
    created_by: Mapped[str]
    created_at: Mapped[datetime]


class TimelinessPolicyRow(Base):
    """A version of the timeliness policy, for one supplier or (NULL) for all without their own."""

    __tablename__ = "timeliness_policies"
    __table_args__ = (Index(None, "supplier_id", "version"),)

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    supplier_id: Mapped[str | None]
    body: Mapped[JsonObject]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


clocks = table_of(ClockRow)
service_calendars = table_of(ServiceCalendarRow)
timeliness_policies = table_of(TimelinessPolicyRow)
