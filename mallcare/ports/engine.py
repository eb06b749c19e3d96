"""The workflow engine, as use cases see it: something that can be told of a newer case."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal


class EngineUnavailable(Exception):
    """The engine cannot be reached or asks to slow down; hints can be repeated later."""


class NobodyListens(EngineUnavailable):
    """A final case has no running workflow: it ended by itself, or its start is still on its way."""


class CaseEngine(Protocol):
    """Starts and wakes the workflows of cases. Every call may be repeated."""

    async def start(self, snapshot: CaseSnapshot) -> bool:
        """Make sure a non-final case has a running workflow; a running one is left alone.

        Answers whether the workflow was missing and started just now.

        Raises:
            EngineUnavailable
        """
        ...

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        """Tell the case's workflow of a newer version; starts it where it is missing and not final.

        Raises:
            EngineUnavailable
            NobodyListens: the case is final and no workflow of it runs
        """
        ...

    async def broken(self, since: datetime, limit: int) -> list[str]:
        """Cases whose workflow ended other than by completing (terminated, failed), and does not run again.

        Raises:
            EngineUnavailable
        """
        ...


class Pumps(Protocol):
    """The endless processes that deliver webhooks. Every call may be repeated."""

    async def start(self) -> None:
        """Make sure that every pump runs; running ones are left alone.

        Raises:
            EngineUnavailable
        """
        ...


class Hints(Protocol):
    """Tells the engine in the background after a commit. Losing a hint is allowed: the sweeper repeats."""

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Queue a hint; None starts the workflow. Never blocks, never raises."""
        ...
