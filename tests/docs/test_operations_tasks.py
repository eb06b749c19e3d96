"""`docs/runbook.md` names every task of operations, and which of them end by themselves."""

from __future__ import annotations

import re

from mallcare.domain.deadlines import CALLS_OPERATIONS
from mallcare.domain.tasks import TaskKind
from tests.docs.reading import tables

MOOT = {
    *CALLS_OPERATIONS.values(),
    TaskKind.RETURN_ADDRESS_MISSING,
    TaskKind.TAKEN_OVER_BY_MALL,
    TaskKind.PARCEL_ABNORMAL,
    TaskKind.INTERCEPT,
    TaskKind.CALENDAR_ENDS,
    TaskKind.CONTACTS_MISSING,
    TaskKind.MESSAGE_UNKNOWN,
    TaskKind.DAILY_SMS_MISSING,
}
"""Kinds that the platform resolves when what they were about is over."""


def test_the_runbook_names_every_kind() -> None:
    """One row for each, with what opens it and what to do; those about a wait go away with it."""
    (table,) = [found for found in tables("docs/runbook.md") if found[0][:2] == ["kind", "opened when"]]
    rows = {re.findall(r"`(\w+)`", row[0])[0]: row for row in table[1:]}
    assert len(rows) == len(table) - 1
    assert sorted(rows) == sorted(kind.value for kind in TaskKind)
    assert {kind for kind, row in rows.items() if row[2] == "yes"} == {kind.value for kind in MOOT}
    assert all(len(row) == 4 and all(row) for row in rows.values())
