"""Tables that belong to no order or case: stop switches, first answers, outgoing messages."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from mallcare.persistence.base import Base, JsonObject, not_negative, one_of, table_of
from mallcare.ports.webhooks import MessageStatus

PENDING = f"status = '{MessageStatus.PENDING}'"
"""Condition of a message still to be delivered; written alike in indexes and queries."""


class SwitchRow(Base):
    """A stop switch as operations last set it. No row: never stopped."""

    __tablename__ = "switches"

    name: Mapped[str] = mapped_column(primary_key=True)
    stopped: Mapped[bool]
    reason: Mapped[str]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class IdempotencyKeyRow(Base):
    """The first answer to a caller's Idempotency-Key."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        CheckConstraint("status BETWEEN 100 AND 599", name="status_is_http"),
        Index(None, "created_at"),
    )

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_hash: Mapped[str]
    status: Mapped[int]
    body: Mapped[JsonObject]
    created_at: Mapped[datetime]


class OutgoingMessageRow(Base):
    """A webhook to be. Within a subject messages leave in the order of `seq`, one at a time."""

    __tablename__ = "outgoing_messages"
    __table_args__ = (
        one_of("status", MessageStatus),
        not_negative("attempts"),
        CheckConstraint("(delivered_at IS NOT NULL) = (status = 'delivered')", name="delivered_or_not"),
        Index("ix_outgoing_messages_queue", "next_attempt_at", "seq", postgresql_where=text(PENDING)),
        Index("ix_outgoing_messages_subject", "subject", "seq"),
        Index("ix_outgoing_messages_dead", "seq", postgresql_where=text(f"status = '{MessageStatus.DEAD}'")),
        Index("ix_outgoing_messages_time", "occurred_at", postgresql_using="brin"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    subject: Mapped[str]
    type: Mapped[str]
    data: Mapped[JsonObject]
    occurred_at: Mapped[datetime]
    status: Mapped[str] = mapped_column(server_default=text("'pending'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    last_error: Mapped[str | None]


switches = table_of(SwitchRow)
idempotency_keys = table_of(IdempotencyKeyRow)
outgoing_messages = table_of(OutgoingMessageRow)
