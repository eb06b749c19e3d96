"""Settles refunds when their time comes and calls the merchant back: late, twice, until heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from datetime import UTC, datetime

import httpx

from mallcare.gateways.simulators.wechat_pay.config import WechatPaySimulatorConfig
from mallcare.gateways.simulators.wechat_pay.identity import PlatformSigner
from mallcare.gateways.simulators.wechat_pay.ledger import BEIJING, Callback, CallbackPlan, Ledger
from mallcare.gateways.wechat_pay.signing import encrypt_resource
from mallcare.ports import Clock

_SUMMARIES = {"REFUND.SUCCESS": "退款成功", "REFUND.ABNORMAL": "退款异常", "REFUND.CLOSED": "退款关闭"}
_LONGEST_NAP = 1.0


class SettlementDesk:
    """The part of the simulator that acts by itself. State is the ledger's: it can die any time."""

    def __init__(
        self, config: WechatPaySimulatorConfig, ledger: Ledger, signer: PlatformSigner, clock: Clock
    ) -> None:
        self._config = config
        self._ledger = ledger
        self._signer = signer
        self._clock = clock
        self._settled = asyncio.Event()
        self._asked = asyncio.Event()
        copies = config.callback_copies if config.callbacks_enabled else 0
        self._plan = CallbackPlan(config.mchid, copies, config.callback_delay_seconds)

    def settle(self) -> None:
        """Settle what is due, now; called before every answer so that none is behind its time."""
        self._ledger.settle_due(self._clock.now().timestamp(), self._plan)
        self._settled.set()
        self._asked.set()

    async def run(self) -> None:
        """Settle and call back until cancelled. A slow receiver never delays a settlement."""
        async with (
            httpx.AsyncClient(timeout=self._config.callback_timeout_seconds, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._settle_on_time())
            group.create_task(self._call_back(client))

    async def _settle_on_time(self) -> None:
        while True:
            self.settle()
            self._asked.clear()
            await self._nap(self._asked)

    async def _call_back(self, client: httpx.AsyncClient) -> None:
        while True:
            self._settled.clear()
            due = self._ledger.due_callbacks(self._clock.now().timestamp())
            await asyncio.gather(*(self._deliver(client, callback) for callback in due))
            if not due:
                await self._nap(self._settled)

    async def _nap(self, waker: asyncio.Event) -> None:
        """Until something falls due or `waker` rings; never long, because the clock may be moved."""
        due = self._ledger.next_due()
        seconds = _LONGEST_NAP if due is None else due - self._clock.now().timestamp()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.01), _LONGEST_NAP)):
                await waker.wait()

    async def _deliver(self, client: httpx.AsyncClient, callback: Callback) -> None:
        body = self._body(callback)
        headers = {**self._signer.headers(body), "Content-Type": "application/json"}
        try:
            response = await client.post(callback.url, content=body, headers=headers)
            heard = response.is_success
        except (httpx.RequestError, httpx.InvalidURL):
            heard = False
        waits = self._config.callback_retry_seconds
        if heard:
            self._ledger.note_delivery(callback, "delivered", None)
        elif callback.attempts >= len(waits):
            self._ledger.note_delivery(callback, "abandoned", None)
        else:
            due_at = self._clock.now().timestamp() + waits[callback.attempts]
            self._ledger.note_delivery(callback, "refused", due_at)

    def _body(self, callback: Callback) -> bytes:
        nonce = secrets.token_hex(6)
        created = datetime.fromtimestamp(callback.created_at, UTC).astimezone(BEIJING)
        notice = {
            "id": callback.notice_id,
            "create_time": created.isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": callback.event,
            "summary": _SUMMARIES[callback.event],
            "resource": {
                "original_type": "refund",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": encrypt_resource(
                    self._config.api_v3_key, nonce, "refund", callback.resource.encode()
                ),
                "associated_data": "refund",
                "nonce": nonce,
            },
        }
        return json.dumps(notice, ensure_ascii=False).encode()
