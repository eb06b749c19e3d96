"""Clocks as they are shown."""

from __future__ import annotations

from datetime import datetime, timedelta

from api.schemas.boards import BreachOut
from api.schemas.clocks import (
    CalendarOut,
    ClockEventOut,
    ClockExplainedOut,
    ClockOut,
    FoldedOut,
    ReminderOut,
    SegmentOut,
)
from mallcare.application.clocks import ClockExplained
from mallcare.domain.boards import state_at
from mallcare.ports.boards import ClockRecord

SECOND = timedelta(seconds=1)


def clock_out(record: ClockRecord, as_of: datetime) -> ClockOut:
    """A clock as it stood at an instant."""
    return ClockOut.model_validate(_facts(record, as_of))


def breach_out(record: ClockRecord, as_of: datetime) -> BreachOut:
    """A clock that was seen broken."""
    return BreachOut.model_validate({**_facts(record, as_of), "corrected": record.corrected})


def _facts(record: ClockRecord, as_of: datetime) -> dict[str, object]:
    key, stands = record.key, record.standing
    runs = stands.running_since is not None and stands.due_at is not None
    return {
        "clock_id": record.clock_id,
        "metric": key.metric,
        "subject": key.subject,
        "part": key.part,
        "seq": key.seq,
        "order_no": record.order_no,
        "supplier_id": record.supplier_id,
        "state": state_at(stands, as_of),
        "target_seconds": record.target // SECOND,
        "started_at": stands.started_at,
        "due_at": stands.due_at,
        "at_risk_at": stands.at_risk_at,
        "remaining_seconds": (stands.due_at - as_of) // SECOND if runs and stands.due_at else None,
        "ended_at": stands.ended_at,
        "outcome": stands.outcome,
        "breach_recorded_at": record.breach_recorded_at,
    }


def explained_out(explained: ClockExplained) -> ClockExplainedOut:
    """A clock with its arithmetic."""
    stored, folded = explained.stored, explained.folded
    clock = stored.clock
    return ClockExplainedOut(
        as_of=explained.as_of,
        clock=clock_out(stored.record, explained.as_of),
        policy_version=clock.policy_version,
        calendar=CalendarOut(calendar_id=clock.calendar.calendar_id, version=clock.calendar.version),
        alarmed_at=clock.alarmed_at,
        events=[
            ClockEventOut(event_id=event.event_id, kind=event.kind, at=event.at)
            for event in sorted(clock.events, key=lambda event: (event.at, event.event_id))
        ],
        segments=[
            SegmentOut(since=part.since, until=part.until, open_time=part.open_time)
            for part in explained.segments
        ],
        elapsed=explained.elapsed,
        target=clock.target,
        stored_elapsed=stored.record.standing.elapsed,
        folded=FoldedOut(
            elapsed=folded.elapsed,
            due_at=folded.due_at,
            at_risk_at=folded.at_risk_at,
            ended_at=folded.ended_at,
            outcome=folded.outcome,
        ),
        agrees=explained.agrees,
        reminders=[
            ReminderOut(
                level=reminder.level,
                party=reminder.party,
                state=state,
                reached_at=reminder.reached_at,
                remind_at=reminder.remind_at,
            )
            for reminder, state in stored.reminders
        ],
    )
