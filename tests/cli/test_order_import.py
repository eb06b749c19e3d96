"""Importing orders through the API: all good lines are in, bad ones are told, nothing is sent for nothing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from mallcare.cli.errors import CommandFailed
from mallcare.cli.order_import.run import import_orders
from mallcare.cli.order_import.sending import ConnectionLost
from mallcare.cli.reaching import ReachedApi
from tests.cli.shop import Shop, order_line
from tests.gateways.serving import unused_url


def file_of(folder: Path, *lines: dict[str, Any] | str) -> Path:
    """A gzip file of lines."""
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path = folder / "orders.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{text}\n" for text in texts).encode()))
    return path


async def test_everything_is_taken_in(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """In batches, each order with all its events."""
    path = file_of(tmp_path, *(order_line(n) for n in range(1, 6)))
    done = await import_orders(path, reached, tmp_path, batch=2)
    assert (done.orders, done.events, done.bad) == (5, 10, [])
    assert shop.batches == [["MO-1", "MO-2"], ["MO-3", "MO-4"], ["MO-5"]]
    assert shop.events["MO-5"] == {"MO-5:collected", "MO-5:delivered"}


async def test_bad_lines_are_told_and_all_others_are_in(
    shop: Shop, reached: ReachedApi, tmp_path: Path
) -> None:
    """Whether the file, the schema or a rule says no: number and reason, in the order of the file."""
    lines = [
        order_line(1),
        "{ half a line",
        order_line(3, freight_fen=1.5),
        order_line(4, freight_fen=100),
        order_line(5) | {"events": [{"event_id": "e", "type": "eaten", "occurred_at": "never"}]},
        order_line(6),
    ]
    done = await import_orders(file_of(tmp_path, *lines), reached, tmp_path)
    assert set(shop.orders) == {"MO-1", "MO-5", "MO-6"}
    reasons = {line.number: line.reason for line in done.bad}
    assert list(reasons) == [2, 3, 4, 5]
    assert "not JSON" in reasons[2]
    assert "freight_fen" in reasons[3]
    assert reasons[4].startswith("money_does_not_add_up")
    assert reasons[5].startswith("event 1: invalid")
    assert "MO-4" not in shop.events


async def test_more_bad_orders_than_one_answer_names(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """The API names fifty faults at once; all are found, and the good order between them is in."""
    lines = [order_line(n, supplier_id=7, channel="ship") for n in range(1, 80)]
    done = await import_orders(file_of(tmp_path, *lines, order_line(80)), reached, tmp_path)
    assert len(done.bad) == 79
    assert set(shop.orders) == {"MO-80"}


async def test_an_interrupted_import_goes_on(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """After the last whole batch, with the counts and bad lines of before; not a batch more is repeated."""
    path = file_of(tmp_path, "{", *(order_line(n) for n in range(2, 7)))
    shop.breaks_after = 1
    with pytest.raises(ConnectionLost):
        await import_orders(path, reached, tmp_path, batch=2, attempts=1)
    shop.breaks_after = None
    done = await import_orders(path, reached, tmp_path, batch=2)
    assert (done.orders, done.events, [line.number for line in done.bad]) == (5, 10, [1])
    assert shop.batches == [["MO-2"], ["MO-3", "MO-4"], ["MO-5", "MO-6"]]


async def test_restart_begins_anew(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """What was remembered of an interruption is forgotten."""
    path = file_of(tmp_path, order_line(1), order_line(2))
    shop.breaks_after = 1
    with pytest.raises(ConnectionLost):
        await import_orders(path, reached, tmp_path, batch=1, attempts=1)
    shop.breaks_after = None
    await import_orders(path, reached, tmp_path, batch=1, restart=True)
    assert shop.batches == [["MO-1"], ["MO-1"], ["MO-2"]]


async def test_importing_twice_changes_nothing(shop: Shop, reached: ReachedApi, tmp_path: Path) -> None:
    """A finished import is not remembered: the second run sends all and finds it there."""
    path = file_of(tmp_path, order_line(1), order_line(2))
    first = await import_orders(path, reached, tmp_path)
    orders, events = dict(shop.orders), {number: set(ids) for number, ids in shop.events.items()}
    second = await import_orders(path, reached, tmp_path)
    assert (first.orders, first.events) == (second.orders, second.events) == (2, 4)
    assert (first.new_orders, first.new_events) == (2, 4)
    assert (second.new_orders, second.new_events) == (0, 0)
    assert (shop.orders, shop.events) == (orders, events)
    assert len(shop.batches) == 2


async def test_nobody_there_is_a_lost_connection(tmp_path: Path, mall_token: str) -> None:
    """Which can be gone on from."""
    with pytest.raises(ConnectionLost):
        await import_orders(
            file_of(tmp_path, order_line(1)), ReachedApi(unused_url(), mall_token), tmp_path, attempts=1
        )


async def test_a_stranger_is_told_so(reached: ReachedApi, shop: Shop, tmp_path: Path) -> None:
    """A token the API does not believe ends the import; nothing is blamed on the lines."""
    with pytest.raises(CommandFailed, match="401"):
        await import_orders(file_of(tmp_path, order_line(1)), ReachedApi(reached.url, "no"), tmp_path)
    assert not shop.batches
