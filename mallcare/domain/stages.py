"""Which of a request's stages wait on the supplier, and what a change of the request does to their clocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.clocks import ClockEventKind
from mallcare.domain.metrics import Metric
from mallcare.domain.vocabulary import ParcelPurpose, State

STAGE_OF: Mapping[State, Metric] = {
    State.PENDING_REVIEW: Metric.REVIEW,
    State.INSPECTING: Metric.INSPECTION,
    State.AWAITING_RESHIPMENT: Metric.RESHIPMENT,
}
ENDED_WITHOUT_SUPPLIER = frozenset({State.CANCELLED, State.CLOSED, State.EXPIRED})
"""Ends that somebody else brought about: what the supplier owed is void, not fulfilled."""


def stages(case: AfterSalesCase | None) -> frozenset[Metric]:
    """The supplier's stages that a request is in; none where the mall took it over, or a dispute holds it.

    Refused goods wait to be sent back beside whatever else goes on; so does a replacement that got lost.
    """
    if case is None or case.state.final or case.taken_over or case.disputed:
        return frozenset()
    waiting: set[Metric] = set()
    stage = STAGE_OF.get(case.state)
    if stage is not None:
        waiting.add(stage)
    if case.state is State.RESHIPPED and case.missing_reported:
        waiting.add(Metric.RESHIPMENT)
    if case.refused_units and case.parcel(ParcelPurpose.SHIP_BACK) is None:
        waiting.add(Metric.SHIP_BACK)
    return frozenset(waiting)


@dataclass(frozen=True, slots=True)
class StageChange:
    """What a change of a request does to the clock of one stage; `seq` is the version that did it."""

    metric: Metric
    kind: ClockEventKind
    at: datetime
    seq: int
    because: str


def stage_changes(
    before: AfterSalesCase | None, after: AfterSalesCase, because: str
) -> tuple[StageChange, ...]:
    """Clocks to start and to end. A stage that is entered again is an instance of its own.

    Whoever ends a stage by acting for the supplier fulfils it, late or not; operations and an automatic
    approval included. It is void where the customer withdrew, or the mall took the matter over.
    """
    had, has = stages(before), stages(after)
    void = after.taken_over or after.disputed or after.state in ENDED_WITHOUT_SUPPLIER
    end = ClockEventKind.VOID if void else ClockEventKind.FULFIL
    at, seq = after.updated_at, after.version
    ended = (StageChange(metric, end, at, seq, because) for metric in sorted(had - has))
    begun = (StageChange(metric, ClockEventKind.START, at, seq, because) for metric in sorted(has - had))
    return (*ended, *begun)
