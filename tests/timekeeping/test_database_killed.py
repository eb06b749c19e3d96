"""PostgreSQL itself is killed in the middle of a timekeeper's page; it comes back with its data."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from mallcare.application.keeping import KeepTime
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.engine import create_engine
from mallcare.persistence.migrate import upgrade
from mallcare.ports import StorageUnavailable
from tests.timekeeping.killed import StoppingFactory
from tests.timekeeping.promises import DUE, SHARD, Desk, promise

PAGES_OF, CLOCKS = 2, 5
LATE = DUE + timedelta(minutes=1)


class KillingFactory(StoppingFactory):
    """Kills the server, with everybody in it, before the commit number `stop`."""

    server: EmbeddedPostgres

    async def before_commit(self) -> None:
        self._left -= 1
        if self._left == 0:
            number = (self.server.cluster / "postmaster.pid").read_text().split("\n", 1)[0]
            postmaster = psutil.Process(int(number))
            family = [*postmaster.children(recursive=True), postmaster]
            for process in family:
                process.kill()
            psutil.wait_procs(family, timeout=10)


@pytest.mark.rule("T2")
@pytest.mark.rule("T3")
@pytest.mark.parametrize("stop", [1, 2, 3, 4])
async def test_a_page_whose_database_died_is_done_once_all_the_same(tmp_path: Path, stop: int) -> None:
    """Before the first, the second, the last page and the telling: each breach and each message once."""
    with EmbeddedPostgres(tmp_path).running() as server:
        upgrade(server.url)
        engine = create_engine(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            desk = Desk(engine, connection)
            await desk.staffed()
            await desk.promised(*(promise() for _ in range(CLOCKS)))
            factory = KillingFactory(engine, stop)
            factory.server = server
            with pytest.raises((StorageUnavailable, OperationalError)):  # however the loss shows
                await KeepTime(factory, TimeOrderedIds(), page=PAGES_OF)(SHARD, LATE)
        await engine.dispose()
    with EmbeddedPostgres(tmp_path).running() as again:
        engine = create_engine(again.url)
        with psycopg.connect(again.url, autocommit=True) as connection:
            desk = Desk(engine, connection)
            seen = desk.rows("SELECT 1 FROM clocks WHERE breach_recorded_at IS NOT NULL")
            assert len(seen) == min(CLOCKS, PAGES_OF * (stop - 1))
            for _ in range(2):
                await desk.look(LATE, page=PAGES_OF)
            assert (
                len(desk.rows("SELECT 1 FROM clocks WHERE breach_recorded_at = '" + LATE.isoformat() + "'"))
                == CLOCKS
            )
            assert sorted(desk.told()) == [("sms", "boss"), ("sms", "staff")]
            assert {row[2] for row in desk.reminders()} == {"told"}
            assert len(desk.reminders()) == 2 * CLOCKS
        await engine.dispose()
