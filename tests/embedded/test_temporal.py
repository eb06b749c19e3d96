"""The embedded Temporal: keeps what it acknowledged, skips time only where allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from mallcare.embedded.temporal import EmbeddedTemporal

pytestmark = pytest.mark.rule("P2")


async def test_a_started_workflow_survives_kill_9(tmp_path: Path) -> None:
    """`running` ends by SIGKILL, so leaving the block is the kill; the UI answers while it runs."""
    with EmbeddedTemporal(tmp_path).running() as server:
        client = await Client.connect(server.address, namespace=server.namespace)
        await client.start_workflow("Sleeper", id="kept", task_queue="nobody-polls")
        assert server.ui_url is not None
    with EmbeddedTemporal(tmp_path).running() as server:
        client = await Client.connect(server.address, namespace=server.namespace)
        description = await client.get_workflow_handle("kept").describe()
        assert description.status == WorkflowExecutionStatus.RUNNING


def test_time_skipping_is_off_unless_asked_for(tmp_path: Path) -> None:
    """`mallcare up` must not let anybody skip a deadline."""
    flag = "frontend.WorkflowTimeSkippingEnabled=true"
    assert flag not in EmbeddedTemporal(tmp_path).command()
    assert flag in EmbeddedTemporal(tmp_path, time_skipping=True).command()
