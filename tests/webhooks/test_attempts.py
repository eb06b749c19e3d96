"""What becomes of a message that is not accepted, or whose pump dies."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.responses import Response
from structlog.testing import capture_logs

from mallcare.application.webhook_delivery import KEEP_TRYING, LATER_RETRIES, RETRY_AFTER, Pace, failed
from mallcare.gateways.webhooks import HttpWebhookSender
from mallcare.ports import ClaimedMessage, GatewayError, MessageStatus, OutgoingMessage, Settlement
from tests.gateways.serving import unused_url
from tests.webhooks.conftest import ALL, PATIENT, QUICK, Mall, eventually, message
from tests.webhooks.receiver import SECRET, Arrival

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def claimed(attempt: int) -> ClaimedMessage:
    return ClaimedMessage(message("AS1"), attempt, NOW)


def refusal(*, retryable: bool = True, retry_after_seconds: float | None = None) -> GatewayError:
    return GatewayError(
        "http_500", retryable=retryable, outcome_unknown=True, retry_after_seconds=retry_after_seconds
    )


def test_waits_grow_from_seconds_to_hours_for_five_days() -> None:
    assert [wait.total_seconds() for wait in RETRY_AFTER[:6]] == [5, 30, 120, 600, 3600, 21600]
    assert KEEP_TRYING - LATER_RETRIES < sum(RETRY_AFTER, timedelta(0)) <= KEEP_TRYING
    for attempt, wait in enumerate(RETRY_AFTER, start=1):
        again = failed(claimed(attempt), refusal(), NOW)
        assert (again.status, again.next_attempt_at) == (MessageStatus.PENDING, NOW + wait)
    assert failed(claimed(len(RETRY_AFTER) + 1), refusal(), NOW).status is MessageStatus.DEAD


@pytest.mark.parametrize(
    ("asked", "waited"),
    [(1.0, timedelta(seconds=5)), (90.0, timedelta(seconds=90)), (10.0**8, LATER_RETRIES)],
)
def test_the_mall_may_ask_for_more_time_within_bounds(asked: float, waited: timedelta) -> None:
    again = failed(claimed(1), refusal(retry_after_seconds=asked), NOW)
    assert again.next_attempt_at == NOW + waited


async def test_a_message_is_tried_by_the_table_then_given_up_and_its_subject_goes_on(mall: Mall) -> None:
    """A dead message is seen by operations and missed by the receiver, but blocks nobody."""

    async def first_is_refused(arrival: Arrival) -> int:
        return 500 if arrival.version == 1 else 204

    mall.receiver.answer = first_is_refused
    await mall.write(message("AS1", 1), message("AS1", 2))
    waits: list[timedelta] = []
    async with mall.pumping(PATIENT) as settled:
        for attempt in range(1, len(RETRY_AFTER) + 2):
            await eventually(lambda attempt=attempt: len(settled) >= attempt)
            waits.append(settled[-1].next_attempt_at - settled[-1].at)
            mall.clock.offset += waits[-1]
        await eventually(lambda: mall.receiver.versions("AS1") == [2])
    assert waits == [*RETRY_AFTER, timedelta(0)]
    dead, delivered = await mall.stored()
    assert (dead.status, dead.attempts, dead.last_error) == (MessageStatus.DEAD, 25, "http_500")
    assert (dead.next_attempt_at, dead.delivered_at) == (None, None)
    assert delivered.status is MessageStatus.DELIVERED


async def test_410_gone_gives_up_at_once(mall: Mall) -> None:
    async def gone(arrival: Arrival) -> int:
        return 410 if arrival.version == 1 else 200

    mall.receiver.answer = gone
    await mall.write(message("AS1", 1), message("AS1", 2))
    async with mall.pumping():
        await eventually(lambda: mall.receiver.versions("AS1") == [2])
    assert [(one.status.value, one.attempts) for one in await mall.stored()] == [
        ("dead", 1),
        ("delivered", 1),
    ]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_anything_else_but_2xx_is_tried_again(mall: Mall, status: int) -> None:
    """A redirect is not followed: whatever is there now was not agreed upon."""

    async def refuse(_: Arrival) -> Response:
        return Response(status_code=status, headers={"location": "/hooks", "retry-after": "77"})

    mall.receiver.answer = refuse
    await mall.write(message("AS1"))
    async with mall.pumping() as settled:
        await eventually(lambda: bool(settled))
    assert len(mall.receiver.arrivals) == 1
    assert (settled[0].status, settled[0].error) == (MessageStatus.PENDING, f"http_{status}")
    assert 76 < (settled[0].next_attempt_at - settled[0].at).total_seconds() < 78


class DiesAfterSending:
    """Sends, and then never gets to say so: a pump killed between the answer and its transaction."""

    def __init__(self, mall: Mall) -> None:
        self._sender = mall.sender
        self.sent = asyncio.Event()

    async def send(self, message: OutgoingMessage) -> None:
        await self._sender.send(message)
        self.sent.set()
        await asyncio.Event().wait()


async def test_a_crash_between_sending_and_writing_it_down_sends_the_same_again_in_order(mall: Mall) -> None:
    """At least once: the same id again when the dead pump's claim has run out, and never before."""
    written = await mall.write(*(message("AS1", version) for version in (1, 2, 3)))
    dying = DiesAfterSending(mall)
    pump = mall.pump([], asyncio.Event(), sender=dying)
    await dying.sent.wait()
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
    async with mall.pumping(QUICK):
        await asyncio.sleep(0.1)
        assert mall.receiver.versions("AS1") == [1]
        mall.clock.offset += QUICK.lease
        await eventually(lambda: len(mall.receiver.arrivals) == 4)
    assert mall.receiver.versions("AS1") == [1, 1, 2, 3]
    ids = [arrival.message_id for arrival in mall.receiver.arrivals]
    assert ids == [written[0].message_id, *(one.message_id for one in written)]
    assert [one.attempts for one in await mall.stored()] == [2, 1, 1]


