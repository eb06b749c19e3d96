"""The board's lists: exactly the clocks that a number counted, the earliest deadline first."""

# ruff: noqa: S608 - all parts are words of ours; whatever comes from outside is a parameter

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import TextClause

from mallcare.domain.boards import ENDED_STATES, Age, ClockState
from mallcare.domain.clocks import CalendarVersion, ClockKey, Outcome, Standing
from mallcare.domain.errors import InvalidInput
from mallcare.domain.metrics import Metric
from mallcare.persistence.board_conditions import (
    ALWAYS_DUE,
    DUE_IN,
    OF_SUPPLIER,
    PARAMETER,
    STATES,
    age_bounds,
    age_condition,
    with_types,
)
from mallcare.persistence.codec import Columns, instant, utc
from mallcare.ports.boards import ClockRecord, RowFilter

NEVER = "infinity"
"""The place in the list of what has no deadline."""
COLUMNS = (
    "clocks.id, metric, subject, part, seq, order_no, supplier_id, target, policy_version, calendar_id,"
    " calendar_version, alarmed_at, breach_recorded_at, started_at, running_since, elapsed, clocks.due_at,"
    " at_risk_at, ended_at, outcome"
)
BREACHES = (
    f"SELECT {COLUMNS} FROM clocks WHERE breach_recorded_at IS NOT NULL AND breach_recorded_at >= :since"
    "{scope} ORDER BY breach_recorded_at DESC LIMIT :most"
)
OF_SUBJECTS = (
    f"SELECT {COLUMNS} FROM clocks WHERE subject = ANY(:subjects){{scope}}"
    " ORDER BY subject, metric, part, seq LIMIT :most"
)
ONE = with_types("SELECT * FROM clocks WHERE id = :after_id")
REMINDERS = with_types(
    "SELECT level, party, state, supplier_id, reached_at, remind_at FROM reminders"
    " WHERE clock_id = :after_id ORDER BY reached_at, level, party"
)


@dataclass(frozen=True)
class _Shape:
    """What makes one statement differ from another; values are parameters."""

    metrics: tuple[Metric, ...]
    states: tuple[ClockState, ...]
    age: Age | None
    of_supplier: bool
    due_in: bool
    continued: bool


def list_rows(where: RowFilter, most: int, cursor: str | None) -> tuple[TextClause, dict[str, Any]]:
    """The statement of a page and its parameters; `now` is the instant that the list's first page set.

    Raises:
        InvalidInput: see `Boards.rows`.
    """
    given: dict[str, Any] = {"now": where.as_of, "most": most}
    if where.supplier_id is not None:
        given["supplier"] = where.supplier_id
    if where.due_in is not None:
        given |= {"due_from": where.due_in.begins_at, "due_until": where.due_in.ends_at}
    if cursor is not None:
        given["now"], given["place"], given["after_id"] = _place(where, cursor)
    if where.age is not None:
        known = age_bounds(given["now"])
        given |= {name: known[name] for name in PARAMETER.findall(age_condition(where.age))}
    shape = _Shape(
        where.metrics,
        where.states,
        where.age,
        where.supplier_id is not None,
        where.due_in is not None,
        cursor is not None,
    )
    statement = _statement(shape)
    return statement, given


@lru_cache(maxsize=512)
def _statement(shape: _Shape) -> TextClause:
    """Of each metric and state the first ones by an index, then the first ones of these."""
    parts = " UNION ALL ".join(
        f"({first})"
        for metric in shape.metrics
        for state in shape.states
        for first in _firsts(shape, metric, state)
    )
    return with_types(
        f"SELECT {COLUMNS} FROM (SELECT * FROM ({parts}) AS parts ORDER BY place, id LIMIT :most) AS page"
        " JOIN clocks ON clocks.id = page.id ORDER BY page.place, page.id"
    )


def _firsts(shape: _Shape, metric: Metric, state: ClockState) -> list[str]:
    """The first ones of a state. Ended clocks are as many as there ever were: those with a deadline are read
    in its order, by an index, and those without by themselves."""
    if shape.due_in or state in ALWAYS_DUE:
        return [_first(shape, metric, state, "due_at")]
    if state in ENDED_STATES:
        with_deadline = _first(shape, metric, state, "due_at", "due_at IS NOT NULL")
        return [with_deadline, _first(shape, metric, state, f"timestamptz '{NEVER}'", "due_at IS NULL")]
    return [_first(shape, metric, state, f"coalesce(due_at, '{NEVER}')")]


def _first(shape: _Shape, metric: Metric, state: ClockState, place: str, *further: str) -> str:
    conditions = [f"metric = '{metric}'", STATES[state], *further]
    if shape.of_supplier:
        conditions.append(OF_SUPPLIER)
    if shape.age is not None:
        conditions.append(age_condition(shape.age))
    if shape.due_in:
        conditions.append(DUE_IN)
    if shape.continued:
        conditions.append(f"({place}, id) > (CAST(:place AS timestamptz), :after_id)")
    return (
        f"SELECT id, {place} AS place FROM clocks WHERE {' AND '.join(conditions)}"
        " ORDER BY place, id LIMIT :most"
    )


def record_of(row: Columns) -> ClockRecord:
    """A clock of a row."""
    return ClockRecord(
        clock_id=row["id"],
        key=ClockKey(Metric(row["metric"]), row["subject"], row["part"], row["seq"]),
        order_no=row["order_no"],
        supplier_id=row["supplier_id"],
        policy_version=row["policy_version"],
        calendar=CalendarVersion(row["calendar_id"], row["calendar_version"]),
        target=row["target"],
        standing=Standing(
            started_at=utc(row["started_at"]),
            running_since=utc(row["running_since"]),
            elapsed=row["elapsed"],
            due_at=utc(row["due_at"]),
            at_risk_at=utc(row["at_risk_at"]),
            ended_at=utc(row["ended_at"]),
            outcome=Outcome(row["outcome"]) if row["outcome"] is not None else None,
            next_at=None,
        ),
        alarmed_at=utc(row["alarmed_at"]),
        breach_recorded_at=utc(row["breach_recorded_at"]),
    )


# --- cursors -------------------------------------------------------------------------------------


def _list_name(where: RowFilter) -> str:
    """A short name of the list a cursor belongs to; its instant is the cursor's own."""
    period = [where.due_in.first.isoformat(), where.due_in.last.isoformat()] if where.due_in else None
    named = json.dumps([where.metrics, where.states, where.supplier_id, where.age, period])
    return hashlib.sha256(named.encode()).hexdigest()[:8]


def cursor_after(where: RowFilter, last: ClockRecord) -> str:
    """The cursor of what comes after a clock in a list."""
    due_at = last.standing.due_at
    place = [
        _list_name(where),
        where.as_of.isoformat(),
        due_at.isoformat() if due_at is not None else NEVER,
        last.clock_id,
    ]
    told = json.dumps(place, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


def _place(where: RowFilter, cursor: str) -> tuple[datetime, str, int]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        told = cast("list[Any]", json.loads(base64.b64decode(padded, altchars=b"-_", validate=True)))
        name, at, place, clock_id = told
        if name != _list_name(where) or type(clock_id) is not int or not 0 <= clock_id < 2**63:
            raise ValueError("another list")
        if place != NEVER:
            place = instant(datetime.fromisoformat(place)).isoformat()
        return _aware(at), place, clock_id
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise InvalidInput("the cursor was not made by this list") from error


def _aware(told: str) -> datetime:
    at = datetime.fromisoformat(told)
    if at.tzinfo is None:
        raise ValueError("no offset")
    return at
