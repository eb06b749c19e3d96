"""An empty database for each test, with one process of the platform on it; one Temporal for all."""

from __future__ import annotations

from collections.abc import Generator

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from mallcare.contracts.converter import DATA_CONVERTER
from tests.timekeeping.orders import Shop
from tests.timekeeping.promises import Desk
from tests.timekeeping.timekeepers import ShortMemory


@pytest.fixture
def shop(engine: AsyncEngine, empty_database: str) -> Shop:
    """A process whose clock stands at the end of the cooling-off of a new order."""
    return Shop(engine)


@pytest.fixture
def desk(engine: AsyncEngine, empty_database: str, cleaner: psycopg.Connection) -> Desk:
    """A database in which nothing was promised yet."""
    return Desk(engine, cleaner)


@pytest.fixture(scope="session")
def timekeeping_temporal(tmp_path_factory: pytest.TempPathFactory) -> Generator[ShortMemory]:
    """A server that can skip time."""
    folder = tmp_path_factory.mktemp("timekeeping")
    server = ShortMemory(folder, time_skipping=True, ui=False)
    with server.running():
        yield server


@pytest.fixture(scope="session")
async def client(timekeeping_temporal: ShortMemory) -> Client:
    """Connected as the product is."""
    server = timekeeping_temporal
    return await Client.connect(server.address, namespace=server.namespace, data_converter=DATA_CONVERTER)
