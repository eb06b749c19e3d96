"""Goods of a request as stored: parcels, waybills, units held in part."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from mallcare.domain.after_sales import AfterSalesCase, disarm
from mallcare.domain.book import Unit
from mallcare.domain.commands import Approve, Cancel, Reject
from mallcare.domain.inspection import Counts
from mallcare.domain.mall_refunds import MallRefund
from mallcare.domain.parcels import Parcel
from mallcare.domain.quotes import CaseLine
from mallcare.domain.reconciliation import BillDay
from mallcare.domain.refunds import LegOutcome, settle, settled_offline
from mallcare.domain.vocabulary import Kind, LegStatus, ParcelPurpose, State
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from tests.domain.builders import CUSTOMER, asking, line, order
from tests.persistence.test_cases import held
from tests.persistence.transactions import REVIEWED_AT, command, open_case, read, saved, store

HOUR = timedelta(hours=1)
BACK = Parcel(ParcelPurpose.RETURN, "sf", "SF1", REVIEWED_AT)
THERE = Parcel(ParcelPurpose.RESHIPMENT, "yto", "YT2", REVIEWED_AT + HOUR)


@contextmanager
def statements(engine: AsyncEngine) -> Iterator[list[str]]:
    """What is asked of the database inside the block."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def an_exchange(uow: SqlUnitOfWorkFactory, order_no: str = "O1", quantity: int = 1) -> AfterSalesCase:
    """A new exchange of units of line A."""
    return await open_case(uow, order_no, asking(("A", quantity), kind=Kind.EXCHANGE))


def completed(case: AfterSalesCase) -> AfterSalesCase:
    """The case at its end."""
    return replace(disarm(case), state=State.COMPLETED)


