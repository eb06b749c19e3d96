"""Alembic's entry: runs the revisions on a connection handed over by `mallcare.persistence.migrate`.

From the command line (`alembic revision --autogenerate ...`) the database is MALLCARE_DATABASE_URL.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from mallcare.persistence.engine import driver_url
from mallcare.persistence.tables import metadata


def run(connection: Connection) -> None:
    """Run the revisions asked for in one transaction."""
    context.configure(connection=connection, target_metadata=metadata, compare_server_default=True)
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with create_engine(driver_url(os.environ["MALLCARE_DATABASE_URL"])).connect() as own:
        run(own)
