"""An empty database for each test, with one process of the platform on it."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.daily_sms.desk import Desk


@pytest.fixture
def desk(engine: AsyncEngine, empty_database: str, cleaner: psycopg.Connection) -> Desk:
    """Pages of two suppliers, so that every test walks several."""
    return Desk(engine, cleaner, page=2)
