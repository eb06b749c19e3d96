"""What is promised to customers and measured of suppliers (T2): the metrics, and the figures of the board."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Metric(StrEnum):
    """One promise; every clock is an instance of one of them."""

    SHIPMENT = "shipment"
    """发货: from an order's release to the carrier's first scan, for each line."""
    REVIEW = "review"
    """售后审核: a request waits for the supplier's answer."""
    INSPECTION = "inspection"
    """验货: returned goods arrived and wait to be looked at."""
    RESHIPMENT = "reshipment"
    """换货发出: a replacement waits to be sent."""
    SHIP_BACK = "ship_back"
    """退件寄回: refused goods wait to be sent back to the customer."""
    ABNORMAL_DELIVERY = "abnormal_delivery"
    """异常物流: a parcel under way has not moved, or its carrier says that something is wrong."""


class Figure(StrEnum):
    """A number of the live board: what is open beyond its target, of one or several metrics."""

    UNSHIPPED = "unshipped"
    """Order lines not shipped in time."""
    AFTER_SALES = "after_sales"
    """Stages of requests that wait for their supplier beyond the target."""
    DELIVERIES = "deliveries"
    """Parcels that have been stuck for too long."""


METRICS_OF: Mapping[Figure, tuple[Metric, ...]] = {
    Figure.UNSHIPPED: (Metric.SHIPMENT,),
    Figure.AFTER_SALES: (Metric.REVIEW, Metric.INSPECTION, Metric.RESHIPMENT, Metric.SHIP_BACK),
    Figure.DELIVERIES: (Metric.ABNORMAL_DELIVERY,),
}
STAGES = METRICS_OF[Figure.AFTER_SALES]
"""Metrics whose subject is a request; the others' is an order."""
