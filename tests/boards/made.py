"""A small mall with a history, in a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.board_data import History, fill
from mallcare.application.boards import Boards
from mallcare.application.caller import Caller
from mallcare.domain.vocabulary import Role
from mallcare.persistence.engine import create_engine
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.world import SetClock

NOW = datetime(2026, 3, 20, 2, tzinfo=UTC)
OPERATIONS = Caller(Role.OPERATIONS, "operations-1")
NewDatabase = Callable[[bool], str]


@asynccontextmanager
async def mall(
    new_database: NewDatabase, **changes: object
) -> AsyncGenerator[tuple[AsyncEngine, Boards, SetClock]]:
    """A history in a database, and its board."""
    known: dict[str, object] = {
        "orders": 600,
        "cases": 200,
        "now": NOW,
        "suppliers": 4,
        "days": 8,
        "tracked": 1,
    }
    history = History(**{**known, **changes})  # type: ignore[arg-type]
    url = new_database(True)
    fill(url, history)
    engine = create_engine(url, pool_size=4)
    clock = SetClock(stopped_at=NOW)
    try:
        yield engine, Boards(SqlUnitOfWorkFactory(engine), clock), clock
    finally:
        await engine.dispose()
