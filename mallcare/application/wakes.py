"""Waking timekeepers in the background: a shard once, however much fell due in it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from mallcare.ports import Clock, EngineUnavailable, Timekeepers

log = structlog.get_logger()

LOOKED_FOR_WITHIN = timedelta(minutes=5)
"""A timekeeper never sleeps longer, so what falls due later needs nobody to wake it."""


class BackgroundWakes:
    """Collects shards and wakes their timekeepers at most once in a while; a lost wake costs minutes.

    Args:
        clock: the present, on the machine's clock.
        pause: between two rounds of waking.
    """

    def __init__(
        self, timekeepers: Timekeepers, clock: Clock, *, pause: timedelta = timedelta(seconds=1)
    ) -> None:
        self._timekeepers = timekeepers
        self._clock = clock
        self._pause = pause
        self._shards: set[int] = set()
        self._offered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def offer(self, shards: Collection[int]) -> None:
        """Remember the shards; never blocks, never raises."""
        if shards:
            self._shards.update(shards)
            self._offered.set()

    def tell_due(self, soonest: Mapping[int, datetime]) -> None:
        """Wake the timekeepers of what falls due, by shard, before they look by themselves."""
        by_itself = self._clock.now() + LOOKED_FOR_WITHIN
        self.offer({shard for shard, at in soonest.items() if at < by_itself})

    async def __aenter__(self) -> BackgroundWakes:
        self._task = asyncio.create_task(self._wake_for_ever())
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _wake_for_ever(self) -> None:
        while True:
            await self._offered.wait()
            self._offered.clear()
            shards, self._shards = self._shards, set()
            try:
                await self._timekeepers.wake(sorted(shards))
            except EngineUnavailable as error:
                log.warning("timekeeper.not_woken", shards=len(shards), reason=str(error))
            except Exception as error:  # noqa: BLE001 - this task must live to wake the next ones
                log.error("timekeeper.not_woken", shards=len(shards), error=type(error).__name__)
            await asyncio.sleep(self._pause.total_seconds())
