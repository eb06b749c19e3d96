"""Starting and waking the dispatchers of messages to people."""

from __future__ import annotations

from collections.abc import Collection

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from mallcare.contracts.names import (
    DISPATCH_WAKE,
    SENDING_QUEUES,
    Queue,
    WorkflowName,
    notice_dispatch_workflow_id,
)
from mallcare.contracts.notices import NoticeDispatchInput
from mallcare.domain.contacts import Channel
from mallcare.gateways.temporal_engine import RPC_TIMEOUT
from mallcare.ports import EngineUnavailable


class TemporalNoticeDispatchers:
    """See `ports.notices.NoticeDispatchers`.

    Args:
        channels: those with a dispatcher; a message over another one waits.
    """

    def __init__(self, client: Client, channels: Collection[Channel]) -> None:
        self._client = client
        self._channels = tuple(channel for channel in SENDING_QUEUES if channel in channels)

    async def start(self) -> None:
        """One for each channel; what runs is left alone.

        Raises:
            EngineUnavailable
        """
        for channel in self._channels:
            await self._start(channel, None)

    async def wake(self, channels: Collection[Channel]) -> None:
        """A missing one is started, which is as good.

        Raises:
            EngineUnavailable
        """
        for channel in self._channels:
            if channel in channels:
                await self._start(channel, DISPATCH_WAKE)

    async def _start(self, channel: Channel, signal: str | None) -> None:
        try:
            await self._client.start_workflow(
                WorkflowName.NOTICE_DISPATCH,
                NoticeDispatchInput(channel=channel, sending=SENDING_QUEUES[channel]),
                id=notice_dispatch_workflow_id(channel),
                task_queue=Queue.NOTICES,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                start_signal=signal,
                static_summary=f"messages over {channel}",
                rpc_timeout=RPC_TIMEOUT,
            )
        except RPCError as error:
            raise EngineUnavailable(f"{error.status.name}: {error.message}") from error
        except RuntimeError as error:  # a lazy client that cannot connect
            raise EngineUnavailable(str(error)) from error
