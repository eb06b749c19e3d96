"""Breaches (T2): seen beyond the deadline, recorded once, by the instant at which they were seen."""

from __future__ import annotations

import pytest
from prometheus_client import REGISTRY
from temporalio.testing import ActivityEnvironment

from activities.timekeeping import TimekeepingActivities
from mallcare.application.keeping import KeepTime
from mallcare.contracts.timekeeping import KeepTimeInput, KeepTimeReport
from mallcare.domain.metrics import Metric
from mallcare.gateways.system import TimeOrderedIds
from tests.domain.builders import TICK
from tests.timekeeping.orders import Here
from tests.timekeeping.promises import BEGIN, DUE, HOUR, SHARD, Desk, K, event, promise

pytestmark = pytest.mark.rule("T2")
METRICS = list(Metric)


@pytest.mark.parametrize("metric", METRICS)
async def test_a_breach_is_recorded_at_the_first_instant_beyond(desk: Desk, metric: Metric) -> None:
    """Not at the deadline; then once, of every metric."""
    await desk.promised(promise(metric=metric))
    assert (await desk.look(DUE)).breached == 0
    assert desk.recorded() == [None]
    assert (await desk.look(DUE + TICK)).breached == 1
    assert desk.recorded() == [DUE + TICK]
    for hours in range(1, 40, 6):
        assert (await desk.look(DUE + hours * HOUR)).breached == 0
    assert desk.recorded() == [DUE + TICK]


async def test_the_timekeeper_comes_back_for_the_breach(desk: Desk) -> None:
    """An instant after the deadline, not minutes later."""
    await desk.promised(promise())
    assert (await desk.look(DUE)).next_due_at == DUE + TICK


async def test_a_breach_seen_late_bears_the_instant_it_was_seen(desk: Desk) -> None:
    """The timekeeper was away for five hours: an alarm is never back-dated."""
    await desk.promised(promise())
    await desk.look(DUE + 5 * HOUR)
    assert desk.recorded() == [DUE + 5 * HOUR]


async def test_what_was_done_in_time_and_told_late_keeps_the_alarm_and_counts_as_met(desk: Desk) -> None:
    """The scan of the carrier comes after the alarm: the figure is corrected, the alarm was raised."""
    (clock,) = await desk.promised(promise())
    await desk.look(DUE + TICK)
    await desk.happened(clock, event(K.FULFIL, DUE - HOUR))
    assert (await desk.look(DUE + 2 * HOUR)).next_due_at is None
    (row,) = desk.rows("SELECT outcome, breach_recorded_at FROM clocks")
    assert (row.outcome, row.breach_recorded_at) == ("met", DUE + TICK)


async def test_a_deadline_that_moves_back_and_passes_again_is_one_breach(desk: Desk) -> None:
    """A pause told too late makes it kept again for a while; what comes afterwards is no second alarm."""
    (clock,) = await desk.promised(promise())
    await desk.look(DUE + TICK)
    await desk.happened(clock, event(K.PAUSE, BEGIN + HOUR), event(K.RESUME, BEGIN + 11 * HOUR))
    assert (await desk.look(DUE + 11 * HOUR)).breached == 0
    assert desk.recorded() == [DUE + TICK]


async def test_what_ended_or_stands_still_is_not_broken(desk: Desk) -> None:
    """However long ago it was due."""
    await desk.promised(
        promise(BEGIN, event(K.FULFIL, DUE)),
        promise(BEGIN, event(K.VOID, BEGIN + HOUR)),
        promise(BEGIN, event(K.PAUSE, BEGIN + HOUR)),
    )
    kept = await desk.look(DUE + 100 * HOUR)
    assert (kept.clocks, kept.breached, kept.next_due_at) == (0, 0, None)


async def test_looks_side_by_side_record_one_breach_each(desk: Desk) -> None:
    """Two timekeepers of one shard share forty clocks."""
    await desk.promised(*(promise() for _ in range(40)))
    looks = [*await desk.looks(DUE + TICK, 4, page=3), await desk.look(DUE + TICK)]
    assert sum(kept.breached for kept in looks) == 40
    assert desk.recorded() == [DUE + TICK] * 40


def counted(name: str, **labels: str) -> float:
    """A figure of this process so far."""
    return REGISTRY.get_sample_value(f"mallcare_{name}_total", labels) or 0.0


async def test_what_a_look_did_is_counted_and_reported(desk: Desk) -> None:
    """Clocks looked at, breaches, reminders by what became of them."""
    figures = [
        ("clocks_looked_at", {}),
        ("breaches", {}),
        *(("reminders", {"outcome": outcome}) for outcome in ("planned", "told", "unaddressed")),
    ]
    before = [counted(name, **labels) for name, labels in figures]
    await desk.contact("staff")
    await desk.promised(promise(), promise())
    activities = TimekeepingActivities(KeepTime(desk.uow, TimeOrderedIds()), Here(DUE + TICK))
    report = await ActivityEnvironment().run(activities.keep_time, KeepTimeInput(shard=SHARD, now=DUE + TICK))
    assert report == KeepTimeReport(
        clocks=2, breached=2, planned=4, told=4, notices=1, next_due_at=DUE + 24 * HOUR
    )
    after = [counted(name, **labels) for name, labels in figures]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2, 2, 4, 4, 0]
