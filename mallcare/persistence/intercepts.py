"""Intercepts in PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Select, Text, bindparam, insert, literal, or_, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.errors import InvalidInput
from mallcare.domain.intercepts import Intercept, InterceptLine, InterceptStatus, InterceptStep
from mallcare.domain.vocabulary import Kind
from mallcare.persistence.base import quoted
from mallcare.persistence.case_codec import PAST_PIVOT, case_of
from mallcare.persistence.codec import Columns, Values, actor_of, actor_values, instant, utc
from mallcare.persistence.statements import CASES
from mallcare.persistence.tables import after_sales, intercepts
from mallcare.ports.intercepts import InterceptFilter
from mallcare.ports.queries import Page

T = intercepts.c
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CURSOR = re.compile(r"(\d{1,17})-([A-Za-z0-9]{1,32})", re.ASCII)
NUMBER = bindparam("number", type_=Text())

DECIDED_BY_STATE = f"state IN ({quoted(sorted(PAST_PIVOT))})"
"""What is left to go by where a process of an older release decided the refund; see `case_codec`."""

GET = select(intercepts).where(T.after_sales_no == NUMBER)
OF_ORDER = select(intercepts).where(T.order_no == NUMBER)
DECIDED = CASES.where(
    after_sales.c.order_no == NUMBER,
    after_sales.c.kind == Kind.REFUND_ONLY.value,
    or_(after_sales.c.refund_decided_at.is_not(None), text(DECIDED_BY_STATE)),
).order_by(after_sales.c.after_sales_no)
ADD = insert(intercepts)
SAVE = update(intercepts).where(T.after_sales_no == NUMBER)


class SqlIntercepts:
    """See `ports.intercepts.Intercepts`. The order's lock keeps two writers apart."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, intercept: Intercept) -> None:
        """One for each request: a second one is refused by its key."""
        facts = {
            "after_sales_no": intercept.after_sales_no,
            "order_no": intercept.order_no,
            "supplier_id": intercept.supplier_id,
            "refunded_fen": intercept.refunded_fen,
            "refund_decided_at": intercept.refund_decided_at,
            "began_at": intercept.began_at,
        }
        await self._connection.execute(ADD, facts | _changing(intercept))

    async def save(self, intercept: Intercept) -> None:
        """All that can change."""
        await self._connection.execute(
            SAVE.values(_changing(intercept)), {"number": intercept.after_sales_no}
        )

    async def get(self, after_sales_no: str) -> Intercept | None:
        """As last committed, or as this unit of work wrote it."""
        row = (await self._connection.execute(GET, {"number": after_sales_no})).mappings().one_or_none()
        return None if row is None else _intercept(row)

    async def of_order(self, order_no: str) -> dict[str, Intercept]:
        """By an index."""
        rows = (await self._connection.execute(OF_ORDER, {"number": order_no})).mappings()
        return {row["after_sales_no"]: _intercept(row) for row in rows}

    async def decided_refunds(self, order_no: str) -> Sequence[AfterSalesCase]:
        """By the index of cases by order; in ascending order."""
        rows = (await self._connection.execute(DECIDED, {"number": order_no})).mappings()
        return [case_of(row) for row in rows]

    async def page(self, where: InterceptFilter, limit: int, cursor: str | None) -> Page[Intercept]:
        """By (beginning, number): pages neither lose nor repeat one while new ones begin."""
        rows = (await self._connection.execute(list_intercepts(where, limit + 1, cursor))).mappings().all()
        items = tuple(_intercept(row) for row in rows[:limit])
        return Page(items, place_of(items[-1]) if len(rows) > limit else None)


def list_intercepts(where: InterceptFilter, limit: int, cursor: str | None) -> Select[*tuple[object, ...]]:
    """The statement of a page.

    Raises:
        InvalidInput: see `Intercepts.page`.
    """
    statement = select(intercepts)
    if where.status is not None:
        statement = statement.where(T.status == where.status.value)
    if where.supplier_id is not None:
        statement = statement.where(T.supplier_id == where.supplier_id)
    if cursor is not None:
        at, number = _place(cursor)
        before = tuple_(literal(at), literal(number, Text()))
        statement = statement.where(tuple_(T.began_at, T.after_sales_no).op("<")(before))
    return statement.order_by(T.began_at.desc(), T.after_sales_no.desc()).limit(limit)


def place_of(last: Intercept) -> str:
    """The cursor of what comes after an intercept; it opens nothing that the filter keeps away."""
    return f"{(last.began_at - EPOCH) // MICROSECOND}-{last.after_sales_no}"


def _place(cursor: str) -> tuple[datetime, str]:
    parts = CURSOR.fullmatch(cursor)
    if parts is None:
        raise InvalidInput("the cursor was not made by this list")
    return EPOCH + int(parts[1]) * MICROSECOND, parts[2]


def _changing(intercept: Intercept) -> Values:
    return {
        "status": intercept.status.value,
        "waybills": intercept.waybills,
        "lines": [
            {"line_id": line.line_id, "quantity": line.quantity, "delivered_at": line.delivered_at}
            for line in intercept.lines
        ],
        "steps": [
            {"status": step.status.value, **actor_values(step.actor), "at": step.at, "note": step.note}
            for step in intercept.steps
        ],
    }


def _intercept(row: Columns) -> Intercept:
    return Intercept(
        after_sales_no=row["after_sales_no"],
        order_no=row["order_no"],
        supplier_id=row["supplier_id"],
        lines=tuple(
            InterceptLine(line["line_id"], line["quantity"], utc(line["delivered_at"]))
            for line in row["lines"]
        ),
        waybills=tuple(row["waybills"]),
        refunded_fen=row["refunded_fen"],
        refund_decided_at=instant(row["refund_decided_at"]),
        steps=tuple(
            InterceptStep(InterceptStatus(step["status"]), actor_of(step), instant(step["at"]), step["note"])
            for step in row["steps"]
        ),
    )
