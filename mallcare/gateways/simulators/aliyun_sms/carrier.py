"""Lets messages arrive when their time comes and pushes receipts: late, twice, until heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import cast

import httpx

from mallcare.gateways.simulators.aliyun_sms.config import AliyunSmsSimulatorConfig
from mallcare.gateways.simulators.aliyun_sms.ledger import Ledger, Report
from mallcare.ports import Clock

_LONGEST_NAP = 1.0


class CarrierDesk:
    """The part of the simulator that acts by itself. State is the ledger's: it can die any time."""

    def __init__(self, config: AliyunSmsSimulatorConfig, ledger: Ledger, clock: Clock) -> None:
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._woken = asyncio.Event()
        self._copies = config.report_copies if config.report_url is not None else 0

    def settle(self) -> None:
        """Settle what is due, now; called before every answer so that none is behind its time."""
        now = self._clock.now().timestamp()
        self._ledger.settle_due(
            now, self._copies, self._config.report_delay_seconds, held=self._config.report_held
        )
        self._woken.set()

    def release(self, *, newest_first: bool) -> None:
        """Push what is held now."""
        self.settle()
        self._ledger.release_reports(self._clock.now().timestamp(), newest_first=newest_first)
        self._woken.set()

    async def run(self) -> None:
        """Settle and push until cancelled."""
        async with httpx.AsyncClient(timeout=self._config.report_timeout_seconds, trust_env=False) as client:
            while True:
                self.settle()
                self._woken.clear()
                due = self._ledger.due_reports(self._clock.now().timestamp())
                if due:
                    await self._push(client, _first_batch(due, merged=not self._config.report_held))
                else:
                    await self._nap()

    async def _nap(self) -> None:
        """Until something falls due or is asked for; never long, because the clock may be moved."""
        due = self._ledger.next_due()
        seconds = _LONGEST_NAP if due is None else due - self._clock.now().timestamp()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.01), _LONGEST_NAP)):
                await self._woken.wait()

    async def _push(self, client: httpx.AsyncClient, batch: Sequence[Report]) -> None:
        assert self._config.report_url is not None, "without an address no receipt is queued"
        body = json.dumps([self._ledger.body_of(report) for report in batch], ensure_ascii=False).encode()
        try:
            response = await client.post(
                self._config.report_url,
                content=body,
                headers={"Content-Type": "application/json;charset=UTF-8"},
            )
            heard = response.status_code == 200 and _has_numeric_code(response.content)
        except (httpx.RequestError, httpx.InvalidURL):
            heard = False
        waits = self._config.report_retry_seconds
        now = self._clock.now().timestamp()
        for report in batch:
            if heard:
                self._ledger.note_push(report, "delivered", None)
            elif report.attempts >= len(waits):
                self._ledger.note_push(report, "abandoned", None)
            else:
                self._ledger.note_push(report, "refused", now + waits[report.attempts])


def _first_batch(due: Sequence[Report], *, merged: bool) -> Sequence[Report]:
    """What goes into the next push: several messages together, but never two copies of one."""
    if not merged:
        return due[:1]
    return [report for report in due if (report.copy, report.attempts) == (due[0].copy, due[0].attempts)]


def _has_numeric_code(body: bytes) -> bool:
    try:
        decoded: object = json.loads(body)
    except ValueError:
        return False
    return isinstance(decoded, dict) and isinstance(cast("dict[str, object]", decoded).get("code"), int)
