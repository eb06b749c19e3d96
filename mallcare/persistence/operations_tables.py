"""Tables of operations: what asks for a person, and the daily reconciliations."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.tasks import TaskKind
from mallcare.persistence.base import Base, JsonObject, not_negative, one_of, quoted, table_of

UNRESOLVED = "resolved_at IS NULL"
"""Condition of a task that still asks; written alike in indexes and queries."""
ONE_AT_A_TIME = f"{UNRESOLVED} OR kind IN ({quoted(kind for kind in TaskKind if kind.once)})"
"""Condition of a task beside which no other of its kind and subject is opened."""


class OperationsTaskRow(Base):
    """Something for a person to see to; of a kind and subject one at a time, or one for ever."""

    __tablename__ = "operations_tasks"
    __table_args__ = (
        one_of("kind", TaskKind),
        CheckConstraint("(claimed_by IS NULL) = (claimed_at IS NULL)", name="claimed_by_somebody"),
        CheckConstraint("(resolved_by IS NULL) = (resolved_at IS NULL)", name="resolved_by_somebody"),
        CheckConstraint("(note IS NULL) = (resolved_at IS NULL)", name="resolved_with_a_note"),
        Index(
            "uq_operations_tasks_one_at_a_time",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text(ONE_AT_A_TIME),
        ),
        Index(None, "subject", "task_id"),
        Index("ix_operations_tasks_supplier", text("(facts ->> 'supplier_id')")),
        Index("ix_operations_tasks_unresolved", "task_id", postgresql_where=text(UNRESOLVED)),
    )

    task_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    facts: Mapped[JsonObject]
    opened_at: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]
    resolved_at: Mapped[datetime | None]
    note: Mapped[str | None]


class ReconciliationRunRow(Base):
    """A merchant's day as last attempted; counts and `report` are those of the last that ended."""

    __tablename__ = "reconciliation_runs"
    __table_args__ = (
        not_negative("billed_count"),
        not_negative("due_count"),
        not_negative("difference_count"),
        CheckConstraint("finished_at IS NOT NULL OR failure_code IS NOT NULL", name="ended_somehow"),
        CheckConstraint("(finished_at IS NULL) = (report IS NULL)", name="finished_with_a_report"),
        Index(None, "day"),
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    merchant: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    failure_code: Mapped[str | None]
    billed_count: Mapped[int] = mapped_column(server_default=text("0"))
    due_count: Mapped[int] = mapped_column(server_default=text("0"))
    difference_count: Mapped[int] = mapped_column(server_default=text("0"))
    report: Mapped[JsonObject | None]


operations_tasks = table_of(OperationsTaskRow)
reconciliation_runs = table_of(ReconciliationRunRow)
