"""One database, one Temporal and one worker for the tests of a process; cases never meet."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import psycopg
import pytest
from temporalio.client import Client

from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.temporal_client import add_search_attributes
from mallcare.persistence.engine import create_engine
from tests.database import TEMPLATE
from tests.world import DirectHints, SetClock, World


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedTemporal]:
    folder: Path = tmp_path_factory.mktemp("temporal")
    with EmbeddedTemporal(folder, time_skipping=True, ui=False).running() as server:
        yield server


@pytest.fixture(scope="session")
def new_session_database(
    postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str
) -> str:
    """A migrated database that no other folder's tests empty."""
    administrator.execute(f"CREATE DATABASE workflows TEMPLATE {TEMPLATE}")
    return postgres.url_of("workflows")


@pytest.fixture(scope="session")
async def shared_world(temporal_server: EmbeddedTemporal, new_session_database: str) -> AsyncGenerator[World]:
    client = await Client.connect(
        temporal_server.address, namespace=temporal_server.namespace, data_converter=DATA_CONVERTER
    )
    await add_search_attributes(client)
    database = create_engine(new_session_database)
    async with World(database, client).working() as world:
        yield world
    await database.dispose()


@pytest.fixture
async def world(shared_world: World) -> AsyncGenerator[World]:
    """The shared world with a clock of its own."""
    shared_world.clock.offset, shared_world.clock.stopped_at = SetClock().offset, None
    shared_world.hints.lose = DirectHints.lose
    shared_world.hints.repeat = DirectHints.repeat
    shared_world.hints.offered.clear()
    yield shared_world
    await shared_world.hints.told()
