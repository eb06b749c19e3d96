"""What a workflow was told and what it commanded, in order, as words that a reviewer can read.

Left out is what differs from run to run or is the server's own affair: workflow tasks, ids, instants,
amounts of payloads. Durations of timers are rounded to minutes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

PREFIX = "EVENT_TYPE_"
SERVERS_OWN = (
    "WORKFLOW_TASK_",
    "ACTIVITY_TASK_STARTED",
    "WORKFLOW_EXECUTION_OPTIONS_UPDATED",
    "WORKFLOW_EXECUTION_TIME_SKIPPING",
)


def words(history: WorkflowHistory) -> list[str]:
    """One line for each event that the workflow caused or could see."""
    named = ((EventType.Name(event.event_type).removeprefix(PREFIX), event) for event in history.events)
    return [_line(name, event) for name, event in named if not name.startswith(SERVERS_OWN)]


def _line(name: str, event: HistoryEvent) -> str:
    tell = DETAILS.get(name)
    plain = name.removeprefix("WORKFLOW_EXECUTION_").replace("_", " ").lower()
    return f"{plain}: {tell(event)}" if tell else plain


def _timer(event: HistoryEvent) -> str:
    fires = event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    return f"{round(fires / timedelta(minutes=1))} min"


def _activity(event: HistoryEvent) -> str:
    scheduled = event.activity_task_scheduled_event_attributes
    summary = _text(event.user_metadata.summary)
    return f"{scheduled.activity_type.name} on {scheduled.task_queue.name}" + (
        f", {summary}" if summary else ""
    )


def _marker(event: HistoryEvent) -> str:
    marker = event.marker_recorded_event_attributes
    about = [_text(payload) for payloads in marker.details.values() for payload in payloads.payloads]
    return " ".join([marker.marker_name, *about])


def _search_attributes(event: HistoryEvent) -> str:
    upserted = event.upsert_workflow_search_attributes_event_attributes.search_attributes
    return ", ".join(sorted(upserted.indexed_fields))


def _text(payload: Payload) -> str:
    return str(json.loads(payload.data)) if payload.data else ""


DETAILS: Mapping[str, Callable[[HistoryEvent], str]] = {
    "WORKFLOW_EXECUTION_SIGNALED": lambda e: e.workflow_execution_signaled_event_attributes.signal_name,
    "TIMER_STARTED": _timer,
    "ACTIVITY_TASK_SCHEDULED": _activity,
    "MARKER_RECORDED": _marker,
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": _search_attributes,
}
