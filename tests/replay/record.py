"""`make histories`: walk every declared path and keep what is new.

A path whose commands are those of its newest committed history stays as it is, byte by byte. One whose
commands changed gets a further generation beside the old one, which must go on replaying: deleting a
file here says that no running case can have begun under it (`docs/changing-workflows.md`).
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowHistory

from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.logging import set_up_logging
from mallcare.persistence.migrate import upgrade
from tests.replay import corpus, paths
from tests.replay.corpus import Entry
from tests.replay.fingerprint import words
from tests.replay.stage import ShortHistories, Stage, open_stage
from tests.replay.walking import Path as Way


async def histories_of(way: Way, stage: Stage) -> list[WorkflowHistory]:
    """Walk a path; answers the histories of its runs, in order."""
    return [history for run in await way.walked(stage) for history in await _followed(stage, run)]


async def _followed(stage: Stage, run: WorkflowHandle[Any, Any]) -> list[WorkflowHistory]:
    """A run and those it continued itself in, but for one that was cut off: it shows nothing more."""
    history = await run.fetch_history()
    last = history.events[-1]
    if last.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
        return [history]
    successor = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    following = await _followed(stage, stage.client.get_workflow_handle(run.id, run_id=successor))
    cut_off = following[0].events[-1].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED
    return [history] if cut_off else [history, *following]


def merged(
    old: Sequence[Entry],
    fingerprints: dict[str, list[str]],
    way: Way,
    histories: Sequence[WorkflowHistory],
) -> tuple[list[Entry], str]:
    """A path's entries after it was walked anew, and what became of them; writes new files."""
    last = corpus.newest(old, way.name)
    now = [words(history) for history in histories]
    kept = [replace(entry, proves=way.proves) for entry in old if entry.path == way.name]
    if last and [fingerprints[entry.file] for entry in last] == now:
        return kept, "unchanged"
    generation = last[-1].generation + 1 if last else 1
    for run, (history, fingerprint) in enumerate(zip(histories, now, strict=True), 1):
        entry = corpus.entry_of(history, way.name, generation, run, way.proves)
        corpus.write_history(entry, history)
        fingerprints[entry.file] = fingerprint
        kept.append(entry)
    return kept, f"generation {generation}"


async def record(stage: Stage) -> None:
    """Walk every path and bring the corpus up to date; entries whose file was deleted are dropped."""
    old = [entry for entry in corpus.read_manifest() if (corpus.FOLDER / entry.file).exists()]
    fingerprints = corpus.read_fingerprints()
    entries: list[Entry] = []
    for way in paths.ALL.values():
        kept, verdict = merged(old, fingerprints, way, await histories_of(way, stage))
        entries += kept
        print(f"{verdict:14} {way.name}", flush=True)
    corpus.write_lists(entries, fingerprints)


async def _on_engines_of_its_own(folder: Path) -> None:
    with (
        EmbeddedPostgres(folder, fsync=False).running() as postgres,
        ShortHistories(folder).running() as temporal,
    ):
        await asyncio.to_thread(upgrade, postgres.url)
        async with open_stage(temporal, postgres.url) as stage:
            await record(stage)


def main() -> int:
    """Record; the status of the process."""
    set_up_logging("console", "CRITICAL")
    logging.getLogger("temporalio.activity").setLevel(logging.CRITICAL)  # paths break activities on purpose
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_on_engines_of_its_own(Path(folder)))
    return 0


if __name__ == "__main__":
    from mallcare.embedded.exit import leave

    try:
        status = main()
    except Exception as error:  # noqa: BLE001 - the way out is `leave`, whatever happened
        traceback.print_exception(error)
        status = 1
    leave(status)
