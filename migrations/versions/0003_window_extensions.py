"""Reopenings of an order's after-sales window are kept with who, when and why (A5).

Revision: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only adds."""
    op.create_table(
        "window_extensions",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("actor_subject", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["order_no"], ["orders.order_no"], name="fk_window_extensions_order_no_orders"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_window_extensions"),
    )
    op.create_index("ix_window_extensions_order_no", "window_extensions", ["order_no"])


def downgrade() -> None:
    """Forgets who extended; the ends themselves stay in `orders`."""
    op.drop_table("window_extensions")
