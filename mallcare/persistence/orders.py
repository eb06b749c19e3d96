"""Orders, their events, their payment transactions, and who holds which unit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    Text,
    any_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from mallcare.domain.book import Holding, OrderBook, Transaction, Unit
from mallcare.domain.commands import Actor
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.orders import Cells, Order, TransactionKey
from mallcare.domain.vocabulary import Role
from mallcare.persistence import order_events, payment_transactions
from mallcare.persistence.codec import (
    exchanged,
    exchanged_json,
    fulfilment_values,
    order_record,
    order_values,
)
from mallcare.persistence.holdings import hold, take_over
from mallcare.persistence.payment_transactions import COUNTED, lock_totals
from mallcare.persistence.statements import insert_rows
from mallcare.persistence.tables import (
    after_sales,
    mall_refunds,
    orders,
    refund_legs,
    unit_holdings,
    window_extensions,
)
from mallcare.ports.records import OrderRecord, WindowExtension

STORED = [column for column in orders.c if column.name not in ("shard", "received_at", "updated_at")]
NAMES = [column.name for column in STORED]
ORDERS = select(*STORED)
NUMBER = bindparam("number", type_=Text())
NUMBERS = bindparam("numbers", type_=ARRAY(Text()))

GET = ORDERS.where(orders.c.order_no == NUMBER)
LOCK = GET.with_for_update(key_share=True)
LOCK_OF_CASE = ORDERS.where(
    orders.c.order_no
    == select(after_sales.c.order_no).where(after_sales.c.after_sales_no == NUMBER).scalar_subquery()
).with_for_update(key_share=True)
LOCK_MANY = (
    ORDERS.where(orders.c.order_no == any_(NUMBERS))
    .order_by(orders.c.order_no)
    .with_for_update(key_share=True)
)
KNOWN = select(orders.c.order_no).where(orders.c.order_no == any_(NUMBERS))
UNKNOWN_ORDERS, BUCKETS = 7303, 256
"""Family of advisory locks on numbers without a row; bounded, since a batch takes many of them."""
LOCK_UNKNOWN = select(func.pg_advisory_xact_lock(UNKNOWN_ORDERS, func.hashtext(NUMBER).op("&")(BUCKETS - 1)))
_buckets = (
    select(func.hashtext(func.unnest(NUMBERS)).op("&")(BUCKETS - 1).label("bucket"))
    .distinct()
    .order_by("bucket")
    .subquery()
)
SHARE_UNKNOWN = select(func.count(func.pg_advisory_xact_lock_shared(UNKNOWN_ORDERS, _buckets.c.bucket)))
ADD_MANY = (
    insert_rows(orders, NAMES)
    .on_conflict_do_nothing(index_elements=[orders.c.order_no])
    .returning(orders.c.order_no)
)
TAKE_BACK = delete(orders).where(orders.c.order_no == any_(NUMBERS))
UPDATE = update(orders).where(orders.c.order_no == NUMBER).values(updated_at=func.now())

HOLDINGS = select(
    unit_holdings.c.line_id, unit_holdings.c.ordinal, unit_holdings.c.after_sales_no, unit_holdings.c.decided
).where(unit_holdings.c.order_no == NUMBER)
_of_order = (
    select(literal(""), literal(""), refund_legs.c.tender_seq, refund_legs.c.amount_fen).where(
        refund_legs.c.order_no == NUMBER, COUNTED
    ),
    select(literal(""), literal(""), mall_refunds.c.tender_seq, mall_refunds.c.amount_fen).where(
        mall_refunds.c.order_no == NUMBER
    ),
)
_of_transactions = tuple(
    select(table.c.provider, table.c.transaction_id, literal(-1), func.sum(table.c.amount_fen))
    .where(
        tuple_(table.c.provider, table.c.transaction_id).in_(select(payment_transactions.GIVEN)), condition
    )
    .group_by(table.c.provider, table.c.transaction_id)
    for table, condition in payment_transactions.SPENT_BY
)
SPENT = union_all(*_of_order)
"""(provider, transaction, tender, fen): what was spent of each tender; without names."""
SPENT_OF_ALL = union_all(*_of_order, *_of_transactions)
"""The same, and of each transaction over all its orders; with -1 for the tender."""

HAS_HOLDINGS = select(
    or_(*(exists().where(table.c.order_no == NUMBER) for table in (unit_holdings, refund_legs, mall_refunds)))
)
ADD_MALL_REFUNDS = insert_rows(mall_refunds, [column.name for column in mall_refunds.c])
EXTEND = insert(window_extensions)
EXTENSIONS = (
    select(window_extensions).where(window_extensions.c.order_no == NUMBER).order_by(window_extensions.c.id)
)
EXCHANGED = select(orders.c.exchanged_units).where(orders.c.order_no == NUMBER)
TENDERS = select(orders.c.tenders).where(orders.c.order_no == NUMBER)


class SqlOrders:
    """Orders in PostgreSQL; see `ports.storage.Orders` for what each method promises.

    A locking read and a read of what the lock guards are never one statement: under READ COMMITTED
    a statement that waited for a lock still sees everything else as it was before the wait.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, order_no: str) -> OrderRecord | None:
        """An unknown number is locked as well: batches that may be adding it are waited for."""
        known = await self._one(LOCK, order_no)
        if known is None:
            await self._connection.execute(LOCK_UNKNOWN, {"number": order_no})
            known = await self._one(LOCK, order_no)
        return known

    async def lock_of_case(self, after_sales_no: str) -> OrderRecord | None:
        """One round trip: a case never changes its order."""
        return await self._one(LOCK_OF_CASE, after_sales_no)

    async def lock_many(self, order_nos: Sequence[str]) -> dict[str, OrderRecord]:
        """Unknown orders are left out, their numbers shared with other batches and with nobody else."""
        known = set((await self._connection.execute(KNOWN, {"numbers": list(order_nos)})).scalars())
        unknown = [number for number in order_nos if number not in known]
        if unknown:
            await self._connection.execute(SHARE_UNKNOWN, {"numbers": unknown})
        rows = (await self._connection.execute(LOCK_MANY, {"numbers": list(order_nos)})).mappings()
        return {row["order_no"]: order_record(row) for row in rows}

    async def get(self, order_no: str) -> OrderRecord | None:
        """As last committed."""
        return await self._one(GET, order_no)

    async def _one(self, statement: Any, number: str) -> OrderRecord | None:
        row = (await self._connection.execute(statement, {"number": number})).mappings().one_or_none()
        return None if row is None else order_record(row)

    async def book(self, record: OrderRecord, *, lock_transactions: bool) -> OrderBook:
        """Transactions whose total nobody told are not in the book: there is no cap to keep."""
        order = record.order
        keys = {t.transaction for t in order.tenders if t.transaction is not None}
        totals = await lock_totals(self._connection, keys if lock_transactions else ())
        holdings = (await self._connection.execute(HOLDINGS, {"number": order.order_no})).all()
        spent = [0] * len(order.tenders)
        spent_of = dict.fromkeys(totals, 0)
        statement = SPENT_OF_ALL if totals else SPENT
        given = {"number": order.order_no, "rows": payment_transactions.named(totals)}
        for provider, transaction_id, tender_seq, amount in await self._connection.execute(statement, given):
            if tender_seq >= 0:
                spent[tender_seq] += int(amount)  # sums are numeric, and so is their union with amounts
            else:
                spent_of[TransactionKey(provider, transaction_id)] += int(amount)
        return OrderBook(
            order=order,
            cells=record.cells or Cells(),
            fulfilment=record.fulfilment,
            holdings=tuple(Holding(Unit(h[0], h[1]), h[2], h[3]) for h in holdings),
            spent_fen=tuple(spent),
            transactions={key: Transaction(total, spent_of[key]) for key, total in totals.items()},
            extended_until=record.extended_until,
            exchanged_at=record.exchanged_at,
            released=record.released_at is not None,
        )

    async def add_many(self, records: Sequence[OrderRecord]) -> set[str]:
        """One statement; in ascending order, so that two batches never wait for each other in a ring."""
        if not records:
            return set()
        rows = [order_values(record) for record in sorted(records, key=lambda r: r.order.order_no)]
        return set((await self._connection.execute(ADD_MANY, {"rows": rows})).scalars())

    async def update(self, record: OrderRecord) -> None:
        """The whole row, what events fold to included."""
        values = order_values(record)
        number = values.pop("order_no")
        await self._connection.execute(UPDATE.values(values), {"number": number})

    async def take_back(self, order_nos: Collection[str]) -> None:
        """Nothing else can name them yet: nobody else has seen them."""
        await self._connection.execute(TAKE_BACK, {"numbers": list(order_nos)})

    async def register_transactions(
        self, orders: Sequence[Order], replaced: Mapping[str, Order] | None = None
    ) -> dict[str, TransactionKey]:
        """The first total told of a transaction is the one that counts, here and in later calls."""
        return await payment_transactions.register(self._connection, orders, replaced or {})

    async def has_holdings(self, order_no: str) -> bool:
        """Money the mall gave back without naming units counts too: the tenders must stay what they are."""
        return bool((await self._connection.execute(HAS_HOLDINGS, {"number": order_no})).scalar_one())

    async def add_event(
        self, order_no: str, event: OrderEvent, detail: object, now: datetime, *, set_aside: bool = False
    ) -> bool:
        """The first report under an event id stays."""
        return await order_events.add(self._connection, order_no, event, detail, now, set_aside=set_aside)

    async def events_of(self, order_nos: Sequence[str]) -> dict[str, list[OrderEvent]]:
        """Every number asked for has a list, perhaps an empty one; events by the time they happened."""
        return await order_events.own(self._connection, order_nos)

    async def events_with_waybill(self, order_no: str, waybill: str) -> list[OrderEvent]:
        """By the time they happened."""
        return await order_events.with_waybill(self._connection, order_no, waybill)

    async def set_aside_events(self, order_no: str, waybill: str) -> None:
        """The fold of the others is the caller's to write."""
        await order_events.set_aside(self._connection, order_no, waybill)

    async def give_back_events(self, order_no: str, waybill: str) -> None:
        """The fold with them is the caller's to write."""
        await order_events.give_back(self._connection, order_no, waybill)

    async def mark_exchanged(self, order_no: str, exchanged_at: Mapping[Unit, datetime]) -> None:
        """Of a unit replaced more than once the latest instant counts."""
        known = exchanged((await self._connection.execute(EXCHANGED, {"number": order_no})).scalar_one())
        for unit, at in exchanged_at.items():
            known[unit] = max(at, known.get(unit, at))
        await self._connection.execute(
            UPDATE.values(exchanged_units=exchanged_json(known)), {"number": order_no}
        )

    async def save_fulfilment(self, order_no: str, fulfilment: Fulfilment) -> None:
        """Nothing but the fold is written."""
        await self._connection.execute(UPDATE.values(fulfilment_values(fulfilment)), {"number": order_no})

    async def extend_window(self, order_no: str, extension: WindowExtension) -> None:
        """The end moves in `orders`; who moved it is a row of its own."""
        await self._connection.execute(UPDATE.values(extended_until=extension.until), {"number": order_no})
        await self._connection.execute(
            EXTEND,
            {
                "order_no": order_no,
                "until": extension.until,
                "reason": extension.reason,
                "actor_role": extension.actor.role.value,
                "actor_subject": extension.actor.subject,
                "at": extension.at,
            },
        )

    async def window_extensions(self, order_no: str) -> list[WindowExtension]:
        """Oldest first."""
        rows = await self._connection.execute(EXTENSIONS, {"number": order_no})
        return [
            WindowExtension(row.until, row.reason, Actor(Role(row.actor_role), row.actor_subject), row.at)
            for row in rows
        ]

    async def add_mall_refund(self, order_no: str, event_id: str, refund: MallRefund) -> None:
        """Amounts of zero leave no row.

        Raises:
            UnitsUnavailable: a unit is not free.
        """
        tenders: list[Mapping[str, Any]] = (
            await self._connection.execute(TENDERS, {"number": order_no})
        ).scalar_one()
        rows = [
            {
                "order_no": order_no,
                "event_id": event_id,
                "tender_seq": seq,
                "amount_fen": amount,
                "provider": tender["provider"],
                "transaction_id": tender["transaction_id"],
            }
            for seq, (tender, amount) in enumerate(zip(tenders, refund.by_tender, strict=True))
            if amount
        ]
        if rows:
            await self._connection.execute(ADD_MALL_REFUNDS, {"rows": rows})
        await take_over(self._connection, order_no, refund.taken_over)
        await hold(self._connection, order_no, [Holding(unit, None, decided=True) for unit in refund.units])
