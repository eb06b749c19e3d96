"""The mall's side: gives points and vouchers back, and receives our webhooks.

Run it with `python -m mallcare.gateways.simulators.mall --port 8102`; it reads
`MALLCARE_SIM_MALL_TENDER_SECRET`, `..._WEBHOOK_SECRET`, `..._LEDGER_PATH`, `..._SETTLE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.faults import Fault, FaultBook, Match, hold
from mallcare.gateways.simulators.mall_books import MallBooks, TenderRefund
from mallcare.gateways.simulators.serving import serve

_PREFIX = "MALLCARE_SIM_MALL_"


@dataclass(frozen=True, slots=True)
class MallSimulatorConfig:
    """One mall. Secrets are Standard Webhooks' (`whsec_...`); durations in seconds.

    `ledger_path` None keeps the books in memory. With `settle` "processing" a refund stays so until
    `POST /admin/settle` or `processing_seconds` have passed.
    """

    tender_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    ledger_path: Path | None = None
    settle: Literal["immediate", "processing"] = "immediate"
    processing_seconds: float = 2.0
    hold_seconds: float = 30.0
    slow_seconds: float = 2.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> MallSimulatorConfig:
        """Configuration from `MALLCARE_SIM_MALL_*`.

        Raises:
            ValueError: a secret is missing or a value cannot be read.
        """
        values = {
            name.removeprefix(_PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(_PREFIX)
        }
        path, settle = values.get("ledger_path"), values.get("settle", "immediate")
        if settle not in ("immediate", "processing"):
            raise ValueError(f"{_PREFIX}SETTLE is 'immediate' or 'processing'")
        try:
            return cls(
                tender_secret=values["tender_secret"],
                webhook_secret=values["webhook_secret"],
                ledger_path=Path(path) if path else None,
                settle=settle,
                processing_seconds=float(values.get("processing_seconds", "2")),
            )
        except KeyError as error:
            raise ValueError(f"{_PREFIX}{str(error.args[0]).upper()} is missing") from None

    def to_environment(self) -> dict[str, str]:
        """The same configuration as variables, for a process of its own. Holds secrets."""
        written = {
            _PREFIX + "TENDER_SECRET": self.tender_secret,
            _PREFIX + "WEBHOOK_SECRET": self.webhook_secret,
            _PREFIX + "SETTLE": self.settle,
            _PREFIX + "PROCESSING_SECONDS": str(self.processing_seconds),
        }
        if self.ledger_path is not None:
            written[_PREFIX + "LEDGER_PATH"] = str(self.ledger_path)
        return written


class TenderRefundIn(BaseModel):
    """The body of `POST /tender-refunds`."""

    refund_no: str = Field(pattern=r"^[0-9A-Za-z]{1,32}$")
    order_no: str = Field(min_length=1)
    tender: str = Field(min_length=1)
    amount_fen: int = Field(ge=1, strict=True)
    reason: str = ""


class FaultIn(BaseModel):
    """A fault to strike the next `times` matching calls; `webhook` is an operation too."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["timeout_after_commit", "timeout_before", "error_500", "failed", "processing", "slow"]
    match: Match = Match()  # pyright: ignore[reportCallIssue]
    times: int = Field(1, ge=1)
    delay_seconds: float | None = Field(None, ge=0)


class SettleIn(BaseModel):
    """Which processing refund settles now."""

    refund_no: str


class WebhookFaultIn(BaseModel):
    """Answer 500 to the next `times` webhooks."""

    times: int = Field(1, ge=1)


