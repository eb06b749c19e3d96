"""The HTTP app. Building it opens nothing; engines and pools live as long as its lifespan."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from api import errors
from api.deps import OpenPlatform
from api.documentation import INTRODUCTION, TAGS, describe, operation_id
from api.limits import BodyLimit
from api.metrics import Measured, Metrics
from api.routes import (
    after_sales,
    boards,
    callbacks,
    clocks,
    contacts,
    daily_sms,
    exchanges,
    health,
    intercepts,
    notices,
    notifications,
    operations,
    orders,
    papers,
    reconciliation,
    refunds,
    returns,
    reviews,
    suppliers,
    taken_over,
    tasks,
    timeliness,
    webhooks,
)
from api.security import TokenVerifier

ROUTERS = (
    orders.router,
    after_sales.router,
    papers.router,
    reviews.router,
    returns.router,
    exchanges.router,
    refunds.router,
    taken_over.router,
    suppliers.router,
    contacts.router,
    notifications.router,
    operations.router,
    tasks.router,
    intercepts.router,
    timeliness.router,
    reconciliation.router,
    daily_sms.router,
    boards.router,
    clocks.router,
    webhooks.router,
    notices.router,
    callbacks.router,
    notices.receipts,
    health.router,
)


def create_app(open_platform: OpenPlatform, verifier: TokenVerifier) -> FastAPI:
    """The app over whatever `open_platform` opens when the server starts.

    Args:
        open_platform: called once at start-up; the context it answers is left at shutdown.
        verifier: decides who calls.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with open_platform() as platform:
            app.state.platform = platform
            yield

    app = FastAPIOffline(  # the manual works without internet: nothing of it comes from a CDN
        title="mallcare",
        version=version("mallcare"),
        summary="After-sales and customer service of a mall of many suppliers",
        description=INTRODUCTION,
        openapi_tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        generate_unique_id_function=operation_id,
        redoc_url=None,
        lifespan=lifespan,
    )
    metrics = Metrics()
    app.state.verifier = verifier
    app.state.metrics = metrics
    app.add_middleware(BodyLimit)
    errors.install(app)
    app.add_middleware(Measured, metrics=metrics)
    for router in ROUTERS:
        app.include_router(router)
    describe(app)
    return app
