"""Health and metrics, for the platform that runs the API. Not authenticated: keep them inside."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import cast

import structlog
from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.deps import Platform, Readiness
from api.documentation import problems
from api.errors import problem
from api.metrics import Metrics
from api.schemas.operations import Alive, Ready

log = structlog.get_logger()
router = APIRouter(tags=["health"])

PATIENCE_SECONDS = 5.0


@router.get("/healthz", summary="The process is alive")
async def alive() -> Alive:
    """Answers as long as the process does; asks no engine."""
    return Alive()


@router.get(
    "/readyz",
    summary="Everything needed is there",
    response_model=Ready,
    responses=problems("engine_unavailable"),
)
async def ready(platform: Platform) -> Ready | Response:
    """Asks the database, Temporal, and whether a worker polls; 503 names in `missing` what is not there."""
    checks = await _checks(platform.readiness)
    missing = sorted(name for name, there in checks.items() if not there)
    if missing:
        facts = {"missing": missing, "checks": dict(checks)}
        return problem("engine_unavailable", f"missing: {', '.join(missing)}", facts)
    return Ready(checks=dict(checks))


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "The Prometheus text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    },
)
async def metrics(request: Request, platform: Platform) -> Response:
    """Requests by route and status, cases by state, refunds by status, unhealed hints, pending messages.

    Figures of the database are at most ten seconds old; where it cannot be reached
    `mallcare_figures_up` is 0 and the rest is answered all the same.
    """
    instruments = cast("Metrics", request.app.state.metrics)
    instruments.hints_dropped(platform.dropped_hints())
    text = await instruments.exposition(platform.queries, platform.clock.now())
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _checks(readiness: Readiness) -> Mapping[str, bool]:
    """What is there; a question that fails or hangs counts as one thing missing."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await readiness()
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is "not ready"
        log.warning("readiness.failed", reason=type(error).__name__)
        return {"readiness": False}
