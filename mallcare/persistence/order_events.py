"""Events of orders, as rows: the order's own, and those set aside because they are of a request's parcel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.fulfilment import OrderEvent
from mallcare.persistence.codec import order_event
from mallcare.persistence.tables import order_events

E = order_events.c
NAMED = (
    E.order_no == bindparam("number", type_=Text()),
    func.upper(func.trim(E.waybill)) == func.upper(func.trim(bindparam("waybill_", type_=Text()))),
)
"""An order's events with a waybill; an order has few, so its number is index enough."""
ADD = insert(order_events).on_conflict_do_nothing().returning(E.event_id)
OWN = (
    select(order_events)
    .where(E.order_no == any_(bindparam("numbers", type_=ARRAY(Text()))), ~E.set_aside)
    .order_by(E.occurred_at, E.event_id)
)
WITH_WAYBILL = select(order_events).where(*NAMED).order_by(E.occurred_at, E.event_id)
SET_ASIDE = update(order_events).where(*NAMED, ~E.set_aside).values(set_aside=True)
GIVE_BACK = update(order_events).where(*NAMED, E.set_aside).values(set_aside=False)


async def add(
    connection: AsyncConnection,
    order_no: str,
    event: OrderEvent,
    detail: object,
    now: datetime,
    *,
    set_aside: bool,
) -> bool:
    """The first report under an event id stays; False: it was there."""
    values = {
        "order_no": order_no,
        "event_id": event.event_id,
        "type": event.type.value,
        "occurred_at": event.occurred_at,
        "waybill": event.waybill,
        "carrier": event.carrier,
        "line_ids": None if event.line_ids is None else list(event.line_ids),
        "refunded_lines": None if event.refunded_lines is None else dict(event.refunded_lines),
        "detail": detail,
        "set_aside": set_aside,
        "received_at": now,
    }
    return (await connection.execute(ADD, values)).scalar_one_or_none() is not None


async def own(connection: AsyncConnection, order_nos: Sequence[str]) -> dict[str, list[OrderEvent]]:
    """Events not set aside, by the time they happened; every number asked for has a list."""
    events: dict[str, list[OrderEvent]] = {number: [] for number in order_nos}
    for row in (await connection.execute(OWN, {"numbers": list(events)})).mappings():
        events[row["order_no"]].append(order_event(row))
    return events


async def with_waybill(connection: AsyncConnection, order_no: str, waybill: str) -> list[OrderEvent]:
    """Set aside or not, by the time they happened."""
    given = {"number": order_no, "waybill_": waybill}
    return [order_event(row) for row in (await connection.execute(WITH_WAYBILL, given)).mappings()]


async def set_aside(connection: AsyncConnection, order_no: str, waybill: str) -> None:
    """Only rows that are not yet set aside are written."""
    await connection.execute(SET_ASIDE, {"number": order_no, "waybill_": waybill})


async def give_back(connection: AsyncConnection, order_no: str, waybill: str) -> None:
    """Only rows that are set aside are written."""
    await connection.execute(GIVE_BACK, {"number": order_no, "waybill_": waybill})
