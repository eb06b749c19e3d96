"""WeChat Pay's refund API, as its own HTTP service."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import secrets
from collections.abc import AsyncGenerator
from datetime import date

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.faults import Fault, FaultBook, hold
from mallcare.gateways.simulators.wechat_pay.admin import AdminDesk
from mallcare.gateways.simulators.wechat_pay.bill import BEIJING, day_bounds, write_bill
from mallcare.gateways.simulators.wechat_pay.callbacks import SettlementDesk
from mallcare.gateways.simulators.wechat_pay.config import WechatPaySimulatorConfig
from mallcare.gateways.simulators.wechat_pay.identity import MerchantIdentity, PlatformSigner
from mallcare.gateways.simulators.wechat_pay.ledger import Ledger, Refund
from mallcare.gateways.simulators.wechat_pay.rules import (
    Limits,
    Submission,
    VendorError,
    check_payment,
    check_replay,
    learned_payment,
    new_refund,
    read_object,
    read_submission,
)
from mallcare.ports import Clock

_OUTCOMES = {"abnormal": "ABNORMAL", "closed": "CLOSED"}
_ABNORMAL_CHANNELS = {"MERCHANT_BANK_CARD": "OTHER_BALANCE", "USER_BANK_CARD": "OTHER_BANKCARD"}


def create_app(config: WechatPaySimulatorConfig, clock: Clock | None = None) -> FastAPI:
    """A WeChat Pay for one merchant. The ledger opens when the app starts serving.

    `clock` defaults to the wall clock; another one moves freshness, intervals and settlement.
    """
    ledger = Ledger(config.ledger_path)
    simulator = WechatPaySimulator(config, ledger, clock or WallClock())

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        acting = asyncio.create_task(simulator.desk.run())
        try:
            yield
        finally:
            acting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await acting
            ledger.close()

    app = FastAPI(title="WeChat Pay simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(VendorError, simulator.refuse)
    refunds = "/v3/refund/domestic/refunds"
    app.add_api_route(refunds, simulator.submit, methods=["POST"])
    app.add_api_route(refunds + "/{out_refund_no}", simulator.query, methods=["GET"])
    app.add_api_route(refunds + "/{refund_id}/apply-abnormal-refund", simulator.resolve, methods=["POST"])
    app.add_api_route("/v3/bill/tradebill", simulator.bill, methods=["GET"])
    app.add_api_route("/v3/billdownload/file", simulator.download, methods=["GET"])
    app.include_router(AdminDesk(ledger, simulator.faults, simulator.desk, simulator.clock).router())
    return app


class WechatPaySimulator:
    """The vendor's side of each call: identity, then faults, then rules, then the books."""

    def __init__(self, config: WechatPaySimulatorConfig, ledger: Ledger, clock: Clock) -> None:
        self.clock = clock
        self.faults = FaultBook()
        self._config = config
        self._ledger = ledger
        self._identity = MerchantIdentity(config, ledger, clock)
        self._signer = PlatformSigner(config, clock)
        self.desk = SettlementDesk(config, ledger, self._signer, clock)
        self._bills: dict[str, bytes] = {}

    async def refuse(self, _request: Request, error: Exception) -> Response:
        """A rule's answer, signed like any other."""
        assert isinstance(error, VendorError)
        return self._signer.answer(error.status, {"code": error.code, "message": error.message})

    async def submit(self, request: Request) -> Response:
        """POST /v3/refund/domestic/refunds: accepted at most once per out_refund_no."""
        submission = read_submission(await self._identity.admit(request))
        self._ledger.count_post(submission.out_refund_no)
        try:
            return await self._submit(request, submission)
        except VendorError as error:
            self._ledger.note_refusal(submission.out_refund_no, error.code)
            raise

    async def _submit(self, request: Request, submission: Submission) -> Response:
        fault = self.faults.strike("submit", submission.out_refund_no, submission.transaction_id)
        if (early := await self._before(request, fault)) is not None:
            return early
        kind = fault.kind if fault else ""
        self._ledger_accepts(submission, kind)
        self.desk.settle()
        if fault is not None and kind == "timeout_after_commit":
            return await hold(request, self._delay(fault, self._config.hold_seconds))
        return self._told(submission.out_refund_no, forged=kind == "bad_signature")

    def _ledger_accepts(self, submission: Submission, kind: str) -> None:
        now = self.clock.now().timestamp()
        with self._ledger.transaction():
            known = self._ledger.find(submission.out_refund_no)
            if known is not None:
                check_replay(submission, known)
                return
            if kind == "not_enough":
                raise VendorError(403, "NOT_ENOUGH", "the merchant's balance does not suffice")
            payment = self._ledger.find_payment(submission.transaction_id, submission.out_trade_no)
            if payment is None:
                if not self._config.accept_unknown_transactions:
                    raise VendorError(404, "RESOURCE_NOT_EXISTS", "no such payment")
                payment = learned_payment(submission)
                self._ledger.register_payment(payment)
            limits = Limits(self._config.max_refunds_per_transaction, self._config.min_interval_seconds)
            earlier = self._ledger.of_payment(payment.transaction_id)
            check_payment(submission, payment, earlier, limits, now)
            settles_at = now + self._processing_seconds(kind)
            outcome = _OUTCOMES.get(kind, "SUCCESS")
            self._ledger.add(new_refund(submission, payment, outcome, now, settles_at))

    def _processing_seconds(self, kind: str) -> float:
        waits = self._config.settle == "processing" or kind == "processing"
        return self._config.processing_seconds if waits else 0.0

    async def query(self, request: Request, out_refund_no: str) -> Response:
        """GET /v3/refund/domestic/refunds/{out_refund_no}."""
        await self._identity.admit(request)
        self.desk.settle()
        refund = self._ledger.find(out_refund_no)
        fault = self.faults.strike("query", out_refund_no, refund.transaction_id if refund else None)
        if (early := await self._before(request, fault)) is not None:
            return early
        return self._told(out_refund_no, forged=fault is not None and fault.kind == "bad_signature")

    async def resolve(self, request: Request, refund_id: str) -> Response:
        """POST .../apply-abnormal-refund: an ABNORMAL refund goes on to another account."""
        body = read_object(await self._identity.admit(request))
        self.desk.settle()
        refund = self._ledger.find_by_refund_id(refund_id)
        if refund is None or refund.out_refund_no != body.get("out_refund_no"):
            raise VendorError(404, "RESOURCE_NOT_EXISTS", "no such refund")
        channel = _ABNORMAL_CHANNELS.get(str(body.get("type")))
        if channel is None or (channel == "OTHER_BANKCARD" and not body.get("bank_account")):
            raise VendorError(400, "PARAM_ERROR", "type, or the card it needs, is missing")
        fault = self.faults.strike("resolve", refund.out_refund_no, refund.transaction_id)
        if (early := await self._before(request, fault)) is not None:
            return early
        if refund.status == "ABNORMAL":
            settles_at = self.clock.now().timestamp() + self._processing_seconds("")
            self._ledger.reopen(refund, channel=channel, settles_at=settles_at)
        elif refund.channel == "ORIGINAL":
            raise VendorError(400, "INVALID_REQUEST", "the refund is not abnormal")
        self.desk.settle()
        return self._told(refund.out_refund_no)

    async def bill(self, request: Request) -> Response:
        """GET /v3/bill/tradebill: a ticket for the day's refunds, by the Beijing day they were asked for."""
        await self._identity.admit(request)
        self.desk.settle()
        day = _day(request.query_params.get("bill_date", ""))
        if request.query_params.get("bill_type") != "REFUND":
            raise VendorError(400, "PARAM_ERROR", "only the REFUND bill is simulated")
        today = self.clock.now().astimezone(BEIJING).date()
        if day > today or (day == today and not self._config.bill_same_day):
            raise VendorError(400, "STATEMENT_CREATING", "the bill is not written yet")
        refunds: list[Refund] = self._ledger.created_between(*day_bounds(day))
        if not refunds:
            raise VendorError(400, "NO_STATEMENT_EXIST", "nothing happened that day")
        content = write_bill(self._config.mchid, refunds)
        packed = request.query_params.get("tar_type") == "GZIP"
        token = secrets.token_urlsafe(24)
        self._bills[token] = gzip.compress(content) if packed else content
        digest = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        url = f"{request.base_url}v3/billdownload/file?token={token}"
        return self._signer.answer(200, {"hash_type": "SHA1", "hash_value": digest, "download_url": url})

    async def download(self, request: Request) -> Response:
        """GET of the ticket's address, once: the file itself, unsigned as the vendor's is."""
        await self._identity.admit(request)
        content = self._bills.pop(request.query_params.get("token", ""), None)
        if content is None:
            raise VendorError(404, "RESOURCE_NOT_EXISTS", "no such file")
        fault = self.faults.strike("bill", "")
        if fault is not None and fault.kind == "corrupt":
            content = content.replace(b"`", b"'", 1)
        return Response(content, media_type="text/plain")

    async def _before(self, request: Request, fault: Fault | None) -> Response | None:
        """Faults that strike before anything is done."""
        match fault.kind if fault else None:
            case "timeout_before" if fault is not None:
                return await hold(request, self._delay(fault, self._config.hold_seconds))
            case "error_500":
                raise VendorError(500, "SYSTEM_ERROR", "try again")
            case "frequency_limited":
                raise VendorError(429, "FREQUENCY_LIMITED", "too many requests")
            case "slow" if fault is not None:
                await asyncio.sleep(self._delay(fault, self._config.slow_seconds))
            case _:
                pass
        return None

    @staticmethod
    def _delay(fault: Fault, default: float) -> float:
        return default if fault.delay_seconds is None else fault.delay_seconds

    def _told(self, out_refund_no: str, *, forged: bool = False) -> Response:
        refund = self._ledger.find(out_refund_no)
        if refund is None:
            raise VendorError(404, "RESOURCE_NOT_EXISTS", "no such refund")
        return self._signer.answer(200, refund.answer(), forged=forged)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise VendorError(400, "PARAM_ERROR", "bill_date is not a day") from None
