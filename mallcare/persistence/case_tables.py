"""Tables of after-sales cases: the case, its record, its commands, its refund legs, its policies.

Its parcels, addresses and evidence are in `goods_tables`.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.vocabulary import (
    FINAL_STATES,
    DeadlineEffect,
    Kind,
    LegStatus,
    Role,
    State,
    TenderKind,
)
from mallcare.persistence.base import NO, Base, Fen, JsonArray, JsonObject, one_of, quoted, table_of

LIVE = f"state NOT IN ({quoted(state for state in State if state in FINAL_STATES)})"
"""Condition of a case that has not ended; written alike in indexes and queries, so that they meet."""
OPEN = f"status IN ({quoted(status for status in LegStatus if status.open)})"
"""Condition of a leg whose vendor still has to be asked."""


class AfterSalesRow(Base):
    """A case at its newest version.

    `told_version`: what its workflow was told of. `checked_at`: when the sweeper last looked.
    `auto_refunded_at`: when the system decided its refund without a person.
    """

    __tablename__ = "after_sales"
    __table_args__ = (
        one_of("kind", Kind),
        one_of("state", State),
        one_of("deadline_effect", DeadlineEffect),
        CheckConstraint("version >= 1", name="version_counts_from_one"),
        CheckConstraint("told_version BETWEEN 0 AND version", name="told_version_exists"),
        CheckConstraint("(deadline_at IS NULL) = (deadline_effect IS NULL)", name="deadline_has_effect"),
        CheckConstraint(f"deadline_at IS NULL OR {LIVE}", name="final_has_no_deadline"),
        Index(None, "created_at", "after_sales_no"),
        Index(None, "supplier_id", "created_at", "after_sales_no"),
        Index(None, "customer_id", "created_at", "after_sales_no"),
        Index(None, "order_no", "created_at", "after_sales_no"),
        Index(None, "state", "created_at", "after_sales_no"),
        Index("ix_after_sales_live", "created_at", "after_sales_no", postgresql_where=text(LIVE)),
        Index("ix_after_sales_due", "deadline_at", postgresql_where=text("deadline_at IS NOT NULL")),
        Index("ix_after_sales_untold", "updated_at", postgresql_where=text("told_version < version")),
        Index("ix_after_sales_unchecked", "checked_at", postgresql_where=text(LIVE)),
        Index(
            "ix_after_sales_auto_refunds_of_customer",
            "customer_id",
            "auto_refunded_at",
            postgresql_where=text("auto_refunded_at IS NOT NULL"),
        ),
        Index(
            "ix_after_sales_auto_refunds_of_supplier",
            "supplier_id",
            "auto_refunded_at",
            postgresql_where=text("auto_refunded_at IS NOT NULL"),
        ),
    )

    after_sales_no: Mapped[str] = mapped_column(primary_key=True)
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"))
    supplier_id: Mapped[str]
    customer_id: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    version: Mapped[int]
    whole_order: Mapped[bool]
    lines: Mapped[JsonArray]
    quote: Mapped[JsonObject]
    reason_code: Mapped[str]
    description: Mapped[str | None]
    evidence: Mapped[JsonArray]
    policy_version: Mapped[int] = mapped_column(ForeignKey("after_sales_policies.version"))
    disputed: Mapped[bool]
    cooling_off: Mapped[bool]
    intercept: Mapped[bool] = mapped_column(server_default=NO)
    escalated_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    deadline_effect: Mapped[str | None]
    extended_until: Mapped[datetime | None]
    refund_decided_at: Mapped[datetime | None]
    proposal: Mapped[JsonObject | None]
    return_address_set: Mapped[bool] = mapped_column(server_default=NO)
    inspected_at: Mapped[datetime | None]
    missing_reported: Mapped[bool] = mapped_column(server_default=NO)
    taken_over: Mapped[bool] = mapped_column(server_default=NO)
    settlement: Mapped[JsonObject | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    told_version: Mapped[int] = mapped_column(server_default=text("0"))
    checked_at: Mapped[datetime]
    auto_refunded_at: Mapped[datetime | None]


class AfterSalesEventRow(Base):
    """A line of a case's record; refused commands leave one too. Only ever appended."""

    __tablename__ = "after_sales_events"
    __table_args__ = (one_of("actor_role", Role), Index(None, "after_sales_no", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"))
    version: Mapped[int]
    name: Mapped[str]
    command_id: Mapped[str | None]
    actor_role: Mapped[str]
    actor_subject: Mapped[str]
    at: Mapped[datetime]
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    refused_code: Mapped[str | None]
    facts: Mapped[JsonObject]


class AfterSalesCommandRow(Base):
    """The outcome of a command, so that its repetition gets the same answer. `code`: refused with it."""

    __tablename__ = "after_sales_commands"
    __table_args__ = (one_of("actor_role", Role),)

    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"), primary_key=True)
    actor_role: Mapped[str] = mapped_column(primary_key=True)
    command_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    body_hash: Mapped[str]
    actor_subject: Mapped[str]
    at: Mapped[datetime]
    version: Mapped[int]
    code: Mapped[str | None]
    detail: Mapped[str]
    facts: Mapped[JsonObject]


class RefundLegRow(Base):
    """Money on its way back over one tender, written before the vendor is asked."""

    __tablename__ = "refund_legs"
    __table_args__ = (
        one_of("tender", TenderKind),
        one_of("status", LegStatus),
        CheckConstraint("amount_fen > 0", name="amount_fen_positive"),
        CheckConstraint("tender_seq >= 0", name="tender_seq_not_negative"),
        CheckConstraint("round >= 1", name="round_counts_from_one"),
        CheckConstraint(f"(settled_at IS NULL) = ({OPEN})", name="settled_or_open"),
        UniqueConstraint("after_sales_no", "tender_seq"),
        Index(None, "order_no"),
        Index(None, "provider", "transaction_id", postgresql_where=text("transaction_id IS NOT NULL")),
        Index("ix_refund_legs_open", "created_at", postgresql_where=text(OPEN)),
        Index("ix_refund_legs_settled", "settled_at", postgresql_using="brin"),
    )

    refund_no: Mapped[str] = mapped_column(primary_key=True)
    after_sales_no: Mapped[str] = mapped_column(ForeignKey("after_sales.after_sales_no"))
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"))
    tender_seq: Mapped[int]
    tender: Mapped[str]
    provider: Mapped[str]
    transaction_id: Mapped[str | None]
    amount_fen: Mapped[Fen]
    status: Mapped[str]
    failure_code: Mapped[str | None]
    vendor_refund_id: Mapped[str | None]
    round: Mapped[int]
    created_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_offline: Mapped[bool] = mapped_column(server_default=NO)


class AfterSalesPolicyRow(Base):
    """A version of the policy, for one supplier or (NULL) for all without their own. Never changed."""

    __tablename__ = "after_sales_policies"
    __table_args__ = (Index(None, "supplier_id", "version"),)

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    supplier_id: Mapped[str | None]
    body: Mapped[JsonObject]
    created_by: Mapped[str]
    created_at: Mapped[datetime]


after_sales = table_of(AfterSalesRow)
after_sales_events = table_of(AfterSalesEventRow)
after_sales_commands = table_of(AfterSalesCommandRow)
refund_legs = table_of(RefundLegRow)
after_sales_policies = table_of(AfterSalesPolicyRow)
