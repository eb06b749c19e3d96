"""Sending again: the same ids, each subject's messages in their old order."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.application.caller import Caller
from mallcare.application.webhooks import ListWebhooks, ReplayWebhooks
from mallcare.domain.errors import InvalidInput, NotAllowed
from mallcare.domain.vocabulary import Role
from mallcare.ports import MessageFilter, MessageStatus, ReplaySelection
from tests.webhooks.conftest import ALL, Mall, eventually, message
from tests.webhooks.receiver import Arrival, accept

OPERATIONS = Caller(Role.OPERATIONS, "operations-1")
MALL = Caller(Role.MALL, "mall")
LEASE = timedelta(seconds=30)


async def deliver_all(mall: Mall, count: int) -> None:
    async with mall.pumping() as settled:
        await eventually(lambda: len(settled) == count)


async def test_a_case_is_replayed_under_its_old_ids_in_its_old_order(mall: Mall) -> None:
    replay = ReplayWebhooks(mall.uow, mall.clock)
    await mall.write(*(message(name, version) for version in (1, 2, 3) for name in ("AS1", "AS2")))
    await deliver_all(mall, 6)
    first = [arrival.message_id for arrival in mall.receiver.accepted("AS1")]
    assert await replay(ReplaySelection(subject="AS1"), MALL) == 3
    assert [one.status for one in await mall.stored("AS1")] == [MessageStatus.PENDING] * 3
    await deliver_all(mall, 3)
    again = [arrival.message_id for arrival in mall.receiver.accepted("AS1")][3:]
    assert again == first
    assert mall.receiver.versions("AS2") == [1, 2, 3]


async def test_by_ids_and_by_time(mall: Mall) -> None:
    """Since is included, until is not; what is given together must match together."""
    replay = ReplayWebhooks(mall.uow, mall.clock)
    one, two, three = await mall.write(*(message(f"AS{version}", version) for version in (1, 2, 3)))
    await deliver_all(mall, 3)
    span = ReplaySelection(since=one.occurred_at, until=three.occurred_at)
    assert await replay(span, OPERATIONS) == 2
    await deliver_all(mall, 2)
    ids = (two.message_id, three.message_id, "unknown")
    assert await replay(ReplaySelection(message_ids=ids), OPERATIONS) == 2
    both = ReplaySelection(message_ids=ids, since=one.occurred_at, until=three.occurred_at)
    assert await replay(both, OPERATIONS) == 1


async def test_dead_ones_get_a_fresh_series_and_waiting_ones_need_not_wait(mall: Mall) -> None:
    """After the mall was away, operations do not have to wait for the next attempt hours later."""

    async def away(arrival: Arrival) -> int:
        return 410 if arrival.subject == "dead" else 500

    mall.receiver.answer = away
    written = await mall.write(message("dead"), message("waits"))
    await deliver_all(mall, 2)
    mall.receiver.answer = accept
    ids = tuple(one.message_id for one in written)
    assert await ReplayWebhooks(mall.uow, mall.clock)(ReplaySelection(message_ids=ids), OPERATIONS) == 2
    await deliver_all(mall, 2)
    stored = await mall.stored()
    assert [(one.status.value, one.attempts, one.last_error) for one in stored] == [
        ("delivered", 1, None),
        ("delivered", 1, None),
    ]


async def test_what_is_on_its_way_is_left_alone_and_older_ones_wait_for_it(mall: Mall) -> None:
    """A replayed message never flies beside a newer one of its subject."""
    old, new = await mall.write(message("AS1", 1), message("AS1", 2))
    now = mall.clock.now()
    async with mall.uow() as uow:
        (first,) = await uow.outbox.claim(ALL, room=9, now=now, until=now + LEASE)
        await uow.commit()
    assert first.message.message_id == old.message_id
    replay = ReplayWebhooks(mall.uow, mall.clock)
    assert await replay(ReplaySelection(message_ids=(old.message_id,)), OPERATIONS) == 0
    mall.clock.offset += LEASE
    async with mall.pumping() as settled:
        await eventually(lambda: len(settled) == 2)
    now = mall.clock.now()
    await replay(ReplaySelection(message_ids=(new.message_id,)), OPERATIONS)
    async with mall.uow() as uow:
        (newer,) = await uow.outbox.claim(ALL, room=9, now=mall.clock.now(), until=now + 2 * LEASE)
        await uow.commit()
    assert newer.message.message_id == new.message_id
    assert await replay(ReplaySelection(subject="AS1"), OPERATIONS) == 1
    async with mall.uow() as uow:
        assert await uow.outbox.claim(ALL, room=9, now=mall.clock.now(), until=now + 2 * LEASE) == []


async def test_an_unbounded_or_too_large_replay_is_refused_as_a_whole(mall: Mall) -> None:
    replay = ReplayWebhooks(mall.uow, mall.clock, most=2)
    one, *_ = await mall.write(*(message("AS1", version) for version in (1, 2, 3)))
    await deliver_all(mall, 3)
    at = one.occurred_at
    for unbounded in (
        ReplaySelection(),
        ReplaySelection(message_ids=()),
        ReplaySelection(since=at),
        ReplaySelection(until=at),
        ReplaySelection(since=at, until=at),
        ReplaySelection(subject="AS1"),
    ):
        with pytest.raises(InvalidInput):
            await replay(unbounded, OPERATIONS)
    assert [one.status for one in await mall.stored()] == [MessageStatus.DELIVERED] * 3


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.CUSTOMER, Role.FINANCE, Role.AUDITOR])
async def test_only_the_mall_and_operations_replay(mall: Mall, role: Role) -> None:
    with pytest.raises(NotAllowed):
        await ReplayWebhooks(mall.uow, mall.clock)(ReplaySelection(subject="AS1"), Caller(role, "x"))


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.CUSTOMER, Role.FINANCE])
async def test_suppliers_and_customers_do_not_see_messages(mall: Mall, role: Role) -> None:
    """Messages tell of every supplier's cases."""
    with pytest.raises(NotAllowed):
        await ListWebhooks(mall.uow)(MessageFilter(), 10, None, Caller(role, "x"))


async def test_the_list_pages_newest_first_and_filters(mall: Mall) -> None:
    see = ListWebhooks(mall.uow)
    await mall.write(*(message("AS1", version) for version in range(1, 6)), message("AS2"))
    auditor = Caller(Role.AUDITOR, "a")
    seen: list[object] = []
    cursor: str | None = None
    while True:
        page = await see(MessageFilter(subject="AS1"), 2, cursor, auditor)
        seen += [item.message.data["version"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [5, 4, 3, 2, 1]
    assert len((await see(MessageFilter(), 10, None, auditor)).items) == 6
    assert (await see(MessageFilter(status=MessageStatus.DEAD), 10, None, auditor)).items == ()
    with pytest.raises(InvalidInput):
        await see(MessageFilter(), 10, "nonsense", auditor)
