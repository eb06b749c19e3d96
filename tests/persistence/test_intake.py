"""Taking orders in: which snapshots have a say in the totals of payment transactions, and races of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from mallcare.application.caller import Caller
from mallcare.application.orders import IncomingOrder, IntakeResult, TakeInOrders
from mallcare.domain.book import Transaction
from mallcare.domain.commands import Approve
from mallcare.domain.errors import OrderFrozen, VersionConflict
from mallcare.domain.fulfilment import OrderEvent
from mallcare.domain.orders import Order
from mallcare.domain.vocabulary import OrderEventType, Role
from mallcare.gateways.system import SystemClock
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import PersonalData
from tests.domain.builders import PLACED_AT, T1, asking, cash, line, order
from tests.persistence.transactions import command, open_case

MALL = Caller(Role.MALL, "mall")


def paid(order_no: str, total_fen: int, version: int = 1) -> Order:
    """An order of 1,000 fen out of a payment of `total_fen`."""
    bought = order(line("A", 1, 1_000), tenders=(cash(1_000, total_fen),))
    return replace(bought, order_no=order_no, version=version)


async def sent(uow: SqlUnitOfWorkFactory, *orders: Order) -> list[IntakeResult]:
    """What became of a batch."""
    batch = [IncomingOrder(one, PersonalData(), f"{one.version}{one.tenders}") for one in orders]
    return await TakeInOrders(uow, SystemClock())(batch, MALL)


async def statuses(uow: SqlUnitOfWorkFactory, *orders: Order) -> list[str]:
    """The same, in a word each."""
    return [result.status for result in await sent(uow, *orders)]


async def total_of(uow: SqlUnitOfWorkFactory, order_no: str) -> Transaction | None:
    """The payment T1 as the book of an order has it."""
    async with uow() as work:
        record = await work.orders.lock(order_no)
        assert record is not None
        return (await work.orders.book(record, lock_transactions=True)).transactions.get(T1)


async def test_an_older_version_is_ignored_whatever_total_it_tells(uow: SqlUnitOfWorkFactory) -> None:
    """Late arrivals are no conflicts."""
    assert await statuses(uow, paid("O1", 5_000, version=2)) == ["applied"]
    assert await statuses(uow, paid("O1", 4_000, version=1)) == ["ignored"]
    assert await total_of(uow, "O1") == Transaction(5_000, 0)


async def test_a_refused_snapshot_leaves_no_total_behind(uow: SqlUnitOfWorkFactory) -> None:
    """Of an equal version with another body, and of an order whose units are held."""
    silent = paid("O1", 5_000)
    silent = replace(silent, tenders=(cash(1_000),))
    await sent(uow, silent)
    (refused,) = await sent(uow, paid("O1", 4_000))
    assert isinstance(refused.refusal, VersionConflict)
    await open_case(uow, "O1", asking(("A", 1)))
    (refused,) = await sent(uow, paid("O1", 3_000, version=2))
    assert isinstance(refused.refusal, OrderFrozen)
    assert await total_of(uow, "O1") is None
    assert await statuses(uow, paid("O2", 2_000)) == ["applied"]
    assert await total_of(uow, "O1") == Transaction(2_000, 0)


async def test_a_new_order_with_another_total_is_not_stored(uow: SqlUnitOfWorkFactory) -> None:
    """Within a batch as after it, and the order may come again."""
    results = await sent(uow, paid("O2", 5_000), paid("O1", 4_000), paid("O3", 5_000))
    assert [result.status for result in results] == ["applied", "refused", "applied"]
    refusal = results[1].refusal
    assert isinstance(refusal, VersionConflict)
    assert refusal.facts == {"provider": "wechat_pay", "transaction_id": "T1"}
    async with uow() as work:
        assert await work.orders.get("O1") is None
    assert await statuses(uow, paid("O1", 5_000)) == ["applied"]


async def test_a_newer_version_corrects_a_total_nothing_was_refunded_of(uow: SqlUnitOfWorkFactory) -> None:
    """The mall mistyped it; its other orders may go on telling what they told before."""
    await sent(uow, paid("O1", 50_000), paid("O2", 50_000))
    assert await statuses(uow, paid("O1", 5_000, version=2)) == ["applied"]
    assert await total_of(uow, "O2") == Transaction(5_000, 0)
    assert await statuses(uow, paid("O2", 50_000, version=2)) == ["applied"]
    assert await total_of(uow, "O2") == Transaction(5_000, 0)
    assert await statuses(uow, paid("O3", 50_000)) == ["refused"]


async def test_a_total_that_was_refunded_of_stays(uow: SqlUnitOfWorkFactory) -> None:
    """Somebody relied on it: by a refund leg of another order, or by the mall's own refund."""
    await sent(uow, paid("O1", 5_000), paid("O2", 5_000))
    case = await open_case(uow, "O2", asking(("A", 1)))
    await command(uow, case.after_sales_no, Approve())
    (refused,) = await sent(uow, paid("O1", 6_000, version=2))
    assert isinstance(refused.refusal, VersionConflict)
    assert await total_of(uow, "O1") == Transaction(5_000, 1_000)
    async with uow() as work:
        stored = await work.orders.get("O1")
    assert stored is not None
    assert stored.order.version == 1


@pytest.mark.rule("A4")
async def test_early_reports_of_the_malls_refunds_count_once_the_order_is_paid(
    uow: SqlUnitOfWorkFactory,
) -> None:
    """With the first paid version, be it the first of all, and never twice."""
    for order_no in ("O1", "O2"):
        async with uow() as work:
            report = OrderEvent("E1", OrderEventType.REFUNDED, PLACED_AT + timedelta(hours=1))
            await work.orders.add_event(order_no, report, None, PLACED_AT)
            await work.commit()
    unpaid = replace(paid("O1", 5_000), paid_at=None, tenders=())
    assert await statuses(uow, unpaid) == ["applied"]
    assert await statuses(uow, paid("O2", 5_000), paid("O1", 5_000, version=2)) == ["applied", "applied"]
    assert await statuses(uow, paid("O2", 5_000), paid("O1", 5_000, version=3)) == ["unchanged", "applied"]
    assert await total_of(uow, "O1") == Transaction(5_000, 2_000)
