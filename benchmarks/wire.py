"""A load generator's HTTP: one kept-alive connection per client, as little of our own time as can be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is no success."""


class Wire:
    """One HTTP/1.1 connection to `http://host:port`; one call at a time."""

    def __init__(self, url: str) -> None:
        self._address = url.removeprefix("http://")
        self._host, _, self._port = self._address.partition(":")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, token: str, body: Json, headers: Mapping[str, str] | None = None) -> Json:
        """Send JSON and answer JSON; a connection the server let go while it was idle is opened anew.

        Also where it lets go in the very moment of sending: every call here may be repeated.

        Raises:
            Refused: a status of 300 and above.
        """
        content = json.dumps(body, separators=(",", ":")).encode()
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {self._address}",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        sent = "\r\n".join((*lines, "", "")).encode() + content
        try:
            reader, head = await self._exchange(sent)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.close()
            self._streams = None
            reader, head = await self._exchange(sent)
        status = int(head[0].split(" ", 2)[1])
        lengths = [line[15:] for line in head[1:] if line[:15].lower() == "content-length:"]
        answer = await reader.readexactly(int(lengths[0]))
        if status >= 300:
            raise Refused(f"{path} answered {status}: {answer[:300]!r}")
        return json.loads(answer)

    async def _exchange(self, sent: bytes) -> tuple[asyncio.StreamReader, list[str]]:
        reader, writer = await self._connection()
        writer.write(sent)
        return reader, (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, int(self._port))
        return self._streams

    def close(self) -> None:
        """Hang up."""
        if self._streams is not None:
            self._streams[1].close()


@contextmanager
def connected(url: str, count: int) -> Generator[list[Wire]]:
    """So many clients, hung up at the end."""
    wires = [Wire(url) for _ in range(count)]
    try:
        yield wires
    finally:
        for wire in wires:
            wire.close()