async def test_whoever_lost_a_claim_decides_nothing(mall: Mall) -> None:
    """A pump that slept through its lease must not release the next message past its successor."""
    await mall.write(message("AS1", 1), message("AS1", 2))
    now = mall.clock.now()
    async with mall.uow() as uow:
        (late,) = await uow.outbox.claim(ALL, room=4, now=now, until=now + LEASE)
        await uow.commit()
    later = now + LEASE
    async with mall.uow() as uow:
        (current,) = await uow.outbox.claim(ALL, room=4, now=later, until=later + LEASE)
        await uow.commit()
    assert current.message == late.message
    async with mall.uow() as uow:
        await uow.outbox.settle([Settlement(late, MessageStatus.DELIVERED, later, later)], later)
        assert await uow.outbox.claim(ALL, room=4, now=later, until=later + LEASE) == []
        await uow.commit()
    assert [one.status for one in await mall.stored()] == [MessageStatus.PENDING] * 2


async def test_a_receiver_that_does_not_answer_or_is_not_there(mall: Mall, http: httpx.AsyncClient) -> None:
    async def silent(_: Arrival) -> int:
        await asyncio.sleep(0.3)
        return 204

    mall.receiver.answer = silent
    await mall.write(message("AS1"), message("AS2"))

    def sender(url: str) -> HttpWebhookSender:
        return HttpWebhookSender(http, url=url, secret=SECRET, clock=mall.clock, timeout=0.1)

    async with mall.pumping(sender=sender(mall.url)) as timed_out:
        await eventually(lambda: len(timed_out) == 2)
    assert {one.error for one in timed_out} == {"timeout"}
    mall.clock.offset += RETRY_AFTER[0]
    async with mall.pumping(sender=sender(unused_url())) as unreachable:
        await eventually(lambda: len(unreachable) == 2)
    assert {one.error for one in unreachable} == {"connection"}


async def test_logs_tell_which_message_and_why_but_nothing_of_its_contents(mall: Mall) -> None:
    async def refuse(_: Arrival) -> Response:
        return Response("尺码不合 " + SECRET, status_code=410)

    mall.receiver.answer = refuse
    await mall.write(message("AS1"))
    with capture_logs() as lines:
        async with mall.pumping() as settled:
            await eventually(lambda: bool(settled))
    told: list[Mapping[str, object]] = [line for line in lines if str(line["event"]).startswith("webhook.")]
    assert [(line["event"], line["subject"], line["code"]) for line in told] == [
        ("webhook.given_up", "AS1", "http_410")
    ]
    assert "尺码" not in repr(lines)
    assert SECRET not in repr(lines)


def test_the_default_lease_outlives_the_longest_send() -> None:
    """Gateways are given 8 s by default; a claim must not run out under a healthy pump."""
    assert Pace().lease >= timedelta(seconds=3 * 8)
