"""The composition root: the one place that decides what stands behind each port."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client
from temporalio.service import TLSConfig

from mallcare.application.calendar_horizon import WatchCalendars
from mallcare.application.daily_sms_reports import WatchDailySms
from mallcare.application.hints import BackgroundHints
from mallcare.application.receipts import ReceiptDoor
from mallcare.application.sweep import Sweep
from mallcare.application.use_cases import UseCases, build_use_cases
from mallcare.application.wakes import BackgroundWakes, DispatcherWakes
from mallcare.application.webhook_delivery import DeliverWebhooks
from mallcare.domain.contacts import Channel
from mallcare.domain.daily_sms import DailyTimes
from mallcare.domain.errors import InvalidInput
from mallcare.domain.orders import MALL_PROVIDER, WECHAT_PAY_PROVIDER
from mallcare.gateways.mall_tenders import HttpMallTenderGateway
from mallcare.gateways.routing import RoutedPaymentGateway
from mallcare.gateways.system import SystemClock, TimeOrderedIds
from mallcare.gateways.temporal_client import connect
from mallcare.gateways.temporal_daily_sms import TemporalDailySms
from mallcare.gateways.temporal_delivery import TemporalPumps
from mallcare.gateways.temporal_engine import TemporalCaseEngine
from mallcare.gateways.temporal_notices import TemporalNoticeDispatchers
from mallcare.gateways.temporal_reconciliation import TemporalReconciler
from mallcare.gateways.temporal_timekeepers import TemporalTimekeepers
from mallcare.gateways.webhooks import HttpWebhookSender
from mallcare.gateways.wechat_pay import (
    HttpWechatPayGateway,
    WechatPayCredentials,
    WechatRefundBills,
    WechatRefundCallbacks,
)
from mallcare.message_vendors import NoticeSending, dispatched, notice_sending, receipt_doors
from mallcare.persistence.board_changes import PostgresBoardChanges
from mallcare.persistence.engine import create_engine
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import (
    BilledMerchant,
    CaseQueries,
    Clock,
    PaymentGateway,
    RefundCallbacks,
    UnitOfWorkFactory,
)
from mallcare.settings import NotConfigured, Settings, missing, required


@dataclass(frozen=True, slots=True)
class Platform:
    """A wired platform: what entry points build upon."""

    settings: Settings
    database: AsyncEngine
    temporal: Client
    use_cases: UseCases
    queries: CaseQueries
    gateways: RoutedPaymentGateway
    callbacks: Mapping[str, RefundCallbacks]
    sweep: Sweep
    clock: Clock
    hints: BackgroundHints
    board_changes: PostgresBoardChanges
    notices: NoticeSending
    receipts: Mapping[Channel, ReceiptDoor]
    webhooks: DeliverWebhooks | None
    """Delivery to the mall's receiver; None where none is configured, and messages wait."""

    async def database_answers(self) -> bool:
        """The database can be queried now."""
        try:
            async with self.database.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception:  # noqa: BLE001 - readiness reports every failure the same way
            return False
        return True


@asynccontextmanager
async def open_platform(settings: Settings, clock: Clock | None = None) -> AsyncGenerator[Platform]:
    """Wire the platform for one process, and take it down in reverse order.

    Temporal is connected on first use: the platform takes in orders and cases while it is away.

    Raises:
        NotConfigured: naming the missing setting.
    """
    clock = clock or SystemClock()
    daily_times = daily_times_of(settings)
    async with AsyncExitStack() as stack:
        database = create_engine(
            required(settings.database_url, "database_url"), pool_size=settings.database_pool_size
        )
        stack.push_async_callback(database.dispose)
        queries = SqlCaseQueries(database)
        temporal = await connect_temporal(settings, lazy=True)
        engine = TemporalCaseEngine(temporal)
        timekeepers = TemporalTimekeepers(temporal)
        wakes = await stack.enter_async_context(BackgroundWakes(timekeepers, clock))
        dispatchers = TemporalNoticeDispatchers(temporal, dispatched(settings))
        told = await stack.enter_async_context(DispatcherWakes(dispatchers))
        uow = SqlUnitOfWorkFactory(database, tell_due=wakes.tell_due, tell_written=told.offer)
        hints = await stack.enter_async_context(BackgroundHints(engine, uow))
        http = await stack.enter_async_context(httpx.AsyncClient())
        board_changes = await stack.enter_async_context(
            PostgresBoardChanges(required(settings.database_url, "database_url"))
        )
        yield Platform(
            settings=settings,
            database=database,
            temporal=temporal,
            use_cases=build_use_cases(
                uow,
                queries,
                clock,
                TimeOrderedIds(),
                hints,
                billed=billed_merchants(settings, http, clock),
                reconciler=TemporalReconciler(temporal),
                wakes=wakes,
                daily_times=daily_times,
            ),
            queries=queries,
            gateways=RoutedPaymentGateway(payment_gateways(settings, http, clock)),
            callbacks=refund_callbacks(settings, clock),
            sweep=Sweep(
                engine,
                uow,
                pumps=TemporalPumps(temporal) if settings.webhook_url else None,
                timekeepers=timekeepers,
                daily_sms=TemporalDailySms(temporal),
                daily_reports=WatchDailySms(uow, TimeOrderedIds(), daily_times),
                calendars=WatchCalendars(uow, TimeOrderedIds()),
                dispatchers=dispatchers,
            ),
            clock=clock,
            hints=hints,
            board_changes=board_changes,
            notices=notice_sending(settings, uow, http, clock),
            receipts=receipt_doors(settings),
            webhooks=webhook_delivery(settings, uow, http, clock),
        )


