"""Orders on their way to their suppliers, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import (
    ARRAY,
    DateTime,
    Integer,
    SmallInteger,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import FromClause

from mallcare.domain.orders import FREIGHT_LINE
from mallcare.domain.vocabulary import FINAL_STATES, Kind
from mallcare.persistence.codec import instant, utc
from mallcare.persistence.order_tables import TO_RELEASE
from mallcare.persistence.tables import after_sales, orders, unit_holdings
from mallcare.ports.timekeeping import DueRelease

O, A, H = orders.c, after_sales.c, unit_holdings.c  # noqa: E741 - tables, as in the other repositories
SHARD = bindparam("of_shard", type_=SmallInteger())
_refund = after_sales.alias("refund")
LINE_IDS = literal_column("'$[*].line_id'", JSONPATH())
_LESS_WAS_AGREED = literal_column("""'$[*].lowered.type() ? (@ == "array")'""", JSONPATH())


def goods_stay(cases: FromClause) -> ColumnElement[bool]:
    """As `AfterSalesCase.goods_stay` has it."""
    lowered = func.jsonb_path_exists(cases.c.lines, _LESS_WAS_AGREED)
    return and_(cases.c.kind == Kind.REFUND_ONLY.value, lowered)


_line = func.jsonb_array_elements(O.lines).column_valued("line")
_bought = select(func.sum(cast(_line.op("->>")("quantity"), Integer()))).scalar_subquery()
_given_back = (
    select(func.count())
    .where(
        H.order_no == O.order_no,
        H.decided,
        H.line_id != FREIGHT_LINE,
        ~exists().where(_refund.c.after_sales_no == H.after_sales_no, goods_stay(_refund)),
    )
    .correlate(orders)
    .scalar_subquery()
)
_whole_order_asked_back = exists().where(
    A.order_no == O.order_no,
    A.whole_order,
    A.kind == Kind.REFUND_ONLY.value,
    ~goods_stay(after_sales),
    or_(A.state.not_in([state.value for state in FINAL_STATES]), A.refund_decided_at.is_not(None)),
)
_withheld = or_(
    O.paid_at.is_(None), O.closed_at.is_not(None), _whole_order_asked_back, _given_back >= _bought
).label("withheld")
LOCK_DUE = (
    select(O.order_no)
    .where(
        O.shard == SHARD,
        text(TO_RELEASE),
        O.release_due_at <= bindparam("now", type_=DateTime(timezone=True)),
    )
    .order_by(O.release_due_at, O.order_no)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(key_share=True, of=orders, skip_locked=True)
)
STANDING = (
    select(
        O.order_no,
        O.supplier_id,
        O.release_due_at,
        _withheld,
        func.jsonb_path_query_array(O.lines, LINE_IDS),
        O.first_parcel_at.is_not(None),
        exists().where(H.order_no == O.order_no),
    )
    .where(O.order_no == any_(bindparam("numbers", type_=ARRAY(Text()))))
    .order_by(O.release_due_at, O.order_no)
)
NUMBERS = any_(bindparam("numbers", type_=ARRAY(Text())))
RELEASE = (
    update(orders).where(O.order_no == NUMBERS).values(released_at=O.release_due_at, release_due_at=None)
)
WITHHOLD = update(orders).where(O.order_no == NUMBERS).values(release_due_at=None)
WITHHELD = select(_withheld).where(O.order_no == bindparam("number", type_=Text()))
NEXT = select(func.min(O.release_due_at)).where(O.shard == SHARD, text(TO_RELEASE))
AGAIN = (
    update(orders)
    .where(
        and_(
            O.order_no == bindparam("number", type_=Text()),
            O.released_at.is_(None),
            O.release_due_at.is_(None),
            O.paid_at.is_not(None),
        )
    )
    .values(release_due_at=bindparam("at", type_=DateTime(timezone=True)))
)


class SqlReleases:
    """See `ports.timekeeping.Releases`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def due(self, shard: int, now: datetime, limit: int) -> list[DueRelease]:
        """Two statements: what a lock guards is read once the lock is held."""
        given = {"of_shard": shard, "now": now, "most": limit}
        numbers = list((await self._connection.execute(LOCK_DUE, given)).scalars())
        if not numbers:
            return []
        rows = (await self._connection.execute(STANDING, {"numbers": numbers})).all()
        return [
            DueRelease(row[0], row[1], instant(row[2]), row[3], tuple(row[4]), row[5], row[6]) for row in rows
        ]

    async def settle(self, due: Sequence[DueRelease]) -> None:
        """One statement for each of the two fates."""
        for statement, withheld in ((RELEASE, False), (WITHHOLD, True)):
            numbers = [one.order_no for one in due if one.withheld is withheld]
            if numbers:
                await self._connection.execute(statement, {"numbers": numbers})

    async def next_due(self, shard: int) -> datetime | None:
        """By the head of the index."""
        return utc((await self._connection.execute(NEXT, {"of_shard": shard})).scalar_one())

    async def withheld(self, order_no: str) -> bool:
        """By the words a look uses."""
        return bool((await self._connection.execute(WITHHELD, {"number": order_no})).scalar_one())

    async def due_again(self, order_no: str, at: datetime) -> None:
        """An order that was released stays so."""
        await self._connection.execute(AGAIN, {"number": order_no, "at": at})
