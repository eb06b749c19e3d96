"""Intercepts: refunded goods that travel.

Revision: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TEXT = sa.Text()
INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(none_as_null=True)
STATUSES = "('wanted', 'intercepted', 'delivered', 'recovered', 'charged', 'written_off')"
LISTED = (("began_at",), ("status", "began_at"), ("supplier_id", "began_at"))


def upgrade() -> None:
    """Only adds; of refunds decided before, an intercept begins with the next news of their goods."""
    op.create_table(
        "intercepts",
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("waybills", JSON, nullable=False),
        sa.Column("refunded_fen", sa.BigInteger(), nullable=False),
        sa.Column("refund_decided_at", INSTANT, nullable=False),
        sa.Column("steps", JSON, nullable=False),
        sa.Column("began_at", INSTANT, nullable=False),
        sa.CheckConstraint(f"status IN {STATUSES}", name=op.f("ck_intercepts_status_known")),
        sa.CheckConstraint("refunded_fen >= 0", name=op.f("ck_intercepts_refunded_fen_not_negative")),
        sa.ForeignKeyConstraint(
            ["after_sales_no"], ["after_sales.after_sales_no"], name=op.f("fk_intercepts_after_sales_no")
        ),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_intercepts_order_no")),
        sa.PrimaryKeyConstraint("after_sales_no", name=op.f("pk_intercepts")),
    )
    op.create_index("ix_intercepts_order_no", "intercepts", ["order_no"])
    for columns in LISTED:
        name = f"ix_intercepts_{'_'.join(columns)}_after_sales_no"
        op.create_index(name, "intercepts", [*columns, "after_sales_no"])


def downgrade() -> None:
    """Forgets what was said of travelling goods; requests and tasks stay."""
    op.drop_table("intercepts")
