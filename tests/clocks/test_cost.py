"""What promises cost: statements about clocks of each step, and wakes of those that are due soon."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.application.wakes import BackgroundWakes
from mallcare.domain.commands import AcceptProposal, Approve, Propose, SubmitWaybill
from mallcare.domain.metrics import Metric
from mallcare.domain.timeliness import Promise, TimelinessPolicy
from mallcare.domain.vocabulary import Kind
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import EngineUnavailable, StorageUnavailable, shard_of
from tests.clocks.promises import COLLECTED, DELIVERED, HOUR, MOVED, Promises, at, line, order_of
from tests.domain.builders import TICK
from tests.timekeeping.orders import CUSTOMER, DUE_AT, SHARD, HeldFactory, Here, supplier

pytestmark = [pytest.mark.rule("T2"), pytest.mark.rule("P2")]
SUPPLIER = supplier()
READ, WRITE, CLAIMS = "FROM clocks", "INSERT INTO clocks", "claimed"
RULES = ("timeliness_policies", "service_calendars")


@pytest.fixture
def shop(engine: AsyncEngine, empty_database: str) -> Promises:
    """A process that remembers rules, as the product's do."""
    rules = TimelinessCache(seconds=3_600)
    return Promises(
        engine, uow=SqlUnitOfWorkFactory(engine, policy_cache=PolicyCache(), timeliness_cache=rules)
    )


def kinds(sent: Sequence[str]) -> list[str]:
    """What statements about clocks do, in the order in which they were sent."""
    words = (READ, WRITE, CLAIMS, *RULES)
    return [word for statement in sent for word in words if word in statement]


async def reviewed(shop: Promises, kind: Kind, *, shipped: bool = False) -> str:
    """A request of an order whose clocks are there."""
    await shop.return_address()
    order = await shop.released(line("1", 2))
    shop.here.at = at(5)
    if shipped:
        await shop.tell(order, DELIVERED, at(4))
    return await shop.ask(order, [("1", 1)], kind)


async def test_a_stage_that_starts_costs_one_statement(shop: Promises) -> None:
    """A return asks nothing back of what is to be shipped, so that nothing has to be read."""
    await reviewed(shop, Kind.RETURN_REFUND)
    order = order_of(line("1"))
    await shop.take_in(order)
    with shop.statements() as sent:
        await shop.ask(order, [("1", 1)], Kind.RETURN_REFUND)
    assert kinds(sent) == [WRITE]


async def test_a_stage_that_ends_costs_two(shop: Promises) -> None:
    """Read under its lock, and written; one that starts in the same change is written with it."""
    no = await reviewed(shop, Kind.RETURN_REFUND)
    with shop.statements() as sent:
        await shop.command(no, Approve(), SUPPLIER)
    assert kinds(sent) == [READ, WRITE]


async def test_a_change_that_moves_no_clock_costs_nothing(shop: Promises) -> None:
    """Goods on their way wait for no supplier."""
    no = await reviewed(shop, Kind.RETURN_REFUND)
    await shop.command(no, Approve(), SUPPLIER)
    with shop.statements() as sent:
        await shop.command(no, SubmitWaybill("sf", "SF1"), CUSTOMER)
    assert sent
    assert kinds(sent) == []


async def test_a_refund_only_reads_what_is_asked_back_once(shop: Promises) -> None:
    """Clocks of the order and of the request in one statement, claims in another."""
    order = await shop.released(line("1"), line("2"))
    with shop.statements() as asked:
        no = await shop.ask(order, [("1", 1)])
    assert kinds(asked) == [READ, CLAIMS, WRITE]
    with shop.statements() as proposed:
        await shop.command(no, Propose("less", goods_fen=10), SUPPLIER)
    assert kinds(proposed) == [READ, WRITE]
    with shop.statements() as agreed:
        await shop.command(no, AcceptProposal(), CUSTOMER)
    assert kinds(agreed) == [READ, CLAIMS, WRITE]


async def test_a_refund_only_before_the_release_claims_of_no_clock(shop: Promises) -> None:
    """There is none to pause: what is asked back is read when its clock starts."""
    await shop.released()
    order = await shop.bought()
    with shop.statements() as sent:
        await shop.ask(order, [("1", 1)])
    assert kinds(sent) == [READ, WRITE]


async def test_reports_of_an_order_cost_three_statements_at_most(shop: Promises) -> None:
    """Its clocks, what is claimed, and what changed; a report that changes nothing writes nothing."""
    order = await shop.released(line("1"), line("2"))
    await shop.tell(order, MOVED, at(0), "SF0")
    shop.here.at = at(9)
    with shop.statements() as first:
        await shop.tell(order, MOVED, at(8), "SF0")
    assert kinds(first) == [READ, CLAIMS, WRITE]
    with shop.statements() as stale:
        await shop.tell(order, MOVED, at(7), "SF0")
    assert kinds(stale) == [READ, CLAIMS]


async def test_an_order_without_clocks_costs_nothing(shop: Promises) -> None:
    """Neither its intake nor a newer version, nor an older one."""
    order = order_of(line("1"))
    with shop.statements() as sent:
        await shop.take_in(order)
        await shop.take_in(replace(order, version=2))
    assert kinds(sent) == []


