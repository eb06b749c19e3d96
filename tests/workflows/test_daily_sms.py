"""The daily SMS on a real Temporal whose time is skipped: every day at its hour, once, whoever is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from activities.daily_sms import DailySmsActivities
from mallcare.application.daily_sms import DailyLook, SendDailySms
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.names import DAILY_SMS_WORKFLOW_ID, Queue, WorkflowName
from mallcare.domain.daily_sms import DailySmsRun, DailyTimes, DailyTurn, turn_of
from mallcare.domain.notices import NoticeStatus
from mallcare.domain.tasks import TaskKind
from mallcare.embedded.data_folder import free_port
from mallcare.gateways.system import SystemClock, TimeOrderedIds
from mallcare.gateways.temporal_daily_sms import TemporalDailySms
from mallcare.ports import EngineUnavailable
from tests.daily_sms.desk import HOUR, Desk
from tests.world import World
from workers.process import WorkerPlan, build_worker
from workflows.daily_sms import DailySmsWorkflow

pytestmark = pytest.mark.rule("T4")
SOON = timedelta(seconds=10)
"""A moment, on a machine that has much to do."""
ONE_DAY = timedelta(days=1)
MOST_EVENTS_A_DAY = 40
"""Of a day with one page of suppliers: asked for twice, two timers, planned, reported."""
THE_TESTS_OWN = ("WORKFLOW_EXECUTION_OPTIONS_UPDATED", "WORKFLOW_EXECUTION_TIME_SKIPPING")


def zone_where_it_is(hour: int) -> str:
    """A zone without summer time in which it is that hour now."""
    offset = hour - datetime.now(UTC).hour
    offset += 24 if offset < -12 else -24 if offset > 12 else 0
    return f"Etc/GMT{-offset:+d}" if offset else "UTC"


@dataclass
class Daily:
    """The use cases as the worker sees them; `delivers`: notices arrive as soon as they are written."""

    desk: Desk
    times: DailyTimes
    delivers: bool = True
    before_plan: Callable[[], None] = lambda: None
    looks: int = 0
    done: list[datetime] = field(default_factory=list[datetime])

    @property
    def send(self) -> SendDailySms:
        return SendDailySms(self.desk.uow, TimeOrderedIds(), self.times, page=self.desk.page)

    async def next_turn(self, now: datetime) -> DailyTurn:
        return await self.send.next_turn(now)

    async def plan(self, day: date, now: datetime) -> DailySmsRun:
        self.before_plan()
        run = await self.send.plan(day, now)
        if self.delivers:
            self.desk.became("delivered")
        return run

    async def report(self, day: date, now: datetime) -> DailyLook:
        self.looks += 1
        look = await self.send.report(day, now)
        self.done += [now] if look.ask_in is None else []
        return look

    def turn(self, at: datetime) -> DailyTurn:
        """The turn of the local day of an instant."""
        return turn_of(self.times.local_day(at), self.times)


@dataclass
class Running:
    """A workflow of a test's own and its queue."""

    client: Client
    handle: WorkflowHandle[Any, Any]
    queue: Queue
    daily: Daily

    async def skip(self, by: timedelta) -> None:
        """Let its time pass."""
        async with asyncio.timeout(60):
            await TimeSkipper(self.client).fast_forward(self.handle, by)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for what the worker does."""
        async with asyncio.timeout(20):
            while not true():  # noqa: ASYNC110 - a worker does it
                await asyncio.sleep(0.01)

    async def reported(self, times: int) -> None:
        """Until so many days are reported."""
        await self.until(lambda: len(self.daily.done) >= times)

    @asynccontextmanager
    async def worker(self) -> AsyncGenerator[None]:
        """Somebody who works, for the length of the block."""
        does = DailySmsActivities(cast(SendDailySms, self.daily), SystemClock())
        plan = WorkerPlan(
            self.queue,
            [DailySmsWorkflow],
            [does.next_daily_sms, does.plan_daily_sms, does.report_daily_sms],
        )
        async with build_worker(self.client, plan, "test"):
            yield

    async def again(self) -> Running:
        """Another run, as the sweep starts it after this one was lost."""
        await self.client.get_workflow_handle(self.handle.id).terminate("lost")
        return await started(self.client, self.daily, self.queue)

    async def events(self) -> list[str]:
        """Names of the history's events but for those that skipping leaves behind."""
        history = await self.handle.fetch_history()
        names = [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in history.events]
        return [name for name in names if not name.startswith(THE_TESTS_OWN)]


async def started(client: Client, daily: Daily, queue: Queue) -> Running:
    """A run that nobody works on yet."""
    handle = await client.start_workflow(
        WorkflowName.DAILY_SMS, id=f"daily-sms/{uuid4().hex}", task_queue=queue
    )
    return Running(client, handle, queue, daily)


