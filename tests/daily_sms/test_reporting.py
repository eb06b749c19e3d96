"""What a day came to: counted from its notices themselves, and told to operations where it is amiss."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mallcare.domain.daily_sms import DailyProblem
from mallcare.domain.errors import NotFound
from mallcare.domain.notices import NoticeStatus
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from tests.daily_sms.desk import DAY, HOUR, NINE, Desk

pytestmark = pytest.mark.rule("T4")
MINUTE = timedelta(minutes=1)
S = NoticeStatus


@pytest.fixture
async def planned(desk: Desk) -> Desk:
    """Four suppliers, each with a message that is to be sent."""
    for number in range(4):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.plan()
    return desk


async def missing(desk: Desk) -> OperationsTask | None:
    """The task about the day, if there ever was one."""
    tasks = await desk.tasks(TaskKind.DAILY_SMS_MISSING)
    assert len(tasks) <= 1, tasks
    return tasks[0] if tasks else None


async def test_a_report_waits_for_its_messages(planned: Desk) -> None:
    """As long as one is to be sent, asked about or without a receipt, and not for ever."""
    for status in ("waiting", "asking", "sent"):
        planned.became("delivered")
        planned.became(status, of="supplier-1")
        look = await planned.report(at=NINE + 10 * MINUTE)
        assert (look.ask_in, look.run.reported_at) == (10 * MINUTE, None)
    planned.became("delivered")
    look = await planned.report(at=NINE + 11 * MINUTE)
    assert (look.ask_in, look.run.reported_at) == (None, NINE + 11 * MINUTE)
    assert look.run.outcomes == {S.DELIVERED: 4}
    assert await missing(planned) is None


async def test_the_report_tells_what_the_notices_tell(planned: Desk) -> None:
    """By status, and why; of this day's daily messages alone."""
    next_day = DAY + timedelta(days=1)
    await planned.plan(next_day, NINE + 24 * HOUR)
    planned.rows.execute("UPDATE notices SET status = 'moot' WHERE facts->>'day' = '2026-03-06'")
    of_the_day = "facts->>'day' = '2026-03-05' AND supplier_id"
    for assignment, supplier_id in (
        ("status = 'delivered'", "supplier-0"),
        ("status = 'failed', error_code = 'isv.MOBILE_NUMBER_ILLEGAL'", "supplier-1"),
        ("status = 'unknown'", "supplier-2"),
        ("status = 'sent'", "supplier-3"),
    ):
        planned.rows.execute(
            f"UPDATE notices SET {assignment} WHERE {of_the_day} = %s".encode(), (supplier_id,)
        )
    assert (await planned.report(at=NINE + 119 * MINUTE)).ask_in == MINUTE
    run = (await planned.report(at=NINE + 120 * MINUTE)).run
    assert run.outcomes == {S.DELIVERED: 1, S.FAILED: 1, S.UNKNOWN: 1, S.SENT: 1}
    assert sum(run.outcomes.values()) == run.planned == 4
    assert run.problems == (
        DailyProblem("isv.MOBILE_NUMBER_ILLEGAL", 1, status="failed"),
        DailyProblem("unknown", 1, status="unknown"),
    )
    assert await planned.run() == run


async def test_a_report_is_written_once(planned: Desk) -> None:
    """What becomes of a message later changes nothing about what was reported."""
    planned.became("delivered")
    first = (await planned.report(at=NINE + MINUTE)).run
    planned.became("failed")
    again = await planned.report(at=NINE + HOUR)
    assert (again.run, again.ask_in) == (first, None)


async def test_what_failed_is_a_task(planned: Desk) -> None:
    """With the counts and the vendor's words; a person resolves it."""
    planned.became("delivered")
    planned.became("failed", "isv.AMOUNT_NOT_ENOUGH", of="supplier-1")
    planned.became("unknown", of="supplier-2")
    await planned.report(at=NINE + MINUTE)
    task = await missing(planned)
    assert task is not None
    assert (task.subject, task.status) == ("2026-03-05", TaskStatus.OPEN)
    assert task.facts == {
        "day": "2026-03-05",
        "missed": False,
        "failed": 1,
        "unknown": 1,
        "reasons": ["isv.AMOUNT_NOT_ENOUGH: 1", "unknown: 1"],
    }


async def test_what_was_never_sent_is_a_task_too(planned: Desk) -> None:
    """Nobody dispatches: after two hours the report says how many still wait."""
    run = (await planned.report(at=NINE + 2 * HOUR)).run
    task = await missing(planned)
    assert run.outcomes == {S.WAITING: 4}
    assert task is not None
    assert (task.facts["waiting"], task.facts["reasons"]) == (4, ["waiting: 4"])


async def test_a_missed_day_is_reported_as_missed(desk: Desk) -> None:
    """At once, for nobody waits for anything; and as a task."""
    await desk.overdue_supplier("supplier-1")
    await desk.plan(at=NINE + 12 * HOUR)
    look = await desk.report(at=NINE + 12 * HOUR)
    assert (look.run.missed, look.run.outcomes, look.ask_in) == (True, {}, None)
    task = await missing(desk)
    assert task is not None
    assert task.facts["missed"] is True


async def test_the_report_resolves_what_asked_for_it(planned: Desk) -> None:
    """The sweep missed it; it comes, all is well, and the task is done by itself."""
    watch = planned.watch()
    await watch(NINE)
    await watch(NINE + 3 * HOUR)
    task = await missing(planned)
    assert task is not None
    assert task.facts == {"day": "2026-03-05", "lacking": "reported"}
    planned.became("delivered")
    await planned.report(at=NINE + 3 * HOUR + MINUTE)
    task = await missing(planned)
    assert task is not None
    assert (task.status, task.resolved_by) == (TaskStatus.RESOLVED, "system:mallcare")


async def test_a_late_report_with_failures_asks_anew(planned: Desk) -> None:
    """The task that it was missing gives way to one that says what is in it."""
    watch = planned.watch()
    await watch(NINE)
    await watch(NINE + 3 * HOUR)
    planned.became("failed")
    await planned.report(at=NINE + 4 * HOUR)
    new, old = await planned.tasks(TaskKind.DAILY_SMS_MISSING)
    assert (new.status, old.status) == (TaskStatus.OPEN, TaskStatus.RESOLVED)
    assert new.facts["failed"] == 4


async def test_only_a_planned_day_can_be_reported(desk: Desk) -> None:
    """Neither one that nobody began nor one whose pages are not all written."""
    with pytest.raises(NotFound):
        await desk.report()
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    await desk.send.plan(DAY, NINE)
    with pytest.raises(NotFound):
        await desk.report()


async def test_days_follow_each_other(desk: Desk) -> None:
    """The first one at the next hour, then an unfinished one, then the one after the newest."""
    assert (await desk.send.next_turn(NINE + HOUR)).day == DAY + timedelta(days=1)
    await desk.plan()
    assert (await desk.send.next_turn(NINE + 50 * HOUR)).day == DAY
    await desk.report()
    assert (await desk.send.next_turn(NINE + 50 * HOUR)).day == DAY + timedelta(days=1)
