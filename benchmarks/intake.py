"""P5: taking in orders by batches through HTTP, against INSERT and COPY of the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from benchmarks.finding import Aim, Part, Sheet
from benchmarks.stack import Arena
from benchmarks.wire import Json, Wire, connected
from mallcare.domain.vocabulary import Role

SHARE, LEAST = 0.3, 2_000.0
SUPPLIER = "intake"
COLUMNS = (
    "SELECT string_agg(quote_ident(column_name), ',' ORDER BY ordinal_position)"
    " FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = 'orders' AND is_generated = 'NEVER'"
)
INSERT_ROWS = 500
Floor = Callable[[psycopg.Connection, str], None]


@dataclass(frozen=True)
class Pace:
    """Orders taken in, and the seconds it took."""

    what: str
    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Orders a second."""
        return self.count / self.seconds


async def measure(arena: Arena, batches: int, batch: int, clients: int) -> Part:
    """The product first; then its rows once more, by the two ways PostgreSQL itself offers."""
    bodies: list[Json] = [{"orders": [_order() for _ in range(batch)]} for _ in range(batches)]
    ours = await _through_http(arena, bodies, batch, clients)
    floors = await asyncio.to_thread(_floors, arena, ours.count)
    part = Part([Aim(f"P5 orders a second, batches of {batch}", ours.per_second, LEAST, least=True)])
    for floor in floors:
        share = ours.per_second / floor.per_second
        part.aims.append(Aim(f"P5 share of {floor.what}", share, SHARE, least=True))
    rows = [(pace.what, str(pace.count), f"{pace.per_second:.0f}") for pace in (ours, *floors)]
    part.sheets.append(Sheet("P5 Order intake", ("", "orders", "per s"), rows))
    return part


def _order() -> Json:
    """Paid a moment ago, so that its release lies ahead: the timekeepers do not compete with the intake."""
    number, now = f"I{uuid4().hex[:20]}", datetime.now(UTC) - timedelta(seconds=5)
    cash = {"tender": "cash", "provider": "wechat_pay", "transaction_id": f"T{number}"}
    return {
        "order_no": number,
        "version": 1,
        "supplier_id": SUPPLIER,
        "channel": "consumer",
        "customer": {"customer_id": "bench-customer"},
        "placed_at": now.isoformat(),
        "paid_at": now.isoformat(),
        "payment": {"tenders": [{**cash, "transaction_total_fen": 9_980, "amount_fen": 9_980}]},
        "freight_fen": 0,
        "discounts": [],
        "lines": [{"line_id": "1", "sku": "sku", "title": "cup", "quantity": 2, "unit_price_fen": 4_990}],
    }


async def _through_http(arena: Arena, bodies: list[Json], batch: int, clients: int) -> Pace:
    token = arena.token(Role.MALL, "bench")
    waiting = list(bodies)

    async def send(wire: Wire) -> None:
        while waiting:
            answer = await wire.post("/v1/orders:batch", token, waiting.pop())
            refused = [one for one in answer["results"] if one["status"] != "applied"]
            if refused:
                raise RuntimeError(f"orders were not taken in: {refused[0]}")

    with connected(arena.api_url, clients) as wires:
        begun = perf_counter()
        await asyncio.gather(*map(send, wires))
        took = perf_counter() - begun
    return Pace(f"mallcare, {clients} clients", len(bodies) * batch, took)


def _floors(arena: Arena, count: int) -> list[Pace]:
    """The rows the product stored, deleted and stored again, indexes and all."""
    url = arena.stack.settings.database_url
    assert url is not None
    with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
        found = connection.execute(COLUMNS).fetchone()
        assert found is not None
        columns = str(found[0])
        mine = f"FROM orders WHERE supplier_id = '{SUPPLIER}'"
        connection.execute(f"CREATE TABLE kept AS SELECT {columns} {mine}".encode())
        paces: list[Pace] = []
        for what, way in (("INSERT of 500 rows each", _insert), ("COPY", _copy)):
            connection.execute(f"DELETE {mine}".encode())
            begun = perf_counter()
            way(connection, columns)
            paces.append(Pace(what, count, perf_counter() - begun))
        connection.execute(b"DROP TABLE kept")
    return paces


def _insert(connection: psycopg.Connection, columns: str) -> None:
    """Rows travel as text, as they do from any client."""
    rows = connection.execute(f"SELECT {columns} FROM kept".encode()).fetchall()
    one = "(" + ",".join(["%s"] * len(rows[0])) + ")"
    for begin in range(0, len(rows), INSERT_ROWS):
        page = [tuple(map(_text, row)) for row in rows[begin : begin + INSERT_ROWS]]
        statement = f"INSERT INTO orders ({columns}) VALUES " + ",".join([one] * len(page))
        connection.execute(statement.encode(), [value for row in page for value in row])


def _copy(connection: psycopg.Connection, columns: str) -> None:
    with connection.cursor() as reading, reading.copy(f"COPY kept ({columns}) TO STDOUT".encode()) as source:
        data = b"".join(bytes(block) for block in source)
    with connection.cursor() as writing, writing.copy(f"COPY orders ({columns}) FROM STDIN".encode()) as sink:
        sink.write(data)


def _text(value: object) -> object:
    return Jsonb(value) if isinstance(value, dict | list) else value
