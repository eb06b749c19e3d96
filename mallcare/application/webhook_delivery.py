"""The pump of the outbox: claims messages, sends them side by side, writes down what came of it.

Within a subject one message is on its way at a time and the next waits for it; subjects do not wait for
each other. No transaction is open while a message is on its way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from mallcare.ports import (
    ClaimedMessage,
    Clock,
    GatewayError,
    MessageStatus,
    Settlement,
    Shard,
    UnitOfWorkFactory,
    WebhookSender,
)

log = structlog.get_logger()

FIRST_RETRIES = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)
LATER_RETRIES = timedelta(hours=6)
KEEP_TRYING = timedelta(days=5)
_LATER = (KEEP_TRYING - sum(FIRST_RETRIES, timedelta(0))) // LATER_RETRIES
RETRY_AFTER = FIRST_RETRIES + (LATER_RETRIES,) * _LATER
"""Wait after the n-th failure; a message that failed once more than this is dead (after some 5 days)."""

Watch = Callable[[Sequence[Settlement]], None]
"""Told at each turn of the pump, at least every `idle`, with what was just settled."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a pump works. `lease` must be longer than a send and its transaction may ever take.

    After a landing, others are awaited for `linger`: one transaction then writes them all down.
    """

    concurrency: int = 16
    idle: timedelta = timedelta(milliseconds=500)
    linger: timedelta = timedelta(milliseconds=25)
    lease: timedelta = timedelta(seconds=30)


class DeliverWebhooks:
    """Use case: deliver what is due in a shard of the outbox, until told to stop."""

    def __init__(
        self, uow: UnitOfWorkFactory, sender: WebhookSender, clock: Clock, pace: Pace | None = None
    ) -> None:
        self._uow = uow
        self._sender = sender
        self._clock = clock
        self._pace = pace or Pace()

    async def __call__(self, shard: Shard, stop: asyncio.Event, watch: Watch) -> None:
        """Pump until `stop` is set, then wait for what is on its way and write it down.

        When this is cancelled or fails, messages on their way stay claimed until their lease ends and are
        then sent again under the same id.

        Raises:
            StorageUnavailable
        """
        flights: set[asyncio.Task[Settlement]] = set()
        stopping = asyncio.create_task(stop.wait())
        landed: list[Settlement] = []
        try:
            while flights or landed or not stop.is_set():
                room = 0 if stop.is_set() else self._pace.concurrency - len(flights)
                claimed = await self._turn(shard, landed, room)
                watch(landed)
                flights |= {asyncio.create_task(self._send(message)) for message in claimed}
                landed = await self._landed(flights, stopping)
        finally:
            await _abandon({stopping, *flights})

    async def _turn(self, shard: Shard, landed: Sequence[Settlement], room: int) -> list[ClaimedMessage]:
        """One transaction: write down what came of attempts, then claim more, at most `room`."""
        claimed: list[ClaimedMessage] = []
        async with self._uow() as uow:
            now = self._clock.now()
            if landed:
                await uow.outbox.settle(landed, now)
            if room:
                claimed = await uow.outbox.claim(shard, room=room, now=now, until=now + self._pace.lease)
            await uow.commit()
        return claimed

    async def _landed(
        self, flights: set[asyncio.Task[Settlement]], stopping: asyncio.Task[bool]
    ) -> list[Settlement]:
        """Wait for news, `idle` at most: an attempt that ended, or the wish to stop."""
        awaited = flights if stopping.done() else {*flights, stopping}
        if awaited:
            await asyncio.wait(
                awaited, timeout=self._pace.idle.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            if len(flights) > 1 and not stopping.done():
                await asyncio.wait(flights, timeout=self._pace.linger.total_seconds())
        done = {flight for flight in flights if flight.done()}
        flights -= done
        return [flight.result() for flight in done]

    async def _send(self, claimed: ClaimedMessage) -> Settlement:
        try:
            await self._sender.send(claimed.message)
        except Exception as error:  # noqa: BLE001 - one strange answer must not end the pump
            settlement = failed(claimed, _as_failure(error), self._clock.now())
            _tell(settlement)
            return settlement
        now = self._clock.now()
        return Settlement(claimed, MessageStatus.DELIVERED, now, now)


def _as_failure(error: Exception) -> GatewayError:
    """A failure of the sender itself is one of the attempt: tried again, and dead in the end."""
    if isinstance(error, GatewayError):
        return error
    return GatewayError(type(error).__name__, retryable=True, outcome_unknown=True)


def failed(claimed: ClaimedMessage, error: GatewayError, now: datetime) -> Settlement:
    """When a message that was not accepted is sent again, or that it is dead.

    The receiver may ask for a later time (Retry-After), up to the longest wait of the table.
    """
    if not error.retryable or claimed.attempt > len(RETRY_AFTER):
        return Settlement(claimed, MessageStatus.DEAD, now, now, error.code)
    asked = timedelta(seconds=error.retry_after_seconds or 0)
    wait = max(RETRY_AFTER[claimed.attempt - 1], min(asked, LATER_RETRIES))
    return Settlement(claimed, MessageStatus.PENDING, now, now + wait, error.code)


def _tell(settlement: Settlement) -> None:
    message = settlement.claimed.message
    facts = log.bind(
        message_id=message.message_id,
        subject=message.subject,
        attempt=settlement.claimed.attempt,
        code=settlement.error,
    )
    if settlement.status is MessageStatus.DEAD:
        facts.error("webhook.given_up")
    else:
        facts.warning("webhook.not_accepted", next_attempt_at=settlement.next_attempt_at.isoformat())


async def _abandon(tasks: set[asyncio.Task[Settlement] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
