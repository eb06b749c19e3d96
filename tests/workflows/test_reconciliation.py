"""Reconciliation on a real Temporal: asked for, waited for, given up, and daily by its Schedule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from temporalio.client import ScheduleOverlapPolicy, WorkflowFailureError, WorkflowHandle

from mallcare.application.reconciliation import ReconcileDay
from mallcare.contracts.names import reconciliation_workflow_id
from mallcare.contracts.reconciliation import ReconcileReport
from mallcare.domain.reconciliation import BEIJING
from mallcare.domain.tasks import OperationsTask, TaskKind
from mallcare.gateways.system import TimeOrderedIds
from mallcare.gateways.temporal_reconciliation import TemporalReconciler, upsert_reconciliation_schedule
from mallcare.ports import BilledMerchant, BillRow, GatewayError, TaskFilter
from tests.world import World
from workers import maintenance
from workers.process import build_worker

pytestmark = pytest.mark.rule("P3")

DAY = date(2026, 3, 1)
ROW = BillRow("RF-of-nobody", "T1", 100, "SUCCESS", datetime(2026, 3, 1, 4, tzinfo=UTC))


@dataclass
class ScriptedBills:
    """A bill of one row that nobody knows; fails as often as it is told to."""

    failures: list[GatewayError] = field(default_factory=list)
    asked: list[date] = field(default_factory=list)

    async def refunds_of(self, day: date) -> list[BillRow]:
        self.asked.append(day)
        if self.failures:
            raise self.failures.pop(0)
        return [ROW]


@dataclass
class Desk:
    """A vendor of the test's own, its bills, and who reconciles them."""

    world: World
    bills: ScriptedBills
    provider: str

    async def tasks(self) -> list[OperationsTask]:
        async with self.world.uow() as uow:
            page = await uow.tasks.page(TaskFilter(), 1_000, None)
        return [task for task in page.items if task.facts.get("provider") == self.provider]

    def handle(self) -> WorkflowHandle[object, ReconcileReport]:
        workflow_id = reconciliation_workflow_id(self.provider, DAY)
        return self.world.client.get_workflow_handle(workflow_id, result_type=ReconcileReport)


@pytest.fixture
async def desk(world: World) -> AsyncGenerator[Desk]:
    """Works on the maintenance queue for the length of a test."""
    desk = Desk(world, ScriptedBills(), f"bank-{uuid4().hex[:8]}")
    merchants = {desk.provider: BilledMerchant("19", desk.bills)}
    reconcile = ReconcileDay(world.uow, merchants, world.clock, TimeOrderedIds())
    async with build_worker(
        world.client,
        maintenance.plan(world.sweep, reconcile, world.use_cases.send_daily_sms, world.clock),
        "test",
    ):
        yield desk


async def test_a_day_is_reconciled_as_often_as_asked(desk: Desk) -> None:
    """The result is counts, and a repetition opens no second task; the bill is nowhere in the history."""
    for turn in (1, 2):
        await TemporalReconciler(desk.world.client).reconcile(desk.provider, DAY)
        report = await asyncio.wait_for(desk.handle().result(), 20)
        assert report == ReconcileReport(provider=desk.provider, day=DAY, billed=1, due=0, differences=1)
        assert len(await desk.tasks()) == 1
        assert len(desk.bills.asked) == turn
    history = (await desk.handle().fetch_history()).to_json()
    assert ROW.refund_no not in history


async def test_a_bill_not_written_yet_is_waited_for(desk: Desk) -> None:
    """As long as the vendor wishes, without a line of history for each attempt."""
    again = GatewayError(
        "STATEMENT_CREATING", retryable=True, outcome_unknown=False, retry_after_seconds=1800
    )
    desk.bills.failures = [again, again]
    await TemporalReconciler(desk.world.skipper.client).reconcile(desk.provider, DAY)
    report = await asyncio.wait_for(desk.handle().result(), 20)
    assert (report.billed, len(desk.bills.asked)) == (1, 3)
    started = (await desk.handle().describe()).start_time
    closed = (await desk.handle().describe()).close_time
    assert closed is not None
    assert closed - started >= timedelta(hours=1)


async def test_a_day_that_cannot_be_reconciled_asks_for_a_person(desk: Desk) -> None:
    """The run fails, and a task names vendor and day."""
    desk.bills.failures = [GatewayError("PARAM_ERROR", retryable=False, outcome_unknown=False)]
    await TemporalReconciler(desk.world.client).reconcile(desk.provider, DAY)
    with pytest.raises(WorkflowFailureError):
        await asyncio.wait_for(desk.handle().result(), 20)
    (task,) = await desk.tasks()
    assert (task.kind, task.facts["day"]) == (TaskKind.RECONCILIATION_FAILED, "2026-03-01")


async def test_the_schedule_reconciles_yesterday(desk: Desk) -> None:
    """At 10:30 in Shanghai, never two at once, caught up for six hours; upserted as often as wished."""
    client = desk.world.client
    for _ in range(2):
        await upsert_reconciliation_schedule(client, desk.provider)
    schedule = client.get_schedule_handle(f"reconciliation-{desk.provider}")
    try:
        described = await schedule.describe()
        (upcoming, *_) = described.info.next_action_times
        assert upcoming.astimezone(BEIJING).strftime("%H:%M:%S") == "10:30:00"
        policy = described.schedule.policy
        assert policy.overlap is ScheduleOverlapPolicy.SKIP
        assert policy.catchup_window == timedelta(hours=6)
        before = datetime.now(BEIJING).date()
        await schedule.trigger()
        async with asyncio.timeout(20):
            while not desk.bills.asked:  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.02)
        after = datetime.now(BEIJING).date()
        assert desk.bills.asked[0] in {before - timedelta(days=1), after - timedelta(days=1)}
        (action, *_) = (await schedule.describe()).info.recent_actions
        assert action.action.workflow_id.startswith(f"reconciliation/{desk.provider}/daily-")
    finally:
        await schedule.delete()
