"""Releasing an order to its supplier: held through the cooling-off (A1)."""

from __future__ import annotations

from datetime import datetime

from mallcare.domain.orders import Order
from mallcare.domain.policy import AfterSalesPolicy


def release_due_at(order: Order, policy: AfterSalesPolicy) -> datetime | None:
    """When a paid order is the supplier's to ship: at once, or when its cooling-off has ended.

    None while it is not paid.
    """
    if order.paid_at is None:
        return None
    if not policy.hold_during_cooling_off:
        return order.paid_at
    return max(order.paid_at, order.placed_at + policy.cooling_off)
