"""A day's bill, read from the vendor over HTTP, against our books: what differs becomes a task, once."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from mallcare.domain.errors import NotFound
from mallcare.domain.tasks import OperationsTask, TaskKind, TaskStatus
from mallcare.ports import GatewayError, ReconciliationRun, TaskFilter
from tests.reconciliation.conftest import DAY, Shop, reading

pytestmark = pytest.mark.rule("P3")


async def tasks(shop: Shop) -> dict[str, OperationsTask]:
    """Every task by the difference and the refund it is about."""
    async with shop.uow() as work:
        page = await work.tasks.page(TaskFilter(), 100, None)
    return {f"{task.facts.get('difference')} {task.facts.get('refund_no')}": task for task in page.items}


async def report(shop: Shop) -> ReconciliationRun:
    """The day's stored run."""
    async with shop.uow() as work:
        (run,) = await work.reconciliations.of_day(DAY)
    return run


async def test_books_that_agree_differ_in_nothing(shop: Shop) -> None:
    """Counts are kept, no task is opened; neither for a refund that never reached the vendor."""
    for fen in (700, 1, 100_000):
        await shop.refunded(fen)
    await shop.approved(500)
    result = await shop.reconcile("wechat_pay", DAY)
    assert (result.billed, result.due, result.different) == (3, 3, 0)
    run = await report(shop)
    assert (run.merchant, run.failure_code, run.result) == (shop.wechat.keys.merchant.mchid, None, result)
    assert await tasks(shop) == {}


async def test_a_bill_that_lacks_doubles_and_changes_rows(shop: Shop) -> None:
    """Each change is found as what it is, with both sides' figures, and the untouched refund is not."""
    lacking, doubled, changed, other, untouched = [await shop.refunded(100 * n) for n in (1, 2, 3, 4, 5)]

    def edit(rows: list[str]) -> list[str]:
        kept = [row for row in rows if lacking.refund_no not in row]
        kept += [row for row in kept if doubled.refund_no in row]
        kept = [row.replace("`3.00", "`3.01") if changed.refund_no in row else row for row in kept]
        kept = [row.replace("`SUCCESS", "`FAIL") if other.refund_no in row else row for row in kept]
        return [*kept, kept[0].replace(kept[0].split(",`")[17], "RFNOTOURS")]

    shop.bills.edit = edit
    result = await shop.reconcile("wechat_pay", DAY)
    assert (result.billed, result.due) == (6, 5)
    found = {f"{one.kind} {one.refund_no}": one for one in result.differences}
    assert set(found) == {
        f"missing_at_vendor {lacking.refund_no}",
        f"doubled {doubled.refund_no}",
        f"amount_differs {changed.refund_no}",
        f"status_differs {other.refund_no}",
        "missing_here RFNOTOURS",
    }
    assert (await report(shop)).result == result
    opened = await tasks(shop)
    assert set(opened) == set(found)
    facts = opened[f"amount_differs {changed.refund_no}"].facts
    assert (facts["our_fen"], facts["billed_fen"], facts["day"]) == (300, [301], "2026-03-01")
    assert {(task.kind, task.status) for task in opened.values()} == {
        (TaskKind.RECONCILIATION_DIFFERENCE, TaskStatus.OPEN)
    }
    assert not any(untouched.refund_no in key for key in opened)


async def test_a_repeated_day_opens_nothing_twice(shop: Shop) -> None:
    """Neither open tasks nor resolved ones; what is new is added, and the report is the newest."""
    lacking, other = await shop.refunded(100), await shop.refunded(200)
    shop.bills.edit = lambda rows: [row for row in rows if lacking.refund_no not in row]
    await shop.reconcile("wechat_pay", DAY)
    first = await tasks(shop)
    await shop.reconcile("wechat_pay", DAY)
    assert await tasks(shop) == first
    shop.bills.edit = lambda rows: []
    assert (await shop.reconcile("wechat_pay", DAY)).different == 2
    second = await tasks(shop)
    assert set(second) - set(first) == {f"missing_at_vendor {other.refund_no}"}
    shop.bills.edit = None
    assert (await shop.reconcile("wechat_pay", DAY)).different == 0
    assert (await report(shop)).result == (await shop.reconcile("wechat_pay", DAY))
    assert await tasks(shop) == second, "a person says what came of it, not a repetition"