class MallSimulator:
    """The mall's answers. Identity, then faults, then the books."""

    def __init__(self, config: MallSimulatorConfig, books: MallBooks) -> None:
        self._config = config
        self._books = books
        self._clock = WallClock()
        self._faults = FaultBook()
        self._tender_signature = Webhook(config.tender_secret)
        self._webhook_signature = Webhook(config.webhook_secret)

    async def submit(self, request: Request) -> Response:
        """POST /tender-refunds: gives back once per refund_no."""
        body = await request.body()
        try:
            wanted = TenderRefundIn.model_validate_json(body)
        except ValidationError:
            return _refusal(400, "invalid")
        if not _is_signed(self._tender_signature, request, body, f"refund-{wanted.refund_no}"):
            return _refusal(401, "unauthorized")
        self._books.count_request(wanted.refund_no)
        fault = self._faults.strike("submit", wanted.refund_no)
        if (early := await self._before(request, fault)) is not None:
            return early
        kind = fault.kind if fault else ""
        known = self._books.accept(self._accepted(wanted, kind), self._clock.now().timestamp())
        asked = (wanted.order_no, wanted.tender, wanted.amount_fen)
        if (known.order_no, known.tender, known.amount_fen) != asked:
            return _refusal(409, "refund_no_reused")
        if fault is not None and kind == "timeout_after_commit":
            return await hold(request, self._delay(fault, self._config.hold_seconds))
        return self._told(wanted.refund_no)

    def _accepted(self, wanted: TenderRefundIn, kind: str) -> TenderRefund:
        now = self._clock.now().timestamp()
        processing = self._config.settle == "processing" or kind == "processing"
        outcome = "failed" if kind == "failed" else "succeeded"
        settles_at = now + self._config.processing_seconds if processing else now
        return TenderRefund(
            wanted.refund_no,
            wanted.order_no,
            wanted.tender,
            wanted.amount_fen,
            "processing",
            outcome,
            settles_at,
        )

    async def query(self, request: Request, refund_no: str) -> Response:
        """GET /tender-refunds/{refund_no}."""
        if not _is_signed(self._tender_signature, request, await request.body(), f"query-{refund_no}"):
            return _refusal(401, "unauthorized")
        early = await self._before(request, self._faults.strike("query", refund_no))
        return early if early is not None else self._told(refund_no)

    async def receive_webhook(self, request: Request) -> Response:
        """POST /webhooks: verified, kept in order of arrival."""
        body = await request.body()
        if not _is_signed(self._webhook_signature, request, body, request.headers.get("webhook-id", "")):
            return _refusal(401, "unauthorized")
        fault = self._faults.strike("webhook", "")
        if (early := await self._before(request, fault)) is not None:
            return early
        headers = request.headers
        self._books.keep_webhook(
            headers["webhook-id"], headers["webhook-timestamp"], body.decode(), self._clock.now().timestamp()
        )
        return Response(status_code=204)

    async def _before(self, request: Request, fault: Fault | None) -> Response | None:
        match fault.kind if fault else None:
            case "timeout_before" if fault is not None:
                return await hold(request, self._delay(fault, self._config.hold_seconds))
            case "error_500":
                return _refusal(500, "internal_error")
            case "slow" if fault is not None:
                await asyncio.sleep(self._delay(fault, self._config.slow_seconds))
            case _:
                pass
        return None

    @staticmethod
    def _delay(fault: Fault, default: float) -> float:
        return default if fault.delay_seconds is None else fault.delay_seconds

    def _told(self, refund_no: str) -> Response:
        self._books.settle_due(self._clock.now().timestamp())
        refund = self._books.find(refund_no)
        if refund is None:
            return _refusal(404, "refund_not_found")
        answer: dict[str, object] = {
            "refund_no": refund.refund_no,
            "status": refund.status,
            "amount_fen": refund.amount_fen,
            "vendor_refund_id": f"mall-{refund.refund_no}",
        }
        if refund.status == "failed":
            answer["code"] = "tender_expired"
        return JSONResponse(answer)

    # --- for tests and demos -------------------------------------------------------------------

    async def health(self) -> dict[str, str]:
        return {"status": "ok"}

    async def ledger(self) -> list[dict[str, object]]:
        """Every tender refund: `refund_no, order_no, tender, amount_fen, status, requests, paid_count`."""
        self._books.settle_due(self._clock.now().timestamp())
        return self._books.statement()

    async def webhooks(self) -> list[dict[str, object]]:
        """Every accepted webhook in order of arrival: `seq, webhook_id, webhook_timestamp, payload,
        received_at, duplicate`."""
        return self._books.webhooks()

    async def settle(self, wanted: SettleIn) -> list[dict[str, object]]:
        self._books.hurry(wanted.refund_no)
        return await self.ledger()

    async def pending_faults(self) -> list[dict[str, object]]:
        return [{**asdict(fault), "match": fault.match.model_dump()} for fault in self._faults.pending()]

    async def add_fault(self, fault: FaultIn) -> FaultIn:
        self._faults.add(Fault(fault.kind, fault.match, fault.times, fault.delay_seconds))
        return fault

    async def fail_webhooks(self, fault: WebhookFaultIn) -> WebhookFaultIn:
        """Answer 500 to the next webhooks."""
        webhook = Match.model_validate({"operation": "webhook"})
        self._faults.add(Fault("error_500", webhook, fault.times, None))
        return fault

    async def clear_faults(self) -> list[dict[str, object]]:
        self._faults.clear()
        return []


def create_app(config: MallSimulatorConfig) -> FastAPI:
    """The mall as an app of its own."""
    books = MallBooks(config.ledger_path)
    mall = MallSimulator(config, books)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        books.close()

    app = FastAPI(title="Mall simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_api_route("/tender-refunds", mall.submit, methods=["POST"])
    app.add_api_route("/tender-refunds/{refund_no}", mall.query, methods=["GET"])
    app.add_api_route("/webhooks", mall.receive_webhook, methods=["POST"])
    app.add_api_route("/healthz", mall.health, methods=["GET"])
    app.add_api_route("/admin/ledger", mall.ledger, methods=["GET"])
    app.add_api_route("/admin/webhooks", mall.webhooks, methods=["GET"])
    app.add_api_route("/admin/webhooks/faults", mall.fail_webhooks, methods=["POST"], status_code=201)
    app.add_api_route("/admin/settle", mall.settle, methods=["POST"])
    app.add_api_route("/admin/faults", mall.pending_faults, methods=["GET"])
    app.add_api_route("/admin/faults", mall.add_fault, methods=["POST"], status_code=201)
    app.add_api_route("/admin/faults", mall.clear_faults, methods=["DELETE"])
    return app


def _is_signed(signature: Webhook, request: Request, body: bytes, message_id: str) -> bool:
    """Whether the request carries a fresh Standard Webhooks signature, for this very message."""
    try:
        signature.verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return request.headers["webhook-id"] == message_id


def _refusal(status: int, code: str) -> Response:
    return JSONResponse({"code": code}, status_code=status)


def main() -> int:
    """Serve until stopped; 2 when the configuration cannot be read."""
    return serve("mall-simulator", lambda given: create_app(MallSimulatorConfig.from_environment(given)))


if __name__ == "__main__":
    sys.exit(main())
