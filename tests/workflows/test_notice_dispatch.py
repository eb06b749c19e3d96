"""The dispatcher of a channel: on a real Temporal, over real HTTP, with workers that are killed."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import TimeSkipper

from mallcare.application.notice_dispatch import ClaimNotices
from mallcare.contracts.converter import DATA_CONVERTER
from mallcare.contracts.names import (
    DISPATCH_WAKE,
    SENDING_QUEUES,
    Queue,
    WorkflowName,
    notice_dispatch_workflow_id,
)
from mallcare.contracts.notices import NoticeDispatchInput
from mallcare.domain.contacts import ROBOT, Channel
from mallcare.domain.notices import Notice, NoticeStatus
from mallcare.domain.tasks import TaskKind
from mallcare.embedded.temporal import EmbeddedTemporal
from mallcare.gateways.simulators import aliyun_sms, dingtalk, wecom
from mallcare.gateways.temporal_client import connect
from mallcare.gateways.temporal_notices import TemporalNoticeDispatchers
from mallcare.ports import AddressQuota, EngineUnavailable
from tests.gateways.serving import Served, unused_url
from tests.notices.desk import Desk, Here
from tests.timekeeping.timekeepers import until
from workers import notices
from workers.process import build_worker

pytestmark = [pytest.mark.rule("T3"), pytest.mark.rule("T4"), pytest.mark.rule("P2")]
NO_QUOTA = AddressQuota(most=1_000, window=timedelta(minutes=1))
CORP, AGENT, TOKEN = "ww-test", 1000002, "a" * 64
SIGN, TEMPLATES = "商城客服", {"SMS_DAILY": "${day}${orders}${after_sales}", "SMS_REMINDER": "${count}${due}"}


class Wall(Here):
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@pytest.fixture
async def desk(engine: AsyncEngine, empty_database: str) -> Desk:
    """A process that keeps the machine's time; somebody with a phone at a supplier without quiet hours."""
    desk = Desk(engine, here=Wall(datetime.now(UTC)))
    await desk.contact()
    await desk.policy(quiet_from=timedelta(0), quiet_until=timedelta(0))
    return desk


@pytest.fixture(scope="session")
async def client(temporal_server: EmbeddedTemporal) -> Client:
    return await Client.connect(
        temporal_server.address, namespace=temporal_server.namespace, data_converter=DATA_CONVERTER
    )


@dataclass
class Dispatcher:
    """A running dispatcher of a test's own."""

    client: Client
    handle: WorkflowHandle[Any, Any]

    async def wake(self) -> None:
        await self.handle.signal(DISPATCH_WAKE)

    async def skip(self, by: timedelta) -> None:
        """Let the dispatcher's time pass."""
        async with asyncio.timeout(30):
            await TimeSkipper(self.client).fast_forward(self.handle, by)


@asynccontextmanager
async def dispatcher(client: Client, given: NoticeDispatchInput, queue: str) -> AsyncGenerator[Dispatcher]:
    """The workflow alone; its workers are somebody else's."""
    handle = await client.start_workflow(
        WorkflowName.NOTICE_DISPATCH, given, id=f"notice-dispatch/{uuid4().hex}", task_queue=queue
    )
    try:
        yield Dispatcher(client, handle)
    finally:
        await client.get_workflow_handle(handle.id).terminate("the test is over")


@asynccontextmanager
async def dispatching(
    client: Client, desk: Desk, channel: Channel, *, rate: float = 100.0, room: int = 20
) -> AsyncGenerator[Dispatcher]:
    """A dispatcher with its workers, on queues nobody else polls."""
    own = uuid4().hex
    claim = ClaimNotices(desk.uow, quota=NO_QUOTA)
    plans = [
        replace(plan, queue=cast(Queue, f"{plan.queue}-{own}"))
        for plan in notices.plans(claim, desk.send, desk.here, [channel], {channel: rate})
    ]
    given = NoticeDispatchInput(channel=channel, sending=plans[1].queue, room=room)
    async with (
        build_worker(client, plans[0], "test"),
        build_worker(client, plans[1], "test"),
        dispatcher(client, given, plans[0].queue) as running,
    ):
        yield running


async def today(desk: Desk, **changes: Any) -> Notice:
    """A daily SMS of this day."""
    day = (datetime.now(UTC) + timedelta(hours=8)).date().isoformat()
    now = datetime.now(UTC)
    given = {"created_at": now, "next_attempt_at": now, **changes}
    return await desk.daily(facts={"day": day, "orders": 3, "after_sales": 2}, **given)


async def becomes(desk: Desk, notice: Notice, *statuses: NoticeStatus, seconds: float = 30) -> Notice:
    """The notice, once it has one of these statuses."""
    async with asyncio.timeout(seconds):
        while (found := (await desk.stored(notice)).notice).status not in statuses:  # noqa: ASYNC110 - others write it
            await asyncio.sleep(0.02)
    return found


