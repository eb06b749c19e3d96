"""Failure 9: cancel, approve and timer race each other; timers armed for the wrong state, and dead ones.

The guards: who wins depends on the instant alone (`deciding._clock_owns`, `deadlines.fire_deadline`, both
half-open), and an alarm acts only if the case still waits for that very instant. Here every clock of every
kind meets every command; the same on a real Temporal is in `test_09_timers_on_temporal.py`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Actor, Command
from mallcare.domain.errors import IllegalTransition
from mallcare.domain.transitions import CLOCKS, TABLE, allowed_actions
from mallcare.domain.vocabulary import Action, DeadlineEffect, Role
from tests.domain.builders import SUPPLIER, TICK
from tests.domain.ledger import Ledger
from tests.failures.waits import DAY, NO, WAITS, WHO, Wait, commands_on

pytestmark = [pytest.mark.rule("A2"), pytest.mark.rule("A3")]

BEFORE, AT, AFTER = -TICK, timedelta(0), TICK
INSTANTS = pytest.mark.parametrize("offset", [BEFORE, AT, AFTER], ids=["before", "at", "after"])
EVERY_WAIT = pytest.mark.parametrize("wait", WAITS, ids=str)


def is_well(ledger: Ledger) -> AfterSalesCase:
    """The request is not stuck, and no timer is armed for a state that knows no such clock."""
    case = ledger.cases[NO]
    if case.state.final:
        assert (case.deadline_at, case.deadline_effect) == (None, None)
        assert case.holdings == () or case.refund_decided
        return case
    if case.deadline_at is not None:
        assert case.deadline_effect is not None
        assert (case.state, case.deadline_effect) in CLOCKS
    legs_open = any(leg.status.open for leg in case.legs)
    somebody = any(allowed_actions(case, role) for role in Role)
    assert case.deadline_at is not None or legs_open or somebody
    return case


def test_every_clock_of_every_kind_is_in_the_table_of_waits() -> None:
    """A clock that is added, or a state that another kind can wait in, needs its row in `waits.py`."""
    assert {(wait.state, wait.effect) for wait in WAITS} == set(CLOCKS)
    of_any_kind = (Action.EXTEND_DEADLINE, Action.SHIP_BACK, Action.CLOSE)
    told = {
        (k, state) for (state, action), rule in TABLE.items() if action not in of_any_kind for k in rule.kinds
    }
    assert {(wait.kind, wait.state) for wait in WAITS} == told


@EVERY_WAIT
def test_a_clock_is_armed_for_its_state_and_its_length(wait: Wait) -> None:
    """Guard: each room arms its own clock; the lengths and effects are told a second time in `waits.py`."""
    case = wait.begun().cases[NO]
    assert (case.state, case.deadline_effect, case.deadline_at) == (wait.state, wait.effect, wait.due)


def _is_refused(ledger: Ledger, command: Command, actor: Actor, now: datetime) -> None:
    """By type, naming the state that was lost to."""
    state = ledger.cases[NO].state
    with pytest.raises(IllegalTransition) as refused:
        ledger.decide(NO, command, actor, now)
    assert refused.value.facts["current_state"] == state.value


@INSTANTS
@EVERY_WAIT
def test_the_command_comes_first(wait: Wait, offset: timedelta) -> None:
    """Each command just before, at and just after the deadline, and then the alarm that was armed before it.

    Guard: `_clock_owns` refuses from the instant on where the clock decides; `fire_deadline` compares the
    instant it was armed for, so that a dead timer does nothing.
    """
    now, owned = wait.due + offset, wait.effect is not DeadlineEffect.ESCALATE and offset >= AT
    for action, command in commands_on(wait.begun().cases[NO], now).items():
        ledger = wait.begun()
        before, actor = ledger.cases[NO], WHO.get(action, SUPPLIER)
        offered = action in allowed_actions(before, actor.role)
        if offered and not owned:
            ledger.decide(NO, command, actor, now)
        else:
            _is_refused(ledger, command, actor, now)
            assert ledger.cases[NO] == before, action
        then = is_well(ledger)
        _the_old_alarm(ledger, then, wait, max(now, wait.due))


def _the_old_alarm(ledger: Ledger, then: AfterSalesCase, wait: Wait, now: datetime) -> None:
    """It acts once if the request still waits for that instant, and never otherwise."""
    alive = then.deadline_at == wait.due
    rang = ledger.fire(NO, wait.due, now)
    assert bool(rang.events) is alive
    if alive:
        assert then.deadline_effect is not None
        assert rang.case.state in CLOCKS[then.state, then.deadline_effect]
    else:
        assert rang.case == then
    settled = is_well(ledger)
    assert ledger.fire(NO, wait.due, wait.due + 30 * DAY).case == settled


@INSTANTS
@EVERY_WAIT
def test_the_alarm_comes_first(wait: Wait, offset: timedelta) -> None:
    """The alarm just before, at and just after its instant, twice, and then each command.

    Guard: an alarm that rings early changes nothing; one that acted is spent; and what the state offers
    afterwards is what the table says of the new state, with a refusal that names it.
    """
    now = wait.due + offset
    for action, command in commands_on(wait.begun().cases[NO], wait.due + TICK).items():
        ledger = wait.begun()
        before, actor = ledger.cases[NO], WHO.get(action, SUPPLIER)
        rang = ledger.fire(NO, wait.due, now)
        assert bool(rang.events) is (offset >= AT)
        if not rang.events:
            assert rang.case == before
            continue
        assert rang.case.state in CLOCKS[wait.state, wait.effect]
        assert ledger.fire(NO, wait.due, now + 30 * DAY).events == ()
        then = is_well(ledger)
        offered = action in allowed_actions(then, actor.role)
        if offered:
            ledger.decide(NO, command, actor, now + TICK)
        else:
            _is_refused(ledger, command, actor, now + TICK)
        is_well(ledger)


@EVERY_WAIT
def test_an_alarm_of_another_wait_is_dead(wait: Wait) -> None:
    """An alarm for any other instant than the present one, however late it rings, changes nothing.

    Guard: `fire_deadline` compares instants; an alarm of the state before would act on this one.
    """
    ledger = wait.begun()
    known = ledger.cases[NO]
    for other in WAITS:
        if other.due != wait.due:
            assert ledger.fire(NO, other.due, wait.due + 30 * DAY).case == known
    assert ledger.fire(NO, wait.due - TICK, wait.due).case == known


@pytest.mark.parametrize("action", list(Action))
def test_every_command_is_tried(action: Action) -> None:
    """A command that is added has to be raced too."""
    assert action in commands_on(WAITS[0].begun().cases[NO], WAITS[0].due)