@asynccontextmanager
async def running(client: Client, daily: Daily) -> AsyncGenerator[Running]:
    """A workflow with its worker."""
    run = await started(client, daily, cast(Queue, f"maintenance-{uuid4().hex}"))
    async with run.worker():
        yield run
    with suppress(RPCError):
        await client.get_workflow_handle(run.handle.id).terminate("the test is over")


@pytest.fixture
def desk(engine: AsyncEngine, empty_database: str, cleaner: psycopg.Connection) -> Desk:
    """A database that no other test's cases are in."""
    return Desk(engine, cleaner)


async def told_at(desk: Desk) -> list[datetime]:
    """When each message was written, in order."""
    return [row[0] for row in desk.rows.execute("SELECT created_at FROM notices ORDER BY seq")]


async def days_of(desk: Desk) -> list[DailySmsRun]:
    """All days, in order."""
    async with desk.uow() as uow:
        return list(reversed(await uow.daily_sms.before(None, 100)))


async def test_every_day_at_its_hour(desk: Desk, world: World) -> None:
    """Four days on end, each at nine sharp in Shanghai, each reported; nothing but a little history."""
    await desk.overdue_supplier("supplier-1")
    async with running(world.client, Daily(desk, DailyTimes())) as run:
        await run.skip(4 * ONE_DAY + HOUR)
        await run.reported(4)
        events = await run.events()
    at = (await told_at(desk))[:4]
    local = [one.astimezone(ZoneInfo("Asia/Shanghai")) for one in at]
    assert all(one.hour == 9 and one - one.replace(minute=0, second=0) < SOON for one in local), local
    assert all(later.date() - earlier.date() == ONE_DAY for earlier, later in pairwise(local))
    runs = (await days_of(desk))[:4]
    assert [one.day for one in runs] == [one.date() for one in local]
    assert all(one.outcomes == {NoticeStatus.DELIVERED: 1} for one in runs)
    assert await desk.tasks(TaskKind.DAILY_SMS_MISSING) == []
    assert len(events) / 4 <= MOST_EVENTS_A_DAY


async def test_a_day_is_as_long_as_its_zone_makes_it(desk: Desk, world: World) -> None:
    """In New York every local day has one run too, at nine by the wall clock there."""
    await desk.overdue_supplier("supplier-1")
    times = DailyTimes(zone="America/New_York")
    daily = Daily(desk, times)
    async with running(world.client, daily) as run:
        await run.skip(12 * ONE_DAY)
        await run.reported(11)
    local = [one.astimezone(ZoneInfo(times.zone)) for one in await told_at(desk)]
    assert all((one.hour, one.minute) == (9, 0) for one in local), local
    assert len({one.date() for one in local}) == len(local) >= 11


async def test_receipts_are_waited_for_without_history(desk: Desk, world: World) -> None:
    """Nobody dispatches: two hours and some looks later the day is reported as it is, by one activity."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(7)), delivers=False)
    async with running(world.client, daily) as run:
        await run.skip(6 * HOUR)
        await run.reported(1)
        events = await run.events()
    (day, *_) = await days_of(desk)
    assert day.planned_at is not None
    assert day.reported_at is not None
    assert 2 * HOUR <= day.reported_at - day.planned_at < 2 * HOUR + SOON
    assert day.outcomes == {NoticeStatus.WAITING: 1}
    assert 5 <= daily.looks <= 12
    assert len(events) <= MOST_EVENTS_A_DAY
    (task,) = await desk.tasks(TaskKind.DAILY_SMS_MISSING, day.day.isoformat())
    assert task.facts["waiting"] == 1


async def test_a_run_that_was_lost_is_none_the_poorer(desk: Desk, world: World) -> None:
    """Terminated after its messages were planned: the next one reports the day, and tells nobody twice."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(15)), delivers=False)
    await yesterday_reported(desk, daily)
    async with running(world.client, daily) as run:
        await run.until(lambda: daily.looks > 0)
        daily.delivers = True
        desk.became("delivered")
        again = await run.again()
        await run.reported(1)
        await again.handle.terminate("the test is over")
    today = daily.turn(datetime.now(UTC)).day
    day = await desk.run(today)
    assert day is not None
    assert (day.planned, day.outcomes) == (1, {NoticeStatus.DELIVERED: 1})
    assert len(desk.told(today)) == 1


