"""All use cases of the platform, as the composition root hands them to entry points."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mallcare.application.boards import Boards
from mallcare.application.clocks import ReadClocks
from mallcare.application.command import CommandCase
from mallcare.application.contacts import SupplierContacts
from mallcare.application.daily_sms import SendDailySms
from mallcare.application.daily_sms_reports import DailySmsReports
from mallcare.application.deadlines import FireDeadline
from mallcare.application.intercepts import Intercepts
from mallcare.application.keeping import KeepTime
from mallcare.application.notice_reads import ReadNotices
from mallcare.application.notifications import NotificationCentre
from mallcare.application.operations import Policies, StopSwitch
from mallcare.application.order_standing import ReadOrder
from mallcare.application.orders import TakeInOrderEvent, TakeInOrders
from mallcare.application.papers import CasePapers, ReturnAddresses
from mallcare.application.reads import ReadAfterSales
from mallcare.application.receipts import TakeReceipts
from mallcare.application.reconciliation import ReconcileDay, Reconciliations
from mallcare.application.refunds import MarkRefundUnclear, PlanRefund, ReceiveRefundCallback, SettleRefund
from mallcare.application.service_calendars import ServiceCalendars
from mallcare.application.submit import QuoteAfterSales, SubmitAfterSales
from mallcare.application.tasks import OperationsTasks
from mallcare.application.timeliness_policies import TimelinessPolicies
from mallcare.application.webhooks import ListWebhooks, ReplayWebhooks
from mallcare.application.windows import ExtendWindow
from mallcare.domain.daily_sms import DailyTimes
from mallcare.ports import (
    BilledMerchant,
    CaseQueries,
    Clock,
    Hints,
    Ids,
    Reconciler,
    UnitOfWorkFactory,
    Wakes,
)


@dataclass(frozen=True, slots=True)
class UseCases:
    """Everything the platform does, one attribute each."""

    take_in_orders: TakeInOrders
    take_in_order_event: TakeInOrderEvent
    read_order: ReadOrder
    extend_window: ExtendWindow
    quote: QuoteAfterSales
    submit: SubmitAfterSales
    command: CommandCase
    read: ReadAfterSales
    papers: CasePapers
    return_addresses: ReturnAddresses
    contacts: SupplierContacts
    notifications: NotificationCentre
    fire_deadline: FireDeadline
    plan_refund: PlanRefund
    settle_refund: SettleRefund
    mark_refund_unclear: MarkRefundUnclear
    receive_refund_callback: ReceiveRefundCallback
    policies: Policies
    stop_switch: StopSwitch
    timeliness_policies: TimelinessPolicies
    service_calendars: ServiceCalendars
    list_webhooks: ListWebhooks
    replay_webhooks: ReplayWebhooks
    reconcile_day: ReconcileDay
    reconciliations: Reconciliations
    tasks: OperationsTasks
    send_daily_sms: SendDailySms
    daily_sms_reports: DailySmsReports
    keep_time: KeepTime
    intercepts: Intercepts
    notices: ReadNotices
    take_receipts: TakeReceipts
    boards: Boards
    clocks: ReadClocks


def build_use_cases(
    uow: UnitOfWorkFactory,
    queries: CaseQueries,
    clock: Clock,
    ids: Ids,
    hints: Hints,
    *,
    billed: Mapping[str, BilledMerchant] | None = None,
    reconciler: Reconciler | None = None,
    wakes: Wakes | None = None,
    daily_times: DailyTimes | None = None,
) -> UseCases:
    """Wire the use cases to their ports; `billed` are the vendors that write bills, by provider."""
    merchants = billed or {}
    settle = SettleRefund(uow, ids)
    return UseCases(
        take_in_orders=TakeInOrders(uow, clock, wakes),
        take_in_order_event=TakeInOrderEvent(uow, clock, ids, hints),
        read_order=ReadOrder(uow, clock),
        extend_window=ExtendWindow(uow, clock, ids),
        quote=QuoteAfterSales(uow, clock),
        submit=SubmitAfterSales(uow, clock, ids, hints),
        command=CommandCase(uow, clock, ids, hints),
        read=ReadAfterSales(uow, queries, clock),
        papers=CasePapers(uow),
        return_addresses=ReturnAddresses(uow, clock),
        contacts=SupplierContacts(uow, clock),
        notifications=NotificationCentre(uow, clock),
        fire_deadline=FireDeadline(uow, ids),
        plan_refund=PlanRefund(uow),
        settle_refund=settle,
        mark_refund_unclear=MarkRefundUnclear(uow),
        receive_refund_callback=ReceiveRefundCallback(uow, settle, clock, hints),
        policies=Policies(uow, clock),
        stop_switch=StopSwitch(uow, clock),
        timeliness_policies=TimelinessPolicies(uow, clock, ids),
        service_calendars=ServiceCalendars(uow, clock, ids),
        list_webhooks=ListWebhooks(uow),
        replay_webhooks=ReplayWebhooks(uow, clock),
        reconcile_day=ReconcileDay(uow, merchants, clock, ids),
        reconciliations=Reconciliations(uow, merchants, reconciler, clock),
        tasks=OperationsTasks(uow, clock),
        send_daily_sms=SendDailySms(uow, ids, daily_times),
        daily_sms_reports=DailySmsReports(uow),
        keep_time=KeepTime(uow, ids),
        intercepts=Intercepts(uow, clock, ids),
        notices=ReadNotices(uow),
        take_receipts=TakeReceipts(uow, clock, ids),
        boards=Boards(uow, clock),
        clocks=ReadClocks(uow, clock),
    )