async def test_what_is_due_is_sent_and_what_comes_later_wakes_it(desk: Desk, client: Client) -> None:
    """Several at the start; then one by a signal, and one when it falls due, by the dispatcher itself."""
    first = [await today(desk) for _ in range(5)]
    async with dispatching(client, desk, Channel.SMS) as running:
        for notice in first:
            await becomes(desk, notice, NoticeStatus.SENT)
        woken = await today(desk)
        await running.wake()
        await becomes(desk, woken, NoticeStatus.SENT)
        due = await today(desk, next_attempt_at=datetime.now(UTC) + timedelta(seconds=40))
        await running.wake()
        await running.skip(timedelta(seconds=45))
        await becomes(desk, due, NoticeStatus.SENT)
    assert len(desk.sms.taken) == 7
    assert len({one.message_id for one in desk.sms.taken}) == 7


async def test_it_looks_every_minute_whoever_forgot_to_wake_it(desk: Desk, client: Client) -> None:
    """A lost wake costs a minute."""
    async with dispatching(client, desk, Channel.SMS) as running:
        first = await today(desk)
        await running.wake()
        await becomes(desk, first, NoticeStatus.SENT)
        forgotten = await today(desk)
        await running.skip(timedelta(seconds=62))
        await becomes(desk, forgotten, NoticeStatus.SENT)


async def test_more_than_there_is_room_for(desk: Desk, client: Client) -> None:
    """A backlog is worked off without rests, each message once."""
    written = [await today(desk) for _ in range(30)]
    async with dispatching(client, desk, Channel.SMS, room=4):
        for notice in written:
            await becomes(desk, notice, NoticeStatus.SENT)
    assert sorted(one.message_id for one in desk.sms.taken) == sorted(one.notice_id for one in written)


async def test_the_rate_of_a_channel_is_the_servers(desk: Desk, client: Client) -> None:
    """Ten a second and no more, measured where they are handed over; all are sent in the end."""
    written = [await today(desk) for _ in range(40)]
    async with dispatching(client, desk, Channel.SMS, rate=10.0, room=40):
        for notice in written:
            await becomes(desk, notice, NoticeStatus.SENT)
    handed = sorted([(await desk.stored(notice)).notice.handed_at for notice in written], key=str)
    span = (cast(datetime, handed[-1]) - cast(datetime, handed[0])).total_seconds()
    assert span >= 2.0, span


async def test_a_failure_that_waits_is_tried_when_it_is_time(desk: Desk, client: Client) -> None:
    """The vendor is busy; ten seconds later, on the dispatcher's clock, it is called again."""
    from tests.notices.test_sending import BUSY

    desk.sms.script = [BUSY]
    notice = await today(desk)
    async with dispatching(client, desk, Channel.SMS) as running:
        await until(lambda: desk.sms.calls == 1)
        await running.skip(timedelta(minutes=2, seconds=5))
        await becomes(desk, notice, NoticeStatus.SENT)
    assert desk.sms.calls == 2


async def test_one_dispatcher_a_channel_however_often_started(client: Client) -> None:
    """By the sweep, by a wake of a missing one; a channel that is not worked through has none."""
    channels = (Channel.WECOM, Channel.SMS)
    dispatchers = TemporalNoticeDispatchers(client, channels)
    await dispatchers.start()
    runs = [await _run_of(client, channel) for channel in channels]
    await dispatchers.start()
    await dispatchers.wake([Channel.SMS, Channel.DINGTALK])
    assert [await _run_of(client, channel) for channel in channels] == runs
    with pytest.raises(RPCError):
        await _run_of(client, Channel.DINGTALK)
    await client.get_workflow_handle(notice_dispatch_workflow_id(Channel.SMS)).terminate("lost")
    await dispatchers.wake([Channel.SMS])
    assert await _run_of(client, Channel.SMS) != runs[1]
    for channel in channels:
        await client.get_workflow_handle(notice_dispatch_workflow_id(channel)).terminate("the test is over")


async def test_a_wake_without_an_engine_says_so() -> None:
    """Whoever wakes goes on: the dispatcher looks by itself, or is started by the sweep."""
    away = unused_url().removeprefix("http://")
    dispatchers = TemporalNoticeDispatchers(await connect(away, "default", lazy=True), [Channel.SMS])
    with pytest.raises(EngineUnavailable):
        await dispatchers.start()
    with pytest.raises(EngineUnavailable):
        await dispatchers.wake([Channel.SMS])


async def _run_of(client: Client, channel: Channel) -> str | None:
    described = await client.get_workflow_handle(notice_dispatch_workflow_id(channel)).describe()
    return described.run_id


