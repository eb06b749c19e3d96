"""Reconciliation and tasks over HTTP: start a day, see its report, take a task, say what was done."""

from __future__ import annotations

from datetime import date

import pytest

from mallcare.ports import BillRow
from tests.api.calls import Json, answered, problem_of
from tests.api.conftest import LATER, Api

DAYS = "/v1/reconciliations"
TASKS = "/v1/operations/tasks"
DAY = date(2026, 3, 1)


async def differing(api: Api, numbers: int = 1) -> list[Json]:
    """A day whose bill has refunds that nobody knows; its open tasks."""
    api.bill.rows = [BillRow(f"RF{n}", "T1", 100 + n, "SUCCESS", LATER) for n in range(numbers)]
    await api.platform.use_cases.reconcile_day("wechat_pay", DAY)
    return answered(await api.auditor.get(f"{TASKS}?status=open"))["items"]


async def test_a_day_is_started_for_every_vendor(api: Api) -> None:
    """202, however often; it runs in the background."""
    for caller in (api.operations, api.finance):
        started = answered(await caller("POST", DAYS, {"day": "2026-03-01"}), 202)
        assert started["providers"] == ["wechat_pay"]
        assert started["day"] == "2026-03-01"
    assert api.reconciler.started == [("wechat_pay", DAY)] * 2


@pytest.mark.parametrize(
    "day", ["2026-03-02", "2026-3-1", "1999-12-31", "20260301", 20260301, 1.5, None, "2026-03-01T00:00:00Z"]
)
async def test_a_day_that_makes_no_sense_is_refused(api: Api, day: object) -> None:
    """One that has not come in Beijing among them."""
    problem_of(await api.operations("POST", DAYS, {"day": day}), 422, "invalid")
    assert api.reconciler.started == []


async def test_the_report_of_a_day(api: Api) -> None:
    """Counts, differences with both sides, and nothing for a day that nobody tried."""
    await differing(api, 2)
    (run,) = answered(await api.auditor.get(f"{DAYS}?day=2026-03-01"))["items"]
    assert (run["provider"], run["merchant"], run["failure_code"]) == ("wechat_pay", "1900000001", None)
    assert (run["billed"], run["due"], run["different"]) == (2, 0, 2)
    assert run["by_kind"] == {"missing_here": 2}
    assert run["differences"][0] == {
        "kind": "missing_here",
        "refund_no": "RF0",
        "after_sales_no": None,
        "our_fen": None,
        "our_status": None,
        "billed_fen": [100],
        "billed_status": ["SUCCESS"],
    }
    assert answered(await api.finance.get(f"{DAYS}?day=2026-02-28")) == {"items": []}
    problem_of(await api.finance.get(DAYS), 422, "invalid")


async def test_a_task_is_claimed_and_resolved(api: Api) -> None:
    """By one person each; who repeats a word of their own gets the same answer."""
    (task,) = await differing(api)
    path = f"{TASKS}/{task['task_id']}"
    assert (task["kind"], task["status"]) == ("reconciliation_difference", "open")
    assert task["facts"]["refund_no"] == "RF0"
    mine = answered(await api.finance("POST", f"{path}/claim"))
    assert (mine["status"], mine["claimed_by"]) == ("claimed", "finance:finance-subject")
    assert answered(await api.finance("POST", f"{path}/claim")) == mine
    lost = problem_of(await api.operations("POST", f"{path}/claim"), 409, "illegal_transition")
    assert lost["current_state"] == "claimed"
    for _ in range(2):
        done = answered(await api.operations("POST", f"{path}/resolve", {"note": "the vendor's mistake"}))
        assert (done["status"], done["resolved_by"]) == ("resolved", "operations:operations-subject")
        assert done["note"] == "the vendor's mistake"
    problem_of(await api.finance("POST", f"{path}/resolve", {"note": "mine"}), 409, "illegal_transition")
    assert answered(await api.auditor.get(f"{TASKS}?status=resolved"))["items"] == [done]
    assert await differing(api) == [], "a repeated day does not open it again"


async def test_tasks_that_cannot_be_found_or_resolved(api: Api) -> None:
    """Unknown ones are 404; a note must say something."""
    (task,) = await differing(api)
    problem_of(await api.finance("POST", f"{TASKS}/OT404/claim"), 404, "not_found")
    for body in ({}, {"note": ""}, {"note": "x", "more": 1}):
        problem_of(await api.finance("POST", f"{TASKS}/{task['task_id']}/resolve", body), 422, "invalid")


async def test_the_list_is_paged_and_filtered(api: Api) -> None:
    await differing(api, 3)
    first = answered(await api.finance.get(f"{TASKS}?limit=2&kind=reconciliation_difference"))
    rest = answered(
        await api.finance.get(f"{TASKS}?limit=2&kind=reconciliation_difference&cursor={first['next_cursor']}")
    )
    numbers = {item["facts"]["refund_no"] for item in first["items"] + rest["items"]}
    assert numbers == {"RF0", "RF1", "RF2"}
    assert rest["next_cursor"] is None
    assert answered(await api.finance.get(f"{TASKS}?kind=reconciliation_failed"))["items"] == []
    problem_of(await api.finance.get(f"{TASKS}?cursor=not-one"), 422, "invalid")
    problem_of(await api.finance.get(f"{TASKS}?status=lost"), 422, "invalid")
