"""A simulated WeChat Pay whose bills are edited on the way: rows lost, doubled, changed; the hash fits."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mallcare.application.reconciliation import ReconcileDay
from mallcare.domain.after_sales import AfterSalesCase
from mallcare.domain.commands import Approve
from mallcare.domain.refunds import RefundLeg
from mallcare.gateways.simulators.wechat_pay.identity import PlatformSigner
from mallcare.gateways.system import TimeOrderedIds
from mallcare.gateways.wechat_pay import HttpWechatPayGateway, WechatRefundBills
from mallcare.gateways.wechat_pay.channel import WechatPayChannel
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import BilledMerchant, GatewayError, RefundBills, RefundRequest
from tests.domain.builders import AFTER_COOLING_OFF, PLACED_AT, asking, cash, line, order
from tests.gateways.conftest import Simulate, Wechat, client, keys, simulate
from tests.gateways.serving import Served
from tests.persistence.transactions import command, open_case, settled, store

__all__ = ["client", "keys", "simulate"]

DAY = date(2026, 3, 1)
"""The day, in Beijing, on which the example orders are placed and refunded."""
Edit = Callable[[list[str]], list[str]]
"""Changes the rows of a bill, each as it is written."""


@dataclass
class EditedBills:
    """Bills of a simulator, edited before anybody reads them."""

    wechat: Wechat
    edit: Edit | None = None

    def app(self) -> FastAPI:
        """The vendor's two addresses of a bill."""
        app = FastAPI()
        signer = PlatformSigner(self.wechat.keys.simulator_config(), self.wechat.clock)
        files: dict[str, bytes] = {}

        @app.get("/v3/bill/tradebill")
        async def ticket(request: Request) -> Response:
            merchant, clock = self.wechat.keys.merchant, self.wechat.clock
            async with httpx.AsyncClient(trust_env=False) as client:
                channel = WechatPayChannel(client, merchant, self.wechat.url, clock, 5.0)
                try:
                    given = await channel.get("/v3/bill/tradebill", dict(request.query_params))
                except GatewayError as error:
                    return signer.answer(400, {"code": error.code})
                content = self._edited(await channel.download(str(given["download_url"])))
            token = secrets.token_hex(8)
            files[token] = content
            digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            url = f"{request.base_url}files/{token}"
            return signer.answer(200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url})

        @app.get("/files/{token}")
        async def download(token: str) -> Response:
            return Response(files.pop(token))

        return app

    def _edited(self, content: bytes) -> bytes:
        if self.edit is None:
            return content
        header, *lines = content.decode().split("\r\n")
        rows = [text for text in lines[:-3] if text.startswith("`")]
        return "\r\n".join([header, *self.edit(rows), *lines[-3:]]).encode()


@dataclass
class Shop:
    """The platform's books beside the vendor's: what is refunded here is asked for there."""

    uow: SqlUnitOfWorkFactory
    wechat: Wechat
    gateway: HttpWechatPayGateway
    bills: EditedBills
    reconcile: ReconcileDay
    opened: int = 0

    async def refunded(self, fen: int, *, paid: bool = True, at: datetime = AFTER_COOLING_OFF) -> RefundLeg:
        """A refund that the vendor paid, and that our books have, from `at` on, as paid or as refused."""
        case, leg = await self.approved(fen)
        asked = RefundRequest(leg.refund_no, case.order_no, "cash", leg.transaction_id, fen, fen, "because")
        await self.gateway.submit(asked)
        await settled(self.uow, case, {leg.refund_no: paid}, at)
        return leg

    async def approved(self, fen: int) -> tuple[AfterSalesCase, RefundLeg]:
        """A refund that the vendor was not asked for yet."""
        self.opened += 1
        number = f"O{self.opened}"
        tender = replace(cash(fen), transaction_id=f"T-{number}")
        await store(self.uow, replace(order(line("A", 1, fen), tenders=(tender,)), order_no=number))
        case = await open_case(self.uow, number, asking(("A", 1)))
        case = await command(self.uow, case.after_sales_no, Approve(), now=AFTER_COOLING_OFF)
        (leg,) = case.legs
        return case, leg


def reading(uow: SqlUnitOfWorkFactory, wechat: Wechat, bills: RefundBills) -> ReconcileDay:
    """Reconciliation with the merchant's bills, read through `bills`."""
    merchants = {"wechat_pay": BilledMerchant(wechat.keys.merchant.mchid, bills)}
    return ReconcileDay(uow, merchants, wechat.clock, TimeOrderedIds())


@pytest.fixture
def shop(uow: SqlUnitOfWorkFactory, simulate: Simulate) -> Generator[Shop]:
    """Empty books, and a vendor whose clock stands on the day."""
    wechat = simulate()
    wechat.clock.offset = AFTER_COOLING_OFF - datetime.now(UTC)
    bills = EditedBills(wechat)
    with Served(bills.app()) as served:
        read = WechatRefundBills(wechat.client, wechat.keys.merchant, base_url=served.url, clock=wechat.clock)
        yield Shop(uow, wechat, wechat.adapter(), bills, reading(uow, wechat, read))


assert PLACED_AT.date() == DAY, "the examples' day in UTC is their day in Beijing too"