async def test_a_page_of_releases_is_written_at_once(shop: Promises) -> None:
    """Hundreds of lines in one statement; claims are read of those that somebody asks back, only."""
    await shop.released()
    orders = [order_of(line("1"), line("2")) for _ in range(50)]
    await shop.take_in(*orders)
    await shop.ask(orders[7], [("1", 1)])
    with shop.statements() as sent:
        assert (await shop.look(DUE_AT)).released == 50
    assert kinds(sent).count(WRITE) == 1
    assert kinds(sent).count(CLAIMS) == 1
    assert len(await shop.clocks(Metric.SHIPMENT)) == 101


async def test_clocks_of_what_was_rolled_back_are_not_there(shop: Promises, engine: AsyncEngine) -> None:
    """Neither of a look, nor of a report, nor of a request: nobody is woken by them, either."""
    told: list[Mapping[int, datetime]] = []

    class Failing:
        """Commits never succeed."""

        def __init__(self) -> None:
            self.factory = SqlUnitOfWorkFactory(engine, tell_due=told.append)

        def __call__(self) -> object:
            unit = self.factory()
            unit.commit = self.commit  # type: ignore[method-assign]
            return unit

        async def commit(self) -> None:
            raise StorageUnavailable("the commit is lost")

    order = await shop.released()
    waiting = order_of(line("1"))
    await shop.take_in(waiting)
    before = await shop.clocks()
    away = Promises(engine, uow=Failing())  # type: ignore[arg-type]
    with pytest.raises(StorageUnavailable):
        await away.look(DUE_AT)
    with pytest.raises(StorageUnavailable):
        await away.tell(order, COLLECTED, DUE_AT, "SF1")
    with pytest.raises(StorageUnavailable):
        await away.ask(order)
    assert await shop.clocks() == before
    assert told == []


async def test_clocks_are_not_seen_before_their_commit(shop: Promises, engine: AsyncEngine) -> None:
    """They come with what started them."""
    order = await shop.bought()
    async with HeldFactory(engine) as held:
        look = asyncio.create_task(Promises(engine, uow=held).look(DUE_AT))  # type: ignore[arg-type]
        await held.arrived.wait()
        assert await shop.clocks() == []
        held.let_go.set()
        await look
    assert (await shop.shipment(order)).state == "running"


async def test_a_commit_tells_the_earliest_look_of_each_shard(
    engine: AsyncEngine, empty_database: str
) -> None:
    """Of all clocks it wrote; ended ones are looked at no more."""
    told: list[Mapping[int, datetime]] = []
    uow = SqlUnitOfWorkFactory(engine, tell_due=told.append)
    shop = Promises(engine, uow=uow)
    order = await shop.released(line("1"), line("2"))
    assert told[-1] == {SHARD: at(36)}
    shop.here.at = at(9)
    await shop.tell(order, COLLECTED, at(8), "SF1", ["1"])
    assert told[-1] == {SHARD: at(8 + 60)}
    told.clear()
    await shop.tell(order, DELIVERED, at(9), "SF1")
    assert told == []
    elsewhere = next(f"s{n}" for n in range(99) if shard_of(f"s{n}") != SHARD)
    other = order_of(line("1"), supplier_id=elsewhere)
    await shop.take_in(other)
    await shop.look(DUE_AT, shard_of(elsewhere))
    assert {shard_of(elsewhere): at(36)} in told


class Bell:
    """Timekeepers that remember who woke them."""

    def __init__(self) -> None:
        self.woken: list[int] = []

    async def start(self) -> None:
        """Nothing to do."""

    async def wake(self, shards: Sequence[int]) -> None:
        self.woken.extend(shards)
        if len(self.woken) == 1:
            raise EngineUnavailable("away")


async def test_only_what_is_due_within_five_minutes_wakes(engine: AsyncEngine, empty_database: str) -> None:
    """A promise of a minute wakes its timekeeper, one of two days does not; a lost one stops no other."""
    bell, here = Bell(), Here(DUE_AT)
    async with BackgroundWakes(bell, here, pause=timedelta(0)) as wakes:  # type: ignore[arg-type]
        soon = DUE_AT + timedelta(minutes=5)
        wakes.tell_due({1: soon, 2: soon - TICK, 3: DUE_AT + HOUR, 4: DUE_AT - HOUR})
        await asyncio.sleep(0.02)
        assert bell.woken == [2, 4]
        bell.woken.clear()
        rules = TimelinessCache(seconds=0)
        uow = SqlUnitOfWorkFactory(engine, timeliness_cache=rules, tell_due=wakes.tell_due)
        shop = Promises(engine, uow=uow)
        await shop.released()
        await asyncio.sleep(0.02)
        assert bell.woken == []
        minute = TimelinessPolicy(promises={Metric.SHIPMENT: Promise(timedelta(minutes=1))})
        await shop.publish(minute)
        await shop.released()
        await asyncio.sleep(0.02)
        assert bell.woken == [SHARD]
        await shop.released()
        await asyncio.sleep(0.02)
        assert bell.woken == [SHARD, SHARD]
