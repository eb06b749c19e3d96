"""What the engine costs without us: the smallest workflows that wait, are told, and act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity, workflow

QUEUE: Final = "bench-floor"
PATIENCE: Final = timedelta(seconds=60)


@dataclass(frozen=True)
class Due:
    """When to act, and whether to end without acting."""

    at: datetime
    act: bool = True


@activity.defn(name="bench_nothing")
async def nothing() -> None:
    """An activity that does nothing, so that all of its cost is the engine's."""


async def _act() -> None:
    await workflow.execute_activity("bench_nothing", start_to_close_timeout=PATIENCE)


@workflow.defn(name="BenchSignalled")
class Signalled:
    """Start, one signal, one activity: the floor of a refund-only lifecycle."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the signal, act once."""
        await workflow.wait_condition(lambda: self._told)
        await _act()

    @workflow.signal
    def go(self) -> None:
        """The one signal."""
        self._told = True


@workflow.defn(name="BenchUpdated")
class Updated:
    """Start, update, timer, one activity: the peer of histories."""

    def __init__(self) -> None:
        self._told = False

    @workflow.run
    async def run(self) -> None:
        """Wait for the update, sleep a moment, act once."""
        await workflow.wait_condition(lambda: self._told)
        await workflow.sleep(timedelta(milliseconds=10))
        await _act()

    @workflow.update
    def go(self) -> None:
        """The one update."""
        self._told = True


@workflow.defn(name="BenchTimer")
class Timer:
    """Sleep until an instant and perhaps act: the floor of a deadline."""

    @workflow.run
    async def run(self, due: Due) -> None:
        """Sleep, then act if told to."""
        await workflow.sleep(max(timedelta(0), due.at - workflow.now()))
        if due.act:
            await _act()


WORKFLOWS: Final = (Signalled, Updated, Timer)
