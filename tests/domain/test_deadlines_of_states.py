"""Every clock of every state: just before, at and after its instant, alone and against every command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from mallcare.domain.after_sales import SYSTEM
from mallcare.domain.commands import Actor, ExtendDeadline
from mallcare.domain.deadlines import fire_deadline
from mallcare.domain.deciding import decide
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.domain.transitions import CLOCKS, allowed_actions
from mallcare.domain.vocabulary import DeadlineEffect, Kind, Role, State
from tests.domain import journeys
from tests.domain.builders import (
    OPERATIONS,
    TICK,
)
from tests.domain.ledger import Ledger
from tests.domain.situations import COMMANDS as COMMANDS_OF_TABLE
from tests.domain.situations import SITUATIONS

AUTO = AfterSalesPolicy(review_timeout=ReviewTimeout.AUTO_APPROVE)
ZERO = timedelta(0)
HOUR = timedelta(hours=1)


def set_anew(name: str) -> Ledger:
    """The situation, its clock voided by the mall and set again by operations."""
    ledger = SITUATIONS[name]()
    ledger.mall_closes(journeys.NOW)
    ledger.void_all(journeys.NOW)
    command = ExtendDeadline(journeys.NOW + HOUR, "ask the mall")
    ledger.decide(journeys.NO, command, OPERATIONS, journeys.NOW)
    return ledger


def under_automatic_review() -> Ledger:
    """A return that is approved if nobody answers."""
    return journeys.requested(Kind.RETURN_REFUND, policy=AUTO)


CLOCKED: dict[tuple[State, DeadlineEffect], tuple[Callable[[], Ledger], State]] = {
    (State.PENDING_REVIEW, DeadlineEffect.ESCALATE): (SITUATIONS["under review"], State.PENDING_REVIEW),
    (State.PENDING_REVIEW, DeadlineEffect.AUTO_APPROVE): (under_automatic_review, State.AWAITING_RETURN),
    (State.PENDING_CUSTOMER, DeadlineEffect.DECLINE): (SITUATIONS["offered"], State.PENDING_REVIEW),
    (State.PENDING_CUSTOMER, DeadlineEffect.ESCALATE): (lambda: set_anew("offered"), State.PENDING_CUSTOMER),
    (State.AWAITING_RETURN, DeadlineEffect.EXPIRE): (SITUATIONS["to be sent back"], State.EXPIRED),
    (State.AWAITING_RETURN, DeadlineEffect.ESCALATE): (
        lambda: set_anew("to be sent back"),
        State.AWAITING_RETURN,
    ),
    (State.RETURN_IN_TRANSIT, DeadlineEffect.ESCALATE): (SITUATIONS["coming back"], State.RETURN_IN_TRANSIT),
    (State.INSPECTING, DeadlineEffect.ESCALATE): (SITUATIONS["counted"], State.INSPECTING),
    (State.AWAITING_RESHIPMENT, DeadlineEffect.ESCALATE): (
        SITUATIONS["replacement due"],
        State.AWAITING_RESHIPMENT,
    ),
    (State.OUT_OF_STOCK, DeadlineEffect.REFUND): (SITUATIONS["out of stock"], State.REFUNDING),
    (State.OUT_OF_STOCK, DeadlineEffect.ESCALATE): (lambda: set_anew("out of stock"), State.OUT_OF_STOCK),
    (State.RESHIPPED, DeadlineEffect.COMPLETE): (SITUATIONS["reshipped"], State.COMPLETED),
    (State.RESHIPPED, DeadlineEffect.ESCALATE): (SITUATIONS["reported missing"], State.RESHIPPED),
    (State.REFUND_FAILED, DeadlineEffect.ESCALATE): (SITUATIONS["refund failed"], State.REFUND_FAILED),
    (State.RETURNING_TO_CUSTOMER, DeadlineEffect.ESCALATE): (
        SITUATIONS["refused"],
        State.RETURNING_TO_CUSTOMER,
    ),
    (State.RETURNING_TO_CUSTOMER, DeadlineEffect.COMPLETE): (
        SITUATIONS["refused, sent back"],
        State.REJECTED,
    ),
}
"""For every clock of the table a request that it runs for, and where it leads."""

LENGTHS = {
    "under review": timedelta(hours=48),
    "offered": timedelta(days=7),
    "evidence asked": timedelta(days=7),
    "to be sent back": timedelta(days=7),
    "coming back": timedelta(days=10),
    "counted": timedelta(hours=48),
    "replacement due": timedelta(hours=48),
    "out of stock": timedelta(days=7),
    "reshipped": timedelta(days=10),
    "reported missing": timedelta(hours=48),
    "refund failed": timedelta(hours=24),
    "refused": timedelta(hours=48),
    "refused, sent back": timedelta(days=10),
}
"""How long each wait lasts, as the design has it."""


def test_every_clock_of_the_table_is_tried() -> None:
    """No clock is left out below, and none is tried that the table does not know."""
    assert set(CLOCKED) == set(CLOCKS)


@pytest.mark.rule("A3")
@pytest.mark.parametrize("name", sorted(LENGTHS))
def test_each_wait_lasts_as_long_as_it_should(name: str) -> None:
    """The clock is set with the wait it belongs to, counted from its beginning."""
    assert journeys.only(SITUATIONS[name]()).deadline_at == journeys.NOW + LENGTHS[name]


@pytest.mark.parametrize("offset", [-TICK, ZERO, TICK, 5 * HOUR])
@pytest.mark.parametrize("clock", sorted(CLOCKED))
def test_every_clock_fires_from_its_instant_on_and_once(
    clock: tuple[State, DeadlineEffect], offset: timedelta
) -> None:
    """Just before it nothing happens; at it, just after and much later the same does, and then no more."""
    begin, leads_to = CLOCKED[clock]
    ledger = begin()
    case = journeys.only(ledger)
    due = case.deadline_at
    assert due is not None
    assert (case.state, case.deadline_effect) == clock
    decision = ledger.fire(journeys.NO, due, due + offset)
    if offset < ZERO:
        assert (decision.case, decision.events) == (case, ())
        return
    assert decision.case.state is leads_to
    assert decision.events[0].actor == SYSTEM
    assert ledger.fire(journeys.NO, due, due + offset).events == ()
    escalates = case.deadline_effect is DeadlineEffect.ESCALATE
    assert (decision.case.escalated_at == due + offset) is escalates
    if escalates:
        assert decision.events[0].facts == {"late_ms": offset // timedelta(milliseconds=1)}


@pytest.mark.parametrize("offset", [-TICK, ZERO, TICK])
@pytest.mark.parametrize("clock", sorted(CLOCKED))
def test_every_clock_against_every_command(clock: tuple[State, DeadlineEffect], offset: timedelta) -> None:
    """A clock that only calls locks nobody out; one that decides owns the request from its instant on."""
    begin, _ = CLOCKED[clock]
    ledger = begin()
    case = journeys.only(ledger)
    due = case.deadline_at
    assert due is not None
    offers = [(role, action) for role in Role for action in allowed_actions(case, role)]
    for role, action in offers:
        command = COMMANDS_OF_TABLE[action]
        at = ledger.at(due + offset)
        if offset >= ZERO and case.deadline_effect is not DeadlineEffect.ESCALATE:
            with pytest.raises(IllegalTransition) as refused:
                decide(case, command, Actor(role, "somebody"), at)
            assert refused.value.facts["deadline_effect"] == case.deadline_effect
            continue
        changed = decide(case, command, Actor(role, "somebody"), at).case
        assert changed.version > case.version
        moved = changed.deadline_at != due or changed.deadline_effect != case.deadline_effect
        assert (fire_deadline(changed, due, at).events == ()) is (moved or offset < ZERO)


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("coming back", "return_overdue"),
        ("reported missing", "reshipment_overdue"),
        ("refund failed", "refund_failed"),
        ("counted", None),
        ("replacement due", None),
        ("refused", None),
        ("under review", None),
    ],
)
def test_waits_that_nobody_is_to_end_become_a_task_of_operations(name: str, task: str | None) -> None:
    """Where a supplier has to decide, the request itself calls; otherwise operations looks into it."""
    ledger = SITUATIONS[name]()
    ledger.tasks.clear()
    ledger.ring(journeys.NO)
    assert ledger.task_kinds() == ([] if task is None else [task])
