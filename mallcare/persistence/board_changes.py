"""What changed on the board, as the database tells it: one connection of this process listens for all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import Self

import psycopg
import structlog
from psycopg.conninfo import make_conninfo

from mallcare.domain.metrics import Metric
from mallcare.persistence.engine import KEEPALIVES
from mallcare.ports.boards import BoardChange, TooManyListeners

log = structlog.get_logger()

CHANNEL = "clock_changes"
MOST_LISTENERS = 200
MOST_PAIRS = 1_000
"""A listener that has more waiting for it is told to read all anew."""
A_SECOND = timedelta(seconds=1)
TELL = f"""
    WITH gone AS (DELETE FROM clock_changes RETURNING supplier_id, metric)
    SELECT pg_notify('{CHANNEL}', supplier_id || '/' || metric)
    FROM (SELECT DISTINCT supplier_id, metric FROM gone) AS pairs
""".encode()  # noqa: S608 - a word of ours
"""Tell every listening process what writers noted. NOTIFY holds a lock of the whole database until its
commit is flushed: writers, who only note, never wait for it, and whoever tells does so once a second."""


class PostgresBoardChanges:
    """See `ports.boards.BoardChanges`. Nothing is opened before `begin`, or before somebody listens.

    Every stream begins with `missed`: whoever reads the board then, and after each change, is up to date.
    After a lost connection everybody is told so again.

    Args:
        url: of the database, as `postgresql://`.
        most: listeners at one time.
        spacing: between two looks at what writers noted, and between two changes told to one listener; what
            comes meanwhile is told together.
        retry: between attempts to reach the database.
    """

    def __init__(
        self,
        url: str,
        *,
        most: int = MOST_LISTENERS,
        spacing: timedelta = A_SECOND,
        retry: timedelta = A_SECOND,
    ) -> None:
        self._url = url
        self._most = most
        self._spacing = spacing
        self._retry = retry
        self._listeners: set[_Listener] = set()
        self._hearing: asyncio.Task[None] | None = None
        self._live = False
        self._stopped = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if self._hearing is not None:
            self._hearing.cancel()
            with suppress(asyncio.CancelledError):
                await self._hearing

    def begin(self) -> None:
        """Hear and tell from now on, whether anybody listens or not: else the notes would pile up."""
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear())

    def stop(self) -> None:
        """End all streams, and begin no more: the process goes away."""
        self._stopped = True
        for listener in self._listeners:
            listener.end()

    @asynccontextmanager
    async def listen(self, supplier_id: str | None) -> AsyncGenerator[AsyncIterator[BoardChange]]:
        """See `BoardChanges.listen`."""
        if self._stopped or len(self._listeners) >= self._most:
            raise TooManyListeners(f"{len(self._listeners)} listen already")
        listener = _Listener(supplier_id, self._spacing)
        self._listeners.add(listener)
        self.begin()
        if self._live:
            listener.miss()
        try:
            yield listener.changes()
        finally:
            self._listeners.discard(listener)

    async def _hear(self) -> None:
        """Listen as long as the process lives, and connect again whenever the connection is lost."""
        while True:
            try:
                await self._hear_once()
            except (psycopg.Error, OSError) as error:
                log.warning("board_changes.lost", reason=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - this task must live to tell the next changes
                log.error("board_changes.failed", error=type(error).__name__)
            finally:
                self._live = False
            await asyncio.sleep(self._retry.total_seconds())

    async def _hear_once(self) -> None:
        address = make_conninfo(self._url, application_name="mallcare board", connect_timeout=5, **KEEPALIVES)
        connection = await psycopg.AsyncConnection.connect(address, autocommit=True)
        async with connection:
            await connection.execute(TELL)  # our own listeners begin by reading everything
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            self._live = True
            for listener in self._listeners:
                listener.miss()
            while True:
                await connection.execute(TELL)
                async for told in connection.notifies(timeout=self._spacing.total_seconds()):
                    self._tell(told.payload)

    def _tell(self, payload: str) -> None:
        supplier_id, _, word = payload.rpartition("/")
        if word in set(Metric):
            for listener in self._listeners:
                listener.offer(supplier_id, Metric(word))


class _Listener:
    """What one client has not been told yet."""

    def __init__(self, supplier_id: str | None, spacing: timedelta) -> None:
        self._supplier_id = supplier_id
        self._spacing = spacing
        self._pairs: set[tuple[str, Metric]] = set()
        self._missed = False
        self._something = asyncio.Event()
        self._ended = asyncio.Event()

    def offer(self, supplier_id: str, metric: Metric) -> None:
        """Something of a supplier changed."""
        if self._supplier_id in (None, supplier_id) and not self._missed:
            self._pairs.add((supplier_id, metric))
            if len(self._pairs) > MOST_PAIRS:
                self.miss()
            self._something.set()

    def miss(self) -> None:
        """Something may have changed that nobody told."""
        self._pairs.clear()
        self._missed = True
        self._something.set()

    def end(self) -> None:
        """No further changes."""
        self._ended.set()
        self._something.set()

    async def changes(self) -> AsyncGenerator[BoardChange]:
        """What is waiting, then a pause, and again."""
        while True:
            await self._something.wait()
            if self._ended.is_set():
                return
            change = BoardChange(frozenset(self._pairs), self._missed)
            self._pairs.clear()
            self._missed = False
            self._something.clear()
            yield change
            with suppress(TimeoutError):
                async with asyncio.timeout(self._spacing.total_seconds()):
                    await self._ended.wait()
