"""What routes need, and where they find it. Nothing here is built at import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Annotated, Protocol, cast

from fastapi import Depends, Header, Request

from mallcare.application.receipts import ReceiptDoor
from mallcare.application.use_cases import UseCases
from mallcare.domain.contacts import Channel
from mallcare.ports import CaseQueries, Clock, RefundCallbacks
from mallcare.ports.boards import BoardChange, BoardChanges, TooManyListeners

Readiness = Callable[[], Awaitable[Mapping[str, bool]]]
"""Asks every engine the API needs; answers by name whether it is there."""


class ApiPlatform(Protocol):
    """What the composition root hands to the API."""

    @property
    def use_cases(self) -> UseCases: ...

    @property
    def queries(self) -> CaseQueries: ...

    @property
    def callbacks(self) -> Mapping[str, RefundCallbacks]:
        """Verifiers of vendors' refund callbacks, by provider."""
        ...

    @property
    def receipts(self) -> Mapping[Channel, ReceiptDoor]:
        """Where vendors deliver receipts of messages to people."""
        ...

    @property
    def clock(self) -> Clock: ...

    @property
    def readiness(self) -> Readiness: ...

    @property
    def dropped_hints(self) -> Callable[[], int]:
        """Hints that this process gave up since it began, and left to the sweeper."""
        ...

    @property
    def board_changes(self) -> BoardChanges:
        """Tells what changes on the board."""
        ...


class NobodyTells:
    """Word of changes where there is none: whoever would listen is refused."""

    def listen(self, supplier_id: str | None) -> AbstractAsyncContextManager[AsyncIterator[BoardChange]]:
        """See `BoardChanges.listen`."""
        raise TooManyListeners("this process tells of no changes")

    def stop(self) -> None:
        """Nothing to end."""


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """`ApiPlatform` as a plain record."""

    use_cases: UseCases
    queries: CaseQueries
    callbacks: Mapping[str, RefundCallbacks]
    clock: Clock
    readiness: Readiness
    dropped_hints: Callable[[], int] = int
    receipts: Mapping[Channel, ReceiptDoor] = field(default_factory=dict[Channel, ReceiptDoor])
    board_changes: BoardChanges = field(default_factory=NobodyTells)


OpenPlatform = Callable[[], AbstractAsyncContextManager[ApiPlatform]]
"""Opens engines and pools for the life of the app, and closes them after it."""


# Coroutines, though they wait for nothing: FastAPI sends plain functions through a thread of its pool.


async def _platform(request: Request) -> ApiPlatform:
    return cast("ApiPlatform", request.app.state.platform)


async def _use_cases(request: Request) -> UseCases:
    return (await _platform(request)).use_cases


Platform = Annotated[ApiPlatform, Depends(_platform)]
Cases = Annotated[UseCases, Depends(_use_cases)]

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Your own key of this creation: sent again with the same body, it answers the same.",
        examples=["ask-20260301-1"],
    ),
]
