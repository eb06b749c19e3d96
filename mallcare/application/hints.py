"""Telling workflows in the background: after the commit, beside the answer, and never its condition."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.ports import CaseEngine, EngineUnavailable, StorageUnavailable, UnitOfWorkFactory

log = structlog.get_logger()

Hint = tuple[CaseSnapshot, Signal | None]


class BackgroundHints:
    """A bounded queue of hints with a few tellers, and one writer that notes what was told in batches.

    A full queue drops hints: the sweeper repeats every hint that was not noted (P2).
    """

    def __init__(
        self,
        engine: CaseEngine,
        uow: UnitOfWorkFactory,
        *,
        tellers: int = 8,
        capacity: int = 10_000,
        note_every: timedelta = timedelta(milliseconds=100),
    ) -> None:
        self._engine = engine
        self._uow = uow
        self._tellers = tellers
        self._queue: asyncio.Queue[Hint] = asyncio.Queue(capacity)
        self._told: dict[str, int] = {}
        self._note_every = note_every
        self._tasks: list[asyncio.Task[None]] = []
        self.dropped = 0

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Queue a hint; None starts the workflow. Never blocks, never raises."""
        try:
            self._queue.put_nowait((snapshot, signal))
        except asyncio.QueueFull:
            self.dropped += 1

    async def __aenter__(self) -> BackgroundHints:
        self._tasks = [asyncio.create_task(self._tell()) for _ in range(self._tellers)]
        self._tasks.append(asyncio.create_task(self._note()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(3):
                await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._note_once()

    async def _tell(self) -> None:
        while True:
            snapshot, signal = await self._queue.get()
            try:
                await tell(self._engine, snapshot, signal)
                known = self._told.get(snapshot.after_sales_no, 0)
                self._told[snapshot.after_sales_no] = max(known, snapshot.version)
            except EngineUnavailable as error:
                log.warning("hint.not_told", after_sales_no=snapshot.after_sales_no, reason=str(error))
            finally:
                self._queue.task_done()

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(self._note_every.total_seconds())
            await self._note_once()

    async def _note_once(self) -> None:
        told, self._told = self._told, {}
        if not told:
            return
        try:
            async with self._uow() as uow:
                await uow.cases.mark_told(told)
                await uow.commit()
        except StorageUnavailable as error:
            log.warning("hint.not_noted", cases=len(told), reason=str(error))


async def tell(engine: CaseEngine, snapshot: CaseSnapshot, signal: Signal | None) -> None:
    """Start or signal; a final case is only ever signalled, never started."""
    if signal is None and not snapshot.final:
        await engine.start(snapshot)
    else:
        await engine.tell(snapshot, signal or Signal.RESYNC)
