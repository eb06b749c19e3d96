"""Domain objects as rows and JSON, and back. A round trip loses nothing; instants come back in UTC.

Orders and policies are here, cases in `case_codec`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from mallcare.domain.book import Unit
from mallcare.domain.commands import Actor
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.orders import Cells, Discount, Order, OrderLine, Tender
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Channel, OrderEventType, Role, TenderKind
from mallcare.ports.records import OrderRecord, PersonalData

Values = dict[str, Any]
Columns = Mapping[Any, Any]
"""A row, or an object of JSON, by its names."""


def dump_json(value: object) -> str:
    """JSON as it is sent to the database: compact, instants in ISO 8601."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def utc(value: datetime | str | None) -> datetime | None:
    """An instant of a column, or of JSON, in UTC."""
    if value is None:
        return None
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.astimezone(UTC)


def instant(value: datetime | str) -> datetime:
    """An instant that is always there, in UTC."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def actor_values(actor: Actor) -> Values:
    """The columns of who did something."""
    return {"actor_role": actor.role.value, "actor_subject": actor.subject}


def actor_of(row: Columns) -> Actor:
    """Who did what a row tells of."""
    return Actor(Role(row["actor_role"]), row["actor_subject"])


# --- orders --------------------------------------------------------------------------------------


def order_values(record: OrderRecord) -> Values:
    """The columns of an order's row, without the times of its storage."""
    order = record.order
    return {
        "order_no": order.order_no,
        "version": order.version,
        "body_hash": record.body_hash,
        "supplier_id": order.supplier_id,
        "channel": order.channel.value,
        "customer_id": order.customer_id,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "freight_fen": order.freight_fen,
        "tenders": [_tender_json(tender) for tender in order.tenders],
        "discounts": [_discount_json(discount) for discount in order.discounts],
        "lines": [_line_json(line) for line in order.lines],
        "cells": _cells_json(record.cells),
        "personal": {
            "customer": dict(record.personal.customer),
            "ship_to": dict(record.personal.ship_to) if record.personal.ship_to is not None else None,
        },
        **fulfilment_values(record.fulfilment),
        "extended_until": record.extended_until,
        "exchanged_units": exchanged_json(record.exchanged_at),
        "release_due_at": record.release_due_at,
        "released_at": record.released_at,
    }


def fulfilment_values(fulfilment: Fulfilment) -> Values:
    """The columns that an order's events fold to."""
    return {
        "first_parcel_at": fulfilment.first_parcel_at,
        "shipped_at": _instants_json(fulfilment.shipped_at),
        "delivered_at": _instants_json(fulfilment.delivered_at),
        "closed_at": fulfilment.closed_at,
    }


def order_record(row: Columns) -> OrderRecord:
    """The order of a row."""
    order = Order(
        order_no=row["order_no"],
        version=row["version"],
        supplier_id=row["supplier_id"],
        channel=Channel(row["channel"]),
        customer_id=row["customer_id"],
        placed_at=instant(row["placed_at"]),
        paid_at=utc(row["paid_at"]),
        tenders=tuple(_tender(item) for item in row["tenders"]),
        freight_fen=row["freight_fen"],
        discounts=tuple(
            Discount(item["discount_id"], item["amount_fen"], _texts(item["line_ids"]))
            for item in row["discounts"]
        ),
        lines=tuple(OrderLine(**line) for line in row["lines"]),
    )
    personal = row["personal"]
    return OrderRecord(
        order=order,
        body_hash=row["body_hash"],
        cells=_cells(row["cells"]),
        fulfilment=Fulfilment(
            first_parcel_at=utc(row["first_parcel_at"]),
            shipped_at=_instants(row["shipped_at"]),
            delivered_at=_instants(row["delivered_at"]),
            closed_at=utc(row["closed_at"]),
        ),
        personal=PersonalData(personal["customer"], personal["ship_to"]),
        extended_until=utc(row["extended_until"]),
        exchanged_at=exchanged(row["exchanged_units"]),
        release_due_at=utc(row["release_due_at"]),
        released_at=utc(row["released_at"]),
    )


