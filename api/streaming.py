"""Server-sent events: word of what changed on the board, for clients that then read it again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.sse import ServerSentEvent

from api.deps import Platform
from api.schemas.boards import BoardChangeOut
from api.schemas.fields import Id
from api.security import SignedIn
from mallcare.application.boards import scope_of
from mallcare.domain.metrics import Metric
from mallcare.ports.boards import BoardChange

RETRY_MILLISECONDS = 2_000
"""How long a client waits before it connects again."""


async def _changes(
    platform: Platform,
    caller: SignedIn,
    supplier_id: Annotated[Id | None, Query(description="Only of this supplier.")] = None,
) -> AsyncGenerator[AsyncIterator[BoardChange]]:
    """Listens before the answer begins, so that a refusal is still an ordinary problem."""
    async with platform.board_changes.listen(scope_of(supplier_id, caller)) as changes:
        yield changes


Changes = Annotated[AsyncIterator[BoardChange], Depends(_changes)]


def events_of(change: BoardChange) -> Iterator[ServerSentEvent]:
    """A change as events: one `resync`, or one `changed` with all suppliers that changed."""
    if change.missed:
        yield ServerSentEvent(event="resync", raw_data="{}", retry=RETRY_MILLISECONDS)
    metrics: dict[str, list[Metric]] = {}
    for supplier_id, metric in sorted(change.pairs):
        metrics.setdefault(supplier_id, []).append(metric)
    if metrics:
        changed = [
            BoardChangeOut(supplier_id=supplier_id, metrics=own).model_dump(mode="json")
            for supplier_id, own in metrics.items()
        ]
        yield ServerSentEvent(event="changed", data=changed)
