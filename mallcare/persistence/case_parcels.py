"""Parcels of a case, as rows."""

from __future__ import annotations

from sqlalchemy import Text, bindparam, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.persistence.case_codec import parcel_values
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import after_sales, case_parcels

P = case_parcels.c
OWNER = ("order_no", "supplier_id", "customer_id")
WAYBILL = bindparam("waybill_", type_=Text())
_given = insert_rows(case_parcels, [column.name for column in P])
WRITE = _given.on_conflict_do_update(
    index_elements=[P.after_sales_no, P.purpose],
    set_={
        column.name: _given.excluded[column.name]
        for column in P
        if not column.primary_key and column.name not in OWNER
    },
)
SENT_WITH = exists().where(
    P.after_sales_no == after_sales.c.after_sales_no,
    or_(P.waybill == WAYBILL, P.former_waybills.contains(func.jsonb_build_array(WAYBILL))),
)
"""The case has a parcel with a waybill, or had one that was replaced. Looked for within an order's cases."""
WAYBILLS = 7305
"""Family of advisory locks on waybills."""
LOCK_WAYBILL = select(func.pg_advisory_xact_lock(WAYBILLS, func.hashtext(WAYBILL)))
OF_OTHERS = select(
    exists().where(
        P.waybill == WAYBILL,
        or_(
            P.supplier_id != bindparam("supplier_", type_=Text()),
            P.customer_id != bindparam("customer_", type_=Text()),
        ),
    )
)


async def write_parcels(
    connection: AsyncConnection, before: AfterSalesCase | None, after: AfterSalesCase
) -> None:
    """Write parcels that are new or changed; nothing is asked of the database where none is."""
    known = before.parcels if before is not None else ()
    owner = {"after_sales_no": after.after_sales_no, **{name: getattr(after, name) for name in OWNER}}
    rows = [parcel_values(parcel) | owner for parcel in after.parcels if parcel not in known]
    if rows:
        await connection.execute(WRITE, {"rows": rows})


async def claim_waybill(
    connection: AsyncConnection, waybill: str, supplier_id: str, customer_id: str
) -> bool:
    """See `ports.storage.Cases.claim_waybill`.

    Two statements on purpose: the one that waits would not see what the other claim wrote.
    """
    await connection.execute(LOCK_WAYBILL, {"waybill_": waybill})
    given = {"waybill_": waybill, "supplier_": supplier_id, "customer_": customer_id}
    return not (await connection.execute(OF_OTHERS, given)).scalar_one()