def exchanged_json(exchanged_at: Mapping[Unit, datetime]) -> list[Values]:
    """Replaced units in a column of JSON, in their order."""
    units = sorted(exchanged_at, key=lambda unit: (unit.line_id, unit.ordinal))
    return [
        {"line_id": unit.line_id, "ordinal": unit.ordinal, "at": exchanged_at[unit].isoformat()}
        for unit in units
    ]


def exchanged(items: Sequence[Columns]) -> dict[Unit, datetime]:
    """Replaced units, each with the instant its replacement was signed for."""
    return {Unit(item["line_id"], item["ordinal"]): instant(item["at"]) for item in items}


def order_event(row: Columns) -> OrderEvent:
    """The event of a row."""
    return OrderEvent(
        event_id=row["event_id"],
        type=OrderEventType(row["type"]),
        occurred_at=instant(row["occurred_at"]),
        waybill=row["waybill"],
        carrier=row["carrier"],
        line_ids=_texts(row["line_ids"]),
        refunded_lines=row["refunded_lines"],
    )


def _tender_json(tender: Tender) -> Values:
    return {
        "tender": tender.tender.value,
        "amount_fen": tender.amount_fen,
        "provider": tender.provider,
        "transaction_id": tender.transaction_id,
        "transaction_total_fen": tender.transaction_total_fen,
    }


def _tender(item: Columns) -> Tender:
    return Tender(
        tender=TenderKind(item["tender"]),
        amount_fen=item["amount_fen"],
        provider=item["provider"],
        transaction_id=item["transaction_id"],
        transaction_total_fen=item["transaction_total_fen"],
    )


def _discount_json(discount: Discount) -> Values:
    return {
        "discount_id": discount.discount_id,
        "amount_fen": discount.amount_fen,
        "line_ids": discount.line_ids,
    }


def _line_json(line: OrderLine) -> Values:
    return {
        "line_id": line.line_id,
        "sku": line.sku,
        "title": line.title,
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "freight_insured": line.freight_insured,
        "returnable": line.returnable,
    }


def _cells_json(cells: Cells | None) -> Values | None:
    return None if cells is None else {"by_line": cells.by_line, "freight": cells.freight}


def _cells(body: Columns | None) -> Cells | None:
    if body is None:
        return None
    by_line = {line_id: tuple(row) for line_id, row in body["by_line"].items()}
    return Cells(by_line=by_line, freight=tuple(body["freight"]))


def _instants_json(instants: Mapping[str, datetime]) -> Values:
    return {line_id: at.isoformat() for line_id, at in instants.items()}


def _instants(body: Columns) -> dict[str, datetime]:
    return {line_id: instant(at) for line_id, at in body.items()}


def _texts(items: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if items is None else tuple(items)


# --- policies ------------------------------------------------------------------------------------

SECOND = timedelta(seconds=1)


def policy_json(policy: AfterSalesPolicy) -> Values:
    """All of a policy but its version; durations in seconds."""
    return {
        field.name: _policy_item(getattr(policy, field.name))
        for field in fields(policy)
        if field.name != "version"
    }


def policy_of(version: int, body: Columns) -> AfterSalesPolicy:
    """The policy of a stored body; what an old body does not know has its default."""
    known = AfterSalesPolicy()
    items = {name: _like(getattr(known, name), item) for name, item in body.items() if hasattr(known, name)}
    return AfterSalesPolicy(version=version, **items)


def _policy_item(item: object) -> object:
    if isinstance(item, timedelta):
        return item / SECOND if item % SECOND else item // SECOND
    if isinstance(item, frozenset):
        return sorted(item)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return item


def _like(example: Any, item: Any) -> Any:
    if isinstance(example, timedelta):
        return timedelta(seconds=item)
    return cast("type[Any]", type(example))(item)
