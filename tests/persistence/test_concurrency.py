"""What only real connections can prove: nobody gets what somebody else already has."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
import pytest

from mallcare.application.caller import Caller
from mallcare.application.orders import IncomingOrder, TakeInOrderEvent, TakeInOrders
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Approve, Cancel, Reject
from mallcare.domain.errors import IllegalTransition, RefundCapExceeded, UnitsUnavailable
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.parcels import Parcel
from mallcare.domain.vocabulary import OrderEventType, ParcelPurpose, Role, State
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import PersonalData, StoredAnswer
from tests.domain.builders import CUSTOMER, PLACED_AT, SUPPLIER, asking, cash, line, order
from tests.persistence.transactions import command, open_case, store

TASKS = 24
MALL = Caller(Role.MALL, "mall")


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


@pytest.mark.rule("A3")
async def test_a_waybill_is_claimed_by_one_customer_alone(uow: SqlUnitOfWorkFactory) -> None:
    """Whoever comes second waits for the first, and then sees the parcel that was written meanwhile."""
    owners = [f"customer-{i}" for i in range(8)]
    bought = [replace(order(), order_no=f"O-{owner}", customer_id=owner) for owner in owners]
    await store(uow, *bought)
    cases = [await open_case(uow, one.order_no, asking(("A", 1))) for one in bought]
    claimed, written = asyncio.Event(), asyncio.Event()

    async def claim(case: AfterSalesCase, *, first: bool) -> bool:
        if not first:
            await claimed.wait()
        async with uow() as work:
            if not await work.cases.claim_waybill("SF1", case.supplier_id, case.customer_id):
                assert written.is_set()
                return False
            claimed.set()
            await asyncio.sleep(0.1)
            parcel = Parcel(ParcelPurpose.RETURN, "sf", "SF1", PLACED_AT)
            await work.cases.save(case, replace(case, version=2, parcels=(parcel,)), told=False)
            written.set()
            await work.commit()
        return True

    answers = await asyncio.gather(*(claim(case, first=case is cases[0]) for case in cases))
    assert answers == [True] + [False] * 7


async def test_different_waybills_do_not_wait(uow: SqlUnitOfWorkFactory) -> None:
    """A claim that is still open stands in nobody else's way."""
    async with uow() as one, uow() as other:
        assert await one.cases.claim_waybill("SF1", "s", "c")
        assert await asyncio.wait_for(other.cases.claim_waybill("SF2", "s", "d"), 2)


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


@pytest.mark.rule("P2")
@pytest.mark.parametrize("seed", range(6))
async def test_batches_race_with_events_and_commands(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection, seed: int
) -> None:
    """Nobody waits in a ring: all succeed at once, the newest version stays, each report counts once.

    Four payments are shared by six orders each; a third of the orders is known before, with cases.
    """
    dice = random.Random(seed)
    bought = order(line("A", 3, 1_000), tenders=(cash(3_000, 18_000),))
    orders = {
        f"O{i:02d}": replace(
            bought,
            order_no=f"O{i:02d}",
            tenders=(replace(bought.tenders[0], transaction_id=f"T{i % 4}"),),
        )
        for i in range(24)
    }
    numbers = list(orders)
    known = dice.sample(numbers, 8)
    await store(uow, *(orders[order_no] for order_no in known))
    take_in, report = TakeInOrders(uow, Fixed()), TakeInOrderEvent(uow, Fixed(), TimeOrderedIds(), Silence())

    async def batch(chosen: dict[str, int]) -> None:
        versions = [replace(orders[order_no], version=version) for order_no, version in chosen.items()]
        sent = [IncomingOrder(one, PersonalData(), f"hash-{one.version}") for one in versions]
        answers = await take_in(sent, MALL)
        assert {answer.status for answer in answers} <= {"applied", "ignored", "unchanged"}, answers

    async def reported(order_no: str) -> None:
        event = OrderEvent("E1", OrderEventType.REFUNDED, PLACED_AT, refunded_lines={"A": 1})
        await asyncio.gather(*(report(order_no, event, None, MALL) for _ in range(2)))

    async def asked(order_no: str) -> None:
        case = await open_case(uow, order_no, asking(("A", 1)))
        await command(uow, case.after_sales_no, Approve())

    batches = [
        {no: dice.randint(1, 9) for no in dice.sample(numbers, dice.choice([3, 8, 20]))} for _ in range(30)
    ]
    batches.append(dict.fromkeys(numbers, 1))
    races = [*map(batch, batches), *map(reported, numbers), *map(asked, known)]
    dice.shuffle(races)
    await asyncio.gather(*races)

    newest = {no: max(chosen.get(no, 0) for chosen in batches) for no in numbers}
    assert dict(cleaner.execute("SELECT order_no, version FROM orders").fetchall()) == newest
    mall = cleaner.execute("SELECT order_no, amount_fen FROM mall_refunds ORDER BY order_no").fetchall()
    assert mall == [(order_no, 1_000) for order_no in numbers]
    assert cleaner.execute("SELECT count(*) FROM unit_holdings").fetchone() == (24 + 8,)
    totals = cleaner.execute("SELECT transaction_id, total_fen FROM payment_transactions").fetchall()
    assert sorted(totals) == [(f"T{i}", 18_000) for i in range(4)]


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        """Always the same."""
        return PLACED_AT


class Silence:
    """Tells nobody anything: losing a hint is allowed."""

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        """Forgotten."""
