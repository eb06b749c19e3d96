"""Who holds which unit of an order, as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Text, bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Holding, Unit
from mallcare.domain.errors import UnitsUnavailable
from mallcare.persistence.statements import insert_rows, rows_parameter
from mallcare.persistence.tables import unit_holdings

ORDER = bindparam("order_no_", type_=Text())
HOLDER = bindparam("holder_", type_=Text())
GIVEN = rows_parameter(unit_holdings, ["line_id", "ordinal"]).subquery()

HOLD = (
    insert_rows(unit_holdings, ["order_no", "line_id", "ordinal", "after_sales_no", "decided"])
    .on_conflict_do_nothing()
    .returning(unit_holdings.c.ordinal)
)
RELEASE = delete(unit_holdings).where(
    unit_holdings.c.order_no == ORDER,
    unit_holdings.c.after_sales_no == HOLDER,
    unit_holdings.c.line_id == GIVEN.c.line_id,
    unit_holdings.c.ordinal == GIVEN.c.ordinal,
)
DECIDE = (
    update(unit_holdings)
    .where(
        unit_holdings.c.order_no == ORDER,
        unit_holdings.c.after_sales_no == HOLDER,
        unit_holdings.c.line_id == GIVEN.c.line_id,
        unit_holdings.c.ordinal == GIVEN.c.ordinal,
    )
    .values(decided=True)
)
TAKE_OVER = (
    update(unit_holdings)
    .where(
        unit_holdings.c.order_no == ORDER,
        unit_holdings.c.line_id == GIVEN.c.line_id,
        unit_holdings.c.ordinal == GIVEN.c.ordinal,
        ~unit_holdings.c.decided,
    )
    .values(after_sales_no=None, decided=True)
)


async def take_over(connection: AsyncConnection, order_no: str, units: Sequence[Unit]) -> None:
    """Let the mall take units from requests that are not decided; those can then not be approved."""
    if units:
        await connection.execute(TAKE_OVER, {"order_no_": order_no, "rows": _named(units)})


async def hold(connection: AsyncConnection, order_no: str, holdings: Collection[Holding]) -> None:
    """Give free units to their holders.

    Raises:
        UnitsUnavailable: somebody else holds one of them.
    """
    if not holdings:
        return
    rows = [
        {
            "order_no": order_no,
            "line_id": held.unit.line_id,
            "ordinal": held.unit.ordinal,
            "after_sales_no": held.holder,
            "decided": held.decided,
        }
        for held in sorted(holdings, key=lambda held: (held.unit.line_id, held.unit.ordinal))
    ]
    got = (await connection.execute(HOLD, {"rows": rows})).all()
    if len(got) != len(rows):
        raise UnitsUnavailable("a unit is held by somebody else", requested=len(rows), available=len(got))


async def move_holdings(connection: AsyncConnection, before: AfterSalesCase, after: AfterSalesCase) -> None:
    """Make the rows of the case agree with what it holds now; units the mall took from it stay the mall's.

    Raises:
        UnitsUnavailable: a unit it newly holds is not free.
    """
    had = {held.unit: held.decided for held in before.holdings}
    has = {held.unit: held for held in after.holdings}
    mine = {"order_no_": after.order_no, "holder_": after.after_sales_no}
    if gone := had.keys() - has.keys():
        await connection.execute(RELEASE, {**mine, "rows": _named(gone)})
    if decided := [unit for unit, held in has.items() if held.decided and had.get(unit) is False]:
        await connection.execute(DECIDE, {**mine, "rows": _named(decided)})
    await hold(connection, after.order_no, [held for unit, held in has.items() if unit not in had])


def _named(units: Iterable[Unit]) -> list[dict[str, str | int]]:
    return [{"line_id": unit.line_id, "ordinal": unit.ordinal} for unit in units]
