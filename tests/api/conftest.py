"""The app in this process over a real PostgreSQL, with a clock that is set and hints that are recorded."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from api.app import create_app
from api.deps import ApiDependencies, ApiPlatform
from api.security import TokenVerifier
from mallcare.application.receipts import ReceiptDoor
from mallcare.application.use_cases import build_use_cases
from mallcare.contracts.after_sales import CaseSnapshot
from mallcare.contracts.names import Signal
from mallcare.domain.contacts import Channel
from mallcare.gateways.aliyun_sms import AliyunSmsReceipts
from mallcare.gateways.system import TimeOrderedIds
from mallcare.persistence.policies import PolicyCache
from mallcare.persistence.queries import SqlCaseQueries
from mallcare.persistence.timeliness import TimelinessCache
from mallcare.persistence.unit_of_work import SqlUnitOfWorkFactory
from mallcare.ports import BilledMerchant, BillRow, GatewayError, RefundCallbacks, RefundReport
from tests.api.calls import AUDIENCE, ISSUER, KEY, Calls, Json, answered, ask_body, token

RECEIPT_TOKEN = "receipts-come-here"
PLACED_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = PLACED_AT + timedelta(hours=2)
"""Past the cooling-off of the example order."""


@dataclass
class SetClock:
    """Stands where a test puts it."""

    at: datetime = LATER

    def now(self) -> datetime:
        return self.at


@dataclass
class RecordedHints:
    """Remembers what the engine would have been told."""

    offered: list[tuple[CaseSnapshot, Signal | None]] = field(default_factory=list)

    def offer(self, snapshot: CaseSnapshot, signal: Signal | None) -> None:
        self.offered.append((snapshot, signal))

    @property
    def signals(self) -> list[Signal | None]:
        return [signal for _, signal in self.offered]


@dataclass
class ScriptedCallbacks:
    """Believes a body that says `signed`, and answers the next report it was given."""

    reports: list[RefundReport] = field(default_factory=list)
    refuse_with: str | None = None

    def parse(self, headers: dict[str, str], body: bytes) -> RefundReport:
        if self.refuse_with is not None:
            raise GatewayError(self.refuse_with, retryable=True, outcome_unknown=True)
        if body != b"signed" or "wechatpay-signature" not in headers:
            raise GatewayError("bad_signature", retryable=True, outcome_unknown=True)
        return self.reports.pop(0)


@dataclass
class RecordedReconciler:
    """Remembers which days would have been reconciled."""

    started: list[tuple[str, date]] = field(default_factory=list)

    async def reconcile(self, provider: str, day: date) -> None:
        self.started.append((provider, day))


@dataclass
class WrittenBill:
    """The same bill for every day."""

    rows: list[BillRow] = field(default_factory=list)

    async def refunds_of(self, day: date) -> list[BillRow]:
        return self.rows


@dataclass
class Readiness:
    """What the platform says of its engines."""

    checks: dict[str, bool] = field(default_factory=lambda: {"database": True, "temporal": True})
    failure: Exception | None = None

    async def __call__(self) -> dict[str, bool]:
        if self.failure is not None:
            raise self.failure
        return self.checks


class Api:
    """The app, its surroundings, and one caller for each role."""

    def __init__(self, app: FastAPI, client: httpx.AsyncClient, platform: ApiDependencies) -> None:
        self.app = app
        self.client = client
        self.platform = platform
        self.clock = SetClock()
        self.hints = RecordedHints()
        self.callbacks = ScriptedCallbacks()
        self.readiness = Readiness()
        self.reconciler = RecordedReconciler()
        self.bill = WrittenBill()
        self.nobody = Calls(client, None)
        self.mall = Calls(client, token("mall"))
        self.supplier = Calls(client, token("supplier", supplier_id="supplier-1"))
        self.other_supplier = Calls(client, token("supplier", supplier_id="supplier-2"))
        self.customer = Calls(client, token("customer", customer_id="customer-1"))
        self.other_customer = Calls(client, token("customer", customer_id="customer-2"))
        self.operations = Calls(client, token("operations"))
        self.finance = Calls(client, token("finance"))
        self.auditor = Calls(client, token("auditor"))

    async def opened(self, order_no: str = "O-1", quantity: int = 1, **order: object) -> Json:
        """A case under review, of an order that is sent for it."""
        answered(await self.mall.put_order(order_no, **order))
        return answered(await self.mall.ask(ask_body(order_no, quantity)), 201)


VERIFIER = TokenVerifier(algorithm="HS256", issuer=ISSUER, audience=AUDIENCE, key=KEY)


@pytest.fixture
async def api(engine: AsyncEngine, empty_database: str) -> AsyncGenerator[Api]:
    """The app on an empty database; a published policy is seen at once, not within a second."""
    uow = SqlUnitOfWorkFactory(
        engine, policy_cache=PolicyCache(seconds=0), timeliness_cache=TimelinessCache(seconds=0)
    )
    queries = SqlCaseQueries(engine)
    clock, hints, callbacks, readiness = SetClock(), RecordedHints(), ScriptedCallbacks(), Readiness()
    reconciler, bill = RecordedReconciler(), WrittenBill()
    verifiers: dict[str, RefundCallbacks] = {"wechat_pay": callbacks}
    platform = ApiDependencies(
        use_cases=build_use_cases(
            uow,
            queries,
            clock,
            TimeOrderedIds(),
            hints,
            billed={"wechat_pay": BilledMerchant("1900000001", bill)},
            reconciler=reconciler,
        ),
        queries=queries,
        callbacks=verifiers,
        clock=clock,
        readiness=readiness,
        receipts={Channel.SMS: ReceiptDoor(RECEIPT_TOKEN, AliyunSmsReceipts())},
    )

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ApiPlatform]:
        yield platform

    app = create_app(opened, VERIFIER)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
            here = Api(app, client, platform)
            here.clock, here.hints, here.callbacks, here.readiness = clock, hints, callbacks, readiness
            here.reconciler, here.bill = reconciler, bill
            yield here