# --- the product's own worker, killed ------------------------------------------------------------


@dataclass
class Worker:
    """`mallcare worker` as a process of its own."""

    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@dataclass
class Town:
    """Simulated vendors over HTTP, and the worker's settings that lead to them."""

    http: httpx.AsyncClient
    urls: Mapping[str, str]
    environment: Mapping[str, str]

    async def fault(self, vendor: str, kind: str, **fault: Any) -> None:
        answer = await self.http.post(f"{self.urls[vendor]}/admin/faults", json={"kind": kind, **fault})
        assert answer.status_code == 201, answer.text

    async def messages(self, vendor: str) -> list[dict[str, Any]]:
        """What really went out."""
        path = "ledger" if vendor == "sms" else "messages"
        return (await self.http.get(f"{self.urls[vendor]}/admin/{path}")).json()

    async def faults(self, vendor: str) -> int:
        """Faults that have not struck yet."""
        return len((await self.http.get(f"{self.urls[vendor]}/admin/faults")).json())

    @asynccontextmanager
    async def worker(self, *queues: Queue) -> AsyncGenerator[Worker]:
        """A worker that can be killed; it is stopped with the block."""
        options = [word for queue in queues for word in ("--queue", queue.value)]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "mallcare.cli", "worker", *options),
            env={**os.environ, **self.environment},
        )
        try:
            yield Worker(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def town(database_url: str, temporal_server: EmbeddedTemporal) -> AsyncGenerator[Town]:
    key = "LTAI5t" + secrets.token_hex(9), secrets.token_hex(15)
    secret = secrets.token_hex(16)
    apps = {
        "sms": aliyun_sms.create_app(
            aliyun_sms.AliyunSmsSimulatorConfig(*key, (SIGN,), TEMPLATES, per_minute=0, per_hour=0, per_day=0)
        ),
        "wecom": wecom.create_app(wecom.WecomSimulatorConfig(CORP, secret, AGENT)),
        "dingtalk": dingtalk.create_app(
            dingtalk.DingtalkSimulatorConfig((dingtalk.SimulatedRobot(access_token=TOKEN, secret=None),))
        ),
    }
    served = {name: Served(app) for name, app in apps.items()}
    for one in served.values():
        one.__enter__()
    urls = {name: one.url for name, one in served.items()}
    environment = {
        "MALLCARE_DATABASE_URL": database_url,
        "MALLCARE_TEMPORAL_ADDRESS": temporal_server.address,
        "MALLCARE_TEMPORAL_NAMESPACE": temporal_server.namespace,
        "MALLCARE_WECOM_URL": urls["wecom"],
        "MALLCARE_WECOM_CORP_ID": CORP,
        "MALLCARE_WECOM_SECRET": secret,
        "MALLCARE_WECOM_AGENT_ID": str(AGENT),
        "MALLCARE_DINGTALK_URL": urls["dingtalk"],
        "MALLCARE_ALIYUN_SMS_URL": urls["sms"],
        "MALLCARE_ALIYUN_SMS_ACCESS_KEY_ID": key[0],
        "MALLCARE_ALIYUN_SMS_ACCESS_KEY_SECRET": key[1],
        "MALLCARE_ALIYUN_SMS_SIGN_NAME": SIGN,
        "MALLCARE_ALIYUN_SMS_REMINDER_TEMPLATE": "SMS_REMINDER",
        "MALLCARE_ALIYUN_SMS_DAILY_TEMPLATE": "SMS_DAILY",
        "MALLCARE_GATEWAY_TIMEOUT_SECONDS": "20",
        "MALLCARE_LOG_LEVEL": "ERROR",
    }
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Town(http, urls, environment)
    for one in served.values():
        one.__exit__(None, None, None)


def on_standard_queues(channel: Channel) -> NoticeDispatchInput:
    """As in a deployment, but that the dead are missed sooner."""
    return NoticeDispatchInput(channel=channel, sending=SENDING_QUEUES[channel], heartbeat_seconds=2)


async def struck(town: Town, vendor: str, true: Callable[[], Awaitable[bool]] | None = None) -> None:
    """Until the fault struck, and the vendor's books show what they should."""
    async with asyncio.timeout(30):
        while await town.faults(vendor) or (true is not None and not await true()):  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.02)


