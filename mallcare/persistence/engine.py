"""The connection pool, and what its failures mean to the platform."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mallcare.domain.errors import InvalidInput
from mallcare.persistence.codec import dump_json
from mallcare.ports.storage import StorageUnavailable


def driver_url(url: str) -> URL:
    """A `postgresql://` address with our driver named."""
    return make_url(url).set(drivername="postgresql+psycopg")


def create_engine(
    url: str,
    *,
    pool_size: int = 16,
    pool_timeout: timedelta = timedelta(seconds=5),
    connect_timeout: timedelta = timedelta(seconds=5),
    application_name: str = "mallcare",
) -> AsyncEngine:
    """A pool of at most `pool_size` connections, opened when first needed; call `dispose` at the end.

    Args:
        url: `postgresql://user:password@host/db`.
        pool_timeout: how long a unit of work waits for a free connection.
        connect_timeout: how long a new connection may take.
    """
    return create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout.total_seconds(),
        pool_pre_ping=True,  # a restarted server costs nobody a failed request
        isolation_level="READ COMMITTED",
        json_serializer=dump_json,
        connect_args={
            "connect_timeout": max(1, round(connect_timeout.total_seconds())),
            "application_name": application_name,
            "options": "-c timezone=UTC",
        },
    )


@contextmanager
def storage_errors() -> Generator[None]:
    """Turn "the database cannot be reached or gave up on us" into `StorageUnavailable`.

    Lock timeouts and deadlocks are among them: the caller may simply try again. A value that
    PostgreSQL has no room for (a NUL in a text, a number beyond 64 bits) is the caller's `InvalidInput`.
    """
    try:
        yield
    except DataError as failure:
        raise InvalidInput("a text or number cannot be stored") from failure
    except (OperationalError, InterfaceError, PoolTimeout) as failure:
        raise StorageUnavailable(type(failure).__name__) from failure
    except DBAPIError as failure:
        if failure.connection_invalidated:
            raise StorageUnavailable(type(failure).__name__) from failure
        raise
