"""Names that running workflows, workers and operators rely on. Changing one breaks running cases."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final

from mallcare.domain.contacts import Channel


class Queue(StrEnum):
    """Task queues; one worker module each."""

    AFTER_SALES = "after-sales"
    PAYMENTS = "payments"
    DELIVERY = "delivery"
    MAINTENANCE = "maintenance"
    TIMEKEEPING = "timekeeping"
    NOTICES = "notices"
    NOTICES_WECOM = "notices-wecom"
    NOTICES_WECOM_ROBOT = "notices-wecom-robot"
    NOTICES_DINGTALK = "notices-dingtalk"
    NOTICES_SMS = "notices-sms"


class WorkflowName(StrEnum):
    """Registered workflow types."""

    AFTER_SALES = "AfterSales"
    WEBHOOK_DELIVERY = "WebhookDelivery"
    SWEEP = "Sweep"
    RECONCILIATION = "Reconciliation"
    TIMEKEEPER = "Timekeeper"
    DAILY_SMS = "DailySms"
    NOTICE_DISPATCH = "NoticeDispatch"


class ActivityName(StrEnum):
    """Registered activity types."""

    FIRE_DEADLINE = "fire_deadline"
    ISSUE_REFUND = "issue_refund"
    DELIVER_WEBHOOKS = "deliver_webhooks"
    SWEEP = "sweep"
    RECONCILE_DAY = "reconcile_day"
    GIVE_UP_RECONCILIATION = "give_up_reconciliation"
    KEEP_TIME = "keep_time"
    NEXT_DAILY_SMS = "next_daily_sms"
    PLAN_DAILY_SMS = "plan_daily_sms"
    REPORT_DAILY_SMS = "report_daily_sms"
    CLAIM_NOTICES = "claim_notices"
    SEND_NOTICE = "send_notice"


class Patch(StrEnum):
    """Changes of workflows that began while cases were running (`docs/changing-workflows.md`)."""

    SHOWN_BEFORE_CONTINUING = "shown-before-continuing"
    """AfterSales, 2026-11: search attributes are brought up to date before a run is continued as new."""


class Signal(StrEnum):
    """Hints to a case's workflow, named after what brought the newer version."""

    APPROVE = "approve"
    REJECT = "reject"
    PROPOSE = "propose"
    REQUEST_EVIDENCE = "request_evidence"
    ACCEPT_PROPOSAL = "accept_proposal"
    DECLINE_PROPOSAL = "decline_proposal"
    SUBMIT_EVIDENCE = "submit_evidence"
    CANCEL = "cancel"
    SET_RETURN_ADDRESS = "set_return_address"
    SUBMIT_WAYBILL = "submit_waybill"
    CORRECT_WAYBILL = "correct_waybill"
    CHANGE_ADDRESS = "change_address"
    RECEIVE = "receive"
    ACCEPT = "accept"
    REFUSE = "refuse"
    SHIP_BACK = "ship_back"
    RESHIP = "reship"
    OUT_OF_STOCK = "out_of_stock"
    CHOOSE = "choose"
    CONFIRM = "confirm"
    REPORT_MISSING = "report_missing"
    RETRY_REFUND = "retry_refund"
    SETTLE_OFFLINE = "settle_offline"
    EXTEND_DEADLINE = "extend_deadline"
    CLOSE = "close"
    RESUME = "resume"
    REFUND_SETTLED = "refund_settled"
    ORDER_EVENT = "order_event"
    RESYNC = "resync"


TIMEKEEPER_WAKE = "wake"
"""Signal to a timekeeper: something falls due earlier than it may know."""
DISPATCH_WAKE = "wake"
"""Signal to the dispatcher of a channel: there is something to send."""


DAILY_SMS_WORKFLOW_ID = "daily-sms"
"""Id of the one process that tells suppliers each day what is overdue."""


class SearchAttribute(StrEnum):
    """Custom search attributes of the namespace; never personal data."""

    SUPPLIER = "MallcareSupplier"
    ORDER = "MallcareOrder"
    KIND = "MallcareKind"
    STATE = "MallcareState"
    DUE = "MallcareDue"
    DISPUTED = "MallcareDisputed"


def after_sales_workflow_id(after_sales_no: str) -> str:
    """Id of a case's workflow: the case's own."""
    return f"after-sales/{after_sales_no}"


def after_sales_no_of(workflow_id: str) -> str:
    """The case of a workflow id made by `after_sales_workflow_id`."""
    return workflow_id.removeprefix("after-sales/")


def webhook_delivery_workflow_id(shard: int) -> str:
    """Id of the pump of one shard of the outbox."""
    return f"webhook-delivery/{shard}"


def timekeeper_workflow_id(shard: int) -> str:
    """Id of the timekeeper of a shard."""
    return f"timekeeper/{shard}"


def notice_dispatch_workflow_id(channel: Channel) -> str:
    """Id of the dispatcher of a channel."""
    return f"notice-dispatch/{channel}"


SENDING_QUEUES: Final[Mapping[Channel, Queue]] = {
    Channel.WECOM: Queue.NOTICES_WECOM,
    Channel.WECOM_ROBOT: Queue.NOTICES_WECOM_ROBOT,
    Channel.DINGTALK: Queue.NOTICES_DINGTALK,
    Channel.SMS: Queue.NOTICES_SMS,
}
"""Where the messages of each channel are sent, at its vendor's rate; the notification centre has none."""


def reconciliation_workflow_id(provider: str, day: date) -> str:
    """Id of a reconciliation that was asked for; the daily one has an id of its Schedule's."""
    return f"reconciliation/{provider}/{day.isoformat()}"