async def test_a_worker_killed_between_two_pages(desk: Desk, world: World) -> None:
    """The next worker goes on with the supplier that was not looked at: each is told once."""
    desk.page = 1
    for number in range(3):
        await desk.overdue_supplier(f"supplier-{number}")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(15)))
    await yesterday_reported(desk, daily)
    pages = 0

    def fails_after_a_page() -> None:
        nonlocal pages
        pages += 1
        if pages > 1:
            raise ConnectionError("killed")

    daily.before_plan = fails_after_a_page
    run = await started(world.client, daily, cast(Queue, f"maintenance-{uuid4().hex}"))
    async with run.worker():
        await run.until(lambda: pages > 1)
    today = daily.turn(datetime.now(UTC)).day
    assert len(desk.told(today)) == 1
    daily.before_plan = lambda: None
    async with run.worker():
        await run.reported(1)
    await run.handle.terminate("the test is over")
    assert set(desk.told(today)) == {(f"supplier-{number}", "boss") for number in range(3)}
    (day,) = [one for one in await days_of(desk) if one.day == today]
    assert (day.suppliers, day.planned) == (3, 3)


async def yesterday_reported(desk: Desk, daily: Daily) -> None:
    """The platform worked until yesterday, and then was away."""
    turn = daily.turn(datetime.now(UTC) - ONE_DAY)
    before = SendDailySms(desk.uow, TimeOrderedIds(), daily.times)
    while (await before.plan(turn.day, turn.send_at)).planned_at is None:
        pass
    desk.became("delivered")
    await before.report(turn.day, turn.send_at)
    desk.rows.execute("DELETE FROM notices")


async def test_caught_up_in_the_afternoon(desk: Desk, world: World) -> None:
    """It wakes at three and finds that today nobody was told: it tells them at once."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(15)))
    await yesterday_reported(desk, daily)
    began = datetime.now(UTC)
    async with running(world.client, daily) as run:
        await run.reported(1)
    (at,) = await told_at(desk)
    assert at - began < SOON
    assert [one.missed for one in await days_of(desk)] == [False, False]


async def test_left_out_in_the_evening(desk: Desk, world: World) -> None:
    """It wakes at nine in the evening: nobody is told, the report says so, and the next day comes in time."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(21)))
    await yesterday_reported(desk, daily)
    async with running(world.client, daily) as run:
        await run.reported(1)
        today = daily.turn(datetime.now(UTC))
        assert desk.told(today.day) == {}
        (task,) = await desk.tasks(TaskKind.DAILY_SMS_MISSING, today.day.isoformat())
        assert task.facts["missed"] is True
        await run.skip(14 * HOUR)
        await run.reported(2)
    (at,) = await told_at(desk)
    assert timedelta(0) <= at - (today.send_at + ONE_DAY) < SOON


async def test_an_outage_of_days_is_reported_day_by_day(desk: Desk, world: World) -> None:
    """Nobody is told of three days ago; today everybody is."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(15)))
    await yesterday_reported(desk, daily)
    desk.rows.execute("UPDATE daily_sms_runs SET day = day - 3")
    async with running(world.client, daily) as run:
        await run.reported(4)
    assert [one.missed for one in await days_of(desk)] == [False, True, True, True, False]
    assert len(await told_at(desk)) == 1


async def test_another_hour_holds_from_the_next_day_on(desk: Desk, world: World) -> None:
    """Set after today's run, while the workflow waits for tomorrow: it asks again when the day begins."""
    await desk.overdue_supplier("supplier-1")
    daily = Daily(desk, DailyTimes(zone=zone_where_it_is(7)))
    async with running(world.client, daily) as run:
        await run.skip(5 * HOUR)
        await run.reported(1)
        daily.times = DailyTimes(hour=7, zone=daily.times.zone)
        await run.skip(22 * HOUR)
        await run.reported(2)
    first, second = (one.astimezone(ZoneInfo(daily.times.zone)) for one in (await told_at(desk))[:2])
    assert (first.hour, second.hour) == (9, 7)
    assert second.date() - first.date() == ONE_DAY


async def test_one_process_is_kept_alive(world: World) -> None:
    """Started once however often it is asked for, and again where it was terminated."""
    process = TemporalDailySms(world.client)
    handle = world.client.get_workflow_handle(DAILY_SMS_WORKFLOW_ID)
    await process.start()
    first = await handle.describe()
    await process.start()
    assert (await handle.describe()).run_id == first.run_id
    assert first.task_queue == Queue.MAINTENANCE
    await handle.terminate("lost")
    await process.start()
    second = await handle.describe()
    assert (second.status, second.run_id != first.run_id) == (WorkflowExecutionStatus.RUNNING, True)
    await handle.terminate("the test is over")


async def test_a_temporal_that_is_away_is_told_of_as_such() -> None:
    """The next sweep tries again."""
    away = await Client.connect(f"127.0.0.1:{free_port()}", lazy=True, data_converter=DATA_CONVERTER)
    with pytest.raises(EngineUnavailable):
        await TemporalDailySms(away).start()
