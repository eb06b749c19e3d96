"""Clocks in PostgreSQL: their events, and what they fold to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    Select,
    SmallInteger,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.clocks import CalendarVersion, Clock, ClockEvent, ClockEventKind, ClockKey, Standing
from mallcare.domain.metrics import Metric
from mallcare.domain.shipments import LineClaims
from mallcare.domain.vocabulary import Kind
from mallcare.persistence.clock_tables import TO_LOOK_AT
from mallcare.persistence.codec import Columns, Values, instant, utc
from mallcare.persistence.releases import goods_stay
from mallcare.persistence.statements import insert_rows, rows_parameter
from mallcare.persistence.tables import after_sales, clocks, orders, unit_holdings
from mallcare.ports.clocks import StoredClock, TimedClock
from mallcare.ports.timekeeping import shard_of

C, H, O = clocks.c, unit_holdings.c, orders.c  # noqa: E741 - tables, as in the other repositories
KEY = (C.subject, C.metric, C.part, C.seq)
STORED = [column.name for column in clocks.c if column.name not in ("id", "shard", "updated_at")]
LOOKED_AT = ("levels_done", "breach_recorded_at", "next_at")
SHARD = bindparam("of_shard", type_=SmallInteger())
MICROSECOND = timedelta(microseconds=1)

OF = (
    select(clocks)
    .where(C.subject == any_(bindparam("subjects", type_=ARRAY(Text()))))
    .order_by(*KEY)
    .with_for_update()
)
DUE = (
    select(clocks)
    .where(C.shard == SHARD, text(TO_LOOK_AT), C.next_at <= bindparam("now", type_=DateTime(timezone=True)))
    .order_by(C.next_at, C.id)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
)
NEXT = select(func.min(C.next_at)).where(C.shard == SHARD, text(TO_LOOK_AT))


def _write() -> Insert:
    new = insert_rows(clocks, STORED)
    replaced = {name: new.excluded[name] for name in STORED if clocks.c[name] not in KEY}
    return new.on_conflict_do_update(index_elements=list(KEY), set_={**replaced, "updated_at": func.now()})


WRITE = _write()
_given = rows_parameter(clocks, [column.name for column in (*KEY, *(clocks.c[name] for name in LOOKED_AT))])
_looked = _given.subquery("looked")
LOOK = (
    update(clocks)
    .where(*(column == _looked.c[column.name] for column in KEY))
    .values({name: _looked.c[name] for name in LOOKED_AT} | {"updated_at": func.now()})
)


def _claims() -> Select[*tuple[Any, ...]]:
    lines = func.jsonb_array_elements(O.lines).table_valued(column("value", JSONB())).lateral("line")
    line_id, quantity = (
        lines.c.value.op("->>")("line_id"),
        cast(lines.c.value.op("->>")("quantity"), Integer()),
    )
    of_line = (
        select(func.count().label("asked_back"), func.count().filter(H.decided).label("refunded"))
        .select_from(unit_holdings.outerjoin(after_sales, after_sales.c.after_sales_no == H.after_sales_no))
        .where(
            H.order_no == O.order_no,
            H.line_id == line_id,
            or_(
                H.after_sales_no.is_(None),
                (after_sales.c.kind == Kind.REFUND_ONLY.value) & ~goods_stay(after_sales),
            ),
        )
        .lateral("claimed")
    )
    return (
        select(O.order_no, line_id, quantity, of_line.c.asked_back, of_line.c.refunded)
        .select_from(orders.join(lines, true()).join(of_line, true()))
        .where(O.order_no == any_(bindparam("numbers", type_=ARRAY(Text()))))
    )


CLAIMS = _claims()


class SqlClocks:
    """See `ports.clocks.Clocks`. `soonest`: by shard, the earliest look that was written so far."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.soonest: dict[int, datetime] = {}

    async def of(self, subjects: Collection[str]) -> list[Clock]:
        """One statement; waits for a look that has them locked."""
        rows = (await self._connection.execute(OF, {"subjects": list(subjects)})).mappings()
        return [clock_of(row) for row in rows]

    async def write(self, timed: Sequence[TimedClock]) -> None:
        """One statement for any number."""
        if not timed:
            return
        ordered = sorted(timed, key=lambda one: _order(one.clock.key))
        await self._connection.execute(WRITE, {"rows": [clock_values(one) for one in ordered]})
        for one in timed:
            self._remember(one.clock.supplier_id, one.standing.next_at)

    async def claims(self, order_nos: Collection[str]) -> Mapping[str, Mapping[str, LineClaims]]:
        """Counted by units, in one statement."""
        claims: dict[str, dict[str, LineClaims]] = {number: {} for number in order_nos}
        for row in await self._connection.execute(CLAIMS, {"numbers": list(claims)}):
            claims[row[0]][row[1]] = LineClaims(row[2], row[3], row[4])
        return claims

    async def due(self, shard: int, now: datetime, limit: int) -> list[StoredClock]:
        """By the head of the index."""
        given = {"of_shard": shard, "now": now, "most": limit}
        rows = (await self._connection.execute(DUE, given)).mappings()
        return [StoredClock(row["id"], clock_of(row)) for row in rows]

    async def looked_at(self, timed: Sequence[TimedClock]) -> None:
        """One statement for a page."""
        if timed:
            rows = [clock_values(one) for one in timed]
            names = {column.name for column in KEY} | set(LOOKED_AT)
            slim = [{name: value for name, value in row.items() if name in names} for row in rows]
            await self._connection.execute(LOOK, {"rows": slim})

    async def next_look(self, shard: int) -> datetime | None:
        """By the head of the index."""
        return utc((await self._connection.execute(NEXT, {"of_shard": shard})).scalar_one())

    def _remember(self, supplier_id: str, next_at: datetime | None) -> None:
        if next_at is not None:
            shard = shard_of(supplier_id)
            self.soonest[shard] = min(next_at, self.soonest.get(shard, next_at))


