"""The daily SMS: what of a supplier is overdue, and what is kept of each day's messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from mallcare.domain.daily_sms import DailySmsRun, NoticeOutcome


@dataclass(frozen=True, slots=True)
class SupplierOverdue:
    """What of a supplier was not done in time: orders not shipped, requests that wait for its answer."""

    supplier_id: str
    orders: int
    after_sales: int


class DailySmsRuns(Protocol):
    """Days of the daily SMS."""

    async def overdue(self, now: datetime, after: str, limit: int) -> list[SupplierOverdue]:
        """The next suppliers after `after`, by id, of all that have contacts or open clocks; each once."""
        ...

    async def begin(self, day: date, now: datetime) -> DailySmsRun:
        """A day under its row lock; one that nobody began yet begins now."""
        ...

    async def lock(self, day: date) -> DailySmsRun | None:
        """A day that was begun, under its row lock."""
        ...

    async def save(self, run: DailySmsRun) -> None:
        """Write all that can change of a locked day."""
        ...

    async def outcomes(self, run: DailySmsRun) -> list[NoticeOutcome]:
        """What has become of the day's notices so far, each counted once."""
        ...

    async def newest(self) -> DailySmsRun | None:
        """The last day that was begun."""
        ...

    async def get(self, day: date) -> DailySmsRun | None:
        """A day as last committed."""
        ...

    async def before(self, day: date | None, limit: int) -> Sequence[DailySmsRun]:
        """The newest days, those before `day`; newest first."""
        ...


class DailySmsProcess(Protocol):
    """The durable process that waits for each day's hour. The call may be repeated."""

    async def start(self) -> None:
        """Make sure that it runs; a running one is left alone.

        Raises:
            EngineUnavailable
        """
        ...
