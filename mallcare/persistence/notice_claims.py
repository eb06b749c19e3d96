"""Which notices of a channel are due, who works on them, and how many an address still takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Integer,
    Row,
    Text,
    and_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.contacts import Channel
from mallcare.domain.notices import NoticeKind, NoticeStatus
from mallcare.persistence.notice_tables import HANDED, TO_SEND
from mallcare.persistence.statements import rows_parameter
from mallcare.persistence.tables import contacts, notices, supplier_channels
from mallcare.ports.notices import AddressQuota

LOOKS: Final = 10
"""Pages of due notices that are looked at; on and on only while all of a page must wait."""
N, C, H = notices.c, contacts.c, supplier_channels.c
INSTANT = DateTime(timezone=True)
NOW = bindparam("now", type_=INSTANT)
SINCE = bindparam("since", type_=INSTANT)
OVER = bindparam("over", type_=Text())
TO_BE_SENT = text(f"notices.{TO_SEND}")
KNOWN = N.kind.in_([kind.value for kind in NoticeKind])
"""What a newer version writes beside this one, as during an upgrade, is left to its workers."""
WAS_HANDED = text(f"notices.{HANDED}")
UNCLAIMED = or_(N.claimed_until.is_(None), N.claimed_until <= NOW)

DUE = (
    select(N.notice_id)
    .where(TO_BE_SENT, N.channel == OVER, KNOWN, N.next_attempt_at <= NOW, UNCLAIMED)
    .order_by(N.next_attempt_at, N.seq)
    .limit(bindparam("look_at", type_=Integer()))
    .with_for_update(skip_locked=True)
)
NEXT_DUE = select(func.min(func.greatest(N.next_attempt_at, N.claimed_until))).where(
    TO_BE_SENT, N.channel == OVER, KNOWN
)
CLAIM = (
    update(notices)
    .where(N.notice_id == func.any(bindparam("ids", type_=ARRAY(Text()))))
    .values(claimed_until=bindparam("until", type_=INSTANT))
    .returning(*N)
)
_put_off = rows_parameter(notices, ["notice_id", "next_attempt_at"]).subquery("put_off")
PUT_OFF = (
    update(notices)
    .where(N.notice_id == _put_off.c.notice_id)
    .values(next_attempt_at=_put_off.c.next_attempt_at)
)

ADDRESSES: dict[Channel, ColumnElement[str]] = {
    Channel.WECOM: C.wecom_user_id,
    Channel.WECOM_ROBOT: H.wecom_robot_key,
    Channel.DINGTALK: H.dingtalk_token,
    Channel.SMS: C.phone,
}
"""What a vendor counts by: people and groups, whichever supplier they are told of."""


def _address(channel: Channel) -> ColumnElement[str]:
    nobody = func.concat(N.supplier_id, "/", N.contact_id)
    return func.coalesce(ADDRESSES[channel], nobody).label("address")


def _addressed() -> FromClause:
    person = and_(C.supplier_id == N.supplier_id, C.contact_id == N.contact_id)
    group = H.supplier_id == N.supplier_id
    return notices.outerjoin(contacts, person).outerjoin(supplier_channels, group)


async def claim(
    connection: AsyncConnection,
    channel: Channel,
    room: int,
    now: datetime,
    until: datetime,
    quota: AddressQuota | None,
) -> Sequence[Row[*tuple[Any, ...]]]:
    """See `ports.notices.Notices.claim`; the longest due first."""
    chosen: list[str] = []
    for _ in range(LOOKS):
        look_at = 4 * room
        given = {"over": channel.value, "now": now, "look_at": look_at}
        due = list((await connection.execute(DUE, given)).scalars())
        chosen = await _within(connection, channel, due, now, quota) if quota and due else due
        if chosen or len(due) < look_at:
            break
    if not chosen:
        return []
    claimed = await connection.execute(CLAIM, {"ids": chosen[:room], "until": until})
    return sorted(claimed, key=lambda row: (row.next_attempt_at, row.seq))


async def next_due(connection: AsyncConnection, channel: Channel) -> datetime | None:
    """See `ports.notices.Notices.next_due`."""
    return (await connection.execute(NEXT_DUE, {"over": channel.value})).scalar_one()


async def _within(
    connection: AsyncConnection, channel: Channel, due: Sequence[str], now: datetime, quota: AddressQuota
) -> list[str]:
    """Those of the due ones that their addresses still take; the others come one window later each."""
    address = _address(channel)
    lately = or_(
        and_(WAS_HANDED, N.handed_at > SINCE),
        and_(TO_BE_SENT, N.status == NoticeStatus.WAITING.value, N.claimed_until > NOW),
    )
    counts = (
        select(address, func.count().label("n"))
        .select_from(_addressed())
        .where(N.channel == OVER, lately)
        .group_by(address)
    )
    given = {"over": channel.value, "now": now, "since": now - quota.window}
    taken = Counter({row.address: row.n for row in await connection.execute(counts, given)})
    of = (
        select(N.notice_id, N.status, address)
        .select_from(_addressed())
        .where(N.notice_id == func.any(bindparam("ids", type_=ARRAY(Text()))))
    )
    rows = {row.notice_id: row for row in await connection.execute(of, {"ids": list(due)})}
    free: list[str] = []
    put_off: list[dict[str, object]] = []
    for notice_id in due:
        row = rows[notice_id]
        if row.status == NoticeStatus.ASKING.value:  # counted when it was handed over
            free.append(notice_id)
            continue
        if taken[row.address] < quota.most:
            free.append(notice_id)
        else:
            later = now + quota.window * (taken[row.address] // quota.most)
            put_off.append({"notice_id": notice_id, "next_attempt_at": later})
        taken[row.address] += 1
    if put_off:
        await connection.execute(PUT_OFF, {"rows": put_off})
    return free
