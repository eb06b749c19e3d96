"""The corpus is worth something: typical mistakes do not get past it, and harmless changes do."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from tests.replay import corpus, mutants, replaying
from tests.replay.corpus import Entry
from tests.replay.mutants import Rewrite, mutant
from tests.replay.replaying import WORKFLOWS
from tests.replay.test_fingerprints import WALKED_AGAIN
from workflows.after_sales import AfterSalesWorkflow
from workflows.sweep import SweepWorkflow
from workflows.webhook_delivery import WebhookDeliveryWorkflow

MISTAKES = [
    (AfterSalesWorkflow, mutants.timer_removed),
    (AfterSalesWorkflow, mutants.order_swapped),
    (AfterSalesWorkflow, mutants.search_attributes_dropped),
    *((workflow, mutants.timer_added) for workflow in WORKFLOWS),
    *((workflow, mutants.activity_renamed) for workflow in WORKFLOWS),
    *((workflow, mutants.activity_made_local) for workflow in WORKFLOWS),
    (AfterSalesWorkflow, mutants.alarm_not_set),
    (AfterSalesWorkflow, mutants.alarm_always_moved),
    (AfterSalesWorkflow, mutants.alarm_never_moved),
    (AfterSalesWorkflow, mutants.alarm_for_everybody),
    (AfterSalesWorkflow, mutants.alarm_for_nobody),
    (AfterSalesWorkflow, mutants.endless),
    (AfterSalesWorkflow, mutants.patches_forgotten),
    (WebhookDeliveryWorkflow, mutants.endless),
]
KIND_CHANGED = "return-refund.agreed-to-as-a-refund"
HARMLESS = [
    *((workflow, mutants.unchanged) for workflow in WORKFLOWS),
    (AfterSalesWorkflow, mutants.options_changed),
    (SweepWorkflow, mutants.options_changed),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where mutants can be imported from."""
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    return tmp_path


def histories_of(workflow: type) -> list[Entry]:
    name = workflow.__dict__["__temporal_workflow_definition"].name
    return [entry for entry in corpus.read_manifest() if entry.workflow_type == name]


def is_nondeterminism(failure: Exception) -> bool:
    """The SDK has a type for most of them; others it meets later, in the machines of timers."""
    met_later = ("NonDeterministicError", "Fatal error in workflow machines")
    return isinstance(failure, NondeterminismError) or any(words in str(failure) for words in met_later)


@pytest.mark.parametrize(("workflow", "mistake"), MISTAKES)
async def test_a_mistake_is_caught(workflow: type, mistake: Rewrite, folder: Path) -> None:
    """At least one history refuses the mutant, as non-deterministic and for no other reason."""
    changed, places = mutant(workflow, mistake, folder)
    assert places, "the workflow has nothing that this mistake could be made with"
    misfits = await replaying.failures(histories_of(workflow), [changed])
    assert misfits
    assert all(is_nondeterminism(failure) for failure in misfits.values()), misfits


@pytest.mark.parametrize(("workflow", "change"), HARMLESS)
async def test_a_harmless_change_passes(workflow: type, change: Rewrite, folder: Path) -> None:
    """Options of commands may change under running cases; and it is not the copying that fails mutants."""
    changed, places = mutant(workflow, change, folder)
    assert places or change is mutants.unchanged
    assert await replaying.failures(histories_of(workflow), [changed]) == {}


async def test_what_replay_does_not_see_its_fingerprint_does(folder: Path) -> None:
    """Which search attributes an update names is not compared: only walking the path live tells."""
    changed, places = mutant(AfterSalesWorkflow, mutants.kind_not_shown, folder)
    assert places
    assert await replaying.failures(histories_of(AfterSalesWorkflow), [changed]) == {}
    shown = "upsert workflow search attributes: MallcareDue, MallcareKind, MallcareState"
    (entry,) = corpus.newest(corpus.read_manifest(), KIND_CHANGED)
    assert shown in corpus.read_fingerprints()[entry.file]
    assert KIND_CHANGED in WALKED_AGAIN
