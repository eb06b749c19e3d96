"""Tables of what people are told: reminders planned, notices sent, the notification centre, whom to reach."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.domain.contacts import Channel, ContactRole
from mallcare.domain.notices import NoticeStatus
from mallcare.domain.notifications import Audience
from mallcare.domain.reminders import ReminderState
from mallcare.domain.timeliness import Party
from mallcare.persistence.base import Base, JsonArray, JsonObject, not_negative, one_of, table_of
from mallcare.persistence.order_tables import SHARD

PLANNED = f"state = '{ReminderState.PLANNED}'"
"""Condition of a reminder that nobody has been sent yet; written alike in indexes and queries."""
TO_SEND = f"status IN ('{NoticeStatus.WAITING}', '{NoticeStatus.ASKING}')"
"""Condition of a notice that is to be handed to its vendor, or to be asked for there."""
HANDED = "handed_at IS NOT NULL"
"""Condition of a notice that was handed to its vendor, or is being handed."""


class ContactRow(Base):
    """A person at a supplier, as the supplier or operations last set them. Personal data."""

    __tablename__ = "contacts"
    __table_args__ = (one_of("role", ContactRole),)

    supplier_id: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    name: Mapped[str]
    phone: Mapped[str | None]
    wecom_user_id: Mapped[str | None]
    duty: Mapped[JsonArray | None]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class SupplierChannelsRow(Base):
    """How a supplier wants to be reached. Robots' keys and secrets are kept like personal data."""

    __tablename__ = "supplier_channels"
    __table_args__ = (one_of("preferred", Channel),)

    supplier_id: Mapped[str] = mapped_column(primary_key=True)
    preferred: Mapped[str]
    wecom_robot_key: Mapped[str | None]
    dingtalk_token: Mapped[str | None]
    dingtalk_secret: Mapped[str | None]
    set_by: Mapped[str]
    set_at: Mapped[datetime]


class ReminderRow(Base):
    """A rung of a clock's ladder that was reached: once for each clock, level and party, for ever.

    `remind_at`: not before; `batch_id`: the notices that tell of it share it.
    """

    __tablename__ = "reminders"
    __table_args__ = (
        one_of("party", Party),
        one_of("state", ReminderState),
        Index("ix_reminders_planned", "shard", "remind_at", postgresql_where=text(PLANNED)),
        Index("ix_reminders_of_supplier", "supplier_id", "remind_at", postgresql_where=text(PLANNED)),
        Index("ix_reminders_batch", "batch_id", postgresql_where=text("batch_id IS NOT NULL")),
    )

    clock_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("clocks.id"), primary_key=True)
    level: Mapped[str] = mapped_column(primary_key=True)
    party: Mapped[str] = mapped_column(primary_key=True)
    supplier_id: Mapped[str]
    shard: Mapped[int] = mapped_column(SmallInteger(), Computed(SHARD, persisted=True))
    state: Mapped[str]
    reached_at: Mapped[datetime]
    remind_at: Mapped[datetime]
    batch_id: Mapped[str | None]


class NoticeRow(Base):
    """One message to one person over one channel, with what became of it. Holds no address and no text.

    `facts`: what it tells, without personal data. `once`: what it may be sent for only once.
    `fallback_of`: the notice that did not arrive, in whose place this one goes out.
    """

    __tablename__ = "notices"
    __table_args__ = (
        one_of("channel", Channel),
        one_of("status", NoticeStatus),
        not_negative("attempts"),
        Index("uq_notices_once", "once", unique=True, postgresql_where=text("once IS NOT NULL")),
        Index(
            "uq_notices_fallback_of",
            "fallback_of",
            unique=True,
            postgresql_where=text("fallback_of IS NOT NULL"),
        ),
        Index("ix_notices_to_send", "channel", "next_attempt_at", "seq", postgresql_where=text(TO_SEND)),
        Index("ix_notices_handed", "channel", "handed_at", postgresql_where=text(HANDED)),
        Index(
            "ix_notices_vendor",
            "channel",
            "vendor_message_id",
            postgresql_where=text("vendor_message_id IS NOT NULL"),
        ),
        Index(None, "supplier_id", "seq"),
    )

    notice_id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    kind: Mapped[str]
    channel: Mapped[str]
    supplier_id: Mapped[str]
    contact_id: Mapped[str]
    facts: Mapped[JsonObject]
    once: Mapped[str | None]
    fallback_of: Mapped[str | None] = mapped_column(ForeignKey("notices.notice_id"))
    status: Mapped[str]
    created_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    handed_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    vendor_message_id: Mapped[str | None]
    error_code: Mapped[str | None]
    receipts: Mapped[JsonArray] = mapped_column(server_default=text("'[]'"))


class NotificationRow(Base):
    """A message in the notification centre (站内信). `owner`: a customer, or a supplier with its `reader`.

    `once`: written once for ever, however often its cause is repeated.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        one_of("audience", Audience),
        Index("uq_notifications_once", "once", unique=True, postgresql_where=text("once IS NOT NULL")),
        Index("ix_notifications_box", "audience", "owner", "reader", "id"),
        Index(
            "ix_notifications_unread",
            "audience",
            "owner",
            "reader",
            "id",
            postgresql_where=text("read_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    audience: Mapped[str]
    owner: Mapped[str]
    reader: Mapped[str]
    kind: Mapped[str]
    link: Mapped[str]
    facts: Mapped[JsonObject]
    once: Mapped[str | None]
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]


class DailySmsRunRow(Base):
    """The daily SMS of one local day (T4): begun, planned for all suppliers, and reported."""

    __tablename__ = "daily_sms_runs"
    __table_args__ = (CheckConstraint("reported_at IS NULL OR planned_at IS NOT NULL", name="planned_first"),)

    day: Mapped[date] = mapped_column(Date(), primary_key=True)
    started_at: Mapped[datetime]
    planned_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]
    counts: Mapped[JsonObject]
    """Suppliers, notices planned, and by what became of them: sent, failed, unknown."""
    problems: Mapped[JsonArray] = mapped_column(server_default=text("'[]'"))


contacts = table_of(ContactRow)
supplier_channels = table_of(SupplierChannelsRow)
reminders = table_of(ReminderRow)
notices = table_of(NoticeRow)
notifications = table_of(NotificationRow)
daily_sms_runs = table_of(DailySmsRunRow)