async def connect_temporal(settings: Settings, *, lazy: bool = False) -> Client:
    """A client for the configured Temporal: plain, TLS, mTLS or API key."""
    if settings.temporal_address is None:
        raise NotConfigured(missing("temporal_address"))
    key = settings.temporal_api_key
    return await connect(
        settings.temporal_address,
        settings.temporal_namespace,
        tls=_tls(settings),
        api_key=key.get_secret_value() if key else None,
        lazy=lazy,
    )


def _tls(settings: Settings) -> TLSConfig | bool:
    if settings.temporal_tls_client_cert and settings.temporal_tls_client_key:
        return TLSConfig(
            client_cert=settings.temporal_tls_client_cert.read_bytes(),
            client_private_key=settings.temporal_tls_client_key.read_bytes(),
        )
    return settings.temporal_tls or settings.temporal_api_key is not None


def payment_gateways(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> dict[str, PaymentGateway]:
    """The payment vendors that are configured; an order paid over another one cannot be refunded."""
    gateways: dict[str, PaymentGateway] = {}
    if settings.wechat_pay_url is not None:
        gateways[WECHAT_PAY_PROVIDER] = HttpWechatPayGateway(
            http,
            wechat_credentials(settings),
            base_url=settings.wechat_pay_url,
            notify_url=f"{settings.public_url.rstrip('/')}/v1/callbacks/{WECHAT_PAY_PROVIDER}/refunds",
            clock=clock,
            timeout=settings.gateway_timeout_seconds,
        )
    if settings.mall_tender_url is not None:
        gateways[MALL_PROVIDER] = HttpMallTenderGateway(
            http,
            base_url=settings.mall_tender_url,
            secret=required(settings.mall_tender_secret, "mall_tender_secret"),
            clock=clock,
            timeout=settings.gateway_timeout_seconds,
        )
    return gateways


def daily_times_of(settings: Settings) -> DailyTimes:
    """When the daily SMS goes out.

    Raises:
        NotConfigured: hours in the wrong order, or a zone that is not known here.
    """
    try:
        return DailyTimes(settings.daily_sms_hour, settings.daily_sms_latest_hour, settings.daily_sms_zone)
    except InvalidInput as error:
        raise NotConfigured(f"MALLCARE_DAILY_SMS_*: {error.detail}") from error


def webhook_delivery(
    settings: Settings, uow: UnitOfWorkFactory, http: httpx.AsyncClient, clock: Clock
) -> DeliverWebhooks | None:
    """Delivery to the receiver that is configured, if one is.

    Raises:
        NotConfigured: an address without its secret.
    """
    if settings.webhook_url is None:
        return None
    secret = required(settings.webhook_secret, "webhook_secret")
    sender = HttpWebhookSender(
        http, url=settings.webhook_url, secret=secret, clock=clock, timeout=settings.gateway_timeout_seconds
    )
    return DeliverWebhooks(uow, sender, clock)


def billed_merchants(settings: Settings, http: httpx.AsyncClient, clock: Clock) -> dict[str, BilledMerchant]:
    """Our accounts at vendors that write a daily bill, by provider."""
    if settings.wechat_pay_url is None:
        return {}
    credentials = wechat_credentials(settings)
    bills = WechatRefundBills(http, credentials, base_url=settings.wechat_pay_url, clock=clock)
    return {WECHAT_PAY_PROVIDER: BilledMerchant(credentials.mchid, bills)}


def refund_callbacks(settings: Settings, clock: Clock) -> dict[str, RefundCallbacks]:
    """Verifiers of vendors' refund callbacks, by the name in the callback's path."""
    if settings.wechat_pay_url is None:
        return {}
    return {WECHAT_PAY_PROVIDER: WechatRefundCallbacks(wechat_credentials(settings), clock=clock)}


def wechat_credentials(settings: Settings) -> WechatPayCredentials:
    """The merchant's credentials.

    Raises:
        NotConfigured: naming the first missing setting.
    """
    return WechatPayCredentials(
        mchid=required(settings.wechat_pay_mchid, "wechat_pay_mchid"),
        serial_no=required(settings.wechat_pay_serial_no, "wechat_pay_serial_no"),
        private_key_pem=required(settings.wechat_pay_private_key, "wechat_pay_private_key"),
        api_v3_key=required(settings.wechat_pay_api_v3_key, "wechat_pay_api_v3_key"),
        platform_key_id=required(settings.wechat_pay_platform_key_id, "wechat_pay_platform_key_id"),
        platform_public_key_pem=required(
            settings.wechat_pay_platform_public_key, "wechat_pay_platform_public_key"
        ),
    )
