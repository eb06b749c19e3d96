"""A load generator's HTTP: one kept-alive connection per client, as little of our own time as can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is no success."""


class Wire:
    """One HTTP/1.1 connection; one call at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    async def post(self, path: str, token: str, body: Json, headers: Mapping[str, str] | None = None) -> Json:
        """Send JSON and answer JSON.

        Raises:
            Refused: a status of 300 and above.
        """
        content = json.dumps(body, separators=(",", ":")).encode()
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {self._host}",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self._writer.write("\r\n".join((*lines, "", "")).encode() + content)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ", 2)[1])
        lengths = [line[15:] for line in head[1:] if line[:15].lower() == "content-length:"]
        answer = await self._reader.readexactly(int(lengths[0]))
        if status >= 300:
            raise Refused(f"{path} answered {status}: {answer[:300]!r}")
        return json.loads(answer)


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Wire]:
    """A connection to `http://host:port`, closed at the end."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer, f"{host}:{port}")
    finally:
        writer.close()
        await writer.wait_closed()
