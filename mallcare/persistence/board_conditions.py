"""Conditions of the board, each in one place: what a count counts is what its list lists.

Written as text with the parameters `:now`, `:supplier`, `:due_from`, `:due_until` and bounds of ages; columns
are of `clocks`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Date, DateTime, Integer, Text, TextClause, bindparam, text
from sqlalchemy.types import TypeEngine

from mallcare.domain.boards import Age, ClockState
from mallcare.domain.reconciliation import BEIJING

INSTANT = DateTime(timezone=True)
TYPES: Mapping[str, TypeEngine[Any]] = {
    **dict.fromkeys(("now", "before", "due_from", "due_until", "since"), INSTANT),
    **dict.fromkeys(("supplier", "place"), Text()),
    **dict.fromkeys(("first", "last"), Date()),
    **dict.fromkeys(("older_12", "older_24", "older_48", "older_72"), INSTANT),
    "most": Integer(),
    "subjects": ARRAY(Text()),
    "after_id": BigInteger(),
}
PARAMETER = re.compile(r"(?<!:):([a-z_0-9]+)")
OPEN = "ended_at IS NULL"
ENDED = "ended_at IS NOT NULL"
ZONE = str(BEIJING)
DAY = f"(due_at AT TIME ZONE '{ZONE}')::date"
"""The local day a clock is or was due on: its cohort."""

STATES: Mapping[ClockState, str] = {
    ClockState.OVERDUE: f"{OPEN} AND due_at < :now",
    ClockState.AT_RISK: f"{OPEN} AND at_risk_at <= :now AND due_at >= :now",
    ClockState.RUNNING: (
        f"{OPEN} AND running_since IS NOT NULL AND (due_at IS NULL OR due_at >= :now)"
        " AND (at_risk_at IS NULL OR at_risk_at > :now)"
    ),
    ClockState.PAUSED: f"{OPEN} AND due_at IS NULL AND running_since IS NULL AND started_at IS NOT NULL",
    ClockState.MET: f"{ENDED} AND outcome = 'met'",
    ClockState.BREACHED: f"{ENDED} AND outcome = 'breached'",
    ClockState.VOID: f"{ENDED} AND outcome = 'void'",
}
"""As `domain.boards.state_at` decides for one clock."""
ALWAYS_DUE = frozenset({ClockState.OVERDUE, ClockState.AT_RISK})
"""States whose clocks have a deadline, so that an index gives them in its order."""
DUE_IN = "due_at >= :due_from AND due_at < :due_until"
OF_SUPPLIER = "supplier_id = :supplier"


def age_condition(age: Age) -> str:
    """Open clocks of an age; its bounds are parameters, so that they are not computed for every row."""
    parts = [OPEN, f"started_at <= :{_bound(age.least)}"] if age.least else [OPEN]
    if age.most is not None:
        parts.append(f"started_at > :{_bound(age.most)}")
    return " AND ".join(parts)


def age_bounds(now: datetime) -> dict[str, datetime]:
    """The parameters of all ages at an instant."""
    return {_bound(age.least): now - age.least for age in Age if age.least}


def _bound(since: timedelta) -> str:
    return f"older_{since // timedelta(hours=1)}"


def with_types(statement: str) -> TextClause:
    """A statement whose parameters have the types of their names."""
    names = sorted(set(PARAMETER.findall(statement)))
    return text(statement).bindparams(*(bindparam(name, type_=TYPES[name]) for name in names))
