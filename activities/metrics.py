"""Figures of the worker, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

DEADLINE_LATENESS = Histogram(
    "mallcare_deadline_lateness_seconds",
    "How long after its deadline a deadline fired",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 3600),
)
REFUND_ATTEMPTS = Counter(
    "mallcare_refund_attempts_total", "Calls to payment vendors by what came of them", ("provider", "outcome")
)
SWEPT = Counter("mallcare_swept_total", "Cases the sweeper told, woke or checked", ("what",))
WEBHOOK_ATTEMPTS = Counter(
    "mallcare_webhook_attempts_total", "Webhooks sent, by what came of the attempt", ("outcome",)
)
WEBHOOK_DELAY = Histogram(
    "mallcare_webhook_delay_seconds",
    "From an event to the mall's acceptance of its webhook",
    buckets=(0.1, 0.25, 0.5, 1, 2, 5, 10, 60, 600, 3600, 86400),
)
ORDERS_RELEASED = Counter(
    "mallcare_orders_released_total", "Orders whose cooling-off ended, by what became of them", ("outcome",)
)
DAILY_SMS = Counter(
    "mallcare_daily_sms_total",
    "Messages of the daily SMS, by what had become of them when reported",
    ("outcome",),
)
CLOCKS_LOOKED_AT = Counter("mallcare_clocks_looked_at_total", "Clocks that timekeepers looked at")
BREACHES = Counter("mallcare_breaches_total", "Promises that timekeepers saw broken")
REMINDERS = Counter(
    "mallcare_reminders_total",
    "Reminders of clocks, by what became of them; postponed ones come again",
    ("outcome",),
)
RECONCILIATION_DIFFERENCES = Counter(
    "mallcare_reconciliation_differences_total",
    "Differences between vendors' bills and refund legs",
    ("provider", "kind"),
)
NOTICES = Counter(
    "mallcare_notices_total", "Attempts at messages to people, by what became of them", ("channel", "outcome")
)
NOTICE_AGE = Histogram(
    "mallcare_notice_age_seconds",
    "From the writing of a message to its vendor's acceptance",
    ("channel",),
    buckets=(1, 2, 5, 10, 30, 60, 300, 900, 3600, 10800, 43200),
)
