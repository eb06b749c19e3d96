"""A command id belongs to the role that gave it: nobody can use up another's.

Revision: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE, KEY = "after_sales_commands", "pk_after_sales_commands"


def upgrade() -> None:
    """The wider key accepts everything the narrower one did."""
    op.drop_constraint(KEY, TABLE, type_="primary")
    op.create_primary_key(KEY, TABLE, ["after_sales_no", "actor_role", "command_id"])


def downgrade() -> None:
    """Keeps the first command of an id, the one the narrower key would have kept."""
    op.execute(
        "DELETE FROM after_sales_commands later USING after_sales_commands first"
        " WHERE later.after_sales_no = first.after_sales_no AND later.command_id = first.command_id"
        " AND (later.at, later.actor_role) > (first.at, first.actor_role)"
    )
    op.drop_constraint(KEY, TABLE, type_="primary")
    op.create_primary_key(KEY, TABLE, ["after_sales_no", "command_id"])
