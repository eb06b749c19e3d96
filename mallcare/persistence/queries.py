"""Lists of cases by keyset, and the figures of the metrics page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import Select, Text, func, literal, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.errors import InvalidInput
from mallcare.domain.vocabulary import LegStatus, State
from mallcare.persistence.case_codec import case_record
from mallcare.persistence.engine import storage_errors
from mallcare.persistence.statements import CASES
from mallcare.persistence.tables import LIVE, PENDING, after_sales, outgoing_messages, refund_legs
from mallcare.ports.queries import CaseFilter, Page
from mallcare.ports.records import CaseRecord

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PLACE = tuple_(after_sales.c.created_at, after_sales.c.after_sales_no)

BY_STATE = select(after_sales.c.state, func.count()).group_by(after_sales.c.state)
BY_STATUS = select(refund_legs.c.status, func.count()).group_by(refund_legs.c.status)
PENDING_MESSAGES = select(func.count()).select_from(outgoing_messages).where(text(PENDING))
UNTOLD = (
    select(func.count()).select_from(after_sales).where(after_sales.c.told_version < after_sales.c.version)
)


class SqlCaseQueries:
    """Reads on connections of their own; see `ports.queries.CaseQueries`.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def cases(self, where: CaseFilter, limit: int, cursor: str | None) -> Page[CaseRecord]:
        """By (created_at, number): pages neither lose nor repeat a case while new ones arrive.

        A cursor belongs to its filter; `overdue_at` may move on between pages.
        """
        statement = list_cases(where, limit + 1, cursor)
        rows = await self._rows(statement)
        items = tuple(case_record(row) for row in rows[:limit])
        last = items[-1].case if len(rows) > limit else None
        return Page(items, place_of(where, last.created_at, last.after_sales_no) if last else None)

    async def cases_by_state(self) -> Mapping[str, int]:
        """Every state is named, most of them with 0."""
        return dict.fromkeys(map(str, State), 0) | await self._counts(BY_STATE)

    async def refunds_by_status(self) -> Mapping[str, int]:
        """Every status is named."""
        return dict.fromkeys(map(str, LegStatus), 0) | await self._counts(BY_STATUS)

    async def unhealed_hints(self, before: datetime) -> int:
        """By the partial index of untold cases alone."""
        return await self._count(UNTOLD.where(after_sales.c.updated_at < before))

    async def pending_messages(self) -> int:
        """Messages neither delivered nor given up."""
        return await self._count(PENDING_MESSAGES)

    async def _rows(self, statement: Select[Any]) -> list[Mapping[str, Any]]:
        with storage_errors():
            async with self._engine.connect() as connection:
                rows = (await connection.execute(statement)).mappings().all()
        return cast("list[Mapping[str, Any]]", rows)

    async def _counts(self, statement: Select[str, int]) -> dict[str, int]:
        with storage_errors():
            async with self._engine.connect() as connection:
                return {row[0]: row[1] for row in await connection.execute(statement)}

    async def _count(self, statement: Select[int]) -> int:
        with storage_errors():
            async with self._engine.connect() as connection:
                return (await connection.execute(statement)).scalar_one()


def list_cases(where: CaseFilter, limit: int, cursor: str | None) -> Select[Any]:
    """The statement of a page.

    Raises:
        InvalidInput: see `CaseQueries.cases`.
    """
    statement = CASES
    for name in ("order_no", "supplier_id", "customer_id"):
        wanted: str | None = getattr(where, name)
        if wanted is not None:
            statement = statement.where(after_sales.c[name] == wanted)
    if where.state is not None:
        statement = statement.where(after_sales.c.state == where.state.value)
    if where.kind is not None:
        statement = statement.where(after_sales.c.kind == where.kind.value)
    if where.overdue_at is not None:
        passed = after_sales.c.deadline_at <= where.overdue_at
        statement = statement.where(text(LIVE), or_(passed, after_sales.c.escalated_at.is_not(None)))
    if cursor is not None:
        at, number = _place(where, cursor)
        statement = statement.where(PLACE.op("<")(tuple_(literal(at), literal(number, Text()))))
    return statement.order_by(after_sales.c.created_at.desc(), after_sales.c.after_sales_no.desc()).limit(
        limit
    )


def _list_name(where: CaseFilter) -> str:
    """A short name of the list a cursor belongs to."""
    facts = (where.order_no, where.supplier_id, where.customer_id, where.state, where.kind)
    named = json.dumps([*facts, where.overdue_at is not None])
    return hashlib.sha256(named.encode()).hexdigest()[:8]


def place_of(where: CaseFilter, created_at: datetime, after_sales_no: str) -> str:
    """The cursor of what comes after a case in a list."""
    at = (created_at - EPOCH) // MICROSECOND
    place = json.dumps([_list_name(where), at, after_sales_no], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _place(where: CaseFilter, cursor: str) -> tuple[datetime, str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        name, at, number = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if name != _list_name(where) or type(at) is not int or type(number) is not str or "\0" in number:
            raise ValueError("of another list")
        return EPOCH + at * MICROSECOND, number
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as failure:
        raise InvalidInput("the cursor was not made by this list") from failure
