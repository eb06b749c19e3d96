"""Preparing the engines: every step may be repeated at every start."""

from __future__ import annotations

import structlog

from mallcare.bootstrap import connect_temporal, required
from mallcare.domain.orders import WECHAT_PAY_PROVIDER
from mallcare.gateways.temporal_client import (
    add_search_attributes,
    prepare_namespace,
    upsert_sweep_schedule,
)
from mallcare.gateways.temporal_delivery import start_delivery
from mallcare.gateways.temporal_reconciliation import upsert_reconciliation_schedule
from mallcare.persistence.migrate import upgrade
from mallcare.settings import Settings

log = structlog.get_logger()


def migrate_database(settings: Settings) -> None:
    """Bring the schema to the newest version."""
    upgrade(required(settings.database_url, "database_url"))
    log.info("database.migrated")


async def bootstrap_deployment(settings: Settings) -> None:
    """Migrate, then prepare the namespace: retention, search attributes, schedules, delivery."""
    migrate_database(settings)
    client = await connect_temporal(settings)
    if settings.manage_namespace:
        await prepare_namespace(client, settings.retention)
    await add_search_attributes(client)
    await upsert_sweep_schedule(client, settings.sweep_interval)
    if settings.wechat_pay_url is not None:
        await upsert_reconciliation_schedule(client, WECHAT_PAY_PROVIDER)
    if settings.webhook_url is not None:
        await start_delivery(client)
    log.info("temporal.prepared", namespace=settings.temporal_namespace)
