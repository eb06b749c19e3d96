"""From validated bodies to what use cases take. Fields change their place here, never their meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from api.schemas.addresses import AddressIn
from api.schemas.after_sales import SubmitIn, WhatIsAsked
from api.schemas.fields import body_hash, waybill_form
from api.schemas.orders import OrderEventIn, OrderIn
from mallcare.application.idempotency import Repeatable
from mallcare.application.orders import IncomingOrder
from mallcare.application.submit import Submission
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Discount, Order, OrderLine, Tender
from mallcare.domain.quotes import RequestedLine
from mallcare.domain.submission import Request
from mallcare.ports import CaseDetails, PersonalData


def incoming_order(body: OrderIn) -> IncomingOrder:
    """A snapshot with everything that identifies people set apart."""
    order = Order(
        order_no=body.order_no,
        version=body.version,
        supplier_id=body.supplier_id,
        channel=body.channel,
        customer_id=body.customer.customer_id,
        placed_at=body.placed_at,
        paid_at=body.paid_at,
        tenders=tuple(
            Tender(t.tender, t.amount_fen, t.provider, t.transaction_id, t.transaction_total_fen)
            for t in body.payment.tenders
        ),
        freight_fen=body.freight_fen,
        discounts=tuple(Discount(d.discount_id, d.amount_fen, d.line_ids) for d in body.discounts),
        lines=tuple(
            OrderLine(
                x.line_id,
                x.sku,
                x.title,
                x.quantity,
                x.unit_price_fen,
                x.freight_insured,
                x.returnable,
            )
            for x in body.lines
        ),
    )
    customer = body.customer
    personal = PersonalData(
        customer={"name": customer.name, "phone": customer.phone, "openid": customer.openid},
        ship_to=address_of(body.ship_to),
    )
    return IncomingOrder(order, personal, body_hash(body))


def order_event(body: OrderEventIn) -> OrderEvent:
    """An event; its waybill is written as requests write theirs.

    Quantities of a mall's own refund are taken out of its detail.
    """
    lines = body.detail.lines if body.detail is not None else None
    return OrderEvent(
        event_id=body.event_id,
        type=body.type,
        occurred_at=body.occurred_at,
        waybill=waybill_form(body.waybill) or None if body.waybill is not None else None,
        carrier=body.carrier,
        line_ids=body.line_ids,
        refunded_lines={line.line_id: line.quantity for line in lines} if lines is not None else None,
    )


def request_of(body: WhatIsAsked, reason_code: str) -> Request:
    """What is asked for; no lines means the whole order."""
    lines = None if body.lines is None else _lines(body)
    return Request(body.kind, reason_code, lines)


def submission_of(body: SubmitIn, idempotency_key: str) -> Submission:
    """A new request with the key that makes it safe to repeat."""
    return Submission(
        order_no=body.order_no,
        request=request_of(body, body.reason_code),
        details=CaseDetails(body.description, body.evidence),
        once=Repeatable(idempotency_key, body_hash(body)),
        ship_to=address_of(body.ship_to),
    )


def _lines(body: WhatIsAsked) -> tuple[RequestedLine, ...]:
    asked: Sequence[RequestedLine] = [RequestedLine(x.line_id, x.quantity) for x in body.lines or ()]
    return tuple(asked)


@overload
def address_of(body: AddressIn) -> dict[str, str]: ...


@overload
def address_of(body: AddressIn | None) -> dict[str, str] | None: ...


def address_of(body: AddressIn | None) -> dict[str, str] | None:
    """An address as it is kept."""
    if body is None:
        return None
    return {
        "name": body.name,
        "phone": body.phone,
        "province": body.province,
        "city": body.city,
        "district": body.district,
        "address": body.address,
    }
