"""Prometheus metrics: requests as they happen, figures of the database at most every ten seconds.

The lateness of deadlines is measured where deadlines fire: on the worker's own metrics page.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mallcare.domain.vocabulary import LegStatus, State
from mallcare.ports import CaseQueries, StorageUnavailable

log = structlog.get_logger()

FRESH_FOR = timedelta(seconds=10)
HINT_GRACE = timedelta(seconds=30)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Metrics:
    """The instruments of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "mallcare_http_requests",
            "Requests answered, by route, method and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "mallcare_http_request_seconds",
            "Time from request to answer, by route and method.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._cases = Gauge("mallcare_cases", "Cases, by state.", ["state"], registry=self.registry)
        self._refunds = Gauge(
            "mallcare_refunds", "Refund legs, by status.", ["status"], registry=self.registry
        )
        self._unhealed = Gauge(
            "mallcare_unhealed_hints",
            "Cases whose workflow has not been told of their newest version for 30 s.",
            registry=self.registry,
        )
        self._dropped = Counter(
            "mallcare_dropped_hints",
            "Hints that found this process's queue full and were left to the sweeper.",
            registry=self.registry,
        )
        self._dropped_before = 0
        self._messages = Gauge(
            "mallcare_pending_messages", "Webhooks that wait to be delivered.", registry=self.registry
        )
        self._up = Gauge(
            "mallcare_figures_up", "1 if the figures of the database could be read.", registry=self.registry
        )
        self._read_at: datetime | None = None

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the template, never a path with ids."""
        known = method if method in METHODS else "OTHER"
        self._requests.labels(known, route, str(status)).inc()
        self._seconds.labels(known, route).observe(seconds)

    def hints_dropped(self, since_the_start: int) -> None:
        """Count the hints this process gave up, of which the sum is known."""
        self._dropped.inc(since_the_start - self._dropped_before)
        self._dropped_before = since_the_start

    async def exposition(self, queries: CaseQueries, now: datetime) -> bytes:
        """The text Prometheus reads. Figures older than ten seconds are read anew."""
        if self._read_at is None or not timedelta() <= now - self._read_at < FRESH_FOR:
            self._read_at = now
            try:
                await self._read(queries, now)
                self._up.set(1)
            except StorageUnavailable as error:
                self._read_at = None
                self._up.set(0)
                log.warning("metrics.figures_unavailable", reason=type(error).__name__)
        return generate_latest(self.registry)

    async def _read(self, queries: CaseQueries, now: datetime) -> None:
        _fill(self._cases, State, await queries.cases_by_state())
        _fill(self._refunds, LegStatus, await queries.refunds_by_status())
        self._unhealed.set(await queries.unhealed_hints(now - HINT_GRACE))
        self._messages.set(await queries.pending_messages())


def _fill(gauge: Gauge, words: type[State] | type[LegStatus], counts: Mapping[str, int]) -> None:
    """All words of the set, zeros too: a state that empties must not keep its last figure."""
    for word in words:
        gauge.labels(word.value).set(counts.get(word.value, 0))


class Measured:
    """Counts and times every HTTP request under its route's template."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 499  # the client went away before an answer

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.observe(scope["method"], route, status, time.perf_counter() - begun)
