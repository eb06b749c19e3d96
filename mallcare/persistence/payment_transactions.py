"""Payment transactions and their totals. Orders of several suppliers may share one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, tuple_, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.orders import Order, TransactionKey
from mallcare.persistence.statements import insert_rows, rows_parameter
from mallcare.persistence.tables import mall_refunds, payment_transactions, refund_legs

KEY = ["provider", "transaction_id"]
TRANSACTION = tuple_(payment_transactions.c.provider, payment_transactions.c.transaction_id)
GIVEN = rows_parameter(payment_transactions, KEY).subquery()
ADD = (
    insert_rows(payment_transactions, [*KEY, "total_fen"])
    .on_conflict_do_nothing()
    .returning(payment_transactions.c.provider, payment_transactions.c.transaction_id)
)
LOCK = (
    select(payment_transactions)
    .where(TRANSACTION.in_(select(GIVEN)))
    .order_by(payment_transactions.c.provider, payment_transactions.c.transaction_id)
    .with_for_update(key_share=True)
)
REMOVE = delete(payment_transactions).where(TRANSACTION.in_(select(GIVEN)))

COUNTED = refund_legs.c.status != "FAILED"
"""A leg that was paid, or may still be: it stands in every cap."""
SPENT_BY = ((refund_legs, COUNTED), (mall_refunds, mall_refunds.c.amount_fen > 0))
"""The tables that say what left a transaction, and which of their rows do."""
USED = union(
    *(
        select(table.c.provider, table.c.transaction_id).where(
            tuple_(table.c.provider, table.c.transaction_id).in_(select(GIVEN)), condition
        )
        for table, condition in SPENT_BY
    )
)

Claim = tuple[TransactionKey, int]


def named(keys: Iterable[TransactionKey]) -> list[dict[str, Any]]:
    """Keys as rows of a statement's parameter."""
    return [key._asdict() for key in keys]


async def lock_totals(
    connection: AsyncConnection, keys: Collection[TransactionKey]
) -> dict[TransactionKey, int]:
    """Totals of the transactions that are known, under their row locks, taken in ascending order."""
    if not keys:
        return {}
    rows = await connection.execute(LOCK, {"rows": named(keys)})
    return {TransactionKey(row.provider, row.transaction_id): row.total_fen for row in rows}


async def register(
    connection: AsyncConnection, orders: Sequence[Order], replaced: Mapping[str, Order]
) -> dict[str, TransactionKey]:
    """Lock the orders' transactions and remember their totals; see `ports.storage.Orders`.

    Keys nobody told of are inserted first, so that whoever tells of them meanwhile waits for us; what
    no order in the end stands for is taken out again.
    """
    claims = {order.order_no: _claims(order, replaced.get(order.order_no)) for order in orders}
    told = {key: total for claimed in claims.values() for key, total in claimed}
    fresh = await _add(connection, told)
    keys = {t.transaction for order in orders for t in order.tenders if t.transaction is not None}
    stored = await lock_totals(connection, keys - fresh)
    doubted = {
        key for claimed in claims.values() for key, total in claimed if stored.get(key, total) != total
    }
    free = doubted - await _used(connection, doubted) if replaced else set[TransactionKey]()
    settled, clashes = dict(stored), dict[str, TransactionKey]()
    for order_no, claimed in claims.items():
        clash = _clash(claimed, settled, free if order_no in replaced else ())
        if clash is None:
            settled.update(claimed)
        else:
            clashes[order_no] = clash
    await _write(connection, told, fresh, stored, settled)
    return clashes


def _claims(order: Order, before: Order | None) -> list[Claim]:
    """Totals the order tells of; one it told before in the same words is no claim."""
    tenders = [(t.transaction, t.transaction_total_fen) for t in order.tenders]
    old = {(t.transaction, t.transaction_total_fen) for t in before.tenders} if before else set[object]()
    return [
        (key, total)
        for key, total in tenders
        if key is not None and total is not None and (key, total) not in old
    ]


def _clash(
    claims: list[Claim], settled: Mapping[TransactionKey, int], correctable: Collection[TransactionKey]
) -> TransactionKey | None:
    own: dict[TransactionKey, int] = {}
    for key, total in claims:
        contradicts = settled.get(key, total) != total and key not in correctable
        if contradicts or own.setdefault(key, total) != total:
            return key
    return None


async def _add(connection: AsyncConnection, told: Mapping[TransactionKey, int]) -> set[TransactionKey]:
    if not told:
        return set()
    rows = [key._asdict() | {"total_fen": told[key]} for key in sorted(told)]
    added = await connection.execute(ADD, {"rows": rows})
    return {TransactionKey(row.provider, row.transaction_id) for row in added}


async def _used(connection: AsyncConnection, keys: Collection[TransactionKey]) -> set[TransactionKey]:
    if not keys:
        return set()
    found = await connection.execute(USED, {"rows": named(keys)})
    return {TransactionKey(row.provider, row.transaction_id) for row in found}


async def _write(
    connection: AsyncConnection,
    told: Mapping[TransactionKey, int],
    fresh: set[TransactionKey],
    stored: Mapping[TransactionKey, int],
    settled: Mapping[TransactionKey, int],
) -> None:
    """Bring the rows, of which `fresh` were inserted with what was `told`, to what was settled."""
    written = {key: told[key] for key in fresh} | dict(stored)
    for key in sorted(settled):
        if written[key] != settled[key]:
            row = update(payment_transactions).where(
                payment_transactions.c.provider == key.provider,
                payment_transactions.c.transaction_id == key.transaction_id,
            )
            await connection.execute(row.values(total_fen=settled[key]))
    unclaimed = fresh - settled.keys()
    if unclaimed:
        await connection.execute(REMOVE, {"rows": named(unclaimed)})
