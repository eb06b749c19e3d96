from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.book import Holding, Transaction, Unit
from mallcare.domain.commands import Approve, Reject
from mallcare.domain.errors import UnitsUnavailable
from mallcare.domain.fulfilment import Fulfilment, OrderEvent
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.orders import Discount, Order, TransactionKey
from mallcare.domain.vocabulary import OrderEventType
from mallcare.persistence.engine import create_engine
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import PersonalData, StorageUnavailable
from tests.domain.builders import PLACED_AT, T1, asking, cash, line, order, points
from tests.persistence.transactions import command, open_case, recorded, settled, store

SOON = timedelta(milliseconds=100)


@pytest.fixture
async def hasty(empty_database: str) -> AsyncGenerator[SqlUnitOfWorkFactory]:
    """Units of work that wait for a lock no longer than `SOON`."""
    engine = create_engine(empty_database, pool_size=2, lock_timeout=SOON)
    yield SqlUnitOfWorkFactory(engine)
    await engine.dispose()


def named(order_no: str, bought: Order | None = None) -> Order:
    """An order under a number of its own."""
    return replace(bought or order(), order_no=order_no)


def shared(order_no: str, amount_fen: int, total_fen: int) -> Order:
    """An order paid from transaction T1, which holds `total_fen`."""
    return named(order_no, order(line("A", 1, amount_fen), tenders=(cash(amount_fen, total_fen),)))


async def test_a_stored_order_is_the_order_sent(uow: SqlUnitOfWorkFactory) -> None:
    """Everything of the record survives, whether it is there or not."""
    full = recorded(
        order(
            line("A", 3, 999, freight_insured=True),
            line("B", 1, 5_000, returnable=False),
            tenders=(cash(7_000, 90_000), points(1_297)),
            freight_fen=500,
            discounts=(Discount("D1", 100), Discount("D2", 100, ("B",))),
        ),
        fulfilment=Fulfilment(PLACED_AT, {"B": PLACED_AT + SOON}, {"A": PLACED_AT}, PLACED_AT),
        personal=PersonalData({"customer_id": "c", "name": None}, {"city": "杭州"}),
        extended_until=PLACED_AT,
        exchanged_at={Unit("A", 2): PLACED_AT + SOON, Unit("B", 1): PLACED_AT},
    )
    bare = recorded(named("O2", order(tenders=(), paid=False)))
    async with uow() as work:
        assert await work.orders.add_many([full, bare]) == {"O1", "O2"}
        await work.commit()
    async with uow() as work:
        assert await work.orders.get("O1") == full
        assert await work.orders.get("O2") == bare
        assert await work.orders.get("O3") is None


async def test_adding_answers_only_what_is_new(uow: SqlUnitOfWorkFactory) -> None:
    """A number that is there keeps its order."""
    await store(uow, named("O1"))
    later = recorded(replace(named("O1"), version=2))
    async with uow() as work:
        assert await work.orders.add_many([later, recorded(named("O2"))]) == {"O2"}
        assert await work.orders.add_many([]) == set()
        kept = await work.orders.get("O1")
    assert kept is not None
    assert kept.order.version == 1


async def test_an_update_replaces_the_whole_order(uow: SqlUnitOfWorkFactory) -> None:
    """The newer version stands alone."""
    await store(uow, named("O1"))
    newer = recorded(
        replace(order(line("Z", 2)), version=10**13),
        fulfilment=Fulfilment(closed_at=PLACED_AT),
        extended_until=PLACED_AT,
        exchanged_at={Unit("Z", 2): PLACED_AT},
    )
    async with uow() as work:
        await work.orders.lock("O1")
        await work.orders.update(newer)
        await work.commit()
    async with uow() as work:
        assert await work.orders.get("O1") == newer


async def test_a_locked_order_waits_for_its_holder(
    uow: SqlUnitOfWorkFactory, hasty: SqlUnitOfWorkFactory
) -> None:
    """The second lock is granted only when the first unit of work has ended."""
    await store(uow, named("O1"))
    async with uow() as holder:
        await holder.orders.lock("O1")
        with pytest.raises(StorageUnavailable):
            async with hasty() as other:
                await other.orders.lock_many(["O1"])
        async with uow() as reader:
            assert await reader.orders.get("O1") is not None
    async with hasty() as other:
        assert await other.orders.lock("O1") is not None


