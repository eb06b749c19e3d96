"""A file of JSON lines, plain or gzip, line by line: good ones ready to send, bad ones with their reason."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

GZIP_MAGIC = b"\x1f\x8b"
LONGEST_LINE = 4 * 1024 * 1024
"""Bytes; a longer line is bad, so that no file can use up the memory."""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order and its events, as JSON texts that can be sent as they are."""

    number: int
    order_no: str
    order: str
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not taken in, and why."""

    number: int
    reason: str


class DamagedFile(Exception):
    """The file ends in the middle of its compression; `after_line` is the last whole line."""

    def __init__(self, after_line: int) -> None:
        super().__init__(f"the file is damaged after line {after_line}")
        self.after_line = after_line


@dataclass(slots=True)
class OpenFile:
    """A file being read. `consumed` counts bytes on disk, for a progress bar."""

    raw: BinaryIO
    text: BinaryIO
    size: int
    _number: int = field(default=0)

    @property
    def consumed(self) -> int:
        """Bytes of the file on disk that were read so far."""
        return self.raw.tell()

    def lines(self, skip: int = 0) -> Iterator[OrderLine | BadLine]:
        """Every line after the first `skip`, in order; blank ones are left out.

        Raises:
            DamagedFile: the compression is broken.
        """
        for line in self._whole_lines():
            if self._number > skip and (line is None or line.strip()):
                yield _read(self._number, line)

    def _whole_lines(self) -> Iterator[bytes | None]:
        """Lines, None for one that is too long."""
        try:
            while line := self.text.readline(LONGEST_LINE + 1):
                self._number += 1
                if len(line) <= LONGEST_LINE:
                    yield line
                    continue
                while line and not line.endswith(b"\n"):
                    line = self.text.readline(LONGEST_LINE)
                yield None
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DamagedFile(self._number) from error


@contextmanager
def open_lines(path: Path) -> Generator[OpenFile]:
    """The file for reading; gzip is known by its first bytes, not by its name."""
    with path.open("rb") as raw:
        packed = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        raw.seek(0)
        size = path.stat().st_size
        if not packed:
            yield OpenFile(raw, raw, size)
            return
        with gzip.GzipFile(fileobj=raw) as text:
            yield OpenFile(raw, cast("BinaryIO", text), size)


def fingerprint(path: Path) -> str:
    """SHA-256 of the file's bytes on disk."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(number: int, line: bytes | None) -> OrderLine | BadLine:
    if line is None:
        return BadLine(number, f"longer than {LONGEST_LINE // 1024 // 1024} MiB")
    try:
        value: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BadLine(number, f"not JSON: {str(error)[:120]}")
    if not isinstance(value, dict):
        return BadLine(number, "not an object of {order, events}")
    return _shaped(number, cast("dict[str, object]", value))


def _shaped(number: int, value: dict[str, object]) -> OrderLine | BadLine:
    """Only what must be known to send it is checked here; the API judges the rest."""
    order, events = value.get("order"), value.get("events")
    if not isinstance(order, dict):
        return BadLine(number, "`order` is missing or not an object")
    order_no = cast("dict[str, object]", order).get("order_no")
    if not isinstance(order_no, str) or not order_no:
        return BadLine(number, "`order.order_no` is missing or not a text")
    if not isinstance(events, list | None):
        return BadLine(number, "`events` is not a list")
    try:
        texts = tuple(json.dumps(event, allow_nan=False) for event in cast("list[object]", events or []))
        return OrderLine(number, order_no, json.dumps(order, allow_nan=False), texts)
    except (ValueError, RecursionError):
        return BadLine(number, "holds a number that JSON cannot carry")
