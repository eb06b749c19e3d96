from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.commands import Actor
from mallcare.domain.contacts import Contact, ContactRole
from mallcare.domain.notifications import EVERYONE, Audience, Notification
from mallcare.domain.vocabulary import Role
from mallcare.persistence import notifications
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import OutgoingMessage
from mallcare.ports.notices import Box
from tests.domain.builders import PLACED_AT
from tests.persistence.test_goods import statements

SUPPLIER = Actor(Role.SUPPLIER, "boss")
TOLD = Notification(
    Audience.CUSTOMER,
    "customer-1",
    "customer-1",
    "approved",
    "/v1/after-sales/AS1",
    PLACED_AT,
    {"after_sales_no": "AS1", "amount_fen": 100},
    "AS1:2:approved",
)
STAFF = replace(TOLD, audience=Audience.STAFF, owner="supplier-1", reader=EVERYONE, once="AS1:1:to_review")


def stored(cleaner: psycopg.Connection) -> list[tuple[object, ...]]:
    """Who was told, under which promise not to repeat it."""
    rows = cleaner.execute("SELECT owner, reader, once FROM notifications ORDER BY owner, reader, id")
    return rows.fetchall()


async def test_messages_are_written_once(uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection) -> None:
    """However often their cause is repeated, in one batch or later; those without a promise stay."""
    free = replace(TOLD, once=None)
    async with uow() as work:
        await work.notifications.add([])
        await work.notifications.add([TOLD, TOLD, free, free])
        await work.notifications.add([TOLD])
        await work.commit()
    me = "customer-1"
    assert sorted(stored(cleaner), key=str) == [(me, me, "AS1:2:approved"), (me, me, None), (me, me, None)]


async def test_a_message_to_everyone_reaches_each_contact(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """Of that supplier, once each, also when it has no `once`; where there is nobody, nobody is told."""
    async with uow() as work:
        for supplier, name in (("supplier-1", "ann"), ("supplier-1", "bob"), ("supplier-2", "cat")):
            await work.contacts.set(Contact(supplier, name, ContactRole.STAFF, name), SUPPLIER, PLACED_AT)
        await work.notifications.add([STAFF, TOLD, replace(STAFF, owner="supplier-3")])
        await work.notifications.add([STAFF])
        await work.notifications.add([replace(STAFF, owner="supplier-2", once=None)])
        await work.commit()
    assert stored(cleaner) == [
        ("customer-1", "customer-1", "AS1:2:approved"),
        ("supplier-1", "ann", "AS1:1:to_review:ann"),
        ("supplier-1", "bob", "AS1:1:to_review:bob"),
        ("supplier-2", "cat", None),
    ]


async def test_messages_to_the_mall_and_to_people_are_one_statement(
    uow: SqlUnitOfWorkFactory, engine: AsyncEngine, cleaner: psycopg.Connection
) -> None:
    """What a change tells costs one round trip, whomever it tells."""
    message = OutgoingMessage("msg_1", "AS1", "after_sales.approved", PLACED_AT, {})
    async with uow() as work:
        with statements(engine) as asked:
            await work.outbox.add([message], [TOLD, TOLD])
        await work.commit()
    assert len(asked) == 1
    assert stored(cleaner) == [("customer-1", "customer-1", "AS1:2:approved")]
    assert cleaner.execute("SELECT id FROM outgoing_messages").fetchall() == [("msg_1",)]


FILL = """
INSERT INTO notifications (audience, owner, reader, kind, link, facts, created_at, read_at)
SELECT 'customer', 'customer-' || n % 100, 'customer-' || n % 100, 'refunded', '/v1/x', '{}', now(),
       CASE WHEN n < 19900 THEN now() END
FROM generate_series(0, 19999) n
"""
MINE = Box(Audience.CUSTOMER, "customer-1", "customer-1")


def rows_read(plan: dict[str, Any]) -> int:
    """Rows of messages that a plan looked at, thrown away ones included."""
    own = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0) if "Relation Name" in plan else 0
    return int(own * plan["Actual Loops"]) + sum(rows_read(child) for child in plan.get("Plans", []))


async def test_a_box_is_read_without_the_others(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """A page reads what it shows, the bell what is unread, however much was read before."""
    cleaner.execute(FILL)
    cleaner.execute("ANALYZE notifications")
    box = {"of_audience": "customer", "of_owner": "customer-1", "of_reader": "customer-1"}
    for statement, given, most in (
        (notifications.PAGE, {"room": 11}, 11),
        (notifications.PAGE.where(notifications.BEFORE), {"room": 11, "number": 10**6}, 11),
        (notifications.PAGE.where(notifications.UNREAD), {"room": 11}, 1),
        (notifications.COUNT, {"most": 1_000}, 1),
        (notifications.MARK_UP_TO, {"number": 10**6, "now": PLACED_AT}, 2),
    ):
        compiled = statement.compile(dialect=PGDialect_psycopg())
        values = compiled.construct_params({**box, **given})
        with cleaner.transaction(force_rollback=True):
            row = cleaner.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}".encode(), values).fetchone()
        assert row is not None
        assert rows_read(row[0][0]["Plan"]) <= most, row
    async with uow() as work:
        assert await work.notifications.unread(MINE, 1_000) == 1
        assert await work.notifications.unread(Box(Audience.STAFF, "customer-1", "customer-1"), 1_000) == 0


async def test_the_count_ends_where_nobody_reads_on(uow: SqlUnitOfWorkFactory) -> None:
    """At `most`, not beyond."""
    async with uow() as work:
        await work.notifications.add([replace(TOLD, once=None)] * 5)
        assert await work.notifications.unread(MINE, 3) == 3
        assert await work.notifications.unread(MINE, 9) == 5
