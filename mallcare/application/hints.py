"""Telling workflows in the background: after the commit, beside the answer, and never its condition."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from weakref import WeakValueDictionary

import structlog

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.ports import CaseEngine, EngineUnavailable, NobodyListens, StorageUnavailable, UnitOfWorkFactory

log = structlog.get_logger()

Hint = tuple[CaseSnapshot, Signal | None]


class BackgroundHints:
    """A bounded queue of hints with a few tellers, and one writer that notes what was told in batches.

    Hints of one case are told one after another, as they were offered: told beside each other, the news
    that a case has ended could reach an engine where it has not begun, and its start come after.

    A full queue drops hints, and whatever goes wrong in telling or noting one is logged and left: the
    sweeper repeats every hint that was not noted (P2), and the next ones are told as ever.

    Args:
        tellers: calls to the engine side by side.
        capacity: how many hints may wait, and how many told ones may wait to be noted.
        note_every: pause between two notes.
        patience: how long the end waits for the hints in the queue.
    """

    def __init__(
        self,
        engine: CaseEngine,
        uow: UnitOfWorkFactory,
        *,
        tellers: int = 8,
        capacity: int = 10_000,
        note_every: timedelta = timedelta(milliseconds=100),
        patience: timedelta = timedelta(seconds=3),
    ) -> None:
        self._engine = engine
        self._uow = uow
        self._tellers = tellers
        self._queue: asyncio.Queue[Hint] = asyncio.Queue(capacity)
        self._capacity = capacity
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._told: dict[str, int] = {}
        self._note_every = note_every
        self._patience = patience
        self._tasks: list[asyncio.Task[None]] = []
        self._dropped = 0
        self._dropped_before = 0

    @property
    def dropped(self) -> int:
        """Hints that found the queue full since the process began."""
        return self._dropped

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Queue a hint; None starts the workflow. Never blocks, never raises."""
        try:
            self._queue.put_nowait((snapshot, signal))
        except asyncio.QueueFull:
            self._dropped += 1

    async def __aenter__(self) -> BackgroundHints:
        self._tasks = [asyncio.create_task(self._tell()) for _ in range(self._tellers)]
        self._tasks.append(asyncio.create_task(self._note()))
        return self

    async def __aexit__(self, *exc: object) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience.total_seconds()):
                await self._queue.join()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._note_once()

    async def _tell(self) -> None:
        while True:
            snapshot, signal = await self._queue.get()
            try:
                async with self._turn_of(snapshot.after_sales_no):
                    await tell(self._engine, snapshot, signal)
            except NobodyListens:
                # Another process may still be starting the workflow of this final case, and a start that
                # comes after its end would wait for a deadline. The sweeper tells it once starts are done.
                log.debug("hint.nobody_listens", after_sales_no=snapshot.after_sales_no)
            except EngineUnavailable as error:
                log.warning("hint.not_told", after_sales_no=snapshot.after_sales_no, reason=str(error))
            except Exception as error:  # noqa: BLE001 - this teller must live to tell the next hint
                no = snapshot.after_sales_no
                log.error("hint.not_told", after_sales_no=no, error=type(error).__name__)
            else:
                self._to_note(snapshot)
            finally:
                self._queue.task_done()

    def _turn_of(self, after_sales_no: str) -> asyncio.Lock:
        """Lets tellers in by the order in which they ask; kept while somebody holds it or waits."""
        turn = self._turns.get(after_sales_no)
        if turn is None:
            turn = self._turns[after_sales_no] = asyncio.Lock()
        return turn

    def _to_note(self, snapshot: CaseSnapshot) -> None:
        """Remember what was told until the next note; what finds no room the sweeper tells again."""
        known = self._told.get(snapshot.after_sales_no)
        if known is not None or len(self._told) < self._capacity:
            self._told[snapshot.after_sales_no] = max(known or 0, snapshot.version)

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(self._note_every.total_seconds())
            await self._note_once()
            if self._dropped > self._dropped_before:
                log.warning("hint.dropped", hints=self._dropped - self._dropped_before)
                self._dropped_before = self._dropped

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
        except Exception as error:  # noqa: BLE001 - the writer must live to note the next ones
            log.error("hint.not_noted", cases=len(told), error=type(error).__name__)


async def tell(engine: CaseEngine, snapshot: CaseSnapshot, signal: Signal | None) -> None:
    """Start or signal; a final case is only ever signalled, never started."""
    if signal is None and not snapshot.final:
        await engine.start(snapshot)
    else:
        await engine.tell(snapshot, signal or Signal.RESYNC)