class TestParcels:
    """One row for each purpose, beside the case."""

    async def test_parcels_follow_their_case(self, uow: SqlUnitOfWorkFactory) -> None:
        """Added, tracked, replaced by one with another waybill: each as the domain left it."""
        await store(uow, order())
        case = await an_exchange(uow)
        case = await saved(uow, case, replace(case, parcels=(BACK,)))
        assert case.parcels == (BACK,)
        signed = replace(BACK, moved_at=REVIEWED_AT + HOUR, signed_at=REVIEWED_AT + 2 * HOUR)
        case = await saved(uow, case, replace(case, parcels=(signed, THERE)))
        assert case.parcels == (signed, THERE)
        other = replace(THERE, waybill="YT3", sent_at=REVIEWED_AT + 3 * HOUR, abnormal_at=REVIEWED_AT)
        case = await saved(uow, case, replace(case, parcels=(signed, other)))
        assert case.parcels == (signed, other)

    async def test_a_parcel_s_row_names_its_parties(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """So that a waybill alone tells whose it is; only what changed is written."""
        await store(uow, order())
        case = await an_exchange(uow)
        case = await saved(uow, case, replace(case, parcels=(BACK, THERE)))
        query = "SELECT purpose, order_no, supplier_id, customer_id, xmin::text FROM case_parcels ORDER BY 1"
        there, back = cleaner.execute(query).fetchall()
        assert there[:4] == ("reshipment", "O1", "supplier-1", "customer-1")
        assert back[:4] == ("return", "O1", "supplier-1", "customer-1")
        moved = replace(THERE, moved_at=REVIEWED_AT + 2 * HOUR)
        await saved(uow, case, replace(case, parcels=(BACK, moved)))
        after_there, after_back = cleaner.execute(query).fetchall()
        assert after_back == back
        assert after_there != there

    async def test_a_case_without_parcels_asks_the_database_no_more(
        self, uow: SqlUnitOfWorkFactory, engine: AsyncEngine
    ) -> None:
        """A refund-only is read in one statement, and approved with its row, its legs and its units."""
        await store(uow, order())
        case = await open_case(uow, "O1", asking(("A", 1)))
        with statements(engine) as asked:
            await read(uow, case.after_sales_no)
        assert len(asked) == 1
        with statements(engine) as asked:
            await command(uow, case.after_sales_no, Approve())
        written = [one.split()[:3] for one in asked if not one.startswith("SELECT")]
        assert [" ".join(words) for words in written] == [
            "UPDATE after_sales SET",
            "INSERT INTO refund_legs",
            "UPDATE unit_holdings SET",
            "INSERT INTO after_sales_events",
        ]

    async def test_cases_are_found_by_waybill(self, uow: SqlUnitOfWorkFactory) -> None:
        """All of the order that sent something with it, ended ones too, with everything they hold."""
        await store(uow, order(line("A", 3)), replace(order(), order_no="O2"))
        first, second, third = [await an_exchange(uow) for _ in range(3)]
        foreign = await an_exchange(uow, "O2")
        first = await saved(uow, first, replace(first, parcels=(BACK,)))
        second = await saved(uow, second, replace(completed(second), parcels=(BACK, THERE)))
        await saved(uow, third, replace(third, parcels=(THERE,)))
        await saved(uow, foreign, replace(foreign, parcels=(BACK,)))
        async with uow() as work:
            await work.orders.lock("O1")
            found = await work.cases.with_waybill("O1", "SF1")
            assert await work.cases.with_waybill("O1", "SF9") == []
        assert [record.case for record in found] == [
            (await read(uow, case.after_sales_no)).case for case in (first, second)
        ]

    async def test_cases_are_found_by_a_waybill_they_replaced(self, uow: SqlUnitOfWorkFactory) -> None:
        """A parcel that was lost and sent again is the request's under either waybill; it blocks nobody."""
        await store(uow, order(line("A", 2)))
        case, other = await an_exchange(uow), await an_exchange(uow)
        again = replace(THERE, waybill="YT4", former_waybills=("YT2", "YT3"))
        case = await saved(uow, case, replace(case, parcels=(BACK, again)))
        await saved(uow, other, replace(other, parcels=(replace(BACK, waybill="YT"),)))
        async with uow() as work:
            await work.orders.lock("O1")
            for waybill in ("SF1", "YT2", "YT3", "YT4"):
                assert [record.case for record in await work.cases.with_waybill("O1", waybill)] == [case]
            assert await work.cases.claim_waybill("YT3", "supplier-2", "customer-2")
            assert not await work.cases.claim_waybill("YT4", "supplier-2", "customer-2")

    @pytest.mark.rule("A3")
    async def test_a_waybill_belongs_to_one_customer_and_one_supplier(
        self, uow: SqlUnitOfWorkFactory
    ) -> None:
        """Their own requests may share it, also after one of them has ended; nobody else may use it."""
        await store(uow, order())
        case = await an_exchange(uow)
        await saved(uow, case, replace(completed(case), parcels=(BACK,)))
        claims = [("supplier-1", "customer-1"), ("supplier-2", "customer-1"), ("supplier-1", "customer-2")]
        async with uow() as work:
            answers = [await work.cases.claim_waybill("SF1", *parties) for parties in claims]
            assert await work.cases.claim_waybill("SF2", "supplier-2", "customer-2")
        assert answers == [True, False, False]


async def test_live_cases_of_an_order_are_locked(uow: SqlUnitOfWorkFactory) -> None:
    """Those that have not ended, in ascending order, whole."""
    await store(uow, order(line("A", 4)), replace(order(), order_no="O2"))
    one, ended, two = [await an_exchange(uow) for _ in range(3)]
    await an_exchange(uow, "O2")
    await command(uow, ended.after_sales_no, Cancel(), CUSTOMER)
    one = await saved(uow, one, replace(one, parcels=(BACK,)))
    async with uow() as work:
        await work.orders.lock("O1")
        found = await work.cases.live_of_order("O1")
        assert await work.cases.live_of_order("nobody's") == []
        async with uow() as other:
            checked = await other.cases.least_recently_checked(REVIEWED_AT, 10)
    assert [record.case for record in found] == [one, two]
    assert not {one.after_sales_no, two.after_sales_no} & {case.after_sales_no for case in checked}


class TestHoldings:
    """Units after an inspection: accepted, refused, missing."""

    async def inspected(self, uow: SqlUnitOfWorkFactory, **changes: Any) -> AfterSalesCase:
        """Of five units two were accepted, two go back, one is missing."""
        await store(uow, order(line("A", 5, 1_000)))
        case = await open_case(uow, "O1", asking(("A", 5), kind=Kind.RETURN_REFUND))
        lines = (CaseLine("A", (1, 2, 3, 4, 5), 2, Counts(good=2, damaged=2, missing=1)),)
        return await saved(uow, case, replace(case, lines=lines, **changes))

    @pytest.mark.rule("A4")
    async def test_a_missing_unit_is_free_and_a_refused_one_is_not(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """Nothing is decided as long as no refund is."""
        case = await self.inspected(uow, state=State.RETURNING_TO_CUSTOMER)
        assert await held(cleaner) == {("A", n): (case.after_sales_no, False) for n in (1, 2, 3, 4)}

    @pytest.mark.rule("A4")
    async def test_only_accepted_units_are_decided(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """Refused ones are held until the end, and free then; decided ones are gone for good."""
        case = await self.inspected(uow, state=State.REFUNDING, refund_decided_at=REVIEWED_AT)
        mine = case.after_sales_no
        decided = {("A", 1): (mine, True), ("A", 2): (mine, True)}
        assert await held(cleaner) == decided | {("A", 3): (mine, False), ("A", 4): (mine, False)}
        await saved(uow, case, completed(case))
        assert await held(cleaner) == decided

    @pytest.mark.rule("A4")
    async def test_units_become_decided_after_the_inspection(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """Where the replacement is out of stock, the refund is decided long after units were accepted."""
        case = await self.inspected(uow, state=State.OUT_OF_STOCK)
        freight = replace(case.quote, freight=tuple(1 for _ in case.quote.tenders))
        refunding = replace(case, state=State.REFUNDING, refund_decided_at=REVIEWED_AT, quote=freight)
        await saved(uow, case, refunding)
        mine = case.after_sales_no
        assert await held(cleaner) == {
            ("#freight", 1): (mine, True),
            ("A", 1): (mine, True),
            ("A", 2): (mine, True),
            ("A", 3): (mine, False),
            ("A", 4): (mine, False),
        }

    @pytest.mark.rule("A4")
    async def test_a_completed_exchange_gives_its_units_back(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """The replacement can be asked for again."""
        await store(uow, order(line("A", 2)))
        case = await an_exchange(uow, quantity=2)
        await saved(uow, case, completed(case))
        assert await held(cleaner) == {}
        assert await an_exchange(uow, quantity=2)

    @pytest.mark.rule("A4")
    async def test_what_the_mall_took_over_stays_the_mall_s(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """However the request goes on: saved, inspected without the unit, decided for the others, ended."""
        await store(uow, order(line("A", 4, 1_000)))
        case = await open_case(uow, "O1", asking(("A", 3), kind=Kind.RETURN_REFUND))
        async with uow() as work:
            await work.orders.lock("O1")
            await work.orders.add_mall_refund("O1", "M1", MallRefund((1_000,), (), (Unit("A", 3),)))
            await work.commit()
        mine, malls = case.after_sales_no, {("A", 3): (None, True)}
        lines = (CaseLine("A", (1, 2, 3), 2, Counts(good=3)),)
        case = await saved(uow, case, replace(case, lines=lines, state=State.INSPECTING))
        assert await held(cleaner) == malls | {("A", 1): (mine, False), ("A", 2): (mine, False)}
        case = await saved(uow, case, replace(case, state=State.REFUNDING, refund_decided_at=REVIEWED_AT))
        decided = malls | {("A", 1): (mine, True), ("A", 2): (mine, True)}
        assert await held(cleaner) == decided
        await saved(uow, case, completed(case))
        assert await held(cleaner) == decided

    @pytest.mark.rule("A4")
    async def test_a_request_that_lost_a_unit_ends_without_it(
        self, uow: SqlUnitOfWorkFactory, cleaner: psycopg.Connection
    ) -> None:
        """Its other units are free again, the mall's is not."""
        await store(uow, order(line("A", 2, 1_000)))
        case = await open_case(uow, "O1", asking(("A", 2), kind=Kind.RETURN_REFUND))
        async with uow() as work:
            await work.orders.lock("O1")
            await work.orders.add_mall_refund("O1", "M1", MallRefund((1_000,), (), (Unit("A", 1),)))
            await work.commit()
        await command(uow, case.after_sales_no, Reject("no"))
        assert await held(cleaner) == {("A", 1): (None, True)}


async def test_a_kind_can_change_with_an_accepted_proposal(uow: SqlUnitOfWorkFactory) -> None:
    """What the customer asked for at first does not bind the row."""
    await store(uow, order())
    case = await an_exchange(uow)
    assert (await saved(uow, case, replace(case, kind=Kind.REFUND_ONLY))).kind is Kind.REFUND_ONLY


@pytest.mark.rule("P3")
async def test_no_bill_owes_a_leg_that_was_settled_offline(uow: SqlUnitOfWorkFactory) -> None:
    """It stays paid in our books; to its vendor it is refused, so that a bill which has it paid differs."""
    await store(uow, order(line("A", 2)))
    cases = [
        await command(uow, (await open_case(uow, "O1", asking(("A", 1)))).after_sales_no, Approve())
        for _ in range(2)
    ]
    failed = settle(cases[0].legs[0], LegOutcome(cases[0].legs[0].refund_no, False, "GONE"), REVIEWED_AT)
    paid = settle(cases[1].legs[0], LegOutcome(cases[1].legs[0].refund_no, True), REVIEWED_AT)
    assert failed is not None
    assert paid is not None
    offline = settled_offline(failed, REVIEWED_AT)
    stored = await saved(uow, cases[0], replace(cases[0], legs=(offline,)))
    await saved(uow, cases[1], replace(cases[1], legs=(paid,)))
    assert stored.legs == (offline,)
    day = BillDay((REVIEWED_AT + 8 * HOUR).date())
    async with uow() as work:
        due = await work.reconciliations.legs("wechat_pay", [], day)
        named = await work.reconciliations.legs("wechat_pay", [offline.refund_no], day)
    assert [leg.refund_no for leg in due] == [paid.refund_no]
    seen = {leg.refund_no: leg.status for leg in named}
    assert seen == {offline.refund_no: LegStatus.FAILED, paid.refund_no: LegStatus.SUCCEEDED}
