"""PostgreSQL for tests: one real server per process of the test run, its schema made by the migrations.

`database_url` is one migrated database for the whole run, `empty_database` the same with nothing in it,
`new_database` makes further ones by copying the migrated template (60 ms each).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.embedded.postgres import EmbeddedPostgres
from mallcare.persistence.engine import create_engine
from mallcare.persistence.migrate import upgrade
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.tables import metadata
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory

TEMPLATE = "migrated"
SEEDED = {
    "after_sales_policies": "version = 1",
    "timeliness_policies": "version = 1",
    "service_calendars": "calendar_id = '24x7'",
}
EVERYTHING = ";".join(
    f"DELETE FROM {table.name}" + (f" WHERE NOT ({SEEDED[table.name]})" if table.name in SEEDED else "")
    for table in reversed(metadata.sorted_tables)
)
"""Empties tables but for seeds. On few rows DELETE is a hundred times faster than TRUNCATE."""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Generator[EmbeddedPostgres]:
    """A running server, of this process of the run alone."""
    folder: Path = tmp_path_factory.mktemp("postgres")
    with EmbeddedPostgres(folder, fsync=False).running() as server:
        yield server


@pytest.fixture(scope="session")
def administrator(postgres: EmbeddedPostgres) -> Generator[psycopg.Connection]:
    """A connection that may create databases."""
    with psycopg.connect(postgres.url_of("postgres"), autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres, administrator: psycopg.Connection) -> str:
    """The migrated database of this process of the run; what a test commits, the next one sees."""
    _create(administrator, TEMPLATE, None)
    upgrade(postgres.url_of(TEMPLATE))
    _create(administrator, "tests", TEMPLATE)
    return postgres.url_of("tests")


@pytest.fixture
def new_database(
    postgres: EmbeddedPostgres, administrator: psycopg.Connection, database_url: str
) -> Generator[Callable[[bool], str]]:
    """Makes a database of the test's own and answers its address: migrated, or (False) empty."""
    names: list[str] = []

    def make(migrated: bool) -> str:
        names.append(f"own_{next(NUMBERS)}")
        _create(administrator, names[-1], TEMPLATE if migrated else None)
        return postgres.url_of(names[-1])

    yield make
    for name in names:
        administrator.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


NUMBERS = count(1)


@pytest.fixture(scope="session")
def cleaner(database_url: str) -> Generator[psycopg.Connection]:
    """A connection to the shared database beside the product's own."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_database(database_url: str, cleaner: psycopg.Connection) -> str:
    """The shared database with nothing in it but the first policy."""
    cleaner.execute(EVERYTHING.encode())
    return database_url


@pytest.fixture(scope="session")
async def engine(database_url: str) -> AsyncGenerator[AsyncEngine]:
    """A pool on the shared database."""
    pool = create_engine(database_url, pool_size=32)
    yield pool
    await pool.dispose()


@pytest.fixture
def uow(engine: AsyncEngine, empty_database: str) -> SqlUnitOfWorkFactory:
    """Opens units of work on an empty database; remembers no policy of an earlier test."""
    return SqlUnitOfWorkFactory(engine)


@pytest.fixture
def queries(engine: AsyncEngine, uow: SqlUnitOfWorkFactory) -> SqlCaseQueries:
    """The lists over what `uow` writes."""
    return SqlCaseQueries(engine)


def _create(administrator: psycopg.Connection, name: str, template: str | None) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
        sql.Identifier(name), sql.Identifier(template or "template1")
    )
    administrator.execute(statement)
