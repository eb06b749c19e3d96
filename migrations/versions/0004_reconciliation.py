"""Operations tasks and daily reconciliations; legs can be found by when they were settled.

Revision: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(none_as_null=True)
ZERO = sa.text("0")


def upgrade() -> None:
    """Only adds."""
    op.create_table(
        "operations_tasks",
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_at", INSTANT, nullable=True),
        sa.Column("resolved_by", sa.Text(), nullable=True),
        sa.Column("resolved_at", INSTANT, nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('reconciliation_difference', 'reconciliation_failed')",
            name=op.f("ck_operations_tasks_kind_known"),
        ),
        sa.CheckConstraint(
            "(claimed_by IS NULL) = (claimed_at IS NULL)",
            name=op.f("ck_operations_tasks_claimed_by_somebody"),
        ),
        sa.CheckConstraint(
            "(resolved_by IS NULL) = (resolved_at IS NULL)",
            name=op.f("ck_operations_tasks_resolved_by_somebody"),
        ),
        sa.CheckConstraint(
            "(note IS NULL) = (resolved_at IS NULL)", name=op.f("ck_operations_tasks_resolved_with_a_note")
        ),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_operations_tasks")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_operations_tasks_kind_subject")),
    )
    op.create_index(
        "ix_operations_tasks_unresolved",
        "operations_tasks",
        ["task_id"],
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_table(
        "reconciliation_runs",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("merchant", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("finished_at", INSTANT, nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("billed_count", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("due_count", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("difference_count", sa.Integer(), server_default=ZERO, nullable=False),
        sa.Column("report", JSON, nullable=True),
        sa.CheckConstraint(
            "billed_count >= 0", name=op.f("ck_reconciliation_runs_billed_count_not_negative")
        ),
        sa.CheckConstraint("due_count >= 0", name=op.f("ck_reconciliation_runs_due_count_not_negative")),
        sa.CheckConstraint(
            "difference_count >= 0", name=op.f("ck_reconciliation_runs_difference_count_not_negative")
        ),
        sa.CheckConstraint(
            "finished_at IS NOT NULL OR failure_code IS NOT NULL",
            name=op.f("ck_reconciliation_runs_ended_somehow"),
        ),
        sa.CheckConstraint(
            "(finished_at IS NULL) = (report IS NULL)",
            name=op.f("ck_reconciliation_runs_finished_with_a_report"),
        ),
        sa.PrimaryKeyConstraint("provider", "merchant", "day", name=op.f("pk_reconciliation_runs")),
    )
    op.create_index("ix_reconciliation_runs_day", "reconciliation_runs", ["day"])
    op.create_index("ix_refund_legs_settled", "refund_legs", ["settled_at"], postgresql_using="brin")


def downgrade() -> None:
    """Forgets tasks and reports; any day can be reconciled again."""
    op.drop_index("ix_refund_legs_settled", "refund_legs")
    op.drop_table("reconciliation_runs")
    op.drop_table("operations_tasks")
