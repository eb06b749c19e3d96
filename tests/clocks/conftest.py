"""An empty database for each test, with one process of the platform on it."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.clocks.promises import Promises


@pytest.fixture
def shop(engine: AsyncEngine, empty_database: str) -> Promises:
    """A process whose clock stands at the end of the cooling-off of a new order."""
    return Promises(engine)
