"""Tables of orders: snapshots, events, who holds which unit, and what was refunded outside of cases."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.vocabulary import Channel, OrderEventType
from mallcare.persistence.base import (
    NO,
    Base,
    Count,
    Fen,
    JsonArray,
    JsonObject,
    not_negative,
    one_of,
    table_of,
)
from mallcare.ports.timekeeping import TIMEKEEPERS

NOW = text("now()")
TO_RELEASE = "release_due_at IS NOT NULL"
"""Condition of an order that is still to be released; written alike in index and queries."""
UNTOLD_RELEASE = text("now() + interval '30 minutes'")
"""Of rows whose writer knows nothing of releases; everybody else names an instant, or NULL."""

SHARD = f"(('x' || substr(md5(supplier_id), 1, 8))::bit(32)::bigint % {TIMEKEEPERS})::smallint"
"""The timekeeper of a supplier, as `ports.timekeeping.shard_of` computes it."""


class OrderRow(Base):
    """The newest version of an order. Its row lock guards every unit and every tender of it."""

    __tablename__ = "orders"
    __table_args__ = (
        one_of("channel", Channel),
        not_negative("version"),
        not_negative("freight_fen"),
        Index("ix_orders_to_release", "shard", "release_due_at", postgresql_where=text(TO_RELEASE)),
    )

    order_no: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[Count]
    body_hash: Mapped[str]
    supplier_id: Mapped[str]
    channel: Mapped[str]
    customer_id: Mapped[str]
    placed_at: Mapped[datetime]
    paid_at: Mapped[datetime | None]
    freight_fen: Mapped[Fen]
    tenders: Mapped[JsonArray]
    discounts: Mapped[JsonArray]
    lines: Mapped[JsonArray]
    cells: Mapped[JsonObject | None]
    personal: Mapped[JsonObject]
    first_parcel_at: Mapped[datetime | None]
    shipped_at: Mapped[JsonObject] = mapped_column(server_default=text("'{}'"))
    delivered_at: Mapped[JsonObject]
    closed_at: Mapped[datetime | None]
    extended_until: Mapped[datetime | None]
    shard: Mapped[int] = mapped_column(SmallInteger(), Computed(SHARD, persisted=True))
    release_due_at: Mapped[datetime | None] = mapped_column(server_default=UNTOLD_RELEASE)
    released_at: Mapped[datetime | None]
    exchanged_units: Mapped[JsonArray] = mapped_column(server_default=text("'[]'"))
    received_at: Mapped[datetime] = mapped_column(server_default=NOW)
    updated_at: Mapped[datetime] = mapped_column(server_default=NOW)


class OrderEventRow(Base):
    """A report of the mall. No foreign key: an event may come before its order.

    `set_aside`: it speaks of a request's parcel, not of the order's own.
    """

    __tablename__ = "order_events"
    __table_args__ = (one_of("type", OrderEventType),)

    order_no: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    occurred_at: Mapped[datetime]
    waybill: Mapped[str | None]
    carrier: Mapped[str | None]
    line_ids: Mapped[JsonArray | None]
    refunded_lines: Mapped[JsonObject | None]
    detail: Mapped[JsonObject | None]
    set_aside: Mapped[bool] = mapped_column(server_default=NO)
    received_at: Mapped[datetime]


class UnitHoldingRow(Base):
    """A unit that is not free. The primary key is the last guard against holding it twice (A4).

    `after_sales_no` is NULL for a unit the mall refunded by itself.
    """

    __tablename__ = "unit_holdings"
    __table_args__ = (
        CheckConstraint("ordinal >= 1", name="ordinal_counts_from_one"),
        CheckConstraint("after_sales_no IS NOT NULL OR decided", name="mall_refund_is_decided"),
    )

    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"), primary_key=True)
    line_id: Mapped[str] = mapped_column(primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    after_sales_no: Mapped[str | None] = mapped_column(ForeignKey("after_sales.after_sales_no"))
    decided: Mapped[bool]


class MallRefundRow(Base):
    """Money the mall gave back by itself, by tender; it counts in every cap."""

    __tablename__ = "mall_refunds"
    __table_args__ = (
        not_negative("amount_fen"),
        Index(None, "provider", "transaction_id", postgresql_where=text("transaction_id IS NOT NULL")),
    )

    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"), primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    tender_seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount_fen: Mapped[Fen]
    provider: Mapped[str]
    transaction_id: Mapped[str | None]


class PaymentTransactionRow(Base):
    """A vendor's payment, perhaps shared by orders of several suppliers: a total, and a row to lock."""

    __tablename__ = "payment_transactions"
    __table_args__ = (not_negative("total_fen"),)

    provider: Mapped[str] = mapped_column(primary_key=True)
    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    total_fen: Mapped[Fen]


class WindowExtensionRow(Base):
    """One reopening of the customer's entry (A5). Never changed, never deleted."""

    __tablename__ = "window_extensions"
    __table_args__ = (Index(None, "order_no"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    order_no: Mapped[str] = mapped_column(ForeignKey("orders.order_no"))
    until: Mapped[datetime]
    reason: Mapped[str]
    actor_role: Mapped[str]
    actor_subject: Mapped[str]
    at: Mapped[datetime]


orders = table_of(OrderRow)
order_events = table_of(OrderEventRow)
unit_holdings = table_of(UnitHoldingRow)
mall_refunds = table_of(MallRefundRow)
payment_transactions = table_of(PaymentTransactionRow)
window_extensions = table_of(WindowExtensionRow)
