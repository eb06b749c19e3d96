"""What falls due without being a request's own: kept by a fixed number of timekeepers, one a shard."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from typing import Final, Protocol

TIMEKEEPERS: Final = 16
"""Shards of everything that falls due. Changing it needs a migration: the shard is stored."""


def shard_of(supplier_id: str) -> int:
    """The timekeeper of a supplier: all that is one supplier's falls due in one place."""
    digest = md5(supplier_id.encode(), usedforsecurity=False).hexdigest()
    return int(digest[:8], 16) % TIMEKEEPERS


@dataclass(frozen=True, slots=True)
class DueRelease:
    """An order whose cooling-off has ended, under its row lock.

    `withheld`: a refund-only request for the whole order is open or was refunded, nothing of it is left
    that was not refunded, the mall closed it, or it is not paid. Refunds that compensate for goods the
    customer keeps (`AfterSalesCase.goods_stay`) count for nothing here. `moved`: a parcel of it was seen
    before. `claimed`: somebody asks units of it back, or was refunded.
    """

    order_no: str
    supplier_id: str
    due_at: datetime
    withheld: bool
    line_ids: tuple[str, ...]
    moved: bool
    claimed: bool


class Releases(Protocol):
    """Orders on their way to their suppliers."""

    async def due(self, shard: int, now: datetime, limit: int) -> list[DueRelease]:
        """Orders to release or withhold, longest due first; those that somebody has locked are left out."""
        ...

    async def settle(self, due: Sequence[DueRelease]) -> None:
        """Release them at the instant they were due, or withhold them: neither is due any more."""
        ...

    async def next_due(self, shard: int) -> datetime | None:
        """The earliest release of a shard, None if none is to come."""
        ...

    async def withheld(self, order_no: str) -> bool:
        """Whether a look would withhold a known order now; nothing is locked."""
        ...

    async def due_again(self, order_no: str, at: datetime) -> None:
        """What withheld a locked order is over: it is due, unless it was released before."""
        ...


class Wakes(Protocol):
    """Wakes timekeepers in the background. Losing one is allowed: they look by themselves within minutes."""

    def offer(self, shards: Collection[int], /) -> None:
        """Something of these shards falls due soon. Never blocks, never raises."""
        ...


class Timekeepers(Protocol):
    """The durable processes that let things fall due. Every call may be repeated."""

    async def start(self) -> None:
        """Make sure that every timekeeper runs; running ones are left alone.

        Raises:
            EngineUnavailable
        """
        ...

    async def wake(self, shards: Collection[int]) -> None:
        """Something of these shards falls due before their timekeepers would look again.

        Raises:
            EngineUnavailable: they look by themselves within minutes.
        """
        ...
