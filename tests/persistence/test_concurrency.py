"""What only real connections can prove: nobody gets what somebody else already has."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Approve, Cancel, Reject
from mallcare.domain.errors import IllegalTransition, RefundCapExceeded, UnitsUnavailable
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import State
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import StoredAnswer
from tests.domain.builders import CUSTOMER, PLACED_AT, SUPPLIER, asking, cash, line, order
from tests.persistence.transactions import command, open_case, recorded, store

TASKS = 24


async def outcomes(*tries: Awaitable[AfterSalesCase]) -> tuple[list[AfterSalesCase], list[BaseException]]:
    """All tries at once: the cases they led to, and what the others were told."""
    ended = await asyncio.gather(*tries, return_exceptions=True)
    cases = [one for one in ended if isinstance(one, AfterSalesCase)]
    return cases, [one for one in ended if isinstance(one, BaseException)]


@pytest.mark.rule("A4")
async def test_units_are_never_oversold(uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection) -> None:
    """Of many simultaneous requests exactly as many units are reserved as were bought."""
    await store(uow, order(line("A", 10), line("B", 3)))
    asked = [("A", 1) if i % 2 else ("B", 1) for i in range(TASKS)]
    won, lost = await outcomes(*(open_case(uow, "O1", asking(wish)) for wish in asked))
    assert all(isinstance(one, UnitsUnavailable) for one in lost), lost
    taken = Counter((line.line_id, unit) for case in won for line in case.lines for unit in line.units)
    assert set(taken) == {("A", i) for i in range(1, 11)} | {("B", i) for i in range(1, 4)}
    assert set(taken.values()) == {1}
    assert cleaner.execute("SELECT count(*) FROM unit_holdings").fetchone() == (13,)


@pytest.mark.rule("A4")
@pytest.mark.parametrize("seed", range(3))
async def test_every_unit_has_one_live_case_under_any_interleaving(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection, seed: int
) -> None:
    """Submit, cancel, reject, approve at once: rows and cases agree, and no fen beyond the price leaves."""
    dice = random.Random(seed)
    bought = order(line("A", 7, 333), line("B", 5, 101), freight_fen=77)
    await store(uow, bought)

    async def customer() -> None:
        for _ in range(3):
            try:
                wish = (dice.choice("AB"), dice.randint(1, 3))
                case = await open_case(uow, "O1", asking(wish))
                after_sales_no = case.after_sales_no
                moves = [
                    command(uow, after_sales_no, Cancel(), CUSTOMER),
                    command(uow, after_sales_no, dice.choice([Approve(), Reject("no")]), SUPPLIER),
                ]
                for refused in (await outcomes(*moves))[1]:
                    assert isinstance(refused, IllegalTransition), refused
            except UnitsUnavailable:
                continue

    await asyncio.gather(*(customer() for _ in range(TASKS)))
    rows = cleaner.execute(
        "SELECT after_sales_no, state, lines FROM after_sales"
        " WHERE state NOT IN ('CANCELLED', 'REJECTED', 'EXPIRED', 'CLOSED')"
    ).fetchall()
    live = Counter(
        (number, line["line_id"], unit)
        for number, _, lines in rows
        for line in lines
        for unit in line["units"]
    )
    assert len({(line_id, unit) for _, line_id, unit in live}) == len(live)
    held = cleaner.execute(
        "SELECT after_sales_no, line_id, ordinal FROM unit_holdings WHERE line_id <> '#freight'"
    ).fetchall()
    assert set(held) == set(live)
    legs, freight = cleaner.execute(
        "SELECT (SELECT coalesce(sum(amount_fen), 0) FROM refund_legs),"
        " (SELECT count(*) FROM unit_holdings WHERE line_id = '#freight')"
    ).fetchone() or (0, 0)
    assert legs <= bought.paid_fen
    assert freight <= 1
    unrefunded = 12 - sum(n for (number, *_), n in live.items() if _refunded(rows, number))
    assert unrefunded or freight == 1


def _refunded(rows: list[tuple[str, str, object]], number: str) -> bool:
    return any(row[0] == number and row[1] in (State.REFUNDING, State.COMPLETED) for row in rows)


@pytest.mark.rule("A4")
async def test_orders_that_share_a_payment_never_exceed_it(uow: SqlUnitOfWorkFactory) -> None:
    """Eight orders claim 1,000 fen each of a payment of 5,000: five approvals pass, three are refused."""
    claims = [
        replace(order(line("A", 1, 1_000), tenders=(cash(1_000, 5_000),)), order_no=f"O{i}") for i in range(8)
    ]
    await store(uow, *claims)
    cases = [await open_case(uow, claim.order_no, asking(("A", 1))) for claim in claims]
    approved, refused = await outcomes(*(command(uow, case.after_sales_no, Approve()) for case in cases))
    assert len(approved) == 5
    assert all(isinstance(one, RefundCapExceeded) for one in refused), refused


@pytest.mark.rule("A1")
async def test_the_velocity_limit_holds_against_simultaneous_requests(uow: SqlUnitOfWorkFactory) -> None:
    """Of 16 cooling-off requests of one customer the tenth is the last the system refunds by itself."""
    orders = [replace(order(), order_no=f"O{i}") for i in range(16)]
    await store(uow, *orders)
    at = PLACED_AT + timedelta(minutes=1)
    opened, failed = await outcomes(*(open_case(uow, one.order_no, asking(), now=at) for one in orders))
    assert failed == []
    assert Counter(case.state for case in opened) == {State.REFUNDING: 10, State.PENDING_REVIEW: 6}


@pytest.mark.rule("P2")
async def test_equal_creations_are_answered_one_after_the_other(uow: SqlUnitOfWorkFactory) -> None:
    """The second of two equal calls waits for the first, and then sees its answer."""

    async def create(body: str) -> StoredAnswer:
        async with uow() as work:
            known = await work.idempotency.find("mall", "key-1")
            if known is not None:
                return known
            await asyncio.sleep(0.02)
            answer = StoredAnswer(body, 201, {"by": body})
            await work.idempotency.store("mall", "key-1", answer, PLACED_AT)
            await work.commit()
        return answer

    answers = await asyncio.gather(*(create(f"call-{i}") for i in range(TASKS)))
    assert len({answer.body_hash for answer in answers}) == 1


async def test_simultaneous_intakes_of_one_order_store_it_once(uow: SqlUnitOfWorkFactory) -> None:
    """Batches that overlap in any order neither fail nor add an order twice."""
    orders = [replace(order(tenders=(cash(1_000, 9_000),)), order_no=f"O{i:02d}") for i in range(30)]
    batches = [random.Random(i).sample(orders, 20) for i in range(8)]

    async def intake(batch: list[Order]) -> int:
        async with uow() as work:
            await work.orders.register_transactions(batch)
            added = await work.orders.add_many([recorded(one) for one in batch])
            await work.commit()
        return len(added)

    assert sum(await asyncio.gather(*map(intake, batches))) == len(
        {one.order_no for batch in batches for one in batch}
    )
