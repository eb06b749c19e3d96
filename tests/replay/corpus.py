"""The committed histories: where they lie, how they are read and written, and their manifest.

A path may have several generations: the commands of its workflow changed on purpose while cases were
running. Every generation must replay until its files are deleted, which is safe once no running case
can have begun under it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

FOLDER = Path(__file__).parent / "histories"
MANIFEST = FOLDER / "manifest.json"
FINGERPRINTS = Path(__file__).parent / "fingerprints.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One history. `run` counts the runs of a path from 1, `proves` is the path's own line."""

    path: str
    generation: int
    run: int
    file: str
    workflow_type: str
    workflow_id: str
    events: int
    proves: str

    def history(self) -> WorkflowHistory:
        """As recorded, with the id a workflow may read."""
        return WorkflowHistory.from_json(self.workflow_id, (FOLDER / self.file).read_text(encoding="utf-8"))


def file_name(path: str, generation: int, run: int) -> str:
    """Says what is in it; the first run, mostly the only one, has no number."""
    return f"{path}.v{generation}{f'.run{run}' if run > 1 else ''}.json"


def read_manifest() -> tuple[Entry, ...]:
    """What is committed; nothing before the first recording."""
    if not MANIFEST.exists():
        return ()
    return tuple(Entry(**entry) for entry in json.loads(MANIFEST.read_text(encoding="utf-8"))["histories"])


def read_fingerprints() -> dict[str, list[str]]:
    """Of each file, the words of `fingerprint.words`."""
    return json.loads(FINGERPRINTS.read_text(encoding="utf-8")) if FINGERPRINTS.exists() else {}


def newest(entries: Iterable[Entry], path: str) -> tuple[Entry, ...]:
    """The runs of a path's last generation, in order; empty if it was never recorded."""
    own = sorted((entry for entry in entries if entry.path == path), key=lambda e: (e.generation, e.run))
    return tuple(entry for entry in own if entry.generation == own[-1].generation)


def entry_of(history: WorkflowHistory, path: str, generation: int, run: int, proves: str) -> Entry:
    """What the manifest says of a new history."""
    return Entry(
        path=path,
        generation=generation,
        run=run,
        file=file_name(path, generation, run),
        workflow_type=history.events[0].workflow_execution_started_event_attributes.workflow_type.name,
        workflow_id=history.workflow_id,
        events=len(history.events),
        proves=proves,
    )


def write_history(entry: Entry, history: WorkflowHistory) -> None:
    """Without stack traces, which name folders of the machine they were recorded on."""
    events = _without_stack_traces(json.loads(history.to_json()))
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(events, ensure_ascii=False, indent=1) + "\n"
    (FOLDER / entry.file).write_text(text, encoding="utf-8")


def write_lists(entries: Sequence[Entry], fingerprints: dict[str, list[str]]) -> None:
    """The manifest and the fingerprints, of exactly these entries, in the order of their files."""
    ordered = sorted(entries, key=lambda entry: entry.file)
    _write(MANIFEST, {"histories": [asdict(entry) for entry in ordered]})
    _write(FINGERPRINTS, {entry.file: fingerprints[entry.file] for entry in ordered})


def _write(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _without_stack_traces(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_stack_traces(inner)
            for key, inner in value.items()  # pyright: ignore[reportUnknownVariableType]
            if key != "stackTrace"
        }
    if isinstance(value, list):
        return [_without_stack_traces(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value
