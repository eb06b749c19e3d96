"""A stage for live walks: engines of this folder's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import psycopg
import pytest

from mallcare.embedded.postgres import EmbeddedPostgres
from tests.database import TEMPLATE
from tests.replay.stage import ShortHistories, Stage, open_stage


@pytest.fixture(scope="session")
def stage_database(postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str) -> str:
    """A migrated database that no other folder's tests empty."""
    administrator.execute(f"CREATE DATABASE stage TEMPLATE {TEMPLATE}")
    return postgres.url_of("stage")


@pytest.fixture(scope="session")
async def stage(stage_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage]:
    """Workers as in production."""
    with ShortHistories(tmp_path_factory.mktemp("stage")).running() as temporal:
        async with open_stage(temporal, stage_database) as stage:
            yield stage


@pytest.fixture(scope="session")
async def forgetful_stage(
    stage_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Stage]:
    """Workers that remember no workflow between two tasks and replay every one from its first event."""
    with ShortHistories(tmp_path_factory.mktemp("forgetful")).running() as temporal:
        async with open_stage(temporal, stage_database, max_cached_workflows=0) as stage:
            yield stage
