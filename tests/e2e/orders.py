"""Orders for the whole platform: drawn by a seed, each with a payment and a customer of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any
from uuid import uuid4

Json = dict[str, Any]

RUN = uuid4().hex[:8]
"""Tells the orders of this run from those of another one on the same folder."""
_numbers = count(1)
MINUTE = timedelta(minutes=1)


def order(
    *prices_fen: int,
    quantity: int = 1,
    freight_fen: int = 0,
    points_fen: int = 0,
    voucher_fen: int = 0,
    discounts_fen: Sequence[int] = (),
    age: timedelta = timedelta(hours=3),
    transaction: tuple[str, int] | None = None,
) -> Json:
    """A paid order, one line for each price; cash pays what the other tenders leave.

    `age` is how long ago it was placed: three hours are past the cooling-off. `transaction` is a payment
    shared with other orders: its id and its total.
    """
    number = f"E{RUN}-{next(_numbers):04d}"
    goods = sum(prices_fen) * quantity
    cash = goods + freight_fen - sum(discounts_fen) - points_fen - voucher_fen
    paid_by, total = transaction or (f"T{number}", cash)
    placed_at = datetime.now(UTC) - age
    tenders: list[Json] = [
        {"tender": "points", "provider": "mall", "amount_fen": points_fen},
        {
            "tender": "cash",
            "provider": "wechat_pay",
            "transaction_id": paid_by,
            "transaction_total_fen": total,
            "amount_fen": cash,
        },
        {"tender": "voucher", "amount_fen": voucher_fen},
    ]
    return {
        "order_no": number,
        "version": 1,
        "supplier_id": f"supplier-{next(_numbers) % 5}",
        "channel": "consumer",
        "customer": {"customer_id": f"customer-{number}"},
        "placed_at": placed_at.isoformat(),
        "paid_at": (placed_at + MINUTE).isoformat(),
        "payment": {"tenders": [tender for tender in tenders if tender["amount_fen"]]},
        "freight_fen": freight_fen,
        "discounts": [
            {"discount_id": f"D{place}", "amount_fen": amount, "line_ids": None}
            for place, amount in enumerate(discounts_fen, 1)
            if amount
        ],
        "lines": [
            {
                "line_id": str(place),
                "sku": f"SKU-{place}",
                "title": "样品",
                "quantity": quantity,
                "unit_price_fen": price,
            }
            for place, price in enumerate(prices_fen, 1)
        ],
    }


def drawn(random: Random, *, age: timedelta) -> Json:
    """An order as one may look: odd prices, up to three tenders, discounts and freight."""
    prices = [random.randint(1, 30_000) for _ in range(random.randint(1, 4))]
    quantity = random.randint(1, 5)
    goods = sum(prices) * quantity
    discounts = [random.randint(0, goods // 5) for _ in range(random.randint(0, 2))]
    left = goods - sum(discounts)
    return order(
        *prices,
        quantity=quantity,
        freight_fen=random.choice((0, 1, 599, 1_344)),
        points_fen=random.choice((0, left // 7)),
        voucher_fen=random.choice((0, 0, left // 3)),
        discounts_fen=discounts,
        age=age,
    )


def paid_fen(order: Json) -> int:
    """What was paid for an order, over all its tenders."""
    return sum(tender["amount_fen"] for tender in order["payment"]["tenders"])


def parcel_event(order: Json, kind: str, at: datetime, waybill: str | None = None) -> Json:
    """What the mall reports of a parcel: the order's own, unless another waybill is named."""
    waybill = waybill or f"W{order['order_no']}"
    return {
        "event_id": f"{waybill}:{kind}",
        "type": kind,
        "occurred_at": at.isoformat(),
        "waybill": waybill,
        "carrier": "yuantong",
    }