async def test_an_sms_that_went_out_before_the_kill_is_found(desk: Desk, client: Client, town: Town) -> None:
    """kill -9 between the vendor's taking and our noting: the next worker asks, and nothing is sent twice."""
    notice = await today(desk)
    await town.fault("sms", "timeout_after_commit", delay_seconds=20)
    queues = (Queue.NOTICES, Queue.NOTICES_SMS)
    async with dispatcher(client, on_standard_queues(Channel.SMS), Queue.NOTICES):
        async with town.worker(*queues) as worker:

            async def taken() -> bool:
                return bool(await town.messages("sms"))

            await struck(town, "sms", taken)
            await worker.kill()
        assert (await desk.stored(notice)).notice.status is NoticeStatus.ASKING
        async with town.worker(*queues):
            await becomes(desk, notice, NoticeStatus.DELIVERED, NoticeStatus.SENT)
    assert [row["out_id"] for row in await town.messages("sms")] == [notice.notice_id]
    assert await desk.tasks() == []


async def test_a_sms_that_may_have_gone_out_is_never_sent_again(
    desk: Desk, client: Client, town: Town
) -> None:
    """kill -9 before the vendor took it: nobody finds it, and half an hour later a person is asked."""
    notice = await today(desk)
    await town.fault("sms", "timeout_before", delay_seconds=20)
    queues = (Queue.NOTICES, Queue.NOTICES_SMS)
    async with dispatcher(client, on_standard_queues(Channel.SMS), Queue.NOTICES) as running:
        async with town.worker(*queues) as worker:
            await struck(town, "sms")
            await worker.kill()
        async with town.worker(*queues):
            async with asyncio.timeout(60):
                while (await desk.stored(notice)).notice.status is NoticeStatus.ASKING:
                    await running.skip(timedelta(minutes=3))
                    await asyncio.sleep(0.1)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.UNKNOWN
    assert await town.messages("sms") == []
    assert [task.kind for task in await desk.tasks()] == [TaskKind.MESSAGE_UNKNOWN]


async def test_wecom_is_told_again_and_shows_it_once(desk: Desk, client: Client, town: Town) -> None:
    """kill -9 after WeCom took it: the same text again, which its duplicate check drops."""
    notice = await desk.reminder(created_at=datetime.now(UTC))
    await town.fault("wecom", "timeout_after_commit", delay_seconds=20)
    queues = (Queue.NOTICES, Queue.NOTICES_WECOM)
    async with dispatcher(client, on_standard_queues(Channel.WECOM), Queue.NOTICES):
        async with town.worker(*queues) as worker:

            async def taken() -> bool:
                return bool(await town.messages("wecom"))

            await struck(town, "wecom", taken)
            await worker.kill()
        async with town.worker(*queues):
            await becomes(desk, notice, NoticeStatus.SENT)
    assert [row["dropped"] for row in await town.messages("wecom")] == [None, "duplicate"]


async def test_a_member_who_cannot_be_reached_gets_one_sms(desk: Desk, client: Client, town: Town) -> None:
    """A partial failure in an answer that says ok; the SMS goes out by the other channel's dispatcher."""
    members = await town.http.put(f"{town.urls['wecom']}/admin/members", json={"unlicensed": ["li@wecom"]})
    assert members.status_code == 200
    await desk.reminder(created_at=datetime.now(UTC))
    queues = (Queue.NOTICES, Queue.NOTICES_WECOM, Queue.NOTICES_SMS)
    async with (
        town.worker(*queues),
        dispatcher(client, on_standard_queues(Channel.WECOM), Queue.NOTICES),
        dispatcher(client, on_standard_queues(Channel.SMS), Queue.NOTICES) as sms,
    ):
        async with asyncio.timeout(30):
            while not await desk.all(channel=Channel.SMS):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        [instead] = await desk.all(channel=Channel.SMS)
        await sms.wake()
        await becomes(desk, instead, NoticeStatus.SENT)
    [shown] = await town.messages("sms")
    assert (shown["phone"], shown["template_code"]) == ("13812345678", "SMS_REMINDER")


async def test_a_robot_speaks_to_its_group_once(desk: Desk, client: Client, town: Town) -> None:
    """An unclear answer of DingTalk, which cannot be asked: unknown, never said again."""
    await desk.channels(preferred=Channel.DINGTALK, dingtalk_token=TOKEN)
    notice = await desk.reminder(Channel.DINGTALK, contact_id=ROBOT, created_at=datetime.now(UTC))
    await town.fault("dingtalk", "timeout_after_commit", delay_seconds=0.1)
    queues = (Queue.NOTICES, Queue.NOTICES_DINGTALK)
    async with (
        town.worker(*queues),
        dispatcher(client, on_standard_queues(Channel.DINGTALK), Queue.NOTICES) as running,
    ):
        await becomes(desk, notice, NoticeStatus.ASKING)
        await struck(town, "dingtalk")
        async with asyncio.timeout(30):
            while (await desk.stored(notice)).notice.status is NoticeStatus.ASKING:
                await running.skip(timedelta(seconds=15))
                await asyncio.sleep(0.1)
    assert (await desk.stored(notice)).notice.status is NoticeStatus.UNKNOWN
    assert len(await town.messages("dingtalk")) == 1
