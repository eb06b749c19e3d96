"""Doors for tests and demos: the ledger, numbers, receipts, faults. No authentication, so loopback only."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mallcare.gateways.simulators.aliyun_sms.carrier import CarrierDesk
from mallcare.gateways.simulators.aliyun_sms.ledger import Ledger
from mallcare.gateways.simulators.faults import Fault, FaultBook, Match

BUSINESS = "business"
UNDELIVERABLE = "undeliverable"

FaultKind = Literal[
    "timeout_after_commit",
    "timeout_before",
    "error_500",
    "error_500_after_commit",
    "proxy_page",
    "slow",
    "business",
    "undeliverable",
]


class SmsMatch(BaseModel):
    """Which calls a fault hits; what is not given matches any."""

    model_config = ConfigDict(extra="forbid")

    operation: Literal["send", "query"] = "send"
    out_id: str | None = None
    phone_number: str | None = None


class FaultIn(BaseModel):
    """A fault to strike the next `times` matching calls. `code`: what `business` and `undeliverable` say."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    match: SmsMatch = SmsMatch()
    code: str | None = None
    times: int = Field(1, ge=1)
    delay_seconds: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _code_where_it_speaks(self) -> FaultIn:
        if (self.code is not None) != (self.kind in (BUSINESS, UNDELIVERABLE)):
            raise ValueError("business and undeliverable take a code, the others none")
        return self

    def fault(self) -> Fault:
        """The same for the shared fault book, which knows a message by `refund_no` and `transaction_id`."""
        match = Match(
            operation=self.match.operation,
            out_refund_no=None,
            refund_no=self.match.out_id,
            transaction_id=self.match.phone_number,
        )
        kind = self.kind if self.code is None else f"{self.kind}:{self.code}"
        return Fault(kind, match, self.times, self.delay_seconds)


class UnreachableIn(BaseModel):
    """A number whose messages fail with the carrier's `code`; None: they arrive again."""

    model_config = ConfigDict(extra="forbid")

    phone_number: str
    code: str | None = "MOBILE_NOT_ON_SERVICE"


class ReleaseIn(BaseModel):
    """Push the receipts that are held, one by one."""

    model_config = ConfigDict(extra="forbid")

    newest_first: bool = False


class AdminDesk:
    """The `/admin` routes of one simulator."""

    def __init__(self, ledger: Ledger, faults: FaultBook, desk: CarrierDesk) -> None:
        self._ledger = ledger
        self._faults = faults
        self._desk = desk

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/healthz", self.health, methods=["GET"])
        router.add_api_route("/admin/ledger", self.ledger, methods=["GET"])
        router.add_api_route("/admin/requests", self.requests, methods=["GET"])
        router.add_api_route("/admin/unreachable", self.unreachable, methods=["POST"])
        router.add_api_route("/admin/reports", self.reports, methods=["GET"])
        router.add_api_route("/admin/reports/release", self.release, methods=["POST"])
        router.add_api_route("/admin/faults", self.pending, methods=["GET"])
        router.add_api_route("/admin/faults", self.add_fault, methods=["POST"], status_code=201)
        router.add_api_route("/admin/faults", self.clear_faults, methods=["DELETE"])
        return router

    async def health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def ledger(self) -> list[dict[str, object]]:
        """Every message that really went out: `biz_id, out_id, phone, sign_name, template_code,
        template_param, content, sent_at, status (1 waiting, 2 failed, 3 received), code`."""
        self._desk.settle()
        return self._ledger.statement()

    async def requests(self) -> list[dict[str, object]]:
        """Every authentic SendSms: `out_id, template_code`, and the `code` it was answered, if it was."""
        return self._ledger.requests()

    async def unreachable(self, number: UnreachableIn) -> UnreachableIn:
        self._ledger.make_unreachable(number.phone_number, number.code)
        return number

    async def reports(self) -> list[dict[str, object]]:
        """Every copy of a receipt with its attempts and state (held, waiting, refused, delivered,
        abandoned)."""
        self._desk.settle()
        return self._ledger.report_log()

    async def release(self, wanted: ReleaseIn) -> list[dict[str, object]]:
        self._desk.release(newest_first=wanted.newest_first)
        return self._ledger.report_log()

    async def pending(self) -> list[dict[str, object]]:
        return [{"kind": fault.kind, "times": fault.times} for fault in self._faults.pending()]

    async def add_fault(self, fault: FaultIn) -> FaultIn:
        self._faults.add(fault.fault())
        return fault

    async def clear_faults(self) -> list[dict[str, object]]:
        self._faults.clear()
        return []
