"""Shapes of statements that several repositories use. All are built once, at import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import JSON, ColumnElement, Select, Table, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import Insert, aggregate_order_by, insert

from mallcare.persistence.tables import after_sales, case_parcels, refund_legs


def rows_parameter(table: Table, names: Sequence[str], parameter: str = "rows") -> Select[Any]:
    """A parameter, a list of objects, as a relation with the types of `table`'s columns.

    One statement for any number of rows: parsed and planned once, one round trip.
    """
    source = (
        func.json_to_recordset(bindparam(parameter, type_=JSON()))
        .table_valued(*(column(name, cast("Any", table.c[name].type)) for name in names))
        .render_derived(name="given", with_types=True)
    )
    return select(*(source.c[name] for name in names))


def insert_rows(table: Table, names: Sequence[str]) -> Insert:
    """Insert the parameter `rows` into these columns of `table`, in the order given."""
    return insert(table).from_select(list(names), rows_parameter(table, names))


def _legs() -> ColumnElement[Any]:
    leg = func.row_to_json(refund_legs.table_valued())
    return (
        select(func.json_agg(aggregate_order_by(leg, refund_legs.c.tender_seq)))
        .where(refund_legs.c.after_sales_no == after_sales.c.after_sales_no)
        .correlate(after_sales)
        .scalar_subquery()
        .label("legs")
    )


def _parcels() -> ColumnElement[Any]:
    parcel = func.row_to_json(case_parcels.table_valued())
    return (
        select(func.json_agg(aggregate_order_by(parcel, case_parcels.c.sent_at, case_parcels.c.purpose)))
        .where(case_parcels.c.after_sales_no == after_sales.c.after_sales_no)
        .correlate(after_sales)
        .scalar_subquery()
        .label("parcels")
    )


CASES: Select[Any] = select(after_sales, _legs(), _parcels())
"""Cases, each with its legs and parcels as JSON: one round trip for any number of them."""
