"""Waking durable processes in the background: each once, however much there is for it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Generic, Self, TypeVar

import structlog

from mallcare.domain.contacts import Channel
from mallcare.ports import Clock, EngineUnavailable, NoticeDispatchers, Timekeepers

log = structlog.get_logger()

LOOKED_FOR_WITHIN = timedelta(minutes=5)
"""A timekeeper never sleeps longer, so what falls due later needs nobody to wake it."""
A_SECOND = timedelta(seconds=1)
Key = TypeVar("Key", int, Channel)


class _Background(Generic[Key]):
    """Collects whom to wake, and wakes them at most once in a while; a lost wake costs a little time."""

    def __init__(self, who: str, wake: Callable[[list[Key]], Awaitable[None]], pause: timedelta) -> None:
        self._who = who
        self._wake = wake
        self._pause = pause
        self._keys: set[Key] = set()
        self._offered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def offer(self, keys: Collection[Key], /) -> None:
        """Remember them; never blocks, never raises."""
        if keys:
            self._keys.update(keys)
            self._offered.set()

    async def __aenter__(self) -> Self:
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
            keys, self._keys = self._keys, set()
            try:
                await self._wake(sorted(keys))
            except EngineUnavailable as error:
                log.warning(f"{self._who}.not_woken", count=len(keys), reason=str(error))
            except Exception as error:  # noqa: BLE001 - this task must live to wake the next ones
                log.error(f"{self._who}.not_woken", count=len(keys), error=type(error).__name__)
            await asyncio.sleep(self._pause.total_seconds())


class BackgroundWakes(_Background[int]):
    """Wakes timekeepers, by shard; a lost wake costs minutes.

    Args:
        clock: the present, on the machine's clock.
        pause: between two rounds of waking.
    """

    def __init__(self, timekeepers: Timekeepers, clock: Clock, *, pause: timedelta = A_SECOND) -> None:
        super().__init__("timekeeper", timekeepers.wake, pause)
        self._clock = clock

    def tell_due(self, soonest: Mapping[int, datetime]) -> None:
        """Wake the timekeepers of what falls due, by shard, before they look by themselves."""
        by_itself = self._clock.now() + LOOKED_FOR_WITHIN
        self.offer({shard for shard, at in soonest.items() if at < by_itself})


class DispatcherWakes(_Background[Channel]):
    """Wakes dispatchers of messages to people, by channel; a lost wake costs a minute."""

    def __init__(self, dispatchers: NoticeDispatchers, *, pause: timedelta = A_SECOND) -> None:
        super().__init__("dispatcher", dispatchers.wake, pause)
