"""The import itself: batch after batch, each remembered once it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import httpx

from mallcare.cli.order_import.lines import BadLine, OpenFile, OrderLine, fingerprint, open_lines
from mallcare.cli.order_import.progress import Progress, ProgressFile
from mallcare.cli.order_import.sending import ATTEMPTS, OrderSender
from mallcare.cli.reaching import ReachedApi

Tell = Callable[[Progress, OpenFile], None]


async def import_orders(
    path: Path,
    reached: ReachedApi,
    data_dir: Path,
    *,
    batch: int = 500,
    restart: bool = False,
    attempts: int = ATTEMPTS,
    tell: Tell = lambda _progress, _file: None,
    on_event: Callable[[], None] = lambda: None,
) -> Progress:
    """Take in a file of {order, events} lines; answers the counts and the bad lines.

    `tell` hears of every batch, `on_event` of every event. An interrupted import goes on after its last
    whole batch.

    Raises:
        ConnectionLost, CommandFailed, DamagedFile: what was told so far is in.
    """
    kept = ProgressFile(data_dir, fingerprint(path), reached.url)
    if restart:
        kept.forget()
    progress = kept.read()
    async with _client(reached) as client:
        sender = OrderSender(client, attempts=attempts, on_event=on_event)
        with open_lines(path) as file:
            lines = file.lines(skip=progress.lines)
            while some := _next(lines, batch):
                sent = await sender.send([line for line in some if isinstance(line, OrderLine)])
                progress.lines = some[-1].number
                progress.orders += sent.orders
                progress.new_orders += sent.new_orders
                progress.events += sent.events
                progress.new_events += sent.new_events
                progress.bad += [line for line in some if isinstance(line, BadLine)] + sent.bad
                progress.bad.sort(key=lambda line: line.number)
                kept.write(progress)
                tell(progress, file)
    kept.forget()
    return progress


def _next(lines: Iterator[OrderLine | BadLine], batch: int) -> list[OrderLine | BadLine]:
    return list(islice(lines, batch))


def _client(reached: ReachedApi) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=reached.url,
        headers=reached.headers,
        timeout=httpx.Timeout(60, connect=5),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
    )
