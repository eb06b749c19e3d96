"""The first schema: orders, cases and their records, refunds, policies, outbox.

Revision: 0001
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TEXT = sa.Text()
INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB()

TABLES = (
    "after_sales_policies",
    "orders",
    "order_events",
    "payment_transactions",
    "mall_refunds",
    "after_sales",
    "unit_holdings",
    "refund_legs",
    "after_sales_events",
    "after_sales_commands",
    "switches",
    "idempotency_keys",
    "outgoing_messages",
)
"""In the order of their foreign keys."""

FIRST_POLICY = {
    "window": 604800,
    "cooling_off": 1800,
    "hold_during_cooling_off": True,
    "review": 172800,
    "review_timeout": "escalate",
    "refund_failed_reminder": 86400,
    "auto_refund_ceiling_fen": 500000,
    "auto_refund_period": 86400,
    "auto_refunds_per_customer": 10,
    "auto_refunds_per_supplier": 1000,
    "supplier_liable_reasons": [
        "damaged",
        "late_shipment",
        "missing_items",
        "not_as_described",
        "not_received",
        "quality",
        "wrong_item",
    ],
}
"""Version 1, for all suppliers; durations in seconds."""


def upgrade() -> None:
    """Create everything, and publish the first policy."""
    _policies()
    _orders()
    _cases()
    _refunds_and_records()
    _platform()


def downgrade() -> None:
    """Drop everything."""
    for table in reversed(TABLES):
        op.drop_table(table)


def _policies() -> None:
    op.create_table(
        "after_sales_policies",
        sa.Column("version", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("supplier_id", TEXT, nullable=True),
        sa.Column("body", JSON, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_after_sales_policies")),
    )
    op.create_index(
        op.f("ix_after_sales_policies_supplier_id_version"),
        "after_sales_policies",
        ["supplier_id", "version"],
    )
    policies = sa.table(
        "after_sales_policies",
        sa.column("body", JSON),
        sa.column("created_by", TEXT),
        sa.column("created_at", INSTANT),
    )
    first = {"body": FIRST_POLICY, "created_by": "mallcare", "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    op.bulk_insert(policies, [first])


def _orders() -> None:
    op.create_table(
        "orders",
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body_hash", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("placed_at", INSTANT, nullable=False),
        sa.Column("paid_at", INSTANT, nullable=True),
        sa.Column("freight_fen", sa.BigInteger(), nullable=False),
        sa.Column("tenders", JSON, nullable=False),
        sa.Column("discounts", JSON, nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("cells", JSON, nullable=True),
        sa.Column("personal", JSON, nullable=False),
        sa.Column("first_parcel_at", INSTANT, nullable=True),
        sa.Column("delivered_at", JSON, nullable=False),
        sa.Column("closed_at", INSTANT, nullable=True),
        sa.Column("extended_until", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('consumer', 'business', 'group')", name=op.f("ck_orders_channel_known")
        ),
        sa.CheckConstraint("freight_fen >= 0", name=op.f("ck_orders_freight_fen_not_negative")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_orders_version_not_negative")),
        sa.PrimaryKeyConstraint("order_no", name=op.f("pk_orders")),
    )
    op.create_table(
        "order_events",
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("waybill", TEXT, nullable=True),
        sa.Column("carrier", TEXT, nullable=True),
        sa.Column("line_ids", JSON, nullable=True),
        sa.Column("refunded_lines", JSON, nullable=True),
        sa.Column("detail", JSON, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "type IN ("
            "'collected', 'in_transit', 'out_for_delivery', 'delivered', 'exception', "
            "'closed', 'refunded')",
            name=op.f("ck_order_events_type_known"),
        ),
        sa.PrimaryKeyConstraint("order_no", "event_id", name=op.f("pk_order_events")),
    )
    op.create_table(
        "payment_transactions",
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=False),
        sa.Column("total_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("total_fen >= 0", name=op.f("ck_payment_transactions_total_fen_not_negative")),
        sa.PrimaryKeyConstraint("provider", "transaction_id", name=op.f("pk_payment_transactions")),
    )
    op.create_table(
        "mall_refunds",
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("event_id", TEXT, nullable=False),
        sa.Column("tender_seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.CheckConstraint("amount_fen >= 0", name=op.f("ck_mall_refunds_amount_fen_not_negative")),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_mall_refunds_order_no")),
        sa.PrimaryKeyConstraint("order_no", "event_id", "tender_seq", name=op.f("pk_mall_refunds")),
    )
    op.create_index(
        op.f("ix_mall_refunds_provider_transaction_id"),
        "mall_refunds",
        ["provider", "transaction_id"],
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )


def _cases() -> None:
    op.create_table(
        "after_sales",
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("customer_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("whole_order", sa.Boolean(), nullable=False),
        sa.Column("lines", JSON, nullable=False),
        sa.Column("quote", JSON, nullable=False),
        sa.Column("reason_code", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=True),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("disputed", sa.Boolean(), nullable=False),
        sa.Column("cooling_off", sa.Boolean(), nullable=False),
        sa.Column("escalated_at", INSTANT, nullable=True),
        sa.Column("deadline_at", INSTANT, nullable=True),
        sa.Column("deadline_effect", TEXT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.Column("told_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("checked_at", INSTANT, nullable=False),
        sa.Column("auto_refunded_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "deadline_at IS NULL OR state NOT IN ('COMPLETED', 'REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED')",
            name=op.f("ck_after_sales_final_has_no_deadline"),
        ),
        sa.CheckConstraint(
            "deadline_effect IN ('escalate', 'auto_approve', 'expire', 'decline', 'complete', 'refund')",
            name=op.f("ck_after_sales_deadline_effect_known"),
        ),
        sa.CheckConstraint(
            "kind IN ('refund_only', 'return_refund', 'exchange')", name=op.f("ck_after_sales_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ("
            "'PENDING_REVIEW', 'PENDING_CUSTOMER', 'AWAITING_RETURN', 'RETURN_IN_TRANSIT', "
            "'INSPECTING', 'AWAITING_RESHIPMENT', 'OUT_OF_STOCK', 'RESHIPPED', 'REFUNDING', "
            "'REFUND_FAILED', 'RETURNING_TO_CUSTOMER', 'COMPLETED', 'REJECTED', 'CANCELLED', "
            "'EXPIRED', 'CLOSED')",
            name=op.f("ck_after_sales_state_known"),
        ),
        sa.CheckConstraint(
            "(deadline_at IS NULL) = (deadline_effect IS NULL)",
            name=op.f("ck_after_sales_deadline_has_effect"),
        ),
        sa.CheckConstraint(
            "told_version BETWEEN 0 AND version", name=op.f("ck_after_sales_told_version_exists")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_after_sales_version_counts_from_one")),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_after_sales_order_no")),
        sa.ForeignKeyConstraint(
            ["policy_version"], ["after_sales_policies.version"], name=op.f("fk_after_sales_policy_version")
        ),
        sa.PrimaryKeyConstraint("after_sales_no", name=op.f("pk_after_sales")),
    )
    op.create_index(
        "ix_after_sales_auto_refunds_of_customer",
        "after_sales",
        ["customer_id", "auto_refunded_at"],
        postgresql_where=sa.text("auto_refunded_at IS NOT NULL"),
    )
    op.create_index(
        "ix_after_sales_auto_refunds_of_supplier",
        "after_sales",
        ["supplier_id", "auto_refunded_at"],
        postgresql_where=sa.text("auto_refunded_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_after_sales_created_at_after_sales_no"), "after_sales", ["created_at", "after_sales_no"]
    )
    op.create_index(
        op.f("ix_after_sales_customer_id_created_at_after_sales_no"),
        "after_sales",
        ["customer_id", "created_at", "after_sales_no"],
    )
    op.create_index(
        "ix_after_sales_due",
        "after_sales",
        ["deadline_at"],
        postgresql_where=sa.text("deadline_at IS NOT NULL"),
    )
    op.create_index(
        "ix_after_sales_live",
        "after_sales",
        ["created_at", "after_sales_no"],
        postgresql_where=sa.text("state NOT IN ('COMPLETED', 'REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED')"),
    )
    op.create_index(
        op.f("ix_after_sales_order_no_created_at_after_sales_no"),
        "after_sales",
        ["order_no", "created_at", "after_sales_no"],
    )
    op.create_index(
        op.f("ix_after_sales_state_created_at_after_sales_no"),
        "after_sales",
        ["state", "created_at", "after_sales_no"],
    )
    op.create_index(
        op.f("ix_after_sales_supplier_id_created_at_after_sales_no"),
        "after_sales",
        ["supplier_id", "created_at", "after_sales_no"],
    )
    op.create_index(
        "ix_after_sales_unchecked",
        "after_sales",
        ["checked_at"],
        postgresql_where=sa.text("state NOT IN ('COMPLETED', 'REJECTED', 'CANCELLED', 'EXPIRED', 'CLOSED')"),
    )
    op.create_index(
        "ix_after_sales_untold",
        "after_sales",
        ["updated_at"],
        postgresql_where=sa.text("told_version < version"),
    )
    op.create_table(
        "unit_holdings",
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("line_id", TEXT, nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after_sales_no", TEXT, nullable=True),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "after_sales_no IS NOT NULL OR decided", name=op.f("ck_unit_holdings_mall_refund_is_decided")
        ),
        sa.CheckConstraint("ordinal >= 1", name=op.f("ck_unit_holdings_ordinal_counts_from_one")),
        sa.ForeignKeyConstraint(
            ["after_sales_no"], ["after_sales.after_sales_no"], name=op.f("fk_unit_holdings_after_sales_no")
        ),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_unit_holdings_order_no")),
        sa.PrimaryKeyConstraint("order_no", "line_id", "ordinal", name=op.f("pk_unit_holdings")),
    )


def _refunds_and_records() -> None:
    op.create_table(
        "refund_legs",
        sa.Column("refund_no", TEXT, nullable=False),
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("tender_seq", sa.Integer(), nullable=False),
        sa.Column("tender", TEXT, nullable=False),
        sa.Column("provider", TEXT, nullable=False),
        sa.Column("transaction_id", TEXT, nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("failure_code", TEXT, nullable=True),
        sa.Column("vendor_refund_id", TEXT, nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "(settled_at IS NULL) = (status IN ('PENDING', 'UNKNOWN'))",
            name=op.f("ck_refund_legs_settled_or_open"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING', 'UNKNOWN', 'SUCCEEDED', 'FAILED')",
            name=op.f("ck_refund_legs_status_known"),
        ),
        sa.CheckConstraint(
            "tender IN ('cash', 'points', 'voucher', 'transfer', 'credit')",
            name=op.f("ck_refund_legs_tender_known"),
        ),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refund_legs_amount_fen_positive")),
        sa.CheckConstraint("round >= 1", name=op.f("ck_refund_legs_round_counts_from_one")),
        sa.CheckConstraint("tender_seq >= 0", name=op.f("ck_refund_legs_tender_seq_not_negative")),
        sa.ForeignKeyConstraint(
            ["after_sales_no"], ["after_sales.after_sales_no"], name=op.f("fk_refund_legs_after_sales_no")
        ),
        sa.ForeignKeyConstraint(["order_no"], ["orders.order_no"], name=op.f("fk_refund_legs_order_no")),
        sa.PrimaryKeyConstraint("refund_no", name=op.f("pk_refund_legs")),
        sa.UniqueConstraint(
            "after_sales_no", "tender_seq", name=op.f("uq_refund_legs_after_sales_no_tender_seq")
        ),
    )
    op.create_index(
        "ix_refund_legs_open",
        "refund_legs",
        ["created_at"],
        postgresql_where=sa.text("status IN ('PENDING', 'UNKNOWN')"),
    )
    op.create_index(op.f("ix_refund_legs_order_no"), "refund_legs", ["order_no"])
    op.create_index(
        op.f("ix_refund_legs_provider_transaction_id"),
        "refund_legs",
        ["provider", "transaction_id"],
        postgresql_where=sa.text("transaction_id IS NOT NULL"),
    )
    op.create_table(
        "after_sales_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("command_id", TEXT, nullable=True),
        sa.Column("actor_role", TEXT, nullable=False),
        sa.Column("actor_subject", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("from_state", TEXT, nullable=True),
        sa.Column("to_state", TEXT, nullable=True),
        sa.Column("refused_code", TEXT, nullable=True),
        sa.Column("facts", JSON, nullable=False),
        sa.CheckConstraint(
            "actor_role IN ('mall', 'customer', 'supplier', 'operations', 'finance', 'auditor', 'system')",
            name=op.f("ck_after_sales_events_actor_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["after_sales_no"],
            ["after_sales.after_sales_no"],
            name=op.f("fk_after_sales_events_after_sales_no"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_after_sales_events")),
    )
    op.create_index(
        op.f("ix_after_sales_events_after_sales_no_id"), "after_sales_events", ["after_sales_no", "id"]
    )
    op.create_table(
        "after_sales_commands",
        sa.Column("after_sales_no", TEXT, nullable=False),
        sa.Column("command_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("body_hash", TEXT, nullable=False),
        sa.Column("actor_role", TEXT, nullable=False),
        sa.Column("actor_subject", TEXT, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("detail", TEXT, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.CheckConstraint(
            "actor_role IN ('mall', 'customer', 'supplier', 'operations', 'finance', 'auditor', 'system')",
            name=op.f("ck_after_sales_commands_actor_role_known"),
        ),
        sa.ForeignKeyConstraint(
            ["after_sales_no"],
            ["after_sales.after_sales_no"],
            name=op.f("fk_after_sales_commands_after_sales_no"),
        ),
        sa.PrimaryKeyConstraint("after_sales_no", "command_id", name=op.f("pk_after_sales_commands")),
    )


def _platform() -> None:
    op.create_table(
        "switches",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("changed_by", TEXT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switches")),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("body_hash", TEXT, nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("status BETWEEN 100 AND 599", name=op.f("ck_idempotency_keys_status_is_http")),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "outgoing_messages",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("type", TEXT, nullable=False),
        sa.Column("data", JSON, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("status", TEXT, server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("delivered_at", INSTANT, nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.CheckConstraint(
            "(delivered_at IS NOT NULL) = (status = 'delivered')",
            name=op.f("ck_outgoing_messages_delivered_or_not"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'delivered', 'dead')", name=op.f("ck_outgoing_messages_status_known")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outgoing_messages_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_messages")),
        sa.UniqueConstraint("seq", name=op.f("uq_outgoing_messages_seq")),
    )
    op.create_index(
        "ix_outgoing_messages_due",
        "outgoing_messages",
        ["next_attempt_at"],
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index(
        "ix_outgoing_messages_head",
        "outgoing_messages",
        ["subject", "seq"],
        postgresql_where=sa.text("status = 'pending'"),
    )