def _order(key: ClockKey) -> tuple[str, str, str, int]:
    return (key.subject, key.metric.value, key.part, key.seq)


def clock_values(timed: TimedClock) -> Values:
    """The columns of a clock, without its number."""
    clock, standing = timed.clock, timed.standing
    return {
        "metric": clock.key.metric.value,
        "subject": clock.key.subject,
        "part": clock.key.part,
        "seq": clock.key.seq,
        "order_no": clock.order_no,
        "supplier_id": clock.supplier_id,
        "policy_version": clock.policy_version,
        "calendar_id": clock.calendar.calendar_id,
        "calendar_version": clock.calendar.version,
        "target": _interval(clock.target),
        "events": [
            {"id": event.event_id, "kind": event.kind.value, "at": event.at} for event in clock.events
        ],
        "alarmed_at": clock.alarmed_at,
        "levels_done": clock.levels_done,
        "breach_recorded_at": clock.breach_recorded_at,
        **_standing_values(standing),
    }


def _standing_values(standing: Standing) -> Values:
    return {
        "started_at": standing.started_at,
        "running_since": standing.running_since,
        "elapsed": _interval(standing.elapsed),
        "due_at": standing.due_at,
        "at_risk_at": standing.at_risk_at,
        "ended_at": standing.ended_at,
        "outcome": standing.outcome.value if standing.outcome else None,
        "next_at": standing.next_at,
    }


def clock_of(row: Columns) -> Clock:
    """The clock of a row."""
    return Clock(
        key=ClockKey(Metric(row["metric"]), row["subject"], row["part"], row["seq"]),
        order_no=row["order_no"],
        supplier_id=row["supplier_id"],
        policy_version=row["policy_version"],
        calendar=CalendarVersion(row["calendar_id"], row["calendar_version"]),
        target=row["target"],
        events=tuple(
            ClockEvent(event["id"], ClockEventKind(event["kind"]), instant(event["at"]))
            for event in row["events"]
        ),
        alarmed_at=utc(row["alarmed_at"]),
        levels_done=row["levels_done"],
        breach_recorded_at=utc(row["breach_recorded_at"]),
    )


def _interval(length: timedelta) -> str:
    return f"{length // MICROSECOND} microseconds"
