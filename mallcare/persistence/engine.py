"""The connection pool, and what its failures mean to the platform."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from mallcare.domain.errors import InvalidInput
from mallcare.persistence.codec import dump_json
from mallcare.ports.records import StorageUnavailable

MILLISECOND = timedelta(milliseconds=1)
KEEPALIVES = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""A server that vanished without a word is noticed within half a minute. Seconds; the last milliseconds."""


def driver_url(url: str) -> URL:
    """A `postgresql://` address with our driver named."""
    return make_url(url).set(drivername="postgresql+psycopg")


def create_engine(
    url: str,
    *,
    pool_size: int = 16,
    pool_timeout: timedelta = timedelta(seconds=5),
    connect_timeout: timedelta = timedelta(seconds=5),
    lock_timeout: timedelta = timedelta(seconds=5),
    statement_timeout: timedelta = timedelta(seconds=15),
    idle_timeout: timedelta = timedelta(seconds=30),
    application_name: str = "mallcare",
) -> AsyncEngine:
    """A pool of at most `pool_size` connections, opened when first needed; call `dispose` at the end.

    Args:
        url: `postgresql://user:password@host/db`.
        pool_timeout: how long a unit of work waits for a free connection.
        connect_timeout: how long a new connection may take.
        lock_timeout: how long a statement waits for one lock.
        statement_timeout: how long a statement takes in all; a full batch needs a tenth of it.
        idle_timeout: how long a transaction may do nothing before the server ends it, locks and all.
    """
    limits = {
        "lock_timeout": lock_timeout,
        "statement_timeout": statement_timeout,
        "idle_in_transaction_session_timeout": idle_timeout,
    }
    options = [f"-c {name}={max(1, limit // MILLISECOND)}" for name, limit in limits.items()]
    return create_async_engine(
        driver_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout.total_seconds(),
        pool_pre_ping=True,  # a restarted server costs nobody a failed request
        isolation_level="READ COMMITTED",
        json_serializer=dump_json,
        hide_parameters=True,  # they are people's data, and failures are logged
        connect_args={
            "connect_timeout": max(1, round(connect_timeout.total_seconds())),
            "application_name": application_name,
            "options": " ".join(["-c timezone=UTC", *options]),
            **KEEPALIVES,
        },
    )


def meaning_of(failure: BaseException) -> Exception | None:
    """What a driver's or pool's failure is called by the ports; None: it has no name there.

    Lock timeouts and deadlocks are `StorageUnavailable` too: the caller may simply try again. A value
    that PostgreSQL has no room for (a NUL or half a character in a text, a number beyond 64 bits) is
    `InvalidInput`.
    """
    if isinstance(failure, DataError | UnicodeEncodeError):
        return InvalidInput("a text or number cannot be stored")
    lost = isinstance(failure, DBAPIError) and failure.connection_invalidated
    if lost or isinstance(failure, OperationalError | InterfaceError | PoolTimeout):
        return StorageUnavailable(type(failure).__name__)
    return None


@contextmanager
def storage_errors() -> Generator[None]:
    """Raise failures of the block by their meaning."""
    try:
        yield
    except (SQLAlchemyError, UnicodeEncodeError) as failure:
        meaning = meaning_of(failure)
        if meaning is None:
            raise
        raise meaning from failure
