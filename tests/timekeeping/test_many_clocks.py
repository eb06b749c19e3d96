"""A supplier with very many clocks that fall due at one instant: one look, one notice a person.

`MALLCARE_MANY_CLOCKS=100000 pytest tests/timekeeping/test_many_clocks.py -s --timeout 600` shows how many
clocks a second a look does at that size.
"""

from __future__ import annotations

import os
from time import perf_counter

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.timekeeping.promises import DAY, DUE, SOON, Desk, promise

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("P2")]
CLOCKS = int(os.environ.get("MALLCARE_MANY_CLOCKS", "5000"))
PAGE = 500
COLUMNS = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_name = 'clocks' AND is_generated = 'NEVER' AND column_name <> 'id'"
)


async def many(desk: Desk, connection: psycopg.Connection, clocks: int) -> None:
    """Promises of one supplier that all run from one instant."""
    await desk.promised(promise())
    names = [str(row[0]) for row in connection.execute(COLUMNS)]
    values = ", ".join({"subject": "'M' || n"}.get(name, name) for name in names)
    connection.execute(
        f"INSERT INTO clocks ({', '.join(names)}) SELECT {values}"
        f" FROM clocks, generate_series(2, {clocks}) n".encode()
    )
    connection.execute(b"ANALYZE clocks")


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.sync_engine
        self.count = 0

    def __enter__(self) -> Statements:
        event.listen(self._engine, "before_cursor_execute", self._counted)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._counted)

    def _counted(self, *_: object) -> None:
        self.count += 1


async def test_a_supplier_s_many_clocks_are_one_notice_a_person(
    desk: Desk, cleaner: psycopg.Connection, engine: AsyncEngine
) -> None:
    """Every rung of all of them in one look each: statements follow pages, not clocks."""
    await desk.staffed()
    await many(desk, cleaner, CLOCKS)
    rungs = [(SOON, 1, 1), (DUE, 2, 3), (DUE + DAY, 2, 4)]
    for at, reminders, notices in rungs:
        with Statements(engine) as sent:
            begin = perf_counter()
            kept = await desk.look(at)
            took = perf_counter() - begin
        print(f"{CLOCKS} clocks, {kept.planned} reminders: {took:.2f} s, {CLOCKS / took:.0f} clocks/s")
        assert (kept.clocks, kept.planned, kept.told) == (CLOCKS, reminders * CLOCKS, reminders * CLOCKS)
        assert len(desk.notices()) == notices
        assert sent.count <= 4 * (CLOCKS // PAGE + 1) + 40
    assert {row.facts["count"] for row in desk.notifications()} == {CLOCKS}
    (task,) = desk.tasks()
    assert task.facts["count"] == CLOCKS


async def test_a_look_killed_half_way_through_many_loses_no_page(
    desk: Desk, cleaner: psycopg.Connection
) -> None:
    """Pages that are done stay done: the next look has the rest to do, and tells all of it at once."""
    await desk.contact("staff")
    await many(desk, cleaner, 4 * PAGE)

    class Enough(Exception):
        """The worker dies here."""

    pages = 0

    def dies() -> object:
        nonlocal pages
        pages += 1
        if pages == 4:
            raise Enough
        return desk.uow()

    with pytest.raises(Enough):
        await desk.look(SOON, uow=dies)  # type: ignore[arg-type]
    done = len(desk.reminders())
    assert 0 < done < 4 * PAGE
    assert done % PAGE == 0
    kept = await desk.look(SOON)
    assert (kept.clocks, kept.told, kept.notices) == (4 * PAGE - done, 4 * PAGE, 1)
