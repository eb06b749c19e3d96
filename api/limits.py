"""The end of a body: nobody makes this process hold more than it wants to read."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem

LARGEST_BODY = 16 * 1024 * 1024
"""Bytes a request may have: a thousand orders of a dozen lines each fit in easily."""


class BodyLimit:
    """Refuses a body longer than `LARGEST_BODY`: by its own word, or once it turns out to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > LARGEST_BODY:
            refusal = problem("too_large", f"at most {LARGEST_BODY} bytes are read", headers=CLOSE)
            await refusal(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > LARGEST_BODY:
                    raise HTTPException(413, headers=CLOSE)
            return message

        await self._app(scope, counted, send)


CLOSE = {"Connection": "close"}
"""The rest of the body is still on its way; nothing after it could be understood."""
