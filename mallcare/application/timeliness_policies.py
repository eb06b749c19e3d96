"""Use cases: what is promised to customers, and who is reminded of it when."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from mallcare.application.calendar_horizon import look_at_horizons
from mallcare.application.caller import Caller
from mallcare.application.idempotency import Repeatable, answered_before, remember
from mallcare.domain.errors import InvalidInput, NotFound
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from mallcare.domain.vocabulary import Role
from mallcare.ports import Clock, Ids, PublishedPolicy, UnitOfWork, UnitOfWorkFactory

log = structlog.get_logger()

LONGEST_WAIT = timedelta(days=2 * 366)
"""Within this a promise made now has to fall due."""


class TimelinessPolicies:
    """Read the policy in force, and publish the next version. Clocks that were started keep theirs."""

    def __init__(self, uow: UnitOfWorkFactory, clock: Clock, ids: Ids) -> None:
        self._uow = uow
        self._clock = clock
        self._ids = ids

    async def current(self, supplier_id: str | None, caller: Caller) -> PublishedPolicy:
        """The policy that clocks of a supplier are started under; None asks for the general one.

        Raises:
            NotAllowed: only operations and auditors.
        """
        caller.require_role(Role.OPERATIONS, Role.AUDITOR)
        async with self._uow() as uow:
            policy = await uow.timeliness.current(supplier_id or "")
            return await uow.timeliness.published_policy(policy.version)

    async def version(self, version: int, caller: Caller) -> PublishedPolicy:
        """A version as it was published.

        Raises:
            NotAllowed: only operations and auditors.
            NotFound: no such version.
        """
        caller.require_role(Role.OPERATIONS, Role.AUDITOR)
        async with self._uow() as uow:
            return await uow.timeliness.published_policy(version)

    async def publish(
        self,
        policy: TimelinessPolicy,
        supplier_id: str | None,
        caller: Caller,
        once: Repeatable | None = None,
    ) -> PublishedPolicy:
        """Add a version for one supplier, or for all; answers it with its number.

        Repeated under the same key it answers the version of the first time.

        Raises:
            NotAllowed: only operations publish.
            InvalidInput: a calendar that is not known, or that opens too little for what is promised by it.
            IdempotencyMismatch: the key was used with another body.
        """
        caller.require_role(Role.OPERATIONS)
        async with self._uow() as uow:
            first = await answered_before(uow, caller, once) if once else None
            if first is not None:
                return await uow.timeliness.published_policy(int(str(first["version"])))
            now = self._clock.now()
            for promise in policy.promises.values():
                await _require_reachable(uow, promise, now)
            version = await uow.timeliness.publish(policy, supplier_id, caller.actor, now)
            await look_at_horizons(uow, self._ids, now)
            stored = await uow.timeliness.published_policy(version)
            if once:
                await remember(uow, caller, once, {"version": version}, now)
            await uow.commit()
        log.info("timeliness_policy.published", version=version, supplier_id=supplier_id)
        return stored


async def _require_reachable(uow: UnitOfWork, promise: Promise, now: datetime) -> None:
    named = promise.calendar_id
    try:
        calendar = await uow.timeliness.newest_calendar(named)
    except NotFound as unknown:
        raise InvalidInput("there is no such calendar", calendar_id=named) from unknown
    if calendar.open_time(now, now + LONGEST_WAIT) < promise.target:
        raise InvalidInput("a promise by this calendar would not be due within two years", calendar_id=named)
