"""Creations that may be sent twice: the first answer under a key is the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mallcare.application.caller import Caller
from mallcare.domain.errors import IdempotencyMismatch
from mallcare.ports import StoredAnswer, UnitOfWork

CREATED = 201


@dataclass(frozen=True, slots=True)
class Repeatable:
    """The caller's key of a creation; `body_hash` covers all that was sent under it."""

    key: str
    body_hash: str


async def answered_before(uow: UnitOfWork, caller: Caller, given: Repeatable) -> Mapping[str, object] | None:
    """The first answer under the key; holds the key's lock where there is none yet.

    Raises:
        IdempotencyMismatch: the key was used with another body.
    """
    known = await uow.idempotency.find(caller.scope, given.key)
    if known is not None and known.body_hash != given.body_hash:
        raise IdempotencyMismatch("this Idempotency-Key was used with another body")
    return known.body if known is not None else None


async def remember(
    uow: UnitOfWork, caller: Caller, given: Repeatable, body: Mapping[str, object], now: datetime
) -> None:
    """Keep the first answer, in the transaction of the creation itself."""
    await uow.idempotency.store(caller.scope, given.key, StoredAnswer(given.body_hash, CREATED, body), now)
