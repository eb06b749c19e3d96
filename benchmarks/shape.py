"""The shape of a history: how many events, workflow tasks and activities it took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHistory

from mallcare.domain.vocabulary import Kind

MOST_EVENTS: Mapping[Kind, int] = {Kind.REFUND_ONLY: 20, Kind.RETURN_REFUND: 40, Kind.EXCHANGE: 45}
"""P2: a case of a kind that goes straight to its end takes at most so many."""

EVENTS, TASKS, ACTIVITIES, SIGNALS = "events", "workflow tasks", "activities", "signals"
COUNTED = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: TASKS,
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: ACTIVITIES,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: SIGNALS,
}


def event_counts(history: WorkflowHistory) -> dict[str, int]:
    """Exact counts of one history."""
    counts = {EVENTS: len(history.events), TASKS: 0, ACTIVITIES: 0, SIGNALS: 0}
    for event in history.events:
        if event.event_type in COUNTED:
            counts[COUNTED[event.event_type]] += 1
    return counts


def quantile(values: Iterable[float], share: float) -> float:
    """The value that `share` (0..1) of the values do not exceed; the largest for 1."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
