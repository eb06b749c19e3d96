"""Histories against workflow code, by the rules that workers run under."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from mallcare.contracts.converter import DATA_CONVERTER
from tests.replay.corpus import Entry
from workers.process import workflow_runner
from workflows.after_sales import AfterSalesWorkflow
from workflows.daily_sms import DailySmsWorkflow
from workflows.notice_dispatch import NoticeDispatchWorkflow
from workflows.reconciliation import ReconciliationWorkflow
from workflows.sweep import SweepWorkflow
from workflows.timekeeper import TimekeeperWorkflow
from workflows.webhook_delivery import WebhookDeliveryWorkflow

WORKFLOWS: Sequence[type] = (
    AfterSalesWorkflow,
    DailySmsWorkflow,
    NoticeDispatchWorkflow,
    ReconciliationWorkflow,
    SweepWorkflow,
    TimekeeperWorkflow,
    WebhookDeliveryWorkflow,
)
"""Every workflow that a worker runs."""


async def failures(entries: Sequence[Entry], workflows: Sequence[type] = WORKFLOWS) -> dict[str, Exception]:
    """Why which files do not fit the code; empty if all of them do."""
    files = {(entry.workflow_id, entry.history().run_id): entry.file for entry in entries}
    replayer = Replayer(
        workflows=list(workflows), workflow_runner=workflow_runner(), data_converter=DATA_CONVERTER
    )
    misfits: dict[str, Exception] = {}
    async with replayer.workflow_replay_iterator(_each(entries)) as results:
        async for result in results:
            if result.replay_failure is not None:
                file = files[result.history.workflow_id, result.history.run_id]
                misfits[file] = result.replay_failure
    return misfits


async def _each(entries: Sequence[Entry]) -> AsyncIterator[WorkflowHistory]:
    for entry in entries:
        yield entry.history()
