"""Domain objects as rows and JSON, and back. A round trip loses nothing; instants come back in UTC."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.orders import Cells, Discount, Order, OrderLine, Tender
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.quotes import CaseLine, Quote
from mallcare.domain.refunds import RefundLeg
from mallcare.domain.vocabulary import (
    Channel,
    DeadlineEffect,
    Kind,
    LegStatus,
    OrderEventType,
    State,
    TenderKind,
)
from mallcare.ports.records import CaseDetails, CaseRecord, OrderRecord, PersonalData

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
    }


def fulfilment_values(fulfilment: Fulfilment) -> Values:
    """The columns that an order's events fold to."""
    return {
        "first_parcel_at": fulfilment.first_parcel_at,
        "delivered_at": {line_id: at.isoformat() for line_id, at in fulfilment.delivered_at.items()},
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
            delivered_at={line_id: instant(at) for line_id, at in row["delivered_at"].items()},
            closed_at=utc(row["closed_at"]),
        ),
        personal=PersonalData(personal["customer"], personal["ship_to"]),
        extended_until=utc(row["extended_until"]),
    )


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


def _texts(items: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if items is None else tuple(items)


# --- cases ---------------------------------------------------------------------------------------


def case_values(case: AfterSalesCase) -> Values:
    """The columns of a case's row that its own versions decide."""
    return {
        "after_sales_no": case.after_sales_no,
        "order_no": case.order_no,
        "supplier_id": case.supplier_id,
        "customer_id": case.customer_id,
        "kind": case.kind.value,
        "state": case.state.value,
        "version": case.version,
        "whole_order": case.whole_order,
        "lines": [
            {"line_id": line.line_id, "units": line.units, "accepted_quantity": line.accepted_quantity}
            for line in case.lines
        ],
        "quote": {
            "tenders": [tender.value for tender in case.quote.tenders],
            "goods": case.quote.goods,
            "freight": case.quote.freight,
            "freight_if_last_fen": case.quote.freight_if_last_fen,
        },
        "reason_code": case.reason_code,
        "policy_version": case.policy_version,
        "disputed": case.disputed,
        "cooling_off": case.cooling_off,
        "escalated_at": case.escalated_at,
        "deadline_at": case.deadline_at,
        "deadline_effect": case.deadline_effect.value if case.deadline_effect else None,
        "created_at": case.created_at,
        "updated_at": case.updated_at,
    }


def case_record(row: Columns) -> CaseRecord:
    """The case of a row that carries its legs as JSON in `legs`."""
    return CaseRecord(case_of(row), CaseDetails(row["description"], tuple(row["evidence"])))


def case_of(row: Columns) -> AfterSalesCase:
    """As `case_record`, without what the customer wrote."""
    quote = row["quote"]
    effect = row["deadline_effect"]
    return AfterSalesCase(
        after_sales_no=row["after_sales_no"],
        order_no=row["order_no"],
        supplier_id=row["supplier_id"],
        customer_id=row["customer_id"],
        kind=Kind(row["kind"]),
        state=State(row["state"]),
        version=row["version"],
        whole_order=row["whole_order"],
        lines=tuple(
            CaseLine(line["line_id"], tuple(line["units"]), line["accepted_quantity"])
            for line in row["lines"]
        ),
        quote=Quote(
            tenders=tuple(TenderKind(tender) for tender in quote["tenders"]),
            goods=tuple(quote["goods"]),
            freight=tuple(quote["freight"]),
            freight_if_last_fen=quote["freight_if_last_fen"],
        ),
        reason_code=row["reason_code"],
        policy_version=row["policy_version"],
        created_at=instant(row["created_at"]),
        updated_at=instant(row["updated_at"]),
        legs=tuple(refund_leg(leg) for leg in row["legs"] or ()),
        disputed=row["disputed"],
        cooling_off=row["cooling_off"],
        escalated_at=utc(row["escalated_at"]),
        deadline_at=utc(row["deadline_at"]),
        deadline_effect=DeadlineEffect(effect) if effect else None,
    )


def leg_values(leg: RefundLeg) -> Values:
    """The columns of a leg's row that the leg itself decides."""
    return {
        "refund_no": leg.refund_no,
        "tender_seq": leg.tender_seq,
        "tender": leg.tender.value,
        "provider": leg.provider,
        "transaction_id": leg.transaction_id,
        "amount_fen": leg.amount_fen,
        "status": leg.status.value,
        "failure_code": leg.failure_code,
        "vendor_refund_id": leg.vendor_refund_id,
        "round": leg.round,
        "settled_at": leg.settled_at,
    }


def refund_leg(row: Columns) -> RefundLeg:
    """The leg of a row, or of a row as JSON."""
    return RefundLeg(
        refund_no=row["refund_no"],
        tender_seq=row["tender_seq"],
        tender=TenderKind(row["tender"]),
        provider=row["provider"],
        transaction_id=row["transaction_id"],
        amount_fen=row["amount_fen"],
        status=LegStatus(row["status"]),
        failure_code=row["failure_code"],
        vendor_refund_id=row["vendor_refund_id"],
        round=row["round"],
        settled_at=utc(row["settled_at"]),
    )


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
