"""The engine port over Temporal: start, signal, and nothing that cannot be repeated."""

from __future__ import annotations

from collections.abc import AsyncGenerator
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
from mallcare.ports import EngineUnavailable, NobodyListens

RPC_TIMEOUT = timedelta(seconds=5)
NAMED_AT_ONCE = 100
"""How many workflows one query of the index names."""


class TemporalCaseEngine:
    """Starts and wakes case workflows. A client that is not connected yet connects on first use."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def start(self, snapshot: CaseSnapshot) -> bool:
        """Make sure a non-final case has a running workflow; True: it was missing, and is started now.

        Raises:
            EngineUnavailable
        """
        return await self._start(snapshot, None)

    async def tell(self, snapshot: CaseSnapshot, signal: Signal) -> None:
        """Tell the workflow of a newer version; a missing one is started, unless the case is final.

        Raises:
            EngineUnavailable
            NobodyListens: the case is final and no workflow of it runs.
        """
        if not snapshot.final:
            await self._start(snapshot, signal)
            return
        handle = self._client.get_workflow_handle(after_sales_workflow_id(snapshot.after_sales_no))
        try:
            await handle.signal(signal, snapshot, rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NobodyListens(snapshot.after_sales_no) from None
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error

    async def broken(self, since: datetime, limit: int) -> list[str]:
        """Cases whose workflow ended other than by completing and does not run again, newest first.

        The engine's index lags by moments: a workflow may be missing here until the next time, or still
        be here when it runs again.

        Raises:
            EngineUnavailable
        """
        query = (
            f"WorkflowType = '{WorkflowName.AFTER_SALES}' AND CloseTime > '{since:%Y-%m-%dT%H:%M:%SZ}' AND "
            "ExecutionStatus IN ('Terminated', 'Failed', 'Canceled', 'TimedOut')"
        )
        broken: dict[str, None] = {}
        try:
            async for page in self._pages(query):
                again = await self._running(page)
                broken |= dict.fromkeys(after_sales_no_of(one) for one in page if one not in again)
                if len(broken) >= limit:
                    break
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:
            raise EngineUnavailable(str(error)) from error
        return list(broken)[:limit]

    async def _pages(self, query: str) -> AsyncGenerator[list[str]]:
        """Ids of the workflows a query finds, so many at a time as a further query can name."""
        found = self._client.list_workflows(query, page_size=NAMED_AT_ONCE, rpc_timeout=RPC_TIMEOUT)
        while True:
            await found.fetch_next_page()
            page = [execution.id for execution in found.current_page or ()]
            if page:
                yield page
            if not found.next_page_token:
                return

    async def _running(self, ids: list[str]) -> set[str]:
        """Those of some workflows that run."""
        named = ", ".join(f"'{workflow_id}'" for workflow_id in ids)
        query = f"ExecutionStatus = 'Running' AND WorkflowId IN ({named})"
        found = self._client.list_workflows(query, rpc_timeout=RPC_TIMEOUT)
        return {execution.id async for execution in found}

    async def _start(self, snapshot: CaseSnapshot, signal: Signal | None) -> bool:
        """Start, or signal what runs; without a signal a running one is a conflict, and so is seen to run."""
        running = WorkflowIDConflictPolicy.USE_EXISTING if signal else WorkflowIDConflictPolicy.FAIL
        try:
            await self._client.start_workflow(
                WorkflowName.AFTER_SALES,
                snapshot,
                id=after_sales_workflow_id(snapshot.after_sales_no),
                task_queue=Queue.AFTER_SALES,
                id_conflict_policy=running,
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
            return False  # it runs, or it ran to its end: then the case is final, whatever this snapshot says
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error
        return True


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
