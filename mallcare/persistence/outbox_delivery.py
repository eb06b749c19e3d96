"""Working through the outbox: which messages are due, who holds them, what came of them.

Messages of one subject are numbered (`seq`) in the order of their commits, because whoever adds one
holds the lock of the case it tells of. The first pending one of a subject is its head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    DateTime,
    Integer,
    Row,
    Text,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.persistence.codec import instant
from mallcare.persistence.statements import rows_parameter
from mallcare.persistence.tables import PENDING, outgoing_messages
from mallcare.ports.records import OutgoingMessage
from mallcare.ports.webhooks import ClaimedMessage, MessageStatus, Settlement, Shard

LOOKS: Final = (2, 16, *(128,) * 8)
"""Due messages looked at, in multiples of the room; on and on only while all of them must wait."""
LOOK_AGAIN: Final = timedelta(seconds=1)
"""Least time for which a message that must wait is out of sight."""

M = outgoing_messages.c
IS_PENDING = text(f"outgoing_messages.{PENDING}")
STILL_PENDING = M.status.not_in((MessageStatus.DELIVERED.value, MessageStatus.DEAD.value))
"""The same in other words: one subject's rows are found by its index, not among all that is pending."""
INSTANT = DateTime(timezone=True)
NOW = bindparam("now", type_=INSTANT)
UNCLAIMED = or_(M.claimed_until.is_(None), M.claimed_until <= NOW)

# The planner learns late that a backlog has grown, and would sort all of it to find the first few.
BY_INDEX = select(
    func.set_config("enable_bitmapscan", "off", True), func.set_config("enable_sort", "off", True)
)

_settled = rows_parameter(
    outgoing_messages, ["id", "status", "next_attempt_at", "claimed_until", "delivered_at", "last_error"]
).subquery("settled")
SETTLE = (
    update(outgoing_messages)
    .where(
        M.id == _settled.c.id,
        IS_PENDING,
        # The claim is the right to write: whoever lost it must not decide for the next holder.
        M.claimed_until == _settled.c.claimed_until,
    )
    .values(
        status=_settled.c.status,
        next_attempt_at=_settled.c.next_attempt_at,
        claimed_until=None,
        delivered_at=_settled.c.delivered_at,
        last_error=_settled.c.last_error,
    )
    .returning(M.subject, M.status)
)

_wanted = select(func.unnest(bindparam("subjects", type_=ARRAY(Text()))).label("subject")).subquery("wanted")
_head = (
    select(M.id, M.seq, M.next_attempt_at)
    .where(M.subject == _wanted.c.subject, STILL_PENDING)
    .order_by(M.seq)
    .limit(1)
    .lateral("head")
)
_freed = (  # locked in order, so that two transactions never wait for each other
    select(M.id)
    .where(M.id.in_(select(_head.c.id).select_from(_wanted.join(_head, true()))), UNCLAIMED)
    .order_by(M.seq)
    .with_for_update()
    .cte("freed")
)
BRING_FORWARD = update(outgoing_messages).where(M.id == _freed.c.id).values(next_attempt_at=NOW)

_place = func.mod(  # hashtext is any int: without its sign bit
    func.hashtext(M.subject).op("&")(literal_column("2147483647")), bindparam("of", type_=Integer())
)
DUE = (
    select(M.id, M.subject, M.seq)
    .where(IS_PENDING, M.next_attempt_at <= NOW, UNCLAIMED, _place == bindparam("number", type_=Integer()))
    .order_by(M.next_attempt_at, M.seq)
    .limit(bindparam("look_at", type_=Integer()))
    .with_for_update(skip_locked=True)
)
_busy_until = (
    select(func.max(M.claimed_until))
    .where(M.subject == _wanted.c.subject, STILL_PENDING, M.claimed_until > NOW)
    .correlate(_wanted)
    .scalar_subquery()
)
HEADS = select(
    _wanted.c.subject, _head.c.seq, _head.c.next_attempt_at, _busy_until.label("busy_until")
).select_from(_wanted.join(_head, true()))
CLAIM = (
    update(outgoing_messages)
    .where(M.id == func.any(bindparam("ids", type_=ARRAY(Text()))))
    .values(claimed_until=bindparam("until", type_=INSTANT), attempts=M.attempts + 1)
    .returning(*(M[name] for name in ("id", "seq", "subject", "type", "occurred_at", "data", "attempts")))
)
_waiting = rows_parameter(outgoing_messages, ["id", "next_attempt_at"]).subquery("waiting")
PUT_BACK = (
    update(outgoing_messages).where(M.id == _waiting.c.id).values(next_attempt_at=_waiting.c.next_attempt_at)
)


async def claim(
    connection: AsyncConnection, shard: Shard, *, room: int, now: datetime, until: datetime
) -> list[ClaimedMessage]:
    """See `ports.storage.Outbox.claim`.

    A message behind its head is put off until the head's next attempt, and brought forward when the
    head is settled: what must wait costs nothing at each look.
    """
    await connection.execute(BY_INDEX)
    for times in LOOKS:
        look_at = room * times
        due = (await connection.execute(DUE, _due(shard, look_at, now))).all()
        heads = await _claimable(connection, due, now)
        if heads:
            return await _claim(connection, heads[:room], until)
        if len(due) < look_at:
            break
    return []


def _due(shard: Shard, look_at: int, now: datetime) -> dict[str, object]:
    return {"of": shard.of, "number": shard.number, "look_at": look_at, "now": now}


async def settle(connection: AsyncConnection, settled: Sequence[Settlement], now: datetime) -> None:
    """See `ports.storage.Outbox.settle`."""
    rows = [
        {
            "id": one.claimed.message.message_id,
            "status": one.status.value,
            "next_attempt_at": one.next_attempt_at,
            "claimed_until": one.claimed.claimed_until,
            "delivered_at": one.at if one.status is MessageStatus.DELIVERED else None,
            "last_error": one.error,
        }
        for one in settled
    ]
    written = await connection.execute(SETTLE, {"rows": rows})
    freed = [row.subject for row in written if row.status != MessageStatus.PENDING]
    if freed:
        await connection.execute(BRING_FORWARD, {"subjects": freed, "now": now})


async def _claimable(
    connection: AsyncConnection, due: Sequence[Row[*tuple[Any, ...]]], now: datetime
) -> list[str]:
    """Ids of the due messages that may leave; the others are put behind what they wait for.

    The heads are read after the due messages were locked: a head that is settled meanwhile cannot bring
    forward a message that we are about to put back.
    """
    if not due:
        return []
    subjects = list({row.subject for row in due})
    found = await connection.execute(HEADS, {"subjects": subjects, "now": now})
    heads = {row.subject: row for row in found}
    free: list[str] = []
    waiting: list[dict[str, object]] = []
    for row in due:
        head = heads[row.subject]
        if row.seq == head.seq and head.busy_until is None:
            free.append(row.id)
        else:
            later = max(head.next_attempt_at, head.busy_until or now, now + LOOK_AGAIN)
            waiting.append({"id": row.id, "next_attempt_at": later})
    if waiting:
        await connection.execute(PUT_BACK, {"rows": waiting})
    return free


async def _claim(connection: AsyncConnection, ids: Sequence[str], until: datetime) -> list[ClaimedMessage]:
    rows = await connection.execute(CLAIM, {"ids": list(ids), "until": until})
    return [
        ClaimedMessage(
            OutgoingMessage(row.id, row.subject, row.type, instant(row.occurred_at), row.data),
            row.attempts,
            until,
        )
        for row in sorted(rows, key=lambda row: row.seq)
    ]
