"""Orders are released by timekeepers: when each is due, and when it was.

Revision: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SHARDS = 16
SHARD = f"(('x' || substr(md5(supplier_id), 1, 8))::bit(32)::bigint % {SHARDS})::smallint"
"""As `ports.timekeeping.shard_of` computes it."""


def upgrade() -> None:
    """Only adds. Paid orders whose cooling-off is over were visible to their suppliers: they are released.

    What a process of the release before takes in meanwhile falls due by itself half an hour later, whatever
    the policy; the look then tells whether it is paid.

    Rewrites `orders`, which nobody reads or writes for as long as that takes: meant for a quiet hour.
    """
    shard = sa.Computed(SHARD, persisted=True)
    op.add_column("orders", sa.Column("shard", sa.SmallInteger(), shard, nullable=False))
    for name in ("release_due_at", "released_at"):
        op.add_column("orders", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    due = "greatest(paid_at, placed_at + interval '30 minutes')"
    op.execute(
        f"UPDATE orders SET"  # noqa: S608 - words of ours
        f" released_at = CASE WHEN {due} <= now() THEN {due} END,"
        f" release_due_at = CASE WHEN {due} > now() THEN {due} END"
        " WHERE paid_at IS NOT NULL"  # greatest() passes over nulls
    )
    op.alter_column("orders", "release_due_at", server_default=sa.text("now() + interval '30 minutes'"))
    op.create_index(
        "ix_orders_to_release",
        "orders",
        ["shard", "release_due_at"],
        postgresql_where=sa.text("release_due_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Releases are computed again from the times of each order."""
    op.drop_index("ix_orders_to_release", "orders")
    for name in ("released_at", "release_due_at", "shard"):
        op.drop_column("orders", name)