async def test_the_order_of_a_case_is_locked(uow: SqlUnitOfWorkFactory, hasty: SqlUnitOfWorkFactory) -> None:
    """By the case's number alone; an unknown case has no order."""
    await store(uow, named("O1"))
    case = await open_case(uow, "O1", asking(("A", 1)))
    async with uow() as holder:
        record = await holder.orders.lock_of_case(case.after_sales_no)
        assert record is not None
        assert record.order.order_no == "O1"
        assert await holder.orders.lock_of_case("nobody") is None
        with pytest.raises(StorageUnavailable):
            async with hasty() as other:
                await other.orders.lock("O1")


async def test_several_orders_are_locked_and_strangers_left_out(uow: SqlUnitOfWorkFactory) -> None:
    """Whatever order they are named in, two callers never wait for each other in a ring."""
    numbers = [f"O{i}" for i in range(20)]
    await store(uow, *(named(number) for number in numbers))

    async def lock(wanted: list[str]) -> int:
        async with uow() as work:
            return len(await work.orders.lock_many([*wanted, "stranger"]))

    assert await asyncio.gather(*(lock(numbers[:: (-1) ** i]) for i in range(10))) == [20] * 10


async def test_an_early_event_and_its_order_never_miss_each_other(uow: SqlUnitOfWorkFactory) -> None:
    """Whoever comes second sees what the first one wrote, although neither had a row to lock."""
    arrived = asyncio.Event()

    async def intake() -> int:
        async with uow() as work:
            assert await work.orders.lock_many(["O1"]) == {}
            arrived.set()
            seen = await work.orders.events_of(["O1"])
            await asyncio.sleep(0.1)
            await work.orders.add_many([recorded(named("O1"))])
            await work.commit()
        return len(seen["O1"])

    async def report() -> bool:
        await arrived.wait()
        async with uow() as work:
            known = await work.orders.lock("O1")
            await work.orders.add_event("O1", _event("E1"), None, PLACED_AT)
            await work.commit()
        return known is not None

    assert await asyncio.gather(intake(), report()) == [0, True]


async def test_the_first_total_of_a_transaction_counts(uow: SqlUnitOfWorkFactory) -> None:
    """Another total is answered by order, within a batch and later; no total is no claim."""
    odd = shared("O2", 1_000, 6_000)
    silent = named("O3", order(tenders=(cash(1_000),)))
    async with uow() as work:
        assert await work.orders.register_transactions([shared("O1", 1_000, 5_000), odd, silent]) == {
            "O2": T1
        }
        await work.commit()
    async with uow() as work:
        assert await work.orders.register_transactions([odd, shared("O4", 1_000, 5_000)]) == {"O2": T1}
        assert await work.orders.register_transactions([silent]) == {}


async def test_no_total_of_a_clashing_order_is_kept(uow: SqlUnitOfWorkFactory) -> None:
    """Nor does it stand against the next order of the same batch that names the transaction."""
    two = (replace(cash(400, 4_000), transaction_id="T2"), cash(600, 6_000))
    clashing = named("O2", order(tenders=two))
    honest = named("O3", order(tenders=(replace(cash(1_000, 9_000), transaction_id="T2"),)))
    twice = named("O4", order(tenders=tuple(replace(cash(500, n), transaction_id="T3") for n in (700, 800))))
    t2, t3 = T1._replace(transaction_id="T2"), T1._replace(transaction_id="T3")
    async with uow() as work:
        await work.orders.register_transactions([shared("O1", 1_000, 5_000)])
        assert await work.orders.register_transactions([clashing, twice]) == {"O2": T1, "O4": t3}
        assert await work.orders.register_transactions([clashing, honest]) == {"O2": T1}
        book = await work.orders.book(recorded(honest), lock_transactions=True)
        assert book.transactions == {t2: Transaction(9_000, 0)}
        assert (await work.orders.book(recorded(twice), lock_transactions=True)).transactions == {}


async def test_two_providers_may_give_one_id_to_two_payments(uow: SqlUnitOfWorkFactory) -> None:
    """Each has its own total and its own spendings."""
    paid_by_card = replace(points(100), transaction_id="T1", transaction_total_fen=100)
    bought = order(tenders=(cash(900, 900), paid_by_card))
    await store(uow, bought)
    async with uow() as work:
        await work.orders.add_mall_refund("O1", "M1", MallRefund((300, 40), ()))
        book = await work.orders.book(recorded(bought), lock_transactions=True)
    assert book.transactions == {
        T1: Transaction(900, 300),
        TransactionKey("mall", "T1"): Transaction(100, 40),
    }
    assert [type(fen) for fen in book.spent_fen] == [int, int]


