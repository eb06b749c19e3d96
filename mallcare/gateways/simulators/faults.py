"""Faults a test or a demo asks a simulator for, each consumed a fixed number of times.

They live in memory only: a restarted simulator is a healthy one.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class Match(BaseModel):
    """Which calls a fault hits; what is not given matches any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str = Field("submit", description="`submit`, `query`, `resolve` or `bill`.")
    out_refund_no: str | None = None
    refund_no: str | None = None
    transaction_id: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault still to strike `times` times. `delay_seconds` None: the simulator's own default."""

    kind: str
    match: Match
    times: int
    delay_seconds: float | None


class FaultBook:
    """Faults in the order they were asked for; the first that matches strikes."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def pending(self) -> list[Fault]:
        """What has not been used up yet."""
        return list(self._faults)

    def strike(self, operation: str, refund_no: str, transaction_id: str | None = None) -> Fault | None:
        """The fault that hits this call, counted as used; None if the call is spared."""
        for index, fault in enumerate(self._faults):
            match = fault.match
            wanted = match.out_refund_no or match.refund_no or refund_no
            payment = match.transaction_id or transaction_id
            if (match.operation, wanted, payment) == (operation, refund_no, transaction_id):
                if fault.times > 1:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                else:
                    del self._faults[index]
                return fault
        return None


async def hold(request: Request, seconds: float) -> Response:
    """Keep a caller waiting until it hangs up, `seconds` at most; then answer as a proxy gives up.

    The request's body must have been read already.
    """
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    return PlainTextResponse("upstream timed out", status_code=504)
