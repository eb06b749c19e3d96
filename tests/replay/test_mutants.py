"""The corpus is worth something: typical mistakes do not get past it, and harmless changes do."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.workflow import NondeterminismError

from tests.replay import corpus, mutants, replaying
from tests.replay.corpus import Entry
from tests.replay.mutants import Rewrite, mutant
from tests.replay.replaying import WORKFLOWS
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
    (AfterSalesWorkflow, mutants.endless),
    (AfterSalesWorkflow, mutants.patches_forgotten),
    (WebhookDeliveryWorkflow, mutants.endless),
]
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


@pytest.mark.parametrize(("workflow", "mistake"), MISTAKES)
async def test_a_mistake_is_caught(workflow: type, mistake: Rewrite, folder: Path) -> None:
    """At least one history refuses the mutant, as non-deterministic and for no other reason."""
    changed, places = mutant(workflow, mistake, folder)
    assert places, "the workflow has nothing that this mistake could be made with"
    misfits = await replaying.failures(histories_of(workflow), [changed])
    assert misfits
    assert {type(failure) for failure in misfits.values()} == {NondeterminismError}, misfits


@pytest.mark.parametrize(("workflow", "change"), HARMLESS)
async def test_a_harmless_change_passes(workflow: type, change: Rewrite, folder: Path) -> None:
    """Options of commands may change under running cases; and it is not the copying that fails mutants."""
    changed, places = mutant(workflow, change, folder)
    assert places or change is mutants.unchanged
    assert await replaying.failures(histories_of(workflow), [changed]) == {}
