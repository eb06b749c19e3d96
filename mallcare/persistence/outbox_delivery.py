"""Working through the outbox: which messages are due, who holds them, what came of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Text,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from mallcare.persistence.engine import storage_errors
from mallcare.persistence.statements import rows_parameter
from mallcare.persistence.tables import PENDING, outgoing_messages
from mallcare.ports.storage import OutgoingMessage
from mallcare.ports.webhooks import ClaimedMessage, MessageStatus, Settlement, Shard

LOOK_AT: Final = 64
"""Due messages looked at in a turn, besides the room; what cannot leave yet is put behind its head."""
LOOK_AGAIN: Final = timedelta(seconds=1)

M = outgoing_messages.c
INSTANT = DateTime(timezone=True)
NOW: ColumnElement[datetime] = bindparam("now", type_=INSTANT)
UNCLAIMED = or_(M.claimed_until.is_(None), M.claimed_until <= NOW)

_settled = rows_parameter(
    outgoing_messages, ["id", "status", "next_attempt_at", "claimed_until", "delivered_at", "last_error"]
).subquery("settled")
SETTLE = (
    update(outgoing_messages)
    .where(
        M.id == _settled.c.id,
        text(f"outgoing_messages.{PENDING}"),
        # The claim is the right to write: whoever lost it must not decide what the next holder does.
        M.claimed_until == _settled.c.claimed_until,
    )
    .values(
        status=_settled.c.status,
        next_attempt_at=_settled.c.next_attempt_at,
        claimed_until=None,
        delivered_at=_settled.c.delivered_at,
        last_error=_settled.c.last_error,
    )
    .returning(M.subject)
)

_head = (
    select(func.min(M.seq))
    .where(M.subject == func.any(bindparam("subjects", type_=ARRAY(Text()))), text(PENDING))
    .group_by(M.subject)
)
BRING_FORWARD = (
    update(outgoing_messages).where(M.seq.in_(_head), UNCLAIMED, M.attempts == 0).values(next_attempt_at=NOW)
)

DUE = (
    select(M.id, M.subject, M.seq)
    .where(
        text(PENDING),
        M.next_attempt_at <= NOW,
        UNCLAIMED,
        # hashtext is any int: its sign bit is cleared before the division.
        func.hashtext(M.subject).op("&")(literal_column("2147483647"))
        % bindparam("of", type_=Integer())
        == bindparam("number", type_=Integer()),
    )
    .order_by(M.next_attempt_at, M.seq)
    .limit(bindparam("look_at", type_=Integer()))
    .with_for_update(skip_locked=True)
)
SUBJECTS = (
    select(
        M.subject,
        func.min(M.seq).label("head"),
        func.max(case((M.claimed_until > NOW, M.claimed_until))).label("busy_until"),
        func.min(M.next_attempt_at).label("next_attempt_at"),
    )
    .where(M.subject == func.any(bindparam("subjects", type_=ARRAY(Text()))), text(PENDING))
    .group_by(M.subject)
)
