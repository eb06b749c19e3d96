"""`docs/returns-and-exchanges.md` says of states, clocks and tasks what the domain does."""

from __future__ import annotations

import re
from datetime import timedelta

from api.schemas.operations import PolicyIn
from mallcare.domain.deadlines import CALLS_OPERATIONS
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.domain.transitions import CLOCKS, ROLES_OF, SETTLEMENT, TABLE, WITH_GOODS
from mallcare.domain.vocabulary import Action, DeadlineEffect, Role, State
from mallcare.domain.voiding import NOTHING_SENT
from tests.docs.reading import blocks, tables

DOCUMENT = "docs/returns-and-exchanges.md"
EDGE = re.compile(r"(\w+) --> (\w+): (.+)")
Move = tuple[State, State]

UNITS_OF_TIME = {"h": timedelta(hours=1), "d": timedelta(days=1)}
NOT_CLOCKS = {"window", "window_extension", "cooling_off", "auto_refund_period"}
"""Lengths of the policy that no request waits for."""
SKIPPING = {
    (State.PENDING_REVIEW, State.COMPLETED),
    (State.PENDING_CUSTOMER, State.COMPLETED),
    (State.INSPECTING, State.COMPLETED),
    (State.OUT_OF_STOCK, State.COMPLETED),
    (State.OUT_OF_STOCK, State.RETURNING_TO_CUSTOMER),
}
"""Refunds of nothing at all, told below the diagram."""
TWO_STEPS_AT_ONCE = {(State.AWAITING_RETURN, State.INSPECTING)}
"""A waybill is submitted of a parcel that arrived already."""


def moves() -> set[Move]:
    """Every move from one state to another that the domain knows for requests with goods."""
    told = [
        (state, to) for (state, _), rule in TABLE.items() if rule.kinds & WITH_GOODS for to in rule.leads_to
    ]
    told += [(state, to) for (state, _), leads_to in CLOCKS.items() for to in leads_to]
    told += [(state, to) for state, leads_to in SETTLEMENT.items() for to in leads_to]
    told += [(state, State.CLOSED) for state in NOTHING_SENT]
    return {(before, after) for before, after in told if before is not after}


def table_below(*columns: str) -> list[list[str]]:
    """The rows of the one table that begins with these columns."""
    (found,) = [table for table in tables(DOCUMENT) if table[0][: len(columns)] == list(columns)]
    return found[1:]


def words(cell: str) -> list[str]:
    """What a cell names in code."""
    return re.findall(r"`([\w-]+)`", cell)


def test_the_diagram_shows_every_move_and_no_other() -> None:
    """Edges of the diagram are the moves of the transition table, but for those that skip one."""
    (diagram,) = blocks(DOCUMENT, "mermaid")
    edges = {(State(a), State(b)) for a, b, _ in EDGE.findall(diagram)}
    assert edges == moves() - SKIPPING - TWO_STEPS_AT_ONCE
    assert moves() >= SKIPPING


def test_commands_of_the_diagram_lead_where_it_says() -> None:
    """Whatever label names a command is on an edge that the command may take."""
    (diagram,) = blocks(DOCUMENT, "mermaid")
    known = {action.value for action in Action}
    for before, after, label in EDGE.findall(diagram):
        for word in re.findall(r"[a-z-]+", label):
            if word in known and (rule := TABLE.get((State(before), Action(word)))):
                assert State(after) in rule.leads_to, label


def test_the_parties_and_their_commands() -> None:
    """Every command is somebody's, and whoever may do it stands in its row."""
    rows = {cells[0].split(",")[0]: set(words(cells[1])) for cells in table_below("who", "may")}
    for role in (Role.CUSTOMER, Role.SUPPLIER, Role.FINANCE, Role.OPERATIONS):
        allowed = {action.value for action, roles in ROLES_OF.items() if role in roles}
        told = rows[role.value] | (rows["supplier"] if role is Role.OPERATIONS else set[str]())
        assert told == allowed, role
    assert set[str]().union(*rows.values()) == {action.value for action in Action}


def test_the_clocks() -> None:
    """Each row is a clock the domain knows, as long as the policy's default, and none is left out.

    A clock that operations sets anew only escalates, in any state; that is told below the table.
    """
    shown: set[tuple[State, DeadlineEffect]] = set()
    named: set[str] = set()
    policy = AfterSalesPolicy()
    for state, _, name, length, effect, _ in table_below("state", "runs from"):
        (field,), (does,) = words(name), words(effect)
        number, unit = length.split()
        assert getattr(policy, field) == int(number) * UNITS_OF_TIME[unit], field
        assert f"{field}_seconds" in PolicyIn.model_fields
        assert (State(state), DeadlineEffect(does)) in CLOCKS
        shown.add((State(state), DeadlineEffect(does)))
        named.add(field)
    set_anew = {clock for clock in CLOCKS if clock[1] is DeadlineEffect.ESCALATE}
    assert set(CLOCKS) - set_anew <= shown
    lengths = {f for f in AfterSalesPolicy.__dataclass_fields__ if isinstance(getattr(policy, f), timedelta)}
    assert named == lengths - NOT_CLOCKS


def test_clocks_that_call_operations_name_their_task() -> None:
    """Where escalation opens a task the row says which, and nowhere else."""
    for state, _, _, _, effect, does in table_below("state", "runs from"):
        task = CALLS_OPERATIONS.get(State(state)) if words(effect) == ["escalate"] else None
        assert re.findall(r"task `(\w+)`", does) == ([task.value] if task else []), state
