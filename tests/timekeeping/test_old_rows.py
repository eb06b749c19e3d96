"""Orders from before there were timekeepers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from mallcare.persistence import migrate
from mallcare.ports import shard_of
from tests.timekeeping.orders import COOLING_OFF

pytestmark = pytest.mark.rule("A1")
NOW = datetime.now(UTC)
LONG_AGO, LATELY = NOW - timedelta(days=9), NOW - timedelta(minutes=10)
PAID_LATE = LONG_AGO + timedelta(hours=5)
OLD_ORDER = """
INSERT INTO orders (
    order_no, version, body_hash, supplier_id, channel, customer_id, placed_at, paid_at, freight_fen,
    tenders, discounts, lines, personal, delivered_at
) VALUES (
    %s, 1, 'h', 'supplier-1', 'consumer', 'c', %s, %s, 0,
    '[]', '[]', '[]', '{"customer": {}, "ship_to": null}', '{}'
)
"""


def test_what_suppliers_saw_is_released_and_the_rest_is_due(new_database: Callable[[bool], str]) -> None:
    """Without a message; the way back and forward again comes to the same."""
    url = new_database(False)
    migrate.upgrade(url, "0007")
    given = {
        "long ago": (LONG_AGO, LONG_AGO),
        "paid late": (LONG_AGO, PAID_LATE),
        "lately": (LATELY, LATELY),
        "unpaid": (LONG_AGO, None),
    }
    with psycopg.connect(url) as old:
        for number, times in given.items():
            old.execute(OLD_ORDER, (number, *times))
    for _ in range(2):
        migrate.upgrade(url, "0008")
        with psycopg.connect(url) as new:
            found = new.execute("SELECT order_no, shard, release_due_at, released_at FROM orders").fetchall()
            assert new.execute("SELECT count(*) FROM outgoing_messages").fetchone() == (0,)
        shard = shard_of("supplier-1")
        assert sorted(found) == sorted(
            [
                ("long ago", shard, None, LONG_AGO + COOLING_OFF),
                ("paid late", shard, None, PAID_LATE),
                ("lately", shard, LATELY + COOLING_OFF, None),
                ("unpaid", shard, None, None),
            ]
        )
        migrate.downgrade(url, "0007")


def test_what_a_process_of_the_release_before_takes_in_is_due_by_itself(
    new_database: Callable[[bool], str],
) -> None:
    """It names no instant; half an hour after it wrote the order a timekeeper looks."""
    with psycopg.connect(new_database(True)) as new:
        new.execute(OLD_ORDER, ("O1", LATELY, LATELY))
        row = new.execute("SELECT release_due_at - now(), released_at FROM orders").fetchone()
    assert row == (COOLING_OFF, None)
