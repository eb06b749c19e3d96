"""The OpenAPI document without a server, for the committed copy that clients are written against."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from api.app import create_app
from api.deps import ApiPlatform
from api.documentation import JsonObject
from api.security import TokenVerifier


def openapi_document() -> JsonObject:
    """The document of the API as it is in this code; needs no engine and no settings."""

    @asynccontextmanager
    async def never() -> AsyncGenerator[ApiPlatform]:
        raise RuntimeError("a document is read, not served")
        yield  # pragma: no cover

    verifier = TokenVerifier(algorithm="HS256", issuer="", audience="", key="-" * 32)
    return create_app(never, verifier).openapi()
