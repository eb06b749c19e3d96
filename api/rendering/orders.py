"""Orders as they are shown, and what became of a snapshot."""

from __future__ import annotations

from typing import Literal, cast

from api.errors import refusal_body
from api.rendering.addresses import READS_PERSONAL_DATA, Mask, address_out, in_full, masked
from api.rendering.record import SEES_SUBJECTS
from api.schemas.orders import (
    CustomerOut,
    DiscountOut,
    LineOut,
    OrderOut,
    OrderResult,
    PaymentOut,
    TenderOut,
)
from api.schemas.problems import Problem
from api.schemas.windows import WindowExtensionOut
from mallcare.application.caller import Caller
from mallcare.application.order_standing import OrderStanding
from mallcare.application.orders import IntakeResult


def intake_out(result: IntakeResult) -> OrderResult:
    """What became of one snapshot."""
    refusal = result.refusal
    return OrderResult(
        order_no=result.order_no,
        status=cast("Literal['applied', 'unchanged', 'ignored', 'refused']", result.status),
        version=result.version,
        problem=Problem.model_validate(refusal_body(refusal)) if refusal is not None else None,
    )


def order_out(standing: OrderStanding, caller: Caller) -> OrderOut:
    """An order and what follows from it, personal data masked unless the role may read it."""
    order = standing.record.order
    mask = in_full if caller.role in READS_PERSONAL_DATA else masked
    return OrderOut(
        order_no=order.order_no,
        version=order.version,
        supplier_id=order.supplier_id,
        channel=order.channel,
        customer=_customer(standing, mask),
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        payment=PaymentOut(
            tenders=[
                TenderOut(
                    tender=tender.tender,
                    provider=tender.provider,
                    transaction_id=tender.transaction_id,
                    transaction_total_fen=tender.transaction_total_fen,
                    amount_fen=tender.amount_fen,
                )
                for tender in order.tenders
            ]
        ),
        freight_fen=order.freight_fen,
        discounts=[
            DiscountOut(
                discount_id=discount.discount_id,
                amount_fen=discount.amount_fen,
                line_ids=list(discount.line_ids) if discount.line_ids is not None else None,
            )
            for discount in order.discounts
        ],
        lines=[
            LineOut(
                line_id=line.line_id,
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit_price_fen=line.unit_price_fen,
                freight_insured=line.freight_insured,
                returnable=line.returnable,
                refundable_quantity=standing.book.refundable_quantity(line.line_id),
            )
            for line in order.lines
        ],
        ship_to=address_out(standing.record.personal.ship_to, mask),
        cooling_off_until=standing.cooling_off_until,
        released_at=standing.released_at,
        after_sales_until=standing.after_sales_until,
        after_sales_window_extensions=[
            WindowExtensionOut(
                after_sales_until=extension.until,
                reason=extension.reason if caller.role in SEES_SUBJECTS else None,
                extended_at=extension.at,
            )
            for extension in standing.extensions
        ],
    )


def _customer(standing: OrderStanding, mask: Mask) -> CustomerOut:
    kept = standing.record.personal.customer
    name, phone, openid = (kept.get(field) for field in ("name", "phone", "openid"))
    return CustomerOut(
        customer_id=standing.record.order.customer_id,
        name=mask("name", name) if name else None,
        phone=mask("phone", phone) if phone else None,
        openid=openid if mask is in_full else None,
    )
