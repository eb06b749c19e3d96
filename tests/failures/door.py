"""Where the simulated vendor calls back: a door between its thread and the API in the tests' own loop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
from fastapi import FastAPI, Request, Response

CALLBACKS = "/v1/callbacks/wechat_pay/refunds"

Letter = tuple[bytes, dict[str, str]]
"""A callback as it arrived: its body and its headers."""


@dataclass
class Door:
    """Passes callbacks on, unless a test has them lost (`deaf`) or put aside (`keeps`)."""

    loop: asyncio.AbstractEventLoop
    api: httpx.AsyncClient | None = None
    deaf: bool = False
    """The vendor is refused, and would try again much later."""
    keeps: bool = False
    kept: list[Letter] = field(default_factory=list)

    def app(self) -> FastAPI:
        """The door as an app of its own."""
        app = FastAPI()
        app.add_api_route("/refunds", self.take, methods=["POST"])
        return app

    async def take(self, request: Request) -> Response:
        """A callback of the vendor."""
        letter = (await request.body(), dict(request.headers))
        if self.deaf:
            return Response(status_code=503)
        if self.keeps:
            self.kept.append(letter)
            return Response(status_code=204)
        passed_on = asyncio.run_coroutine_threadsafe(self.pass_on(*letter), self.loop)
        return Response(status_code=(await asyncio.wrap_future(passed_on)).status_code)

    async def pass_on(self, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Hand a callback to the API."""
        assert self.api is not None
        return await self.api.post(CALLBACKS, content=body, headers=headers)

    async def one_kept(self) -> Letter:
        """Wait for a callback that was put aside."""
        async with asyncio.timeout(10):
            while not self.kept:  # noqa: ASYNC110 - the vendor's thread fills it
                await asyncio.sleep(0.01)
        return self.kept.pop()

    def open(self) -> None:
        """As a door is: callbacks go through."""
        self.deaf = self.keeps = False
        self.kept.clear()
