"""A worker process of its own, for a test to kill; arguments: database, Temporal, receiver."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from mallcare.application.webhook_delivery import DeliverWebhooks, Pace
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.gateways.system import SystemClock
from mallcare.gateways.webhooks import HttpWebhookSender
from mallcare.persistence.engine import create_engine
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.webhooks.receiver import SECRET
from workers import delivery
from workers.process import build_worker

PACE = Pace(idle=timedelta(milliseconds=20), lease=timedelta(seconds=1))


def delivery_worker(client: Client, uow: SqlUnitOfWorkFactory, url: str, http: httpx.AsyncClient) -> Worker:
    """A worker of the queue as in production, but for a short lease."""
    clock = SystemClock()
    sender = HttpWebhookSender(http, url=url, secret=SECRET, clock=clock, timeout=0.8)
    return build_worker(client, delivery.plan(DeliverWebhooks(uow, sender, clock, PACE)), "test")


async def main(database: str, temporal: str, url: str) -> None:
    client = await Client.connect(temporal, namespace="mallcare", data_converter=DATA_CONVERTER)
    uow = SqlUnitOfWorkFactory(create_engine(database))
    async with httpx.AsyncClient(trust_env=False) as http:
        await delivery_worker(client, uow, url, http).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
