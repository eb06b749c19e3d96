"""How a messaging simulator answers a call: faults, then the vendor's rules, and `errcode` in a 200."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mallcare.gateways.simulators.faults import hold
from mallcare.gateways.simulators.messages.faults import MessageFault, MessageFaults
from mallcare.gateways.simulators.messages.ledger import MessageLedger
from mallcare.ports import Clock


class VendorRefusal(Exception):
    """An answer that is not the vendor's yes. `extra`: what it says besides."""

    def __init__(self, errcode: int, errmsg: str, **extra: object) -> None:
        super().__init__(f"{errcode}: {errmsg}")
        self.errcode = errcode
        self.errmsg = errmsg
        self.extra = extra


class AnsweringDesk:
    """Lets faults strike around a call and writes refusals down.

    Durations in seconds: `hold_seconds` bounds a timeout, `slow_seconds` is how late a slow answer comes.
    """

    def __init__(self, ledger: MessageLedger, clock: Clock, hold_seconds: float, slow_seconds: float) -> None:
        self.ledger = ledger
        self.clock = clock
        self.faults = MessageFaults()
        self._hold_seconds = hold_seconds
        self._slow_seconds = slow_seconds

    async def answer(
        self, request: Request, operation: str, receiver: str, act: Callable[[], Mapping[str, object]]
    ) -> Response:
        """The answer to a call whose body has been read: what `act` says, or its refusal, or a fault."""
        fault = self.faults.strike(operation, receiver)
        if fault is not None and (early := await self._before(request, fault)) is not None:
            return early
        try:
            if fault is not None and fault.errcode is not None:
                raise VendorRefusal(fault.errcode, "as told by a test")
            answer = {"errcode": 0, "errmsg": "ok", **act()}
        except VendorRefusal as refusal:
            now = self.clock.now().timestamp()
            self.ledger.refuse(operation, receiver, refusal.errcode, refusal.errmsg, now)
            answer = {"errcode": refusal.errcode, "errmsg": refusal.errmsg, **refusal.extra}
        if fault is not None and fault.kind == "timeout_after_commit":
            return await hold(request, self._delay(fault, self._hold_seconds))
        return JSONResponse(answer)

    async def _before(self, request: Request, fault: MessageFault) -> Response | None:
        match fault.kind:
            case "timeout_before":
                return await hold(request, self._delay(fault, self._hold_seconds))
            case "error_500":
                return PlainTextResponse("internal error", status_code=500)
            case "slow":
                await asyncio.sleep(self._delay(fault, self._slow_seconds))
            case _:
                pass
        return None

    @staticmethod
    def _delay(fault: MessageFault, default: float) -> float:
        return default if fault.delay_seconds is None else fault.delay_seconds


def read_object(body: bytes, errcode: int) -> Mapping[str, object]:
    """A JSON object.

    Raises:
        VendorRefusal: `errcode`.
    """
    try:
        decoded: object = json.loads(body)
    except ValueError:
        raise VendorRefusal(errcode, "not JSON") from None
    if not isinstance(decoded, dict):
        raise VendorRefusal(errcode, "not an object")
    return cast("dict[str, object]", decoded)


def object_in(source: Mapping[str, object], name: str) -> Mapping[str, object]:
    """An object in a field; empty where there is none."""
    value = source.get(name)
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def texts_in(source: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A list of texts in a field; empty where there is none."""
    value = source.get(name)
    return tuple(str(part) for part in cast("list[object]", value)) if isinstance(value, list) else ()
