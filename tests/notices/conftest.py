"""An empty database for each test, with one process that sends notices."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.notices.desk import Desk


@pytest.fixture
def desk(engine: AsyncEngine, empty_database: str) -> Desk:
    """A process at noon, with every vendor scripted."""
    return Desk(engine)
