"""Outgoing messages can be claimed by a pump, and found by subject, by time and when given up.

Revision: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "outgoing_messages"
PENDING = sa.text("status = 'pending'")


def upgrade() -> None:
    """Only adds, but for two indexes that wider ones replace."""
    op.add_column(TABLE, sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_outgoing_messages_subject", TABLE, ["subject", "seq"])
    op.create_index("ix_outgoing_messages_dead", TABLE, ["seq"], postgresql_where=sa.text("status = 'dead'"))
    op.create_index("ix_outgoing_messages_time", TABLE, ["occurred_at"], postgresql_using="brin")
    op.create_index("ix_outgoing_messages_queue", TABLE, ["next_attempt_at", "seq"], postgresql_where=PENDING)
    op.drop_index("ix_outgoing_messages_head", TABLE)
    op.drop_index("ix_outgoing_messages_due", TABLE)


def downgrade() -> None:
    """A claim that is forgotten lets its message be sent once more."""
    op.create_index("ix_outgoing_messages_due", TABLE, ["next_attempt_at"], postgresql_where=PENDING)
    op.create_index("ix_outgoing_messages_head", TABLE, ["subject", "seq"], postgresql_where=PENDING)
    op.drop_index("ix_outgoing_messages_queue", TABLE)
    op.drop_index("ix_outgoing_messages_time", TABLE)
    op.drop_index("ix_outgoing_messages_dead", TABLE)
    op.drop_index("ix_outgoing_messages_subject", TABLE)
    op.drop_column(TABLE, "claimed_until")
