"""How far the import of a file got, kept in the data folder so that it can go on after an interruption."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from mallcare.cli.order_import.lines import BadLine
from mallcare.embedded.data_folder import read_object, write_private


@dataclass(slots=True)
class Progress:
    """All lines up to `lines` are dealt with; `bad` holds those that were not taken in.

    `new_*` counts what the platform did not have before.
    """

    lines: int = 0
    orders: int = 0
    new_orders: int = 0
    events: int = 0
    new_events: int = 0
    bad: list[BadLine] = field(default_factory=list[BadLine])


class ProgressFile:
    """Remembers one file's progress towards one API. A file with other bytes is another file."""

    def __init__(self, data_dir: Path, file_sha256: str, url: str) -> None:
        target = hashlib.sha256(url.encode()).hexdigest()[:8]
        self._path = data_dir / "imports" / f"{file_sha256}-{target}.json"

    def read(self) -> Progress:
        """Where the last import stopped; the beginning if it ended or never began."""
        kept = cast("dict[str, Any]", read_object(self._path))
        try:
            bad = [BadLine(int(line["number"]), str(line["reason"])) for line in kept.pop("bad", [])]
            return Progress(**{name: int(count) for name, count in kept.items()}, bad=bad)
        except (TypeError, ValueError, KeyError):
            return Progress()

    def write(self, progress: Progress) -> None:
        """Remember that everything so far is in."""
        write_private(self._path, json.dumps(asdict(progress)))

    def forget(self) -> None:
        """The import ended, or begins anew."""
        self._path.unlink(missing_ok=True)
