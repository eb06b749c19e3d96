"""Clocks of promises, reminders, notices and the notification centre; whom to reach at a supplier.

Revision: 0010
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TEXT = sa.Text()
INSTANT = sa.DateTime(timezone=True)
JSON = postgresql.JSONB(none_as_null=True)
SHARD = sa.Computed(
    "(('x' || substr(md5(supplier_id), 1, 8))::bit(32)::bigint % 16)::smallint", persisted=True
)
OLD_KINDS = (
    "'reconciliation_difference', 'reconciliation_failed', 'refund_failed', 'paid_twice',"
    " 'return_address_missing', 'return_overdue', 'return_not_arrived', 'reshipment_overdue',"
    " 'reshipment_missing', 'parcel_abnormal', 'intercept', 'taken_over_by_mall'"
)
NEW_KINDS = (
    "'reminders_ignored', 'contacts_missing', 'message_unknown', 'message_undelivered',"
    " 'daily_sms_missing', 'calendar_ends'"
)
HOUR = 3600
METRICS = ("shipment", "review", "inspection", "reshipment", "ship_back")
FIRST_POLICY = {
    "promises": {
        **{metric: {"target_seconds": 48 * HOUR, "calendar_id": "24x7"} for metric in METRICS},
        "abnormal_delivery": {"target_seconds": 72 * HOUR, "calendar_id": "24x7"},
    },
    "ladder": [
        {"name": "soon", "before_seconds": 12 * HOUR, "to": ["staff"]},
        {"name": "now", "before_seconds": 2 * HOUR, "to": ["staff"]},
        {"name": "due", "before_seconds": 0, "to": ["staff", "principal"]},
        {"name": "ignored", "before_seconds": -24 * HOUR, "to": ["principal", "operations"]},
    ],
    "quiet_from_seconds": 21 * HOUR,
    "quiet_until_seconds": 8 * HOUR,
    "daily_when_zero": False,
}
EVERY_HOUR = {
    "zone": "UTC",
    "plans": [{"effective_from": "0001-01-01", "days": [[[0, 24 * HOUR]]] * 7}],
    "special": {},
}


def upgrade() -> None:
    """Only adds. Orders that were released before have no clocks: only what happens from now on is timed."""
    _rules()
    _clocks()
    _contacts()
    _notices()
    _notifications()
    _replace_kinds(f"{OLD_KINDS}, {NEW_KINDS}")
    op.create_index(
        "ix_operations_tasks_supplier", "operations_tasks", [sa.text("(facts ->> 'supplier_id')")]
    )


def downgrade() -> None:
    """Forgets all clocks and messages, and the tasks of kinds that are unknown without this revision."""
    op.drop_index("ix_operations_tasks_supplier", "operations_tasks")
    op.execute(f"DELETE FROM operations_tasks WHERE kind IN ({NEW_KINDS})")  # noqa: S608 - words of ours
    _replace_kinds(OLD_KINDS)
    for table in (
        "reminders",
        "clocks",
        "timeliness_policies",
        "service_calendars",
        "notices",
        "notifications",
        "daily_sms_runs",
        "supplier_channels",
        "contacts",
    ):
        op.drop_table(table)


def _replace_kinds(kinds: str) -> None:
    name = op.f("ck_operations_tasks_kind_known")
    op.drop_constraint(name, "operations_tasks", type_="check")
    op.create_check_constraint(name, "operations_tasks", f"kind IN ({kinds})")


def _rules() -> None:
    op.create_table(
        "service_calendars",
        sa.Column("calendar_id", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("known_until", sa.Date(), nullable=True),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("calendar_id", "version", name=op.f("pk_service_calendars")),
    )
    op.create_table(
        "timeliness_policies",
        sa.Column("version", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("supplier_id", TEXT, nullable=True),
        sa.Column("body", JSON, nullable=False),
        sa.Column("created_by", TEXT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_timeliness_policies")),
    )
    op.create_index(
        "ix_timeliness_policies_supplier_id_version", "timeliness_policies", ["supplier_id", "version"]
    )
    op.execute(
        sa.text(
            "INSERT INTO service_calendars (calendar_id, version, body, created_by, created_at)"
            " VALUES ('24x7', 1, CAST(:body AS jsonb), 'system:mallcare', now())"
        ).bindparams(body=json.dumps(EVERY_HOUR))
    )
    op.execute(
        sa.text(
            "INSERT INTO timeliness_policies (body, created_by, created_at)"
            " VALUES (CAST(:body AS jsonb), 'system:mallcare', now())"
        ).bindparams(body=json.dumps(FIRST_POLICY))
    )


def _clocks() -> None:
    op.create_table(
        "clocks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("metric", TEXT, nullable=False),
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("part", TEXT, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("order_no", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("shard", sa.SmallInteger(), SHARD, nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("calendar_id", TEXT, nullable=False),
        sa.Column("calendar_version", sa.Integer(), nullable=False),
        sa.Column("target", sa.Interval(), nullable=False),
        sa.Column("events", JSON, nullable=False),
        sa.Column("alarmed_at", INSTANT, nullable=True),
        sa.Column("levels_done", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("breach_recorded_at", INSTANT, nullable=True),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.Column("running_since", INSTANT, nullable=True),
        sa.Column("elapsed", sa.Interval(), nullable=False),
        sa.Column("due_at", INSTANT, nullable=True),
        sa.Column("at_risk_at", INSTANT, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("next_at", INSTANT, nullable=True),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "metric IN ('shipment', 'review', 'inspection', 'reshipment', 'ship_back', 'abnormal_delivery')",
            name=op.f("ck_clocks_metric_known"),
        ),
        sa.CheckConstraint("outcome IN ('met', 'breached', 'void')", name=op.f("ck_clocks_outcome_known")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (ended_at IS NULL)", name=op.f("ck_clocks_ended_has_outcome")
        ),
        sa.CheckConstraint(
            "next_at IS NULL OR ended_at IS NULL", name=op.f("ck_clocks_ended_is_not_looked_at")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
        sa.UniqueConstraint(
            "subject", "metric", "part", "seq", name=op.f("uq_clocks_subject_metric_part_seq")
        ),
    )
    op.create_index(
        "ix_clocks_open",
        "clocks",
        ["metric", "supplier_id", "due_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "ix_clocks_to_look_at",
        "clocks",
        ["shard", "next_at"],
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_table(
        "reminders",
        sa.Column("clock_id", sa.BigInteger(), nullable=False),
        sa.Column("level", TEXT, nullable=False),
        sa.Column("party", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("shard", sa.SmallInteger(), SHARD, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("reached_at", INSTANT, nullable=False),
        sa.Column("remind_at", INSTANT, nullable=False),
        sa.Column("batch_id", TEXT, nullable=True),
        sa.CheckConstraint(
            "party IN ('staff', 'principal', 'operations')", name=op.f("ck_reminders_party_known")
        ),
        sa.CheckConstraint(
            "state IN ('planned', 'told', 'moot', 'unaddressed')", name=op.f("ck_reminders_state_known")
        ),
        sa.ForeignKeyConstraint(["clock_id"], ["clocks.id"], name=op.f("fk_reminders_clock_id")),
        sa.PrimaryKeyConstraint("clock_id", "level", "party", name=op.f("pk_reminders")),
    )
    op.create_index(
        "ix_reminders_batch", "reminders", ["batch_id"], postgresql_where=sa.text("batch_id IS NOT NULL")
    )
    op.create_index(
        "ix_reminders_planned",
        "reminders",
        ["shard", "remind_at"],
        postgresql_where=sa.text("state = 'planned'"),
    )
    op.create_index(
        "ix_reminders_of_supplier",
        "reminders",
        ["supplier_id", "remind_at"],
        postgresql_where=sa.text("state = 'planned'"),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("contact_id", TEXT, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("phone", TEXT, nullable=True),
        sa.Column("wecom_user_id", TEXT, nullable=True),
        sa.Column("duty", JSON, nullable=True),
        sa.Column("set_by", TEXT, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.CheckConstraint("role IN ('staff', 'principal')", name=op.f("ck_contacts_role_known")),
        sa.PrimaryKeyConstraint("supplier_id", "contact_id", name=op.f("pk_contacts")),
    )
    op.create_table(
        "supplier_channels",
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("preferred", TEXT, nullable=False),
        sa.Column("wecom_robot_key", TEXT, nullable=True),
        sa.Column("dingtalk_token", TEXT, nullable=True),
        sa.Column("dingtalk_secret", TEXT, nullable=True),
        sa.Column("set_by", TEXT, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "preferred IN ('wecom', 'wecom_robot', 'dingtalk', 'sms', 'in_app')",
            name=op.f("ck_supplier_channels_preferred_known"),
        ),
        sa.PrimaryKeyConstraint("supplier_id", name=op.f("pk_supplier_channels")),
    )


def _notices() -> None:
    op.create_table(
        "notices",
        sa.Column("notice_id", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("channel", TEXT, nullable=False),
        sa.Column("supplier_id", TEXT, nullable=False),
        sa.Column("contact_id", TEXT, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("once", TEXT, nullable=True),
        sa.Column("fallback_of", TEXT, nullable=True),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("handed_at", INSTANT, nullable=True),
        sa.Column("settled_at", INSTANT, nullable=True),
        sa.Column("vendor_message_id", TEXT, nullable=True),
        sa.Column("error_code", TEXT, nullable=True),
        sa.Column("receipts", JSON, server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint(
            "channel IN ('wecom', 'wecom_robot', 'dingtalk', 'sms', 'in_app')",
            name=op.f("ck_notices_channel_known"),
        ),
        sa.CheckConstraint(
            "status IN ('waiting', 'asking', 'sent', 'delivered', 'undeliverable', 'failed',"
            " 'unknown', 'moot')",
            name=op.f("ck_notices_status_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_notices_attempts_not_negative")),
        sa.ForeignKeyConstraint(["fallback_of"], ["notices.notice_id"], name=op.f("fk_notices_fallback_of")),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notices")),
        sa.UniqueConstraint("seq", name=op.f("uq_notices_seq")),
    )
    op.create_index("ix_notices_supplier_id_seq", "notices", ["supplier_id", "seq"])
    op.create_index(
        "ix_notices_to_send",
        "notices",
        ["channel", "next_attempt_at", "seq"],
        postgresql_where=sa.text("status IN ('waiting', 'asking')"),
    )
    op.create_index(
        "ix_notices_handed",
        "notices",
        ["channel", "handed_at"],
        postgresql_where=sa.text("handed_at IS NOT NULL"),
    )
    op.create_index(
        "ix_notices_vendor",
        "notices",
        ["channel", "vendor_message_id"],
        postgresql_where=sa.text("vendor_message_id IS NOT NULL"),
    )
    op.create_index(
        "uq_notices_fallback_of",
        "notices",
        ["fallback_of"],
        unique=True,
        postgresql_where=sa.text("fallback_of IS NOT NULL"),
    )
    op.create_index(
        "uq_notices_once", "notices", ["once"], unique=True, postgresql_where=sa.text("once IS NOT NULL")
    )
    op.create_table(
        "daily_sms_runs",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("planned_at", INSTANT, nullable=True),
        sa.Column("reported_at", INSTANT, nullable=True),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("problems", JSON, server_default=sa.text("'[]'"), nullable=False),
        sa.CheckConstraint(
            "reported_at IS NULL OR planned_at IS NOT NULL", name=op.f("ck_daily_sms_runs_planned_first")
        ),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_daily_sms_runs")),
    )


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("audience", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("reader", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("link", TEXT, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("once", TEXT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("read_at", INSTANT, nullable=True),
        sa.CheckConstraint("audience IN ('customer', 'staff')", name=op.f("ck_notifications_audience_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_box", "notifications", ["audience", "owner", "reader", "id"])
    op.create_index(
        "ix_notifications_unread",
        "notifications",
        ["audience", "owner", "reader", "id"],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_index(
        "uq_notifications_once",
        "notifications",
        ["once"],
        unique=True,
        postgresql_where=sa.text("once IS NOT NULL"),
    )
