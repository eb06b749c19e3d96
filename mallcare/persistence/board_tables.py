"""Tables of the live board: what closed days of cohorts come to, kept until something of them changes."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import BigInteger, Date, Identity, Index, Interval
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.persistence.base import Base, table_of

EVERYBODY = ""
"""The `supplier_id` of a row that counts all suppliers; no supplier has an empty id."""
DAYS_LOCK = 7_311
"""Key of the advisory lock of whoever fills days: one at a time, so that marks can be cleared away."""


class ClockCohortRow(Base):
    """Ended clocks of a metric that were due on a local day: of one supplier, or of all (`''`).

    `p50`, `p90`: handling times of those met or breached, values that occurred; NULL where there are none.
    """

    __tablename__ = "clock_cohorts"

    supplier_id: Mapped[str] = mapped_column(primary_key=True)
    metric: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    met: Mapped[int]
    breached: Mapped[int]
    void: Mapped[int]
    p50: Mapped[timedelta | None] = mapped_column(Interval())
    p90: Mapped[timedelta | None] = mapped_column(Interval())


class ClockCohortDayRow(Base):
    """A day of a metric whose cohorts were counted. `snapshot`: the transactions that the counts contain.

    The counts hold as long as every mark of the day was made by one of these transactions.
    """

    __tablename__ = "clock_cohort_days"

    metric: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    snapshot: Mapped[str]


class ClockCohortMarkRow(Base):
    """A transaction changed ended clocks of a past day: written by the triggers of `clocks`.

    A row of its own for each change, so that no writer waits for another.
    """

    __tablename__ = "clock_cohort_marks"
    __table_args__ = (Index(None, "metric", "day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    metric: Mapped[str]
    day: Mapped[date] = mapped_column(Date())
    transaction: Mapped[int] = mapped_column(BigInteger)


class ClockChangeRow(Base):
    """Something of a supplier's clocks changed and nobody was told yet: written by the triggers of `clocks`.

    Not logged: after a crash of the database listeners connect again, and are told to read all anew.
    """

    __tablename__ = "clock_changes"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012 - read once, by the declarative scan

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    supplier_id: Mapped[str]
    metric: Mapped[str]


clock_changes = table_of(ClockChangeRow)
clock_cohorts = table_of(ClockCohortRow)
clock_cohort_days = table_of(ClockCohortDayRow)
clock_cohort_marks = table_of(ClockCohortMarkRow)
