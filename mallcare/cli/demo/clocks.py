"""The clocks of live workflows, which a scene may put forward."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from mallcare.cli.demo.callers import PATIENCE_SECONDS, POLL_SECONDS
from mallcare.cli.demo.promises import DemoFailed
from mallcare.cli.formats import Json
from mallcare.contracts.names import SearchAttribute, after_sales_workflow_id

STATE = SearchAttributeKey.for_keyword(SearchAttribute.STATE)


class CaseClocks:
    """Fast-forwards the clock of one live workflow; its neighbours and the wall clock stay where they are."""

    def __init__(self, temporal: Client) -> None:
        self._temporal = temporal
        self._skipper = TimeSkipper(temporal)

    async def forward(self, case: Json, by: timedelta) -> None:
        """Let `by` pass for this case, once its workflow knows the state it is in.

        Raises:
            DemoFailed: its workflow was not started, or did not hear of the state, in time.
        """
        handle = self._temporal.get_workflow_handle(after_sales_workflow_id(case["after_sales_no"]))
        deadline = monotonic() + PATIENCE_SECONDS
        while await _known_state(handle) != case["state"]:
            if monotonic() > deadline:
                raise DemoFailed(f"no workflow holds {case['after_sales_no']} in {case['state']}")
            await asyncio.sleep(POLL_SECONDS)
        await self._skipper.fast_forward(handle, by)

    async def forward_process(self, workflow_id: str, by: timedelta) -> None:
        """Let `by` pass for one of the platform's own processes, once it runs.

        Raises:
            DemoFailed: it was not started in time.
        """
        handle = self._temporal.get_workflow_handle(workflow_id)
        deadline = monotonic() + PATIENCE_SECONDS
        while not await _runs(handle):
            if monotonic() > deadline:
                raise DemoFailed(f"{workflow_id} does not run")
            await asyncio.sleep(POLL_SECONDS)
        await self._skipper.fast_forward(handle, by)


async def _known_state(handle: WorkflowHandle[object, object]) -> str | None:
    """The state a workflow shows, None while there is no such workflow."""
    try:
        return (await handle.describe()).typed_search_attributes.get(STATE)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _runs(handle: WorkflowHandle[object, object]) -> bool:
    try:
        return (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