async def test_events_are_kept_once_known_order_or_not(uow: SqlUnitOfWorkFactory) -> None:
    """Every field survives; a repeated id changes nothing; an order without events has none."""
    told = OrderEvent("E2", OrderEventType.REFUNDED, PLACED_AT, "W1", "sf", ("A",), refunded_lines={"A": 2})
    async with uow() as work:
        assert await work.orders.add_event("early", told, {"note": ["x"]}, PLACED_AT)
        assert await work.orders.add_event("early", _event("E1"), "plain", PLACED_AT)
        assert not await work.orders.add_event("early", replace(told, waybill="other"), None, PLACED_AT)
        assert await work.orders.add_event("other", told, None, PLACED_AT)
        await work.commit()
    async with uow() as work:
        assert await work.orders.events_of(["early", "none"]) == {"early": [_event("E1"), told], "none": []}


async def test_events_of_a_request_s_parcel_are_set_aside(uow: SqlUnitOfWorkFactory) -> None:
    """They say nothing of the order, until given back; their waybill finds them, however written."""
    plain, mine = _event("E1"), replace(_event("E2"), waybill=" sf001 ")
    again, other = replace(_event("E3"), waybill="SF001"), replace(_event("E4"), waybill="SF002")
    async with uow() as work:
        for event in (plain, mine, again, other):
            assert await work.orders.add_event("O1", event, None, PLACED_AT)
        assert await work.orders.add_event("O9", mine, None, PLACED_AT)
        assert await work.orders.events_with_waybill("O1", "Sf001 ") == [mine, again]
        await work.orders.set_aside_events("O1", "sF001")
        await work.commit()
    late = replace(_event("E5"), waybill="SF001")
    async with uow() as work:
        assert await work.orders.add_event("O1", late, None, PLACED_AT, set_aside=True)
        assert not await work.orders.add_event("O1", late, None, PLACED_AT)
        assert await work.orders.events_of(["O1", "O9"]) == {"O1": [plain, other], "O9": [mine]}
        assert await work.orders.events_with_waybill("O1", " sf001") == [mine, again, late]
        assert await work.orders.events_with_waybill("O1", "SF003") == []
        await work.orders.give_back_events("O1", " sf001")
        assert await work.orders.events_of(["O1"]) == {"O1": [plain, mine, again, other, late]}


async def test_exchanged_units_are_remembered(uow: SqlUnitOfWorkFactory) -> None:
    """In the record and in the book; a later replacement of a unit counts, an earlier one does not."""
    await store(uow, named("O1", order(line("A", 3))), named("O2"))
    one, two, three = (Unit("A", n) for n in (1, 2, 3))
    told = [
        {two: PLACED_AT, one: PLACED_AT},
        {two: PLACED_AT + SOON, one: PLACED_AT - SOON},
        {three: PLACED_AT},
    ]
    for exchanged in [*told, {}]:
        async with uow() as work:
            await work.orders.lock("O1")
            await work.orders.mark_exchanged("O1", exchanged)
            await work.commit()
    async with uow() as work:
        record, other = await work.orders.get("O1"), await work.orders.get("O2")
        assert record is not None
        assert other is not None
        book = await work.orders.book(record, lock_transactions=False)
    assert record.exchanged_at == {one: PLACED_AT, two: PLACED_AT + SOON, three: PLACED_AT}
    assert book.exchanged_at == record.exchanged_at
    assert other.exchanged_at == {}


async def test_the_fold_is_saved_alone(uow: SqlUnitOfWorkFactory) -> None:
    """Nothing else of the order changes."""
    await store(uow, named("O1"))
    fold = Fulfilment(PLACED_AT, {"A": PLACED_AT}, {"A": PLACED_AT + SOON}, None)
    async with uow() as work:
        await work.orders.save_fulfilment("O1", fold)
        await work.commit()
    async with uow() as work:
        assert await work.orders.get("O1") == recorded(named("O1"), fulfilment=fold)


async def test_an_order_is_held_by_units_refunds_and_the_malls_own(uow: SqlUnitOfWorkFactory) -> None:
    """Each of the three alone freezes its amounts; a case that ended without a refund does not."""
    await store(uow, named("O1"), named("O2"), named("O3"))
    await open_case(uow, "O1", asking(("A", 1)))
    async with uow() as work:
        await work.orders.add_mall_refund("O2", "M1", MallRefund((10,), ()))
        await work.commit()
    async with uow() as work:
        held = [await work.orders.has_holdings(number) for number in ("O1", "O2", "O3")]
    assert held == [True, True, False]


