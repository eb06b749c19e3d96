"""Queue `notices`, where messages to people are claimed, and one queue a channel, where they are sent.

The rate of each channel is the server's to keep, over all workers: its vendor's quota is one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from activities.notices import NoticeActivities
from mallcare.application.notice_dispatch import ClaimNotices, SendNotice
from mallcare.contracts.names import SENDING_QUEUES, Queue
from mallcare.domain.contacts import Channel
from mallcare.ports import Clock
from workers.process import WorkerPlan
from workflows.notice_dispatch import NoticeDispatchWorkflow

RATES: Final[Mapping[Channel, float]] = {
    Channel.WECOM: 30.0,
    Channel.WECOM_ROBOT: 20.0,
    Channel.DINGTALK: 20.0,
    Channel.SMS: 20.0,
}
"""Messages a second, of all suppliers together: well below what the vendors' public quotas allow an account.
What one member or robot takes is kept by the claim."""


def plans(
    claim: ClaimNotices,
    send: SendNotice,
    clock: Clock,
    channels: Collection[Channel],
    rates: Mapping[Channel, float] = RATES,
) -> list[WorkerPlan]:
    """The dispatchers, and the sending of the channels that have a vendor or are told otherwise."""
    activities = NoticeActivities(claim, send, clock)
    return [
        WorkerPlan(Queue.NOTICES, [NoticeDispatchWorkflow], [activities.claim_notices]),
        *(
            WorkerPlan(
                SENDING_QUEUES[channel],
                activities=[activities.send_notice],
                max_activities_per_second=rates[channel],
            )
            for channel in channels
        ),
    ]
