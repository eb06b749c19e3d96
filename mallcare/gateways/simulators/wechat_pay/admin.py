"""Doors for tests and demos: the ledger, payments, faults. No authentication, so loopback only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from mallcare.gateways.simulators.faults import Fault, FaultBook, Match
from mallcare.gateways.simulators.wechat_pay.callbacks import SettlementDesk
from mallcare.gateways.simulators.wechat_pay.ledger import Ledger, Transaction
from mallcare.ports import Clock

FaultKind = Literal[
    "timeout_after_commit",
    "timeout_before",
    "error_500",
    "not_enough",
    "abnormal",
    "closed",
    "slow",
    "frequency_limited",
    "bad_signature",
    "processing",
    "corrupt",
]


class FaultIn(BaseModel):
    """A fault to strike the next `times` matching calls."""

    model_config = ConfigDict(extra="forbid")

    kind: FaultKind
    match: Match = Match()  # pyright: ignore[reportCallIssue]
    times: int = Field(1, ge=1)
    delay_seconds: float | None = Field(None, ge=0)


class TransactionIn(BaseModel):
    """A payment the simulator should know."""

    model_config = ConfigDict(extra="forbid")

    transaction_id: str
    total_fen: int = Field(ge=1)
    out_trade_no: str | None = None
    paid_at: AwareDatetime | None = None


class SettleIn(BaseModel):
    """Which processing refund settles now."""

    out_refund_no: str


class AdminDesk:
    """The `/admin` routes of one simulator."""

    def __init__(self, ledger: Ledger, faults: FaultBook, desk: SettlementDesk, clock: Clock) -> None:
        self._ledger = ledger
        self._faults = faults
        self._desk = desk
        self._clock = clock

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/healthz", self.health, methods=["GET"])
        router.add_api_route("/admin/ledger", self.ledger, methods=["GET"])
        router.add_api_route("/admin/refusals", self.refusals, methods=["GET"])
        router.add_api_route("/admin/callbacks", self.callbacks, methods=["GET"])
        router.add_api_route("/admin/transactions", self.register, methods=["POST"], status_code=201)
        router.add_api_route("/admin/settle", self.settle, methods=["POST"])
        router.add_api_route("/admin/faults", self.pending, methods=["GET"])
        router.add_api_route("/admin/faults", self.add_fault, methods=["POST"], status_code=201)
        router.add_api_route("/admin/faults", self.clear_faults, methods=["DELETE"])
        return router

    async def health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def ledger(self) -> list[dict[str, object]]:
        """Every accepted refund: `out_refund_no, refund_id, transaction_id, amount_fen, status,
        channel, requests, paid_count, paid_fen`."""
        self._desk.settle()
        return self._ledger.statement()

    async def refusals(self) -> list[dict[str, object]]:
        """Refund numbers that were asked for and never accepted."""
        return self._ledger.refusals()

    async def callbacks(self) -> list[dict[str, object]]:
        """Every callback with its attempts and state (waiting, refused, delivered, abandoned)."""
        return self._ledger.callback_log()

    async def register(self, payment: TransactionIn) -> TransactionIn:
        """Know a payment. Without `out_trade_no` it can be named by its transaction_id only."""
        self._ledger.register_payment(
            Transaction(
                payment.transaction_id,
                payment.out_trade_no or f"trade-of-{payment.transaction_id}",
                payment.total_fen,
                payment.paid_at.timestamp() if payment.paid_at else None,
            )
        )
        return payment

    async def settle(self, wanted: SettleIn) -> list[dict[str, object]]:
        """Let a processing refund settle now; answers the ledger."""
        self._ledger.hurry(wanted.out_refund_no, self._clock.now().timestamp())
        return await self.ledger()

    async def pending(self) -> list[dict[str, object]]:
        return [{**asdict(fault), "match": fault.match.model_dump()} for fault in self._faults.pending()]

    async def add_fault(self, fault: FaultIn) -> FaultIn:
        self._faults.add(Fault(fault.kind, fault.match, fault.times, fault.delay_seconds))
        return fault

    async def clear_faults(self) -> list[dict[str, object]]:
        self._faults.clear()
        return []
