"""The one timer of a durable process, moved only where that matters.

Setting a timer anew costs two events of history, and letting one ring early costs a task and a new
timer. So a timer stays while it rings at the deadline or a little before it, and nobody takes it back
when nothing is due any more.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

EARLY = timedelta(hours=1)
"""How much earlier than the deadline a timer may ring: news that come soon after each other share it."""


class Alarm:
    """Rings once at the instant it was last set to, or up to `EARLY` before; whoever waits looks again."""

    def __init__(self) -> None:
        self._rings_at: datetime | None = None
        self._timer: asyncio.Task[None] | None = None

    @property
    def rang(self) -> bool:
        """The instant it was set to has come."""
        return self._timer is not None and self._timer.done()

    def set(self, at: datetime, summary: str) -> None:
        """Ring at `at`, or a little before where a timer runs already."""
        running = self._timer is not None and not self._timer.done()
        if running and self._rings_at is not None and self._rings_at <= at <= self._rings_at + EARLY:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = at
        self._timer = asyncio.create_task(workflow.sleep(at - workflow.now(), summary=summary))
