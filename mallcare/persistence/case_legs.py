"""Refund legs of cases, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import DateTime, Text, bindparam, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import SYSTEM, AfterSalesCase
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import LegStatus
from mallcare.persistence.case_codec import leg_values, refund_leg
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import after_sales, after_sales_events, refund_legs

NUMBER = bindparam("number", type_=Text())
ADD = insert_rows(refund_legs, [column.name for column in refund_legs.c])
FIND = select(refund_legs).where(refund_legs.c.refund_no == NUMBER)
SAVE = update(refund_legs).where(refund_legs.c.refund_no == NUMBER)
MARK_UNCLEAR = (
    SAVE.where(refund_legs.c.status == LegStatus.PENDING.value)
    .values(status=LegStatus.UNKNOWN.value)
    .returning(refund_legs.c.refund_no, refund_legs.c.after_sales_no)
    .cte("marked")
)
NOTE_UNCLEAR = (
    insert(after_sales_events)
    .from_select(
        [
            *("after_sales_no", "version", "name", "actor_role", "actor_subject"),
            *("at", "from_state", "to_state", "facts"),
        ],
        select(
            after_sales.c.after_sales_no,
            after_sales.c.version,
            literal("refund_unclear"),
            literal(SYSTEM.role.value),
            literal(SYSTEM.subject),
            bindparam("now", type_=DateTime(timezone=True)),
            after_sales.c.state,
            after_sales.c.state,
            func.jsonb_build_object("refund_no", MARK_UNCLEAR.c.refund_no),
        ).join_from(MARK_UNCLEAR, after_sales, MARK_UNCLEAR.c.after_sales_no == after_sales.c.after_sales_no),
    )
    .returning(after_sales_events.c.id)
)


async def write_legs(
    connection: AsyncConnection, before: AfterSalesCase | None, after: AfterSalesCase
) -> None:
    """Write legs that are new or changed."""
    known = {leg.refund_no: leg for leg in before.legs} if before is not None else {}
    await _add(connection, after, [leg for leg in after.legs if leg.refund_no not in known])
    for leg in after.legs:
        if leg.refund_no in known and leg != known[leg.refund_no]:
            await connection.execute(SAVE.values(leg_values(leg)), {"number": leg.refund_no})


async def _add(connection: AsyncConnection, case: AfterSalesCase, legs: Sequence[RefundLeg]) -> None:
    owner = {
        "after_sales_no": case.after_sales_no,
        "order_no": case.order_no,
        "created_at": case.updated_at,
    }
    if legs:
        await connection.execute(ADD, {"rows": [leg_values(leg) | owner for leg in legs]})


async def find_leg(connection: AsyncConnection, refund_no: str) -> tuple[str, RefundLeg] | None:
    """A leg and its case's number, as last committed."""
    found = (await connection.execute(FIND, {"number": refund_no})).mappings().one_or_none()
    return None if found is None else (found["after_sales_no"], refund_leg(found))


async def mark_unclear(connection: AsyncConnection, refund_no: str, now: datetime) -> bool:
    """One statement that needs no lock before it: the version of the case does not change."""
    noted = await connection.execute(NOTE_UNCLEAR, {"number": refund_no, "now": now})
    return noted.scalar_one_or_none() is not None
