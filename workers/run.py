"""Runs every task queue in one process, or the ones named."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Collection
from contextlib import AsyncExitStack
from importlib.metadata import version

import structlog
from prometheus_client import start_http_server
from temporalio.client import Client

from mallcare.bootstrap import Platform, connect_temporal, open_platform
from mallcare.contracts.names import Queue
from mallcare.settings import Settings
from workers import after_sales, delivery, maintenance, notices, payments, timekeeping
from workers.process import WorkerPlan, build_worker

log = structlog.get_logger()


def plans(platform: Platform) -> dict[Queue, WorkerPlan]:
    """What each queue runs; without a receiver of webhooks there is nothing to deliver."""
    every = [
        after_sales.plan(platform.use_cases, platform.clock),
        payments.plan(platform.use_cases, platform.gateways, platform.clock),
        maintenance.plan(
            platform.sweep,
            platform.use_cases.reconcile_day,
            platform.use_cases.send_daily_sms,
            platform.clock,
        ),
        timekeeping.plan(platform.use_cases.keep_time, platform.clock),
    ]
    sending = platform.notices
    every += notices.plans(sending.claim, sending.send, platform.clock, sending.channels)
    if platform.webhooks is not None:
        every.append(delivery.plan(platform.webhooks))
    return {plan.queue: plan for plan in every}


async def run_workers(settings: Settings, queues: Collection[Queue] = tuple(Queue)) -> None:
    """Work until SIGTERM or SIGINT, then finish what runs and return."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if settings.worker_metrics_port is not None:
        start_http_server(settings.worker_metrics_port, addr=settings.worker_metrics_host)
    async with open_platform(settings) as platform, AsyncExitStack() as running:
        client = await _reach_temporal(settings)
        chosen = [plan for queue, plan in plans(platform).items() if queue in queues]
        for plan in chosen:
            await running.enter_async_context(
                build_worker(client, plan, settings.worker_version or version("mallcare"))
            )
        log.info("worker.started", queues=[plan.queue.value for plan in chosen])
        await stop.wait()
        log.info("worker.stopping")


async def _reach_temporal(settings: Settings) -> Client:
    """Wait for Temporal, however long it takes: a worker that starts first is no failure."""
    while True:
        try:
            return await connect_temporal(settings)
        except RuntimeError as error:
            log.warning("worker.temporal_away", reason=str(error))
            await asyncio.sleep(1)
