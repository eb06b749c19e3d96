"""Who holds which unit of an order, as rows."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Text, bindparam, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Unit
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
    .where(unit_holdings.c.order_no == ORDER, unit_holdings.c.after_sales_no == HOLDER)
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
        rows = [{"line_id": unit.line_id, "ordinal": unit.ordinal} for unit in units]
        await connection.execute(TAKE_OVER, {"order_no_": order_no, "rows": rows})


async def hold(
    connection: AsyncConnection, order_no: str, holder: str | None, units: Sequence[Unit], *, decided: bool
) -> None:
    """Give free units to a holder (None: the mall).

    Raises:
        UnitsUnavailable: somebody else holds one of them.
    """
    if not units:
        return
    rows = [
        {
            "order_no": order_no,
            "line_id": unit.line_id,
            "ordinal": unit.ordinal,
            "after_sales_no": holder,
            "decided": decided,
        }
        for unit in sorted(units, key=lambda unit: (unit.line_id, unit.ordinal))
    ]
    held = (await connection.execute(HOLD, {"rows": rows})).all()
    if len(held) != len(rows):
        raise UnitsUnavailable("a unit is held by somebody else", requested=len(rows), available=len(held))


async def move_holdings(connection: AsyncConnection, before: AfterSalesCase, after: AfterSalesCase) -> None:
    """Make the rows agree with what the case holds now.

    Raises:
        UnitsUnavailable: a unit it newly holds is not free.
    """
    had, has = set(before.held_units), set(after.held_units)
    mine = {"order_no_": after.order_no, "holder_": after.after_sales_no}
    if gone := had - has:
        rows = [{"line_id": unit.line_id, "ordinal": unit.ordinal} for unit in gone]
        await connection.execute(RELEASE, {**mine, "rows": rows})
    if after.refund_decided and not before.refund_decided:
        await connection.execute(DECIDE, mine)
    await hold(
        connection, after.order_no, after.after_sales_no, list(has - had), decided=after.refund_decided
    )
