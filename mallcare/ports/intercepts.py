"""Intercepts, stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.intercepts import Intercept, InterceptStatus

if TYPE_CHECKING:
    from mallcare.ports.queries import Page


@dataclass(frozen=True, slots=True)
class InterceptFilter:
    """Which intercepts to list; None does not restrict. Tenancy is a restriction like any other."""

    status: InterceptStatus | None = None
    supplier_id: str | None = None


class Intercepts(Protocol):
    """At most one for each request; whoever writes one has locked the request's order."""

    async def add(self, intercept: Intercept) -> None: ...

    async def save(self, intercept: Intercept) -> None:
        """Write what was said of one, and what is known of its goods."""
        ...

    async def get(self, after_sales_no: str) -> Intercept | None: ...

    async def of_order(self, order_no: str) -> dict[str, Intercept]:
        """By the numbers of their requests."""
        ...

    async def decided_refunds(self, order_no: str) -> Sequence[AfterSalesCase]:
        """Refund-only requests of a locked order whose refund is decided, ended ones too."""
        ...

    async def page(self, where: InterceptFilter, limit: int, cursor: str | None) -> Page[Intercept]:
        """Newest first, by keyset.

        Raises:
            InvalidInput: a cursor that was not made by this list.
        """
        ...
