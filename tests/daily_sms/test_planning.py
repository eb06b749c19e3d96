"""Who is told what, and at most once: counts per supplier, page by page, whoever is killed in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mallcare.application.daily_sms import SendDailySms
from mallcare.domain.clocks import ClockEventKind
from mallcare.domain.contacts import ContactRole
from mallcare.domain.daily_sms import CONTACTS_MISSING, MISSED, DailyProblem, DailyTimes
from mallcare.domain.metrics import STAGES, Metric
from mallcare.domain.notices import NoticeKind, stale
from mallcare.domain.tasks import TaskKind
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWork
from mallcare.ports import NoticeFilter, UnitOfWork
from tests.daily_sms.desk import DAY, HOUR, NINE, PHONE, Desk

pytestmark = pytest.mark.rule("T4")


async def test_orders_and_requests_are_counted_each_once(desk: Desk) -> None:
    """An order with two late lines is one order, a request late in two stages one request; nothing else
    counts: neither what is in time, nor what has ended, nor parcels that are stuck."""
    await desk.contact("supplier-1")
    order = await desk.clock("supplier-1")
    await desk.clock("supplier-1", subject=order, part="2")
    await desk.clock("supplier-1")
    case = await desk.clock("supplier-1", Metric.REVIEW)
    await desk.clock("supplier-1", Metric.INSPECTION, subject=case)
    await desk.clock("supplier-1", late=-HOUR)
    await desk.clock("supplier-1", late=timedelta(0))
    await desk.clock("supplier-1", Metric.REVIEW, late=-HOUR)
    await desk.clock("supplier-1", end=ClockEventKind.FULFIL)
    await desk.clock("supplier-1", end=ClockEventKind.PAUSE)
    await desk.clock("supplier-1", Metric.ABNORMAL_DELIVERY)
    run = await desk.plan()
    assert desk.told() == {("supplier-1", "boss"): (2, 1)}
    assert (run.suppliers, run.planned) == (1, 1)


@pytest.mark.parametrize("metric", STAGES)
async def test_every_stage_of_a_request_counts(desk: Desk, metric: Metric) -> None:
    """A supplier with nothing else is told of it."""
    await desk.contact("supplier-1")
    await desk.clock("supplier-1", metric)
    await desk.plan()
    assert desk.told() == {("supplier-1", "boss"): (0, 1)}


async def test_nobody_is_told_of_nothing(desk: Desk) -> None:
    """Unless the supplier's own policy says so."""
    for supplier_id in ("supplier-1", "supplier-2", "supplier-3"):
        await desk.contact(supplier_id)
        await desk.clock(supplier_id, late=-HOUR)
    await desk.tell_when_zero("supplier-2")
    run = await desk.plan()
    assert desk.told() == {("supplier-2", "boss"): (0, 0)}
    assert (run.suppliers, run.planned, run.problems) == (3, 1, ())


async def test_every_principal_is_told_and_nobody_else(desk: Desk) -> None:
    """Staff are not, nor a principal without a phone where another one has one, nor a shared phone twice."""
    await desk.clock("supplier-1")
    await desk.contact("supplier-1", "ann")
    await desk.contact("supplier-1", "bob", phone="13987654321")
    await desk.contact("supplier-1", "bea", phone=f"+86{PHONE}")
    await desk.contact("supplier-1", "cat", phone=None)
    await desk.contact("supplier-1", "dan", role=ContactRole.STAFF)
    run = await desk.plan()
    assert set(desk.told()) == {("supplier-1", "ann"), ("supplier-1", "bob")}
    assert (run.planned, run.problems) == (2, ())


async def test_a_message_is_an_sms_without_personal_data(desk: Desk) -> None:
    """To be sent at once, known by supplier, contact and day; its facts are counts."""
    await desk.overdue_supplier("supplier-1")
    await desk.plan()
    row = desk.rows.execute(
        "SELECT channel, status, once, facts, created_at, next_attempt_at, notices::text FROM notices"
    ).fetchone()
    assert row is not None
    assert row[:3] == ("sms", "waiting", "daily-sms:supplier-1:boss:2026-03-05")
    until = "2026-03-05T13:00:00+00:00"
    assert row[3] == {"day": "2026-03-05", "orders": 1, "after_sales": 0, "until": until}
    assert row[4] == row[5] == NINE
    assert PHONE not in row[6]
    assert "林小满" not in row[6]


