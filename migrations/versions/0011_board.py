"""The live board: indexes that answer its questions, closed days kept until they change, and who is told.

Triggers of `clocks` mark past days whose counts may have changed, and note which suppliers and metrics
changed. They run once for a statement, not once for a row. Whoever tells listeners does so from the notes:
NOTIFY within the writers' transactions would let their commits wait for each other.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TEXT = sa.Text()
RUNS = "ended_at IS NULL"
ENDED = "ended_at IS NOT NULL"
PAUSED_LATE = """elapsed > target AND events @> '[{"kind": "pause"}]'"""
SHOWN = (
    *("started_at", "running_since", "elapsed", "due_at", "at_risk_at"),
    *("ended_at", "outcome", "breach_recorded_at"),
)
"""What the board is made of: a timekeeper that only notes its look changes nothing of it."""
TODAY = "(date_trunc('day', now() AT TIME ZONE 'Asia/Shanghai') AT TIME ZONE 'Asia/Shanghai')"
"""The last local midnight. Days from there on are never kept, so nothing of them has to be marked."""


def _function(name: str, changed: str) -> str:
    """A trigger's function over the changed rows: marks their past days, and tells of them."""
    return f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
            WITH changed AS ({changed}),
            marked AS (
                INSERT INTO clock_cohort_marks (metric, day, transaction)
                SELECT DISTINCT metric, (due_at AT TIME ZONE 'Asia/Shanghai')::date,
                       pg_current_xact_id()::text::bigint
                FROM changed
                WHERE outcome IS NOT NULL AND due_at < {TODAY}
            )
            INSERT INTO clock_changes (supplier_id, metric)
            SELECT DISTINCT supplier_id, metric FROM changed;
            RETURN NULL;
        END
        $body$
    """  # noqa: S608 - words of ours


def _row(of: str, names: tuple[str, ...]) -> str:
    return f"({', '.join(f'{of}.{name}' for name in names)})"


SIDE = ("metric", "supplier_id", "outcome", "due_at")
INSERTED = f"SELECT {', '.join(SIDE)} FROM new_clocks"  # noqa: S608 - words of ours
UPDATED = f"""
    SELECT side.* FROM new_clocks AS is_now JOIN old_clocks AS was USING (id)
    CROSS JOIN LATERAL (VALUES {_row("is_now", SIDE)}, {_row("was", SIDE)}) AS side ({", ".join(SIDE)})
    WHERE {_row("is_now", SHOWN)} IS DISTINCT FROM {_row("was", SHOWN)}
"""  # noqa: S608 - words of ours


def upgrade() -> None:
    """Only adds; the index of open clocks is made anew with what the board reads of them."""
    _indexes()
    _cohorts()
    op.execute(_function("clocks_inserted", INSERTED))
    op.execute(_function("clocks_updated", UPDATED))
    op.execute(
        "CREATE TRIGGER clocks_inserted AFTER INSERT ON clocks REFERENCING NEW TABLE AS new_clocks"
        " FOR EACH STATEMENT EXECUTE FUNCTION clocks_inserted()"
    )
    op.execute(
        "CREATE TRIGGER clocks_updated AFTER UPDATE ON clocks"
        " REFERENCING OLD TABLE AS old_clocks NEW TABLE AS new_clocks"
        " FOR EACH STATEMENT EXECUTE FUNCTION clocks_updated()"
    )


def downgrade() -> None:
    """Nothing is lost: counts of closed days are counted again."""
    for name in ("clocks_inserted", "clocks_updated"):
        op.execute(f"DROP TRIGGER {name} ON clocks")
        op.execute(f"DROP FUNCTION {name}()")
    for table in ("clock_changes", "clock_cohort_marks", "clock_cohort_days", "clock_cohorts"):
        op.drop_table(table)
    for index in (
        *("ix_clocks_cohorts", "ix_clocks_cohorts_of_supplier", "ix_clocks_breaches"),
        *("ix_clocks_late_ends", "ix_clocks_paused_late", "ix_clocks_open"),
    ):
        op.drop_index(index, table_name="clocks")
    op.create_index(
        "ix_clocks_open",
        "clocks",
        ["metric", "supplier_id", "due_at"],
        postgresql_where=sa.text(RUNS),
    )


def _indexes() -> None:
    op.drop_index("ix_clocks_open", table_name="clocks")
    op.create_index(
        "ix_clocks_open",
        "clocks",
        ["metric", "supplier_id", "due_at"],
        postgresql_include=["at_risk_at", "running_since", "started_at", "id"],
        postgresql_where=sa.text(RUNS),
    )
    op.create_index(
        "ix_clocks_cohorts",
        "clocks",
        ["metric", "outcome", "due_at"],
        postgresql_include=["supplier_id", "elapsed"],
        postgresql_where=sa.text(ENDED),
    )
    op.create_index(
        "ix_clocks_cohorts_of_supplier",
        "clocks",
        ["supplier_id", "metric", "outcome", "due_at"],
        postgresql_include=["elapsed"],
        postgresql_where=sa.text(ENDED),
    )
    op.create_index(
        "ix_clocks_breaches",
        "clocks",
        ["breach_recorded_at"],
        postgresql_include=["supplier_id"],
        postgresql_where=sa.text("breach_recorded_at IS NOT NULL"),
    )
    op.create_index(
        "ix_clocks_late_ends",
        "clocks",
        ["ended_at"],
        postgresql_include=["metric", "supplier_id", "due_at"],
        postgresql_where=sa.text("outcome = 'breached'"),
    )
    op.create_index("ix_clocks_paused_late", "clocks", ["ended_at"], postgresql_where=sa.text(PAUSED_LATE))


def _cohorts() -> None:
    op.create_table(
        "clock_cohorts",
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("breached", sa.Integer(), nullable=False),
        sa.Column("void", sa.Integer(), nullable=False),
        sa.Column("p50", sa.Interval(), nullable=True),
        sa.Column("p90", sa.Interval(), nullable=True),
        sa.PrimaryKeyConstraint("supplier_id", "metric", "day", name=op.f("pk_clock_cohorts")),
    )
    op.create_table(
        "clock_cohort_days",
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("snapshot", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("metric", "day", name=op.f("pk_clock_cohort_days")),
    )
    op.create_table(
        "clock_cohort_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("transaction", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_cohort_marks")),
    )
    op.create_table(
        "clock_changes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("metric", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_changes")),
        prefixes=["UNLOGGED"],
    )
    op.create_index("ix_clock_cohort_marks_metric_day", "clock_cohort_marks", ["metric", "day"])
