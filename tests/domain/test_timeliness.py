"""Promises and ladders: what is promised by default, when a clock is at risk, what makes no sense."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import METRICS_OF, STAGES, Figure, Metric
from mallcare.domain.stages import STAGE_OF
from mallcare.domain.timeliness import (
    ALWAYS_OPEN,
    LADDER,
    TARGETS,
    Level,
    Party,
    Promise,
    TimelinessPolicy,
)

pytestmark = pytest.mark.rule("T2")
HOUR = timedelta(hours=1)
STAFF = (Party.STAFF,)


def test_every_metric_is_promised_and_on_one_figure_of_the_board() -> None:
    """No clock without a target, and none that the board would count twice or leave out."""
    shown = [metric for figure in Figure for metric in METRICS_OF[figure]]
    assert sorted(shown) == sorted(Metric) == sorted(TARGETS)


def test_the_stages_of_requests_are_what_their_figure_counts() -> None:
    """Each state that waits on the supplier is measured by one of them, and so is the way back."""
    assert {*STAGE_OF.values(), Metric.SHIP_BACK} == set(STAGES)


@pytest.mark.parametrize("metric", Metric)
def test_the_default_promises_are_those_of_the_rules(metric: Metric) -> None:
    """48 hours for what a supplier does, 72 for a parcel that stands still, by the wall clock (T2)."""
    hours = 72 if metric is Metric.ABNORMAL_DELIVERY else 48
    assert TimelinessPolicy().promise(metric) == Promise(hours * HOUR, ALWAYS_OPEN)


def test_what_a_version_does_not_name_is_promised_as_by_default() -> None:
    """A supplier's own version may change one promise and leave the others alone."""
    own = Promise(HOUR, "desk")
    policy = TimelinessPolicy(promises={Metric.REVIEW: own})
    assert policy.promise(Metric.REVIEW) == own
    assert policy.promise(Metric.SHIPMENT) == TARGETS[Metric.SHIPMENT]


@pytest.mark.parametrize(
    ("target", "margin"),
    [
        pytest.param(48 * HOUR, 9.6 * HOUR, id="a fifth of two days"),
        pytest.param(10 * HOUR, 2 * HOUR, id="a fifth that is the least margin"),
        pytest.param(9 * HOUR, 2 * HOUR, id="never less than two hours"),
        pytest.param(2 * HOUR, 2 * HOUR, id="all of it"),
        pytest.param(HOUR, HOUR, id="never more than the whole target"),
    ],
)
def test_a_clock_is_at_risk_in_its_last_fifth_but_not_less_than_two_hours(
    target: timedelta, margin: timedelta
) -> None:
    """The margin follows the target, and a short promise is at risk from its begin."""
    assert Promise(target).risk_margin == margin


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=400)))
def test_a_margin_lies_within_its_target(target: timedelta) -> None:
    """Whatever is promised, there is a time at risk, and it does not begin before the clock."""
    assert timedelta(0) < Promise(target).risk_margin <= target


def test_the_default_ladder_leads_from_staff_to_principal_to_operations() -> None:
    """12 and 2 hours before the deadline, at it, and a day after, where ignoring it led (T3)."""
    assert [(level.before, level.to) for level in LADDER] == [
        (12 * HOUR, STAFF),
        (2 * HOUR, STAFF),
        (0 * HOUR, (Party.STAFF, Party.PRINCIPAL)),
        (-24 * HOUR, (Party.PRINCIPAL, Party.OPERATIONS)),
    ]


def rungs(*befores: int) -> tuple[Level, ...]:
    """Levels so many hours before the deadline, each with a name of its own."""
    return tuple(Level(f"level-{i}", before * HOUR, STAFF) for i, before in enumerate(befores))


@pytest.mark.parametrize("befores", [(), (1,), (12, 2, 0, -24), (-1, -2)])
def test_a_ladder_in_order_is_taken(befores: tuple[int, ...]) -> None:
    """Any number of rungs, on either side of the deadline; none at all is a policy that reminds nobody."""
    assert TimelinessPolicy(ladder=rungs(*befores)).ladder == rungs(*befores)


@pytest.mark.parametrize("befores", [(2, 12), (2, 2), (0, 1), (-24, 0)])
def test_a_ladder_out_of_order_is_refused(befores: tuple[int, ...]) -> None:
    """Rungs that go back in time or coincide would be skipped without a word."""
    with pytest.raises(InvalidInput, match="one after the other"):
        TimelinessPolicy(ladder=rungs(*befores))


def test_two_rungs_of_one_name_are_refused() -> None:
    """A reminder is unique by its rung's name, so the second would never be told."""
    with pytest.raises(InvalidInput, match="names of their own"):
        TimelinessPolicy(ladder=(Level("soon", 2 * HOUR, STAFF), Level("soon", HOUR, STAFF)))


@pytest.mark.parametrize("target", [timedelta(0), -HOUR])
def test_a_promise_of_no_time_is_refused(target: timedelta) -> None:
    """It could be broken by nobody's fault, in the instant it is made."""
    with pytest.raises(InvalidInput, match="longer than nothing"):
        TimelinessPolicy(promises={Metric.SHIPMENT: Promise(target)})