async def test_it_is_in_the_notification_centre_too(desk: Desk) -> None:
    """Once a day for each principal, with or without a phone; for nobody else, and not of nothing."""
    await desk.clock("supplier-1")
    await desk.contact("supplier-1", "ann")
    await desk.contact("supplier-1", "cat", phone=None)
    await desk.contact("supplier-1", "dan", role=ContactRole.STAFF)
    await desk.contact("supplier-2")
    for day in (DAY, DAY, DAY + timedelta(days=1)):
        await desk.plan(day, NINE + (day - DAY))
    rows = desk.rows.execute(
        "SELECT audience, owner, reader, kind, link, facts FROM notifications ORDER BY id LIMIT 2"
    ).fetchall()
    link = "/v1/boards/timeliness/rows?supplier_id=supplier-1&state=overdue"
    facts = {"day": "2026-03-05", "orders": 1, "after_sales": 0}
    told = ("staff", "supplier-1", "daily_sms", link, facts)
    assert [(row[0], row[1], *row[3:]) for row in rows] == [told, told]
    boxes = desk.rows.execute("SELECT reader, count(*) FROM notifications GROUP BY 1 ORDER BY 1").fetchall()
    assert boxes == [("ann", 2), ("cat", 2)]


async def test_a_supplier_that_cannot_be_reached_is_a_task(desk: Desk) -> None:
    """With nobody, with staff alone, or with a principal without a phone; not where nothing is overdue."""
    await desk.clock("supplier-1")
    await desk.clock("supplier-2")
    await desk.contact("supplier-2", role=ContactRole.STAFF)
    await desk.clock("supplier-3", Metric.REVIEW)
    await desk.contact("supplier-3", phone=None)
    await desk.clock("supplier-4", late=-HOUR)
    await desk.tell_when_zero("supplier-4")
    run = await desk.plan()
    assert desk.told() == {}
    suppliers = ["supplier-1", "supplier-2", "supplier-3"]
    assert run.problems == tuple(DailyProblem(CONTACTS_MISSING, supplier_id=one) for one in suppliers)
    tasks = await desk.tasks(TaskKind.CONTACTS_MISSING)
    assert sorted(task.subject for task in tasks) == suppliers
    assert next(t.facts for t in tasks if t.subject == "supplier-3") == {
        "supplier_id": "supplier-3",
        "day": "2026-03-05",
        "orders": 0,
        "after_sales": 1,
    }
    await desk.plan(DAY + timedelta(days=1), NINE + 24 * HOUR)
    assert len(await desk.tasks(TaskKind.CONTACTS_MISSING)) == 3 + 1


async def test_every_supplier_comes_up_once_in_pages(desk: Desk) -> None:
    """With contacts alone, with clocks of any metric alone, with both: pages of two, each supplier once."""
    expected = set[str]()
    for number, metric in enumerate([*Metric, None]):
        supplier_id = f"supplier-{number}"
        expected.add(supplier_id)
        if metric is not None:
            await desk.clock(supplier_id, metric)
            await desk.clock(supplier_id, metric)
        await desk.contact(supplier_id)
        await desk.tell_when_zero(supplier_id)
    await desk.clock("supplier-ended", end=ClockEventKind.FULFIL)
    pages = 0
    while (run := await desk.send.plan(DAY, NINE)).planned_at is None:
        pages += 1
    assert pages == 3
    assert {supplier_id for supplier_id, _ in desk.told()} == expected
    assert run.suppliers == run.planned == len(expected) == 7


async def test_a_day_without_anybody_is_planned(desk: Desk) -> None:
    """An empty platform has its report, too."""
    run = await desk.plan()
    assert (run.suppliers, run.planned, run.planned_at) == (0, 0, NINE)


