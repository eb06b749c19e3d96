"""The API as a process: the app over the wired platform, served by uvicorn."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import FrameType
from typing import cast

import structlog
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.deps import ApiDependencies, ApiPlatform
from api.security import verifier_of
from mallcare.bootstrap import Platform, open_platform
from mallcare.gateways.temporal_readiness import temporal_readiness
from mallcare.settings import Settings

log = structlog.get_logger()

GRACE_SECONDS = 10
"""How long requests may go on after a stop was asked for."""


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; requests that run are finished first.

    Raises:
        NotConfigured: a setting is missing, or its key is too short.
    """
    app = app_of(settings)
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    # uvicorn raises the signal that stopped it once more at its end: here it has done its work by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _nothing_more)
    server = _Server(config, app)
    server.run()
    if not server.started:
        raise SystemExit(1)


class _Server(uvicorn.Server):
    """Ends streams when it is told to stop: waiting for them would take all the grace there is."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Before it waits for requests that run."""
        platform = cast("ApiPlatform | None", getattr(self._app.state, "platform", None))
        if platform is not None:
            platform.board_changes.stop()
        await super().shutdown(sockets)


def _nothing_more(_number: int, _frame: FrameType | None) -> None:
    return


def app_of(settings: Settings) -> FastAPI:
    """The app over the platform these settings describe; nothing is opened yet.

    Raises:
        NotConfigured: no key to verify tokens with.
    """

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        async with open_platform(settings) as platform:
            platform.board_changes.begin()
            log.info("api.started", port=settings.api_port)
            yield _dependencies(platform)
            log.info("api.stopping")

    return create_app(opened, verifier_of(settings))


def _dependencies(platform: Platform) -> ApiDependencies:
    async def readiness() -> dict[str, bool]:
        database, temporal = await asyncio.gather(
            platform.database_answers(), temporal_readiness(platform.temporal)
        )
        return {"database": database, **temporal}

    return ApiDependencies(
        use_cases=platform.use_cases,
        queries=platform.queries,
        callbacks=platform.callbacks,
        receipts=platform.receipts,
        clock=platform.clock,
        readiness=readiness,
        dropped_hints=lambda: platform.hints.dropped,
        board_changes=platform.board_changes,
    )
