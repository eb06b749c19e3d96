"""The engine port over Temporal: start, signal, and nothing that cannot be repeated."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import (
    Queue,
    SearchAttribute,
    Signal,
    WorkflowName,
    after_sales_no_of,
    after_sales_workflow_id,
)
from mallcare.ports import EngineUnavailable

RPC_TIMEOUT = timedelta(seconds=5)


class TemporalCaseEngine:
    """Starts and wakes case workflows. A client that is not connected yet connects on first use."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, snapshot: CaseSnapshot) -> None:
        """Make sure a non-final case has a running workflow; a running one is left alone.

        Raises:
            EngineUnavailable
        """
        await self._start(snapshot, None)

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        """Tell the workflow of a newer version; a missing one is started, unless the case is final.

        Raises:
            EngineUnavailable
        """
        if not snapshot.final:
            await self._start(snapshot, signal)
            return
        handle = self._client.get_workflow_handle(after_sales_workflow_id(snapshot.after_sales_no))
        try:
            await handle.signal(signal, snapshot, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise EngineUnavailable(f"{error.status.name}: {error.message}") from error

    async def broken(self, since: datetime, limit: int) -> list[str]:
        """Numbers of cases whose workflow ended other than by completing, newest first.

        The engine's index lags by moments, so a workflow may be missing here until the next time.

        Raises:
            EngineUnavailable
        """
        query = (
            f"WorkflowType = '{WorkflowName.AFTER_SALES}' AND CloseTime > '{since:%Y-%m-%dT%H:%M:%SZ}' AND "
            "ExecutionStatus IN ('Terminated', 'Failed', 'Canceled', 'TimedOut')"
        )
        found = self._client.list_workflows(query, limit=limit, rpc_timeout=RPC_TIMEOUT)
        try:
            return [after_sales_no_of(execution.id) async for execution in found]
        except (RPCError, RuntimeError) as error:
            raise EngineUnavailable(str(error)) from error

    async def _start(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        try:
            await self._client.start_workflow(
                WorkflowName.AFTER_SALES,
                snapshot,
                id=after_sales_workflow_id(snapshot.after_sales_no),
                task_queue=Queue.AFTER_SALES,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                start_signal=signal,
                start_signal_args=[snapshot] if signal else [],
                search_attributes=_search_attributes(snapshot),
                static_summary=f"{snapshot.kind} {snapshot.after_sales_no} of order {snapshot.order_no}",
                static_details=f"supplier {snapshot.supplier_id}"
                + (", cooling-off" if snapshot.cooling_off else ""),
                rpc_timeout=RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError:
            return  # it ran to its end: the case is final by now, whatever this snapshot says
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error


def _search_attributes(snapshot: CaseSnapshot) -> TypedSearchAttributes:
    keyword = SearchAttributeKey.for_keyword
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(keyword(SearchAttribute.SUPPLIER), snapshot.supplier_id),
        SearchAttributePair(keyword(SearchAttribute.ORDER), snapshot.order_no),
        SearchAttributePair(keyword(SearchAttribute.KIND), snapshot.kind.value),
        SearchAttributePair(keyword(SearchAttribute.STATE), snapshot.state.value),
        SearchAttributePair(SearchAttributeKey.for_bool(SearchAttribute.DISPUTED), snapshot.disputed),
    ]
    if snapshot.deadline_at is not None:
        due = SearchAttributeKey.for_datetime(SearchAttribute.DUE)
        pairs.append(SearchAttributePair(due, snapshot.deadline_at))
    return TypedSearchAttributes(pairs)
