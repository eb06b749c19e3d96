"""Reads that change nothing: lists and counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from mallcare.domain.vocabulary import Kind, State
from mallcare.ports.records import CaseRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` None on the last."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases to list; None does not restrict. Tenancy is a restriction like any other."""

    order_no: str | None = None
    supplier_id: str | None = None
    customer_id: str | None = None
    state: State | None = None
    kind: Kind | None = None
    overdue_at: datetime | None = None
    """Only cases that have not ended and whose deadline passed at this instant, or that were escalated."""


class CaseQueries(Protocol):
    """Lists of cases and the figures of the metrics page."""

    async def cases(self, where: CaseFilter, limit: int, cursor: str | None) -> Page[CaseRecord]:
        """Newest first, by keyset.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...

    async def cases_by_state(self) -> Mapping[str, int]: ...

    async def refunds_by_status(self) -> Mapping[str, int]: ...

    async def unhealed_hints(self, before: datetime) -> int:
        """Cases whose newest version the workflow has not been told of since an instant."""
        ...

    async def pending_messages(self) -> int: ...
