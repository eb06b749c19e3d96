"""Within a subject messages arrive in order, one at a time; subjects do not wait for each other."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from mallcare.application.webhook_delivery import Pace
from mallcare.ports import MessageStatus, Shard
from tests.webhooks.conftest import PATIENT, QUICK, Mall, eventually, message
from tests.webhooks.receiver import Arrival


async def test_order_holds_under_failures(mall: Mall) -> None:
    """However often messages fail, a subject's next one never overtakes."""
    chance = random.Random(7)
    failures: Counter[str] = Counter()

    async def flaky(arrival: Arrival) -> int:
        await asyncio.sleep(chance.random() / 100)
        if failures[arrival.message_id] < 2 and chance.random() < 0.4:
            failures[arrival.message_id] += 1
            return 503
        return 200

    mall.receiver.answer = flaky
    subjects = [f"AS{number}" for number in range(12)]
    await mall.write(*(message(subject, version) for version in range(1, 6) for subject in subjects))
    async with mall.pumping(PATIENT) as settled:
        while len(mall.receiver.accepted()) < 60:
            mall.clock.offset += PATIENT.idle * 200
            await asyncio.sleep(0.01)
        await eventually(lambda: sum(s.status is MessageStatus.DELIVERED for s in settled) == 60)
    assert sum(failures.values()) > 10
    for subject in subjects:
        assert mall.receiver.versions(subject) == [1, 2, 3, 4, 5]
        assert mall.receiver.most_at_once[subject] == 1
    assert mall.receiver.most_at_once[""] > 4
    assert len({arrival.message_id for arrival in mall.receiver.accepted()}) == 60


async def test_a_failing_or_hanging_subject_holds_up_no_other(mall: Mall) -> None:
    """One subject is refused, one hangs; all others are through at once, and the two wait in order."""
    release = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def hard(arrival: Arrival) -> int:
        if arrival.subject == "hangs":
            loops.append(asyncio.get_running_loop())
            await release.wait()
        return 500 if arrival.subject == "fails" else 204

    mall.receiver.answer = hard
    await mall.write(*(message(name, version) for name in ("fails", "hangs") for version in (1, 2, 3)))
    await mall.write(*(message(f"AS{number}", version) for version in (1, 2) for number in range(20)))
    async with mall.pumping():
        await eventually(lambda: len(mall.receiver.accepted()) == 40, seconds=2)
        assert [a.version for a in mall.receiver.arrivals if a.subject == "fails"] == [1]
        assert mall.receiver.most_at_once["hangs"] == 1
        loops[0].call_soon_threadsafe(release.set)
    assert [one.status for one in await mall.stored("fails")] == [MessageStatus.PENDING] * 3
    assert [one.attempts for one in await mall.stored("fails")] == [1, 0, 0]


async def test_what_waits_behind_its_head_is_looked_at_once_not_at_every_turn(mall: Mall) -> None:
    """While the mall is away a backlog costs nothing: only heads that are due are found due."""

    async def away(_: Arrival) -> int:
        return 502

    mall.receiver.answer = away
    await mall.write(*(message(f"AS{number}", version) for version in range(30) for number in range(5)))
    async with mall.pumping() as settled:
        await eventually(lambda: len(settled) == 5)
        await asyncio.sleep(0.2)
        now = mall.clock.now()
        stored = await mall.stored()
    assert len(settled) == 5
    assert all(one.next_attempt_at is not None and one.next_attempt_at > now for one in stored)


async def test_two_pumps_on_one_shard_share_the_work(mall: Mall) -> None:
    """A pump taken for dead may still run beside its successor: nothing is sent twice, order holds."""

    async def slow(_: Arrival) -> int:
        await asyncio.sleep(0.003)
        return 204

    mall.receiver.answer = slow
    subjects = [f"AS{number}" for number in range(30)]
    await mall.write(*(message(subject, version) for version in range(1, 6) for subject in subjects))
    async with mall.pumping() as first, mall.pumping() as second:
        await eventually(lambda: len(first) + len(second) == 150)
    assert first
    assert second
    assert len({arrival.message_id for arrival in mall.receiver.arrivals}) == 150
    assert len(mall.receiver.arrivals) == 150
    for subject in subjects:
        assert mall.receiver.versions(subject) == [1, 2, 3, 4, 5]
        assert mall.receiver.most_at_once[subject] == 1


async def test_shards_leave_nothing_out_and_nothing_to_both(mall: Mall) -> None:
    await mall.write(*(message(f"AS{number}") for number in range(40)))
    async with mall.pumping(shard=Shard(0, 2)) as even:
        await eventually(lambda: bool(even))
        await asyncio.sleep(0.1)
    assert 0 < len(even) < 40
    async with mall.pumping(shard=Shard(1, 2)):
        await eventually(lambda: len(mall.receiver.arrivals) == 40)
    assert len({arrival.message_id for arrival in mall.receiver.arrivals}) == 40


async def test_from_commit_to_the_mall_takes_less_than_a_second(mall: Mall) -> None:
    """At the pace of production, where an idle pump looks twice a second."""
    async with mall.pumping(Pace()):
        await asyncio.sleep(0.1)
        committed: dict[str, float] = {}
        for number in range(4):
            await mall.write(message(f"AS{number}"))
            committed[f"AS{number}"] = time.monotonic()
            await asyncio.sleep(0.13)
        await eventually(lambda: len(mall.receiver.arrivals) == 4)
    delays = [arrival.at - committed[arrival.subject] for arrival in mall.receiver.arrivals]
    assert max(delays) < 1.0


async def test_a_pump_told_to_stop_waits_for_what_is_on_its_way(mall: Mall) -> None:
    """It claims nothing more, and what was sent is written down."""

    async def slow(_: Arrival) -> int:
        await asyncio.sleep(0.2)
        return 204

    mall.receiver.answer = slow
    await mall.write(message("AS1", 1), message("AS1", 2))
    async with mall.pumping(QUICK):
        await eventually(lambda: mall.receiver.most_at_once[""] == 1)
    assert [one.status for one in await mall.stored()] == [MessageStatus.DELIVERED, MessageStatus.PENDING]
