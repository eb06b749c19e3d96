"""Running cases survive a change of code: every committed history replays with the code as it is."""

from __future__ import annotations

import getpass
import json
import socket

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import WorkflowName
from tests.replay import corpus, paths, replaying
from tests.replay.corpus import FOLDER, MANIFEST
from tests.replay.stage import IDENTITY

ENTRIES = corpus.read_manifest()
SAME_WITHOUT = {
    "refund-only.auto-approved",
    "refund-only.cooling-off",
    "refund-only.decision-not-heard-of",
    "refund-only.escalated-then-approved",
    "refund-only.extension-not-heard-of",
    "refund-only.start-lost-and-swept",
}
"""Paths whose timers all ring, or that have none: an alarm changes nothing about them."""

MOST_BYTES = 2_500_000


async def test_every_committed_history_replays() -> None:
    """No case that began under any recorded version would be stuck by the present code."""
    assert await replaying.failures(ENTRIES) == {}


def test_cases_that_began_without_an_alarm_are_kept() -> None:
    """The way a run goes is in its input: the corpus has both, and the old way as often as it is recorded."""
    ways: dict[bool, set[str]] = {False: set(), True: set()}
    for entry in ENTRIES:
        if entry.workflow_type == WorkflowName.AFTER_SALES:
            started = entry.history().events[0].workflow_execution_started_event_attributes
            opened = CaseSnapshot.model_validate_json(started.input.payloads[0].data)
            ways[opened.keeps_alarm].add(entry.path)
    refund_only = {name for name in paths.ALL if name.startswith("refund-only.")}
    assert ways[False] == refund_only
    assert ways[True] == {name for name in paths.ALL if name.startswith(("return-refund.", "exchange."))} | (
        refund_only - SAME_WITHOUT
    )


def test_manifest_and_folder_tell_the_same() -> None:
    """Every file is in the manifest once and every entry has its file, with the events it tells of."""
    files = sorted(file.name for file in FOLDER.glob("*.json") if file != MANIFEST)
    assert files == sorted(entry.file for entry in ENTRIES)
    for entry in ENTRIES:
        assert entry.file == corpus.file_name(entry.path, entry.generation, entry.run)
        history = entry.history()
        assert len(history.events) == entry.events
        started = history.events[0].workflow_execution_started_event_attributes
        assert (started.workflow_type.name, started.workflow_id) == (entry.workflow_type, entry.workflow_id)


def test_every_declared_path_is_recorded() -> None:
    """A path without a history proves nothing: run `make histories`. One no longer declared is deleted."""
    assert {entry.path for entry in ENTRIES} == set(paths.ALL)
    assert {entry.file: entry.proves for entry in ENTRIES} == {
        entry.file: paths.ALL[entry.path].proves for entry in ENTRIES
    }


def test_every_workflow_has_a_path() -> None:
    """A workflow added without one is found here."""
    assert {entry.workflow_type for entry in ENTRIES} == {*WorkflowName}


def test_histories_name_no_machine() -> None:
    """Nothing of the machine that recorded them: neither its names nor its folders nor process ids."""
    text = "".join((FOLDER / entry.file).read_text(encoding="utf-8") for entry in ENTRIES)
    identities = {line.split('"')[3] for line in text.splitlines() if '"identity":' in line}
    assert identities <= {IDENTITY}
    own = {socket.gethostname(), getpass.getuser(), str(FOLDER.parents[2])}
    for word in ("stackTrace", "@", *(f'"{name}"' for name in own)):
        assert word not in text
    assert len(text) < MOST_BYTES


def test_payloads_of_histories_stay_readable() -> None:
    """Snapshots written long ago lack the fields added since; they are there to be decoded for ever."""
    entry = next(one for one in ENTRIES if one.workflow_type == WorkflowName.AFTER_SALES)
    event = json.loads((FOLDER / entry.file).read_text(encoding="utf-8"))["events"][0]
    assert event["workflowExecutionStartedEventAttributes"]["input"]["payloads"]