@pytest.mark.rule("A4")
async def test_the_malls_own_refund_takes_units_and_counts_in_every_cap(uow: SqlUnitOfWorkFactory) -> None:
    """Its units are gone for good, its money is spent of the tender and of the transaction."""
    bought = order(line("A", 2, 500), tenders=(points(100), cash(900, 5_000)))
    await store(uow, bought)
    async with uow() as work:
        await work.orders.add_mall_refund("O1", "M1", MallRefund((0, 300), (Unit("A", 1),)))
        await work.commit()
    async with uow() as work:
        book = await work.orders.book(recorded(bought), lock_transactions=True)
        assert book.holdings == (Holding(Unit("A", 1), None, True),)
        assert book.spent_fen == (0, 300)
        assert book.transactions == {T1: Transaction(5_000, 300)}
        with pytest.raises(UnitsUnavailable):
            await work.orders.add_mall_refund("O1", "M2", MallRefund((0, 0), (Unit("A", 1),)))


@pytest.mark.rule("A4")
async def test_a_unit_the_mall_refunded_under_review_cannot_be_approved(uow: SqlUnitOfWorkFactory) -> None:
    """The mall takes the unit over from the undecided request, which is then refused and ends empty."""
    await store(uow, order(line("A", 1, 100), line("B", 1, 200)))
    case = await open_case(uow, "O1", asking(("A", 1)))
    async with uow() as work:
        await work.orders.lock("O1")
        await work.orders.add_mall_refund("O1", "M1", MallRefund((100,), (), taken_over=(Unit("A", 1),)))
        await work.commit()
    with pytest.raises(UnitsUnavailable):
        await command(uow, case.after_sales_no, Approve())
    await command(uow, case.after_sales_no, Reject("the mall refunded it"))
    async with uow() as work:
        record = await work.orders.lock("O1")
        assert record is not None
        book = await work.orders.book(record, lock_transactions=False)
    assert book.holdings == (Holding(Unit("A", 1), None, True),)


async def test_the_book_counts_what_was_paid_or_may_be(uow: SqlUnitOfWorkFactory) -> None:
    """Pending, unknown and succeeded legs stand in the caps; failed ones do not."""
    bought = order(line("A", 4, 250), tenders=(cash(600, 5_000), points(400)))
    await store(uow, bought, shared("O2", 700, 5_000))
    case = await open_case(uow, "O1", asking(("A", 2)))
    case = await command(uow, case.after_sales_no, Approve())
    neighbour = await open_case(uow, "O2", asking(("A", 1)))
    await command(uow, neighbour.after_sales_no, Approve())
    assert [leg.amount_fen for leg in case.legs] == [300, 200]

    assert await _spent(uow, bought) == ((300, 200), {T1: Transaction(5_000, 1_000)})
    async with uow() as work:
        assert await work.cases.mark_unclear(case.legs[0].refund_no, PLACED_AT)
        await work.commit()
    assert await _spent(uow, bought) == ((300, 200), {T1: Transaction(5_000, 1_000)})
    await _settle(uow, case, cash_paid=False)
    assert await _spent(uow, bought) == ((0, 200), {T1: Transaction(5_000, 700)})
    await _settle(uow, case, cash_paid=True)
    assert await _spent(uow, bought) == ((300, 200), {T1: Transaction(5_000, 1_000)})


async def _settle(uow: SqlUnitOfWorkFactory, case: AfterSalesCase, *, cash_paid: bool) -> None:
    await settled(uow, case, {case.legs[0].refund_no: cash_paid, case.legs[1].refund_no: True})


async def _spent(
    uow: SqlUnitOfWorkFactory, bought: Order
) -> tuple[tuple[int, ...], dict[TransactionKey, Transaction]]:
    async with uow() as work:
        without = await work.orders.book(recorded(bought), lock_transactions=False)
        book = await work.orders.book(recorded(bought), lock_transactions=True)
    assert without.transactions == {}
    assert without.spent_fen == book.spent_fen
    return book.spent_fen, dict(book.transactions)


def _event(event_id: str) -> OrderEvent:
    return OrderEvent(event_id, OrderEventType.COLLECTED, PLACED_AT - timedelta(hours=1))
