"""Waybills that were replaced, requests the mall took over, and payments made twice: each is remembered.

Revision: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = "uq_operations_tasks_one_at_a_time"
ONCE_BEFORE = "'reconciliation_difference', 'reconciliation_failed'"
ONCE_NOW = f"{ONCE_BEFORE}, 'paid_twice'"


def upgrade() -> None:
    """Only adds, but for the key of tasks, which gets narrower."""
    op.add_column(
        "case_parcels",
        sa.Column(
            "former_waybills",
            postgresql.JSONB(none_as_null=True),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.add_column(
        "after_sales",
        sa.Column("taken_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    _replace_key(ONCE_NOW)


def downgrade() -> None:
    """Forgets what was replaced and taken over."""
    _replace_key(ONCE_BEFORE)
    op.drop_column("after_sales", "taken_over")
    op.drop_column("case_parcels", "former_waybills")


def _replace_key(once: str) -> None:
    op.drop_index(KEY, "operations_tasks")
    op.create_index(
        KEY,
        "operations_tasks",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text(f"resolved_at IS NULL OR kind IN ({once})"),
    )