async def test_money_paid_that_our_books_have_as_refused(shop: Shop) -> None:
    """The vendor's SUCCESS against our FAILED, and against a leg that is still asked for."""
    refused = await shop.refunded(100, paid=False)
    assert {(one.refund_no, one.kind) for one in (await shop.reconcile("wechat_pay", DAY)).differences} == {
        (refused.refund_no, "status_differs")
    }


async def test_a_refund_learned_of_on_the_next_day_is_looked_for_on_this_one(shop: Shop) -> None:
    """The next day's bill does not have it, the one before has: no difference on either day."""
    await shop.refunded(100, at=shop.wechat.clock.now() + timedelta(days=1))
    shop.wechat.clock.offset += timedelta(days=1)
    next_day = await shop.reconcile("wechat_pay", DAY + timedelta(days=1))
    assert (next_day.billed, next_day.due, next_day.different) == (0, 1, 0)
    shop.bills.edit = lambda rows: []
    assert (await shop.reconcile("wechat_pay", DAY + timedelta(days=1))).by_kind == {"missing_at_vendor": 1}


async def test_a_bill_that_cannot_be_believed_compares_nothing(shop: Shop) -> None:
    """A corrupt file would look like a thousand missing refunds: it is noted, and read again."""
    await shop.refunded(100)
    await shop.wechat.fault("corrupt", match={"operation": "bill"})
    straight = reading(shop.uow, shop.wechat, shop.wechat.bills())
    with pytest.raises(GatewayError) as caught:
        await straight("wechat_pay", DAY)
    assert (caught.value.code, caught.value.retryable) == ("bad_response", True)
    failed = await report(shop)
    assert (failed.failure_code, failed.finished_at, failed.result) == ("bad_response", None, None)
    assert await tasks(shop) == {}
    result = await straight("wechat_pay", DAY)
    done = await report(shop)
    assert (done.failure_code, done.result) == (None, result)
    await shop.wechat.fault("corrupt", match={"operation": "bill"})
    with pytest.raises(GatewayError):
        await straight("wechat_pay", DAY)
    again = await report(shop)
    assert (again.failure_code, again.result) == ("bad_response", result), "the earlier result stays"


async def test_a_day_that_is_given_up_asks_for_a_person_once(shop: Shop) -> None:
    """And a vendor without bills is refused by name."""
    for _ in range(2):
        await shop.reconcile.give_up("wechat_pay", DAY)
    (task,) = (await tasks(shop)).values()
    assert task.kind is TaskKind.RECONCILIATION_FAILED
    assert task.facts["day"] == "2026-03-01"
    with pytest.raises(NotFound):
        await shop.reconcile("points", DAY)


async def test_only_legs_of_the_provider_count(shop: Shop, cleaner: psycopg.Connection) -> None:
    """A leg over another tender is no business of this bill: not missing there, and unknown if named."""
    leg = await shop.refunded(100)
    cleaner.execute("UPDATE refund_legs SET provider = 'mall' WHERE refund_no = %s", (leg.refund_no,))
    assert (await shop.reconcile("wechat_pay", DAY)).by_kind == {"missing_here": 1}


async def test_nothing_personal_is_kept(shop: Shop, cleaner: psycopg.Connection) -> None:
    """The bill has openids and names of goods; neither reports nor tasks do."""
    await shop.refunded(100)
    shop.bills.edit = lambda rows: [*rows, *rows]
    await shop.reconcile("wechat_pay", DAY)
    kept = "".join(
        str(row)
        for table in ("operations_tasks", "reconciliation_runs")
        for row in cleaner.execute(f"SELECT * FROM {table}".encode())
    )
    assert "doubled" in kept
    assert not any(word in kept for word in ("openid", "商品", "customer"))
