"""Versions of the after-sales policy, and what a process remembers of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Integer, Text, bindparam, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.commands import Actor
from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AfterSalesPolicy
from mallcare.persistence.codec import policy_json, policy_of
from mallcare.persistence.tables import after_sales_policies
from mallcare.ports.records import StorageUnavailable

SUPPLIER = bindparam("supplier", type_=Text())
CURRENT = (
    select(after_sales_policies.c.version, after_sales_policies.c.body)
    .where(
        or_(
            after_sales_policies.c.supplier_id == SUPPLIER,
            after_sales_policies.c.supplier_id.is_(None),
        )
    )
    .order_by(after_sales_policies.c.supplier_id.nulls_last(), after_sales_policies.c.version.desc())
    .limit(1)
)
VERSION = select(after_sales_policies.c.body).where(
    after_sales_policies.c.version == bindparam("number", type_=Integer())
)
PUBLISH = insert(after_sales_policies).returning(after_sales_policies.c.version)


class PolicyCache:
    """What a process knows of policies: versions for ever, who has which for `seconds` at most."""

    def __init__(
        self, *, seconds: float = 1.0, monotonic: Callable[[], float] = time.monotonic, room: int = 10_000
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._room = room
        self._versions: dict[int, AfterSalesPolicy] = {}
        self._current: dict[str, tuple[AfterSalesPolicy, float]] = {}

    def version(self, version: int) -> AfterSalesPolicy | None:
        """A version seen before."""
        return self._versions.get(version)

    def current(self, supplier_id: str) -> AfterSalesPolicy | None:
        """A supplier's policy, if it was read a moment ago."""
        policy, until = self._current.get(supplier_id, (None, 0.0))
        return policy if self._monotonic() < until else None

    def keep(self, policy: AfterSalesPolicy) -> None:
        """Remember a version."""
        self._versions[policy.version] = policy

    def keep_current(self, supplier_id: str, policy: AfterSalesPolicy) -> None:
        """Remember whose policy it is, for a moment."""
        self.keep(policy)
        if len(self._current) >= self._room:
            self._current.clear()
        self._current[supplier_id] = (policy, self._monotonic() + self._seconds)


class SqlPolicies:
    """Policies in PostgreSQL; see `ports.storage.Policies`.

    A version that another process publishes is seen once the cache's second is over. A unit of work
    that published reads past the cache: what it sees may still be taken back.
    """

    def __init__(self, connection: AsyncConnection, cache: PolicyCache) -> None:
        self._connection = connection
        self._cache = cache
        self._published = False

    async def current(self, supplier_id: str) -> AfterSalesPolicy:
        """The supplier's own newest version beats a newer one for all."""
        known = None if self._published else self._cache.current(supplier_id)
        if known is not None:
            return known
        row = (await self._connection.execute(CURRENT, {"supplier": supplier_id})).one_or_none()
        if row is None:
            raise StorageUnavailable("the database has no policy: migrations did not run")
        policy = policy_of(row.version, row.body)
        if not self._published:
            self._cache.keep_current(supplier_id, policy)
        return policy

    async def version(self, version: int) -> AfterSalesPolicy:
        """As it was published.

        Raises:
            NotFound: no such version.
        """
        known = self._cache.version(version)
        if known is not None:
            return known
        body = (await self._connection.execute(VERSION, {"number": version})).scalar_one_or_none()
        if body is None:
            raise NotFound("no such policy version", version=version)
        policy = policy_of(version, body)
        if not self._published:
            self._cache.keep(policy)
        return policy

    async def publish(
        self, policy: AfterSalesPolicy, supplier_id: str | None, actor: Actor, now: datetime
    ) -> int:
        """The version inside `policy` is ignored: the database counts."""
        self._published = True
        values = {
            "supplier_id": supplier_id,
            "body": policy_json(policy),
            "created_by": f"{actor.role.value}:{actor.subject}",
            "created_at": now,
        }
        return (await self._connection.execute(PUBLISH, values)).scalar_one()
