"""Use cases: see the outgoing webhooks, and have some sent again."""

from __future__ import annotations

import structlog

from mallcare.application.caller import Caller
from mallcare.domain.errors import InvalidInput
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, MessageFilter, Page, ReplaySelection, StoredMessage, UnitOfWorkFactory

log = structlog.get_logger()

MOST_REPLAYED = 10_000


class ListWebhooks:
    """The outgoing messages and what came of each."""

    def __init__(self, uow: UnitOfWorkFactory) -> None:
        self._uow = uow

    async def __call__(
        self, where: MessageFilter, limit: int, cursor: str | None, caller: Caller
    ) -> Page[StoredMessage]:
        """Newest first. They tell of every supplier's cases, so suppliers and customers do not see them.

        Raises:
            NotAllowed: the caller is none of mall, operations, auditor.
            InvalidInput: a cursor that was not made by this list.
        """
        caller.require_role(Role.MALL, Role.OPERATIONS, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.outbox.page(where, limit, cursor)


class ReplayWebhooks:
    """Sends messages again under their old ids, each subject's in their old order."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, most: int = MOST_REPLAYED) -> None:
        self._uow = uow
        self._clock = clock
        self._most = most

    async def __call__(self, chosen: ReplaySelection, caller: Caller) -> int:
        """Make them due now, all of them or none; answers how many. May be repeated.

        Raises:
            NotAllowed: the caller is neither mall nor operations.
            InvalidInput: nothing was given, half of a time range, an empty one, or more than `most`
                match.
        """
        caller.require_role(Role.MALL, Role.OPERATIONS)
        _require_bounds(chosen)
        async with self._uow() as uow:
            count = await uow.outbox.replay(chosen, limit=self._most + 1, now=self._clock.now())
            if count > self._most:
                raise InvalidInput(
                    f"more than {self._most} messages match: send them again in parts", limit=self._most
                )
            await uow.commit()
        log.info("webhook.replayed", count=count, by=caller.subject, role=caller.role.value)
        return count


def _require_bounds(chosen: ReplaySelection) -> None:
    since, until = chosen.since, chosen.until
    if (since is None) != (until is None):
        raise InvalidInput("since and until go together")
    if since is not None and until is not None and since >= until:
        raise InvalidInput("since must be before until")
    if since is None and chosen.subject is None and not chosen.message_ids:
        raise InvalidInput("say which messages: a case, message ids, or since and until")
