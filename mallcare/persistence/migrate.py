"""Bringing a database to a revision of the schema. Safe to call from several processes at once."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

import mallcare
from mallcare.persistence.engine import driver_url, storage_errors
from mallcare.persistence.tables import metadata

FOLDER = Path(mallcare.__file__).parent.parent / "migrations"
LOCK = 7_304
"""Key of the advisory lock: one migration at a time in one database."""


class SchemaMismatch(Exception):
    """The database's schema is not the one this code was written for; the message lists what differs."""


def upgrade(url: str, revision: str = "head") -> None:
    """Go forward to `revision`; nothing to do is fine.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    with _exclusively(url) as connection:
        command.upgrade(_config(connection), revision)


def downgrade(url: str, revision: str) -> None:
    """Go back to `revision`; `base` empties the database.

    Raises:
        StorageUnavailable: the database cannot be reached.
    """
    with _exclusively(url) as connection:
        command.downgrade(_config(connection), revision)


def check(url: str) -> None:
    """Make sure the database is at the newest revision, and that it leads to what `tables` describe.

    Raises:
        SchemaMismatch
        StorageUnavailable: the database cannot be reached.
    """
    with _exclusively(url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        newest = ScriptDirectory(str(FOLDER)).get_heads()
        if set(context.get_current_heads()) != set(newest):
            raise SchemaMismatch(f"at {context.get_current_heads()}, not at {tuple(newest)}")
        differences = compare_metadata(context, metadata)
        if differences:
            raise SchemaMismatch("\n".join(map(str, differences)))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _exclusively(url: str) -> Generator[Connection]:
    """A connection whose one transaction holds the migrations' lock: a revision is there whole, or not."""
    engine = create_engine(driver_url(url), poolclass=NullPool, connect_args={"connect_timeout": 10})
    with storage_errors(), engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        yield connection
