"""Which failures are worth repeating: one table, by code and type, never by message."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from mallcare.domain.errors import DomainError, NotFound
from mallcare.ports import EngineUnavailable, GatewayError, StorageUnavailable

log = structlog.get_logger()

FINAL_CODES = frozenset({NotFound.code})
"""Domain refusals that no repetition can change."""


@contextmanager
def typed_failures() -> Generator[None]:
    """Let failures leave an activity with a stable type, retryable or not by the table above.

    No cause travels along, and nothing of a stranger's text is logged: it could hold a row of the
    database, and with it personal data.
    """
    try:
        yield
    except DomainError as error:
        raise ApplicationError(
            error.detail, type=error.code, non_retryable=error.code in FINAL_CODES
        ) from None
    except (StorageUnavailable, EngineUnavailable) as error:
        raise ApplicationError(str(error), type=type(error).__name__) from None
    except ApplicationError:
        raise
    except Exception as error:  # noqa: BLE001 - failures of every kind leave typed
        where = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        log.error("activity.failed", error=type(error).__name__, where=where)
        name = type(error).__name__
        raise ApplicationError(f"{name}, see the log of the worker", type=name) from None


def ask_again(code: str, detail: str, delay: timedelta | None) -> ApplicationError:
    """An expected "not yet": retried by the server without a line of history, no alarm."""
    return ApplicationError(
        detail, type=code, next_retry_delay=delay, category=ApplicationErrorCategory.BENIGN
    )


def gateway_delay(error: GatewayError) -> timedelta | None:
    """The vendor's own wish for the next attempt, None to follow the retry policy."""
    return timedelta(seconds=error.retry_after_seconds) if error.retry_after_seconds else None
