"""Returns and exchanges: goods as a record of their own, and tasks that can be opened again.

Revision: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT = sa.Text()
INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(none_as_null=True)
NO = sa.text("false")
ROLES = "('mall', 'customer', 'supplier', 'operations', 'finance', 'auditor', 'system')"
OLD_KINDS = "'reconciliation_difference', 'reconciliation_failed'"
NEW_KINDS = (
    "'refund_failed', 'paid_twice', 'return_address_missing', 'return_overdue', 'return_not_arrived',"
    " 'reshipment_overdue', 'reshipment_missing', 'parcel_abnormal', 'intercept', 'taken_over_by_mall'"
)
OF_CASES = ("case_evidence", "case_addresses", "case_parcels")
CASE_COLUMNS = (
    "settlement",
    "missing_reported",
    "inspected_at",
    "return_address_set",
    "proposal",
    "refund_decided_at",
    "extended_until",
    "intercept",
)


def upgrade() -> None:
    """Only adds, but for the key of tasks: opening one again needs a narrower one.

    Whatever refunds a process of the release before still decides, readers know by their state.
    """
    _cases()
    _orders()
    _parcels()
    _addresses_and_evidence()
    _tasks()


def downgrade() -> None:
    """Forgets parcels, addresses, evidence, and the tasks of kinds that are unknown without this revision."""
    op.drop_index("ix_operations_tasks_subject_task_id", "operations_tasks")
    op.drop_index("uq_operations_tasks_one_at_a_time", "operations_tasks")
    op.execute(f"DELETE FROM operations_tasks WHERE kind IN ({NEW_KINDS})")  # noqa: S608 - words of ours
    op.create_unique_constraint("uq_operations_tasks_kind_subject", "operations_tasks", ["kind", "subject"])
    _replace_kinds(OLD_KINDS)
    op.drop_table("supplier_return_addresses")
    for table in OF_CASES:
        op.drop_table(table)
    op.drop_column("order_events", "set_aside")
    op.drop_column("orders", "exchanged_units")
    op.drop_column("orders", "shipped_at")
    op.drop_column("refund_legs", "settled_offline")
    for column in CASE_COLUMNS:
        op.drop_column("after_sales", column)


def _cases() -> None:
    """Until now every completed case was refunded."""
    for name in ("intercept", "return_address_set", "missing_reported"):
        op.add_column("after_sales", sa.Column(name, sa.Boolean(), server_default=NO, nullable=False))
    for name in ("extended_until", "refund_decided_at", "inspected_at"):
        op.add_column("after_sales", sa.Column(name, INSTANT, nullable=True))
    for name in ("proposal", "settlement"):
        op.add_column("after_sales", sa.Column(name, JSON, nullable=True))
    op.add_column(
        "refund_legs", sa.Column("settled_offline", sa.Boolean(), server_default=NO, nullable=False)
    )
    op.execute(
        "UPDATE after_sales SET refund_decided_at = updated_at"
        " WHERE state IN ('REFUNDING', 'REFUND_FAILED', 'COMPLETED')"
    )


def _orders() -> None:
    """Of an order that has left it is not known which lines did, so all count as shipped."""
    op.add_column("orders", sa.Column("shipped_at", JSON, server_default=sa.text("'{}'"), nullable=False))
    op.add_column(
        "orders", sa.Column("exchanged_units", JSON, server_default=sa.text("'[]'"), nullable=False)
    )
    op.add_column("order_events", sa.Column("set_aside", sa.Boolean(), server_default=NO, nullable=False))
    op.execute(
        "UPDATE orders SET shipped_at = ("
        " SELECT coalesce(jsonb_object_agg(line ->> 'line_id', first_parcel_at), '{}')"
        " FROM jsonb_array_elements(lines) AS line"
        ") WHERE first_parcel_at IS NOT NULL"
    )


def _parcels() -> None:
    op.create_table(
        "case_parcels",
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("purpose", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("carrier", TEXT, nullable=False),
        sa.Column("waybill", TEXT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("moved_at", INSTANT, nullable=True),
        sa.Column("abnormal_at", INSTANT, nullable=True),
        sa.Column("signed_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "purpose IN ('return', 'reshipment', 'ship_back')", name=op.f("ck_case_parcels_purpose_known")
        ),
        _of_case("case_parcels"),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_case_parcels_order_no")),
        sa.PrimaryKeyConstraint("after_sales_no", "purpose", name=op.f("pk_case_parcels")),
    )
    op.create_index(op.f("ix_case_parcels_waybill"), "case_parcels", ["waybill"])


def _addresses_and_evidence() -> None:
    op.create_table(
        "case_addresses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("use", TEXT, nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("actor_role", TEXT, nullable=False),
        sa.Column("actor_subject", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.CheckConstraint("use IN ('return', 'delivery')", name=op.f("ck_case_addresses_use_known")),
        _known_role("case_addresses", "actor_role"),
        _of_case("case_addresses"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_addresses")),
    )
    op.create_table(
        "case_evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("about", TEXT, nullable=False),
        sa.Column("urls", JSON, nullable=False),
        sa.Column("text", TEXT, nullable=True),
        sa.Column("actor_role", TEXT, nullable=False),
        sa.Column("actor_subject", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        _known_role("case_evidence", "actor_role"),
        _of_case("case_evidence"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_evidence")),
    )
    for table in ("case_addresses", "case_evidence"):
        op.create_index(op.f(f"ix_{table}_after_sales_no"), table, ["after_sales_no"])
    op.create_table(
        "supplier_return_addresses",
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("address", JSON, nullable=False),
        sa.Column("set_by_role", TEXT, nullable=False),
        sa.Column("set_by_subject", TEXT, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        _known_role("supplier_return_addresses", "set_by_role"),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_supplier_return_addresses")),
    )


def _tasks() -> None:
    """A release before this one cannot open tasks beside the new key: its reconciliation is tried again."""
    _replace_kinds(f"{OLD_KINDS}, {NEW_KINDS}")
    op.drop_constraint("uq_operations_tasks_kind_subject", "operations_tasks", type_="unique")
    op.create_index(
        "uq_operations_tasks_one_at_a_time",
        "operations_tasks",
        ["kind", "subject"],
        unique=True,
        postgresql_where=sa.text(f"resolved_at IS NULL OR kind IN ({OLD_KINDS})"),
    )
    op.create_index("ix_operations_tasks_subject_task_id", "operations_tasks", ["subject", "task_id"])


def _replace_kinds(known: str) -> None:
    name = op.f("ck_operations_tasks_kind_known")
    op.drop_constraint(name, "operations_tasks", type_="check")
    op.create_check_constraint(name, "operations_tasks", f"kind IN ({known})")


def _of_case(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_after_sales_no")
    return sa.ForeignKeyConstraint(["after_sales_no"], ["after_sales.after_sales_no"], name=name)


def _known_role(table: str, column: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} IN {ROLES}", name=op.f(f"ck_{table}_{column}_known"))
