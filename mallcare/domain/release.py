"""Releasing an order to its supplier: held through the cooling-off (A1)."""

from __future__ import annotations

from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.orders import Order
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.vocabulary import Kind


def release_due_at(order: Order, policy: AfterSalesPolicy) -> datetime | None:
    """When a paid order is the supplier's to ship: at once, or when its cooling-off has ended.

    None while it is not paid.
    """
    if order.paid_at is None:
        return None
    if not policy.hold_during_cooling_off:
        return order.paid_at
    return max(order.paid_at, order.placed_at + policy.cooling_off)


def holds_release(case: AfterSalesCase) -> bool:
    """The request keeps its order from the supplier: all of it is asked back, or was given back.

    A return or an exchange begins with goods the customer has, so it keeps nothing; neither does a
    compensation, whose goods still have to come.
    """
    asked_back = case.whole_order and case.kind is Kind.REFUND_ONLY and not case.goods_stay
    return asked_back and (case.refund_decided or not case.state.final)
