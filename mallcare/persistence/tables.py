"""The whole schema under one name: import tables from here, so that no foreign key misses its target."""

from mallcare.persistence.base import Base
from mallcare.persistence.board_tables import (
    clock_changes,
    clock_cohort_days,
    clock_cohort_marks,
    clock_cohorts,
)
from mallcare.persistence.case_tables import (
    LIVE,
    after_sales,
    after_sales_commands,
    after_sales_events,
    after_sales_policies,
    refund_legs,
)
from mallcare.persistence.clock_tables import clocks, service_calendars, timeliness_policies
from mallcare.persistence.goods_tables import (
    case_addresses,
    case_evidence,
    case_parcels,
    supplier_return_addresses,
)
from mallcare.persistence.intercept_tables import intercepts
from mallcare.persistence.notice_tables import (
    contacts,
    daily_sms_runs,
    notices,
    notifications,
    reminders,
    supplier_channels,
)
from mallcare.persistence.operations_tables import operations_tasks, reconciliation_runs
from mallcare.persistence.order_tables import (
    mall_refunds,
    order_events,
    orders,
    payment_transactions,
    unit_holdings,
    window_extensions,
)
from mallcare.persistence.platform_tables import (
    PENDING,
    MessageStatus,
    idempotency_keys,
    outgoing_messages,
    switches,
)

metadata = Base.metadata

__all__ = [
    "LIVE",
    "PENDING",
    "MessageStatus",
    "after_sales",
    "after_sales_commands",
    "after_sales_events",
    "after_sales_policies",
    "case_addresses",
    "case_evidence",
    "case_parcels",
    "idempotency_keys",
    "intercepts",
    "mall_refunds",
    "metadata",
    "operations_tasks",
    "order_events",
    "orders",
    "outgoing_messages",
    "payment_transactions",
    "reconciliation_runs",
    "refund_legs",
    "supplier_return_addresses",
    "switches",
    "unit_holdings",
    "clock_changes",
    "clock_cohort_days",
    "clock_cohort_marks",
    "clock_cohorts",
    "clocks",
    "service_calendars",
    "timeliness_policies",
    "contacts",
    "daily_sms_runs",
    "notices",
    "notifications",
    "reminders",
    "supplier_channels",
    "window_extensions",
]
