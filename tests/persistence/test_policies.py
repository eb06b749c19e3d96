from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.errors import NotFound
from mallcare.domain.policy import AfterSalesPolicy, ReviewTimeout
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import UnitOfWorkFactory
from tests.domain.builders import OPERATIONS, PLACED_AT

STRICT = AfterSalesPolicy(
    window=timedelta(days=3),
    review=timedelta(hours=1, microseconds=1),
    review_timeout=ReviewTimeout.AUTO_APPROVE,
    hold_during_cooling_off=False,
    supplier_liable_reasons=frozenset({"quality"}),
)


class Hand:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hand() -> Hand:
    """The cache's clock."""
    return Hand()


@pytest.fixture
def uow(engine: AsyncEngine, empty_database: str, hand: Hand) -> SqlUnitOfWorkFactory:
    """Units of work of one process, its cache on `hand`."""
    return SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(monotonic=hand, room=3))


async def publish(uow: UnitOfWorkFactory, policy: AfterSalesPolicy, supplier_id: str | None) -> int:
    """One more version, committed."""
    async with uow() as work:
        version = await work.policies.publish(policy, supplier_id, OPERATIONS, PLACED_AT)
        await work.commit()
    return version


async def current(uow: UnitOfWorkFactory, supplier_id: str) -> AfterSalesPolicy:
    """What new cases of a supplier open under."""
    async with uow() as work:
        return await work.policies.current(supplier_id)


async def test_the_first_version_is_there_from_the_start(uow: SqlUnitOfWorkFactory) -> None:
    """The migrations publish the domain's defaults for all suppliers."""
    assert await current(uow, "anybody") == AfterSalesPolicy(version=1)


async def test_a_suppliers_own_policy_beats_a_newer_one_for_all(
    uow: SqlUnitOfWorkFactory, hand: Hand
) -> None:
    """Others get the newest for all; each version stays what it was."""
    own = await publish(uow, STRICT, "s1")
    general = await publish(uow, replace(STRICT, window=timedelta(days=9)), None)
    assert general > own > 1
    assert await current(uow, "s1") == replace(STRICT, version=own)
    assert (await current(uow, "s2")).version == general
    async with uow() as work:
        assert await work.policies.version(own) == replace(STRICT, version=own)
        assert await work.policies.version(1) == AfterSalesPolicy()
        with pytest.raises(NotFound):
            await work.policies.version(10**6)


async def test_a_new_version_is_seen_within_a_second(
    uow: SqlUnitOfWorkFactory, hand: Hand, engine: AsyncEngine
) -> None:
    """Until then the process may use what it read."""
    assert (await current(uow, "s1")).version == 1
    version = await publish(SqlUnitOfWorkFactory(engine), STRICT, None)
    assert (await current(uow, "s1")).version == 1
    hand.seconds += 1.0
    assert (await current(uow, "s1")).version == version


async def test_a_policy_taken_back_is_forgotten(uow: SqlUnitOfWorkFactory) -> None:
    """Who publishes sees it at once; nobody else does before the commit."""
    async with uow() as work:
        version = await work.policies.publish(STRICT, None, OPERATIONS, PLACED_AT)
        assert (await work.policies.current("s1")).version == version
        assert await work.policies.version(version) == replace(STRICT, version=version)
    assert (await current(uow, "s1")).version == 1
    with pytest.raises(NotFound):
        async with uow() as work:
            await work.policies.version(version)


async def test_the_cache_stays_small(uow: SqlUnitOfWorkFactory) -> None:
    """A stream of unknown suppliers does not fill the memory, and all get the right answer."""
    assert {(await current(uow, f"s{i}")).version for i in range(10)} == {1}
