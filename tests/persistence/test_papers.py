"""What people add to a request: addresses and evidence; and where suppliers take goods back."""

from __future__ import annotations

from datetime import timedelta

import psycopg

from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import AddressUse, CaseEvidence
from tests.domain.builders import CUSTOMER, OPERATIONS, PLACED_AT, SUPPLIER, asking, line, order
from tests.persistence.transactions import open_case, store

HOUR = timedelta(hours=1)


async def test_addresses_are_kept_and_the_newest_counts(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """Each use has its own; every earlier one stays on record with who named it."""
    await store(uow, order(line("A", 2)))
    case, other = [await open_case(uow, "O1", asking(("A", 1))) for _ in range(2)]
    first, second, back = {"name": "王", "city": "杭州"}, {"name": "李", "city": "上海"}, {"name": "仓库"}
    async with uow() as work:
        for use, address, actor in (
            (AddressUse.DELIVERY, first, CUSTOMER),
            (AddressUse.RETURN, back, SUPPLIER),
            (AddressUse.DELIVERY, second, OPERATIONS),
        ):
            await work.cases.add_address(case.after_sales_no, use, address, actor, PLACED_AT)
        await work.commit()
    async with uow() as work:
        addresses = await work.cases.addresses_of(case.after_sales_no)
        assert await work.cases.addresses_of(other.after_sales_no) == {}
    assert addresses == {AddressUse.DELIVERY: second, AddressUse.RETURN: back}
    rows = cleaner.execute("SELECT use, actor_role, actor_subject FROM case_addresses ORDER BY id").fetchall()
    assert rows == [
        ("delivery", "customer", "customer-1"),
        ("return", "supplier", "supplier-1"),
        ("delivery", "operations", "operations-1"),
    ]


async def test_evidence_is_kept_in_the_order_it_was_shown(uow: SqlUnitOfWorkFactory) -> None:
    """Pictures, a text, or both; of its own case alone."""
    await store(uow, order(line("A", 2)))
    case, other = [await open_case(uow, "O1", asking(("A", 1))) for _ in range(2)]
    shown = [
        CaseEvidence("request-evidence", CUSTOMER, PLACED_AT + HOUR, ("https://x/1", "https://x/2"), None),
        CaseEvidence("refuse", SUPPLIER, PLACED_AT, (), "划痕"),
    ]
    async with uow() as work:
        for evidence in shown:
            await work.cases.add_evidence(case.after_sales_no, evidence)
        await work.commit()
    async with uow() as work:
        assert await work.cases.evidence_of(case.after_sales_no) == shown
        assert await work.cases.evidence_of(other.after_sales_no) == []


async def test_a_supplier_s_last_word_on_its_return_address_counts(
    uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
) -> None:
    """Unknown until it is told; who told it last is kept."""
    async with uow() as work:
        assert await work.suppliers.return_address("supplier-1") is None
        await work.suppliers.set_return_address("supplier-1", {"name": "一"}, SUPPLIER, PLACED_AT)
        await work.suppliers.set_return_address("supplier-1", {"name": "二"}, OPERATIONS, PLACED_AT + HOUR)
        await work.commit()
    async with uow() as work:
        assert await work.suppliers.return_address("supplier-1") == {"name": "二"}
        assert await work.suppliers.return_address("supplier-2") is None
    row = cleaner.execute(
        "SELECT set_by_role, set_by_subject, set_at FROM supplier_return_addresses"
    ).fetchone()
    assert row == ("operations", "operations-1", PLACED_AT + HOUR)