async def test_a_repeated_plan_writes_nothing_twice(desk: Desk) -> None:
    """After its end, beside another one, and where the notes of an attempt were lost but its messages not."""
    for number in range(5):
        await desk.overdue_supplier(f"supplier-{number}")
    await asyncio.gather(desk.plan(), desk.plan(), desk.plan())
    planned = await desk.run()
    assert planned is not None
    assert (planned.suppliers, planned.planned, len(desk.told())) == (5, 5, 5)
    assert await desk.plan(at=NINE + HOUR) == planned
    desk.rows.execute("DELETE FROM daily_sms_runs")
    again = await desk.plan(at=NINE + HOUR)
    assert (again.suppliers, again.planned, len(desk.told())) == (5, 0, 5)


async def test_who_is_killed_between_two_pages_goes_on_there(desk: Desk) -> None:
    """Whoever comes after it looks at no supplier again; one that joined behind the page is told, too."""
    for number in range(5):
        await desk.overdue_supplier(f"supplier-{number}")
    first = await desk.send.plan(DAY, NINE)
    assert (first.suppliers, first.cursor, first.planned_at) == (2, "supplier-1", None)
    await desk.overdue_supplier("supplier-0a")
    await desk.overdue_supplier("supplier-2a")
    run = await Desk(desk.engine, desk.rows, page=2).plan(at=NINE + HOUR)
    assert run.suppliers == run.planned == 6
    assert {supplier_id for supplier_id, _ in desk.told()} == {f"supplier-{n}" for n in range(5)} | {
        "supplier-2a"
    }


class Killed(Exception):
    """As if the process had ended here."""


class DiesBeforeCommit(SqlUnitOfWork):
    """A process that is killed when all of its page is written."""

    async def commit(self) -> None:
        raise Killed


async def test_who_is_killed_in_a_page_leaves_nothing_of_it(desk: Desk) -> None:
    """Messages, counts and cursor are one transaction: the page is done again as a whole."""
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.send.plan(DAY, NINE)

    def dying() -> UnitOfWork:
        return DiesBeforeCommit(desk.engine, PolicyCache(), TimelinessCache())

    with pytest.raises(Killed):
        await SendDailySms(dying, TimeOrderedIds(), page=2).plan(DAY, NINE)
    assert len(desk.told()) == 2
    run = await desk.plan()
    assert (run.suppliers, run.planned, len(desk.told())) == (3, 3, 3)


async def test_caught_up_until_the_latest_hour(desk: Desk) -> None:
    """At three in the afternoon and at eight sharp the day's messages still go out."""
    await desk.overdue_supplier("supplier-1")
    await desk.plan(at=NINE + 6 * HOUR)
    next_day = DAY + timedelta(days=1)
    run = await desk.plan(next_day, NINE + 35 * HOUR)
    assert len(desk.told()) == len(desk.told(next_day)) == 1
    assert not run.missed


async def test_nobody_is_told_in_the_night(desk: Desk) -> None:
    """At nine in the evening the day is left out, and says so; a plan that was half done stops."""
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.send.plan(DAY, NINE)
    run = await desk.plan(at=NINE + 12 * HOUR)
    assert (run.planned, len(desk.told()), run.missed) == (2, 2, True)
    next_day = DAY + timedelta(days=1)
    run = await desk.plan(next_day, NINE + 36 * HOUR)
    assert (run.suppliers, desk.told(next_day)) == (0, {})
    assert run.problems == (DailyProblem(MISSED),)


async def test_a_days_messages_last_until_its_own_evening(desk: Desk) -> None:
    """In another zone than Beijing's too, where that is the next day in China: an hour after the latest."""
    await desk.overdue_supplier("supplier-1")
    send = SendDailySms(desk.uow, TimeOrderedIds(), DailyTimes(17, 20, "Europe/London"))
    await send.plan(DAY, NINE + 16 * HOUR)
    async with desk.uow() as uow:
        page = await uow.notices.page(NoticeFilter(kind=NoticeKind.DAILY_SMS), 10, None)
    [notice] = [stored.notice for stored in page.items]
    assert not stale(notice, NINE + 20 * HOUR - timedelta(microseconds=1))
    assert stale(notice, NINE + 20 * HOUR)
