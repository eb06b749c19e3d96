"""The generated history is one that the platform could have written."""

from __future__ import annotations

from datetime import timedelta

from benchmarks.board_data import History, clock_row, pages
from mallcare.domain.calendars import always_open
from mallcare.domain.clocks import (
    CalendarVersion,
    Clock,
    ClockEvent,
    ClockEventKind,
    ClockKey,
    standing,
)
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import TimelinessPolicy
from tests.boards.made import NOW


def test_columns_are_what_the_domain_folds() -> None:
    """Open, ended, paused, void and alarmed clocks alike: the arithmetic of the generator is the domain's."""
    history = History(orders=3_000, cases=1_000, now=NOW, asked_back=0.2)
    seen: set[str] = set()
    for page in pages(history, size=1_000):
        for made in page.clocks:
            clock = Clock(
                ClockKey(Metric(made.metric), made.subject, made.part),
                made.order_no,
                made.supplier_id,
                1,
                CalendarVersion("24x7", 1),
                made.target,
                tuple(ClockEvent(e.event_id, ClockEventKind(e.kind), e.at) for e in made.events),
                alarmed_at=made.alarmed_at,
            )
            folded = standing(clock, always_open(), TimelinessPolicy())
            row = clock_row(made, NOW)
            ended = folded.outcome.value if folded.outcome else None
            assert row[13:20] == (
                *(folded.started_at, folded.running_since, folded.elapsed, folded.due_at),
                *(folded.at_risk_at, folded.ended_at, ended),
            )
            paused = ended is None and folded.running_since is None
            seen.add("paused" if paused else ended or "open")
    assert seen == {"open", "paused", "met", "breached", "void"}


def test_a_history_follows_from_its_seed() -> None:
    """The same again, whatever the size of a page; another seed makes another."""
    small = History(orders=200, cases=50, now=NOW)
    [whole] = pages(small)
    parts = [clock for page in pages(small, size=30) for clock in page.clocks]
    assert parts == whole.clocks
    [other] = pages(History(orders=200, cases=50, now=NOW, seed=5))
    assert other.clocks != whole.clocks
    assert all(e.at <= NOW + timedelta() for clock in whole.clocks for e in clock.events)
