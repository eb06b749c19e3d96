"""Telling the engine that a long activity is still being worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity


@asynccontextmanager
async def alive(every: timedelta = timedelta(seconds=3)) -> AsyncGenerator[None]:
    """Heartbeat for the length of the block, so that a killed worker is noticed in seconds."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(every.total_seconds())
            activity.heartbeat()

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
