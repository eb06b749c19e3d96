"""Aliyun's SMS API, as its own HTTP service."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from mallcare.gateways.aliyun_sms.signing import ACTION, VERSION
from mallcare.gateways.simulators.aliyun_sms.admin import BUSINESS, UNDELIVERABLE, AdminDesk
from mallcare.gateways.simulators.aliyun_sms.carrier import CarrierDesk
from mallcare.gateways.simulators.aliyun_sms.config import AliyunSmsSimulatorConfig
from mallcare.gateways.simulators.aliyun_sms.identity import AccountIdentity
from mallcare.gateways.simulators.aliyun_sms.ledger import Ledger
from mallcare.gateways.simulators.aliyun_sms.rules import (
    Submission,
    VendorError,
    quotas,
    read_question,
    read_submission,
)
from mallcare.gateways.simulators.clock import WallClock
from mallcare.gateways.simulators.faults import Fault, FaultBook, hold
from mallcare.ports import Clock

API_VERSION = "2017-05-25"


def create_app(config: AliyunSmsSimulatorConfig, clock: Clock | None = None) -> FastAPI:
    """An Aliyun SMS for one account. The ledger opens at once, receipts start with the app.

    `clock` defaults to the wall clock; another one moves freshness, quotas and the carrier.
    """
    ledger = Ledger(config.ledger_path)
    simulator = AliyunSmsSimulator(config, ledger, clock or WallClock())

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

    app = FastAPI(title="Aliyun SMS simulator", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_exception_handler(VendorError, simulator.refuse)
    app.include_router(AdminDesk(ledger, simulator.faults, simulator.desk).router())
    app.add_api_route("/", simulator.call, methods=["POST"])
    return app


class AliyunSmsSimulator:
    """The vendor's side of each call: identity, then faults, then rules, then the books."""

    def __init__(self, config: AliyunSmsSimulatorConfig, ledger: Ledger, clock: Clock) -> None:
        self.faults = FaultBook()
        self._config = config
        self._ledger = ledger
        self._clock = clock
        self._identity = AccountIdentity(config, ledger, clock)
        self.desk = CarrierDesk(config, ledger, clock)

    async def refuse(self, request: Request, error: Exception) -> Response:
        """A refusal as the vendor words it: the gateway's with host and status, the product's with 200."""
        assert isinstance(error, VendorError)
        answer = {"RequestId": _request_id(), "Message": error.message, "Code": error.code}
        if error.status != 200:
            answer |= {"HostId": request.headers.get("host", "")}
        return JSONResponse(answer, error.status)

    async def call(self, request: Request) -> Response:
        """POST /: the action is named by a header."""
        parameters = await self._identity.admit(request)
        if request.headers[VERSION] != API_VERSION:
            raise VendorError("InvalidVersion", "Specified parameter Version is not valid.", 400)
        match request.headers[ACTION]:
            case "SendSms":
                return await self._send(request, parameters)
            case "QuerySendDetails":
                return await self._query(request, parameters)
            case _:
                raise VendorError("InvalidAction.NotFound", "Specified api is not found.", 404)

    async def _send(self, request: Request, parameters: Mapping[str, str]) -> Response:
        """SendSms: every call that is accepted sends a message, whatever its OutId."""
        out_id, template = parameters.get("OutId", ""), parameters.get("TemplateCode", "")
        note = self._ledger.note_request(out_id, template, self._clock.now().timestamp())
        fault = self.faults.strike("send", out_id, parameters.get("PhoneNumbers"))
        try:
            if (early := await self._before(request, fault)) is not None:
                return early
            submission = read_submission(parameters, self._config)
            biz_id = self._sent(submission, fault)
        except VendorError as error:
            self._ledger.note_answer(note, error.code)
            raise
        self.desk.settle()
        match fault.kind if fault else None:
            case "timeout_after_commit" if fault is not None:
                return await hold(request, self._delay(fault, self._config.hold_seconds))
            case "error_500_after_commit":
                raise _internal_error()
            case _:
                self._ledger.note_answer(note, "OK")
                return _ok({"BizId": biz_id})

    def _sent(self, submission: Submission, fault: Fault | None) -> str:
        now = self._clock.now().timestamp()
        kind, _, code = (fault.kind if fault else "").partition(":")
        with self._ledger.transaction():
            for quota in quotas(self._config):
                if self._ledger.sent_since(submission, now - quota.seconds) >= quota.most:
                    text = f"触发{quota.level}流控Permits:{quota.most}"
                    raise VendorError("isv.BUSINESS_LIMIT_CONTROL", text)
            outcome = code if kind == UNDELIVERABLE else None
            return self._ledger.send(submission, outcome, now, now + self._config.carrier_seconds)

    async def _query(self, request: Request, parameters: Mapping[str, str]) -> Response:
        """QuerySendDetails: the day's messages to one number, those that the records know by now."""
        fault = self.faults.strike("query", "", parameters.get("PhoneNumber"))
        if (early := await self._before(request, fault)) is not None:
            return early
        question = read_question(parameters)
        self.desk.settle()
        known_before = self._clock.now().timestamp() - self._config.details_lag_seconds
        total, page = self._ledger.details(question, known_before)
        details = [message.detail() for message in page]
        return _ok({"TotalCount": total, "SmsSendDetailDTOs": {"SmsSendDetailDTO": details}})

    async def _before(self, request: Request, fault: Fault | None) -> Response | None:
        """Faults that strike before anything is done."""
        if fault is None:
            return None
        kind, _, code = fault.kind.partition(":")
        match kind:
            case "timeout_before":
                return await hold(request, self._delay(fault, self._config.hold_seconds))
            case "error_500":
                raise _internal_error()
            case "proxy_page":
                return HTMLResponse("<html>bad gateway</html>", 502)
            case "slow":
                await asyncio.sleep(self._delay(fault, self._config.slow_seconds))
            case _ if kind == BUSINESS:
                gateways = not code.startswith(("isv.", "isp."))
                raise VendorError(code, "as was asked for", 400 if gateways else 200)
            case _:
                pass
        return None

    @staticmethod
    def _delay(fault: Fault, default: float) -> float:
        return default if fault.delay_seconds is None else fault.delay_seconds


def _ok(fields: Mapping[str, object]) -> Response:
    return JSONResponse({"Message": "OK", "RequestId": _request_id(), "Code": "OK", **fields})


def _internal_error() -> VendorError:
    return VendorError("InternalError", "The request processing has failed due to some unknown error.", 500)


def _request_id() -> str:
    return str(uuid.uuid4()).upper()
