"""The real API app over a shop in memory: real schemas, real refusals, no database."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI

from api.app import create_app
from api.deps import ApiPlatform
from api.security import TokenVerifier
from mallcare.application.caller import Caller
from mallcare.application.orders import IncomingOrder, IntakeResult
from mallcare.domain.errors import DomainError
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import check

KEY = "a-secret-of-at-least-thirty-two-bytes"
VERIFIER = TokenVerifier(algorithm="HS256", issuer="mallcare", audience="mallcare-api", key=KEY)


class Shop:
    """Keeps what the import sends. `breaks_after` batches it fails, until it is mended."""

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}
        self.events: dict[str, set[str]] = {}
        self.batches: list[list[str]] = []
        self.breaks_after: int | None = None

    async def take_in_orders(self, incoming: Sequence[IncomingOrder], _caller: Caller) -> list[IntakeResult]:
        if self.breaks_after is not None and len(self.batches) >= self.breaks_after:
            raise RuntimeError("the shop is broken")
        self.batches.append([item.order.order_no for item in incoming])
        return [self._take_in(item) for item in incoming]

    def _take_in(self, item: IncomingOrder) -> IntakeResult:
        number = item.order.order_no
        try:
            check(item.order)
        except DomainError as refusal:
            return IntakeResult(number, "refused", refusal=refusal)
        status = "unchanged" if number in self.orders else "applied"
        self.orders[number] = item.body_hash
        return IntakeResult(number, status, item.order.version)

    async def take_in_order_event(
        self, order_no: str, event: OrderEvent, _detail: Mapping[str, object] | None, _caller: Caller
    ) -> str:
        known = event.event_id in self.events.setdefault(order_no, set())
        self.events[order_no].add(event.event_id)
        return "unchanged" if known else "applied"

    def app(self) -> FastAPI:
        """The API that sells from this shop."""

        @asynccontextmanager
        async def opened() -> AsyncGenerator[ApiPlatform]:
            yield cast("ApiPlatform", SimpleNamespace(use_cases=self))

        return create_app(opened, VERIFIER)


def order_line(number: int, **changed: Any) -> dict[str, Any]:
    """A line of an import file: one paid order with two parcel events."""
    order_no = f"MO-{number}"
    order: dict[str, Any] = {
        "order_no": order_no,
        "version": 1,
        "supplier_id": "supplier-1",
        "channel": "consumer",
        "customer": {"customer_id": "customer-1"},
        "placed_at": "2026-03-01T16:00:00+08:00",
        "paid_at": "2026-03-01T16:01:00+08:00",
        "payment": {"tenders": [{"tender": "points", "amount_fen": 1_000}]},
        "lines": [{"line_id": "1", "sku": "A", "title": "杯", "quantity": 1, "unit_price_fen": 1_000}],
    }
    events = [
        {"event_id": f"{order_no}:{kind}", "type": kind, "occurred_at": "2026-03-04T10:30:00+08:00"}
        for kind in ("collected", "delivered")
    ]
    return {"order": order | changed, "events": events}
