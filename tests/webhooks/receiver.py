"""A receiver of webhooks whose every answer a test decides."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SECRET = "whsec_dGVzdHMgb2Ygd2ViaG9va3MgdXNlIHRoaXMgc2VjcmV0"


@dataclass(frozen=True)
class Arrival:
    """One request: what came, and what was answered."""

    message_id: str
    subject: str
    version: int
    status: int
    at: float
    body: bytes
    headers: dict[str, str]


async def accept(_: Arrival) -> int | Response:
    return 204


Answer = Callable[[Arrival], Awaitable[int | Response]]


@dataclass
class Receiver:
    """Verifies every signature with the package a mall would use, and keeps what came."""

    answer: Answer = accept
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    most_at_once: Counter[str] = field(default_factory=Counter[str])
    """Most requests that were open together, by subject and, under "", over all."""
    _open: Counter[str] = field(default_factory=Counter[str])

    def app(self) -> Starlette:
        return Starlette(routes=[Route("/hooks", self._receive, methods=["POST"])])

    async def _receive(self, request: Request) -> Response:
        body, headers = await request.body(), dict(request.headers)
        content: dict[str, Any] = Webhook(SECRET).verify(body, headers)
        arrival = Arrival(
            headers["webhook-id"],
            content["data"]["after_sales_no"],
            content["data"]["version"],
            0,
            time.monotonic(),
            body,
            headers,
        )
        names = (arrival.subject, "")
        self._open.update(names)
        for name in names:
            self.most_at_once[name] = max(self.most_at_once[name], self._open[name])
        try:
            answer = await self.answer(arrival)
        finally:
            self._open.subtract(names)
        response = answer if isinstance(answer, Response) else Response(status_code=answer)
        self.arrivals.append(Arrival(**{**vars(arrival), "status": response.status_code}))
        return response

    def accepted(self, subject: str | None = None) -> list[Arrival]:
        """What was answered 2xx, in the order of the answers."""
        return [a for a in self.arrivals if a.status < 300 and subject in (None, a.subject)]

    def versions(self, subject: str) -> list[int]:
        """Versions accepted of one subject, in their order."""
        return [arrival.version for arrival in self.accepted(subject)]
