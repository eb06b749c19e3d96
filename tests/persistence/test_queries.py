from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Approve, Cancel
from mallcare.domain.errors import InvalidInput
from mallcare.domain.vocabulary import Kind, LegStatus, State
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import CaseDetails, CaseFilter, CaseRecord, OutgoingMessage
from tests.domain.builders import AFTER_COOLING_OFF, CUSTOMER, PLACED_AT, asking, line, order
from tests.persistence.transactions import REVIEWED_AT, command, open_case, settled, store

SECOND = timedelta(seconds=1)
ALL = CaseFilter()


async def numbers(queries: SqlCaseQueries, where: CaseFilter, limit: int = 100) -> list[str]:
    """The numbers of the first page."""
    return [record.case.after_sales_no for record in (await queries.cases(where, limit, None)).items]


async def several(uow: SqlUnitOfWorkFactory, count: int) -> list[AfterSalesCase]:
    """Cases of one order; each two of them were opened at the same instant."""
    await store(uow, order(line("A", 90)))
    return [
        await open_case(uow, "O1", asking(("A", 1)), now=AFTER_COOLING_OFF + i // 2 * SECOND)
        for i in range(count)
    ]


async def test_pages_neither_lose_nor_repeat_while_cases_arrive(
    uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries
) -> None:
    """Newest first, ties by number; what arrives during the walk is newer than its start."""
    cases = await several(uow, 11)
    expected = [case.after_sales_no for case in reversed(cases)]
    seen: list[str] = []
    cursor: str | None = None
    for turn in range(6):
        page = await queries.cases(ALL, 2, cursor)
        seen += [record.case.after_sales_no for record in page.items]
        await open_case(uow, "O1", asking(("A", 1)), now=AFTER_COOLING_OFF + (100 + turn) * SECOND)
        cursor = page.next_cursor
    assert seen == expected
    assert cursor is None


async def test_a_last_page_that_is_full_has_no_next(
    uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries
) -> None:
    """Nobody is sent to an empty page."""
    await several(uow, 4)
    assert (await queries.cases(ALL, 4, None)).next_cursor is None
    assert (await queries.cases(ALL, 3, None)).next_cursor is not None
    assert (await queries.cases(CaseFilter(order_no="none"), 3, None)).items == ()


async def test_listed_cases_are_whole(uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries) -> None:
    """With their legs and what the customer wrote."""
    await store(uow, order(line("A", 2)))
    details = CaseDetails("broken", ("https://x/1",))
    case = await open_case(uow, "O1", asking(("A", 2)), details=details)
    case = await command(uow, case.after_sales_no, Approve())
    assert (await queries.cases(ALL, 10, None)).items == (CaseRecord(case, details),)


async def test_each_filter_restricts(uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries) -> None:
    """And all of them together."""
    await store(
        uow,
        order(line("A", 2)),
        replace(order(), order_no="O2", supplier_id="supplier-2"),
        replace(order(), order_no="O3", customer_id="customer-3"),
    )
    one, same = [(await open_case(uow, "O1", asking(("A", 1)))).after_sales_no for _ in range(2)]
    two = (await open_case(uow, "O2", asking(("A", 1)))).after_sales_no
    three = (await open_case(uow, "O3", asking(("A", 1)))).after_sales_no
    await command(uow, same, Cancel(), CUSTOMER)
    assert await numbers(queries, ALL) == [three, two, same, one]
    assert await numbers(queries, CaseFilter(order_no="O1")) == [same, one]
    assert await numbers(queries, CaseFilter(supplier_id="supplier-2")) == [two]
    assert await numbers(queries, CaseFilter(customer_id="customer-3")) == [three]
    assert await numbers(queries, CaseFilter(state=State.CANCELLED)) == [same]
    assert await numbers(queries, CaseFilter(kind=Kind.REFUND_ONLY)) == [three, two, same, one]
    assert await numbers(queries, CaseFilter(kind=Kind.EXCHANGE)) == []
    assert await numbers(queries, CaseFilter("O1", "supplier-1", "customer-1", State.PENDING_REVIEW)) == [one]


async def test_overdue_is_past_the_deadline_or_escalated_and_not_ended(
    uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries
) -> None:
    """The deadline itself has passed (half-open); an ended case owes nothing."""
    cases = await several(uow, 4)
    due = cases[0].deadline_at
    assert due is not None
    escalated, ended = cases[2], cases[3]
    async with uow() as work:
        changed = replace(
            escalated, version=2, escalated_at=REVIEWED_AT, deadline_at=None, deadline_effect=None
        )
        await work.cases.save(escalated, changed, told=False)
        changed = replace(ended, version=2, state=State.REJECTED, escalated_at=REVIEWED_AT, deadline_at=None)
        await work.cases.save(ended, replace(changed, deadline_effect=None), told=False)
        await work.commit()
    on_time = [cases[1].after_sales_no, cases[0].after_sales_no]
    assert await numbers(queries, CaseFilter(overdue_at=due - SECOND)) == [escalated.after_sales_no]
    assert await numbers(queries, CaseFilter(overdue_at=due)) == [escalated.after_sales_no, *on_time]


@pytest.mark.parametrize(
    "broken",
    ["", "x", "!!!", "字", "a" * 5_000]
    + [
        base64.urlsafe_b64encode(json.dumps(body).encode()).decode()
        for body in (1, [], ["", 1, "x"], ["?", "1", "x"], {"a": 1}, [None] * 3, ["0" * 8, 10**40, "x"])
    ],
)
async def test_a_cursor_made_elsewhere_is_refused(queries: SqlCaseQueries, broken: str) -> None:
    """Whatever it says."""
    with pytest.raises(InvalidInput):
        await queries.cases(ALL, 2, broken)


async def test_a_cursor_belongs_to_its_list(uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries) -> None:
    """Another filter refuses it; a later look at the same overdue list does not."""
    await several(uow, 3)
    cursor = (await queries.cases(ALL, 2, None)).next_cursor
    with pytest.raises(InvalidInput):
        await queries.cases(CaseFilter(order_no="O1"), 2, cursor)
    overdue = CaseFilter(overdue_at=REVIEWED_AT + timedelta(days=9))
    cursor = (await queries.cases(overdue, 2, None)).next_cursor
    page = await queries.cases(CaseFilter(overdue_at=REVIEWED_AT + timedelta(days=10)), 2, cursor)
    assert len(page.items) == 1


async def test_a_forged_place_is_no_way_around(uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries) -> None:
    """Impossible instants and characters in a cursor of the right list are refused, not a server's error."""
    await several(uow, 3)
    cursor = (await queries.cases(ALL, 2, None)).next_cursor
    assert cursor is not None
    name = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[0]
    for at, number in (
        (10**30, "x"),
        (-(10**17) * 9, "x"),
        (1, "\0"),
        (1, "\ud800"),
        (True, "x"),
        (1.5, "x"),
    ):
        forged = base64.urlsafe_b64encode(json.dumps([name, at, number]).encode()).decode()
        with pytest.raises(InvalidInput):
            await queries.cases(ALL, 2, forged)


async def test_figures_count_everything_once(uow: SqlUnitOfWorkFactory, queries: SqlCaseQueries) -> None:
    """Every state and status is named, so that a gauge goes back to zero."""
    cases = await several(uow, 4)
    paid = await command(uow, cases[0].after_sales_no, Approve())
    await command(uow, cases[1].after_sales_no, Approve())
    await settled(uow, paid, {paid.legs[0].refund_no: True})
    by_state = await queries.cases_by_state()
    assert set(by_state) == set(State)
    assert {state: count for state, count in by_state.items() if count} == {
        State.COMPLETED: 1,
        State.REFUNDING: 1,
        State.PENDING_REVIEW: 2,
    }
    by_status = await queries.refunds_by_status()
    assert set(by_status) == set(LegStatus)
    assert {status: count for status, count in by_status.items() if count} == {
        LegStatus.SUCCEEDED: 1,
        LegStatus.PENDING: 1,
    }
    assert await queries.unhealed_hints(AFTER_COOLING_OFF) == 0
    assert await queries.unhealed_hints(REVIEWED_AT + SECOND) == 3
    assert await queries.pending_messages() == 0
    async with uow() as work:
        await work.outbox.add([OutgoingMessage("m1", "s", "t", PLACED_AT, {})])
        await work.commit()
    assert await queries.pending_messages() == 1
