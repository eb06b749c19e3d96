"""An engine in memory, which does what a test says instead of what Temporal would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.vocabulary import Kind, State

AT = datetime(2026, 3, 5, tzinfo=UTC)


def snapshot(after_sales_no: str, version: int = 1, state: State = State.PENDING_REVIEW) -> CaseSnapshot:
    """A case as its workflow is told of it."""
    return CaseSnapshot(
        after_sales_no=after_sales_no,
        order_no="O1",
        supplier_id="supplier-1",
        kind=Kind.REFUND_ONLY,
        state=state,
        version=version,
    )


@dataclass
class ScriptedEngine:
    """Remembers what it was told. `fails` answers what a call for a case raises, None for nothing."""

    fails: Callable[[str], Exception | None] = lambda _: None
    running: set[str] = field(default_factory=set)
    stopped: list[str] | Exception = field(default_factory=list)
    told: list[tuple[str, Signal | None]] = field(default_factory=list)
    tried: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def start(self, snapshot: CaseSnapshot) -> bool:
        await self._call(snapshot, None)
        missing = snapshot.after_sales_no not in self.running
        self.running.add(snapshot.after_sales_no)
        return missing

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        await self._call(snapshot, signal)

    async def broken(self, since: datetime, limit: int) -> list[str]:
        if isinstance(self.stopped, Exception):
            raise self.stopped
        return self.stopped[:limit]

    async def _call(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        self.tried += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.001)
            failure = self.fails(snapshot.after_sales_no)
            if failure is not None:
                raise failure
            self.told.append((snapshot.after_sales_no, signal))
        finally:
            self.at_once -= 1

    @property
    def numbers(self) -> list[str]:
        return [number for number, _ in self.told]
