"""A payment vendor that does as a test says, and keeps the ledger that judges what was paid."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from mallcare.ports import GatewayError, RefundReport, RefundRequest, RefundStanding


@dataclass
class ScriptedVendor:
    """A vendor that keeps a ledger and follows a script per refund number: each step answers one call.

    Steps: `pay`, `process`, `fail:CODE` (a report), `refuse:CODE` (a definite error), `lose_answer`
    (pays, then times out), `lose_request` (times out before), `lose_answer_and_refuse:CODE` (paid for an
    attempt nobody knows of, refuses this one), `busy`. Without a script it pays.
    """

    ledger: dict[str, int] = field(default_factory=dict)
    paid: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    calls: list[tuple[str, str]] = field(default_factory=list)
    scripts: dict[str, list[str]] = field(default_factory=dict)

    def for_provider(self, provider: str) -> ScriptedVendor:
        return self

    def script(self, order_no: str, tender: str, *steps: str) -> None:
        self.scripts[f"{order_no}/{tender}"] = list(steps)

    def _step(self, request: RefundRequest) -> str:
        steps = self.scripts.get(f"{request.order_no}/{request.tender}", [])
        return steps.pop(0) if steps else "pay"

    async def submit(self, request: RefundRequest) -> RefundReport:
        self.calls.append(("submit", request.refund_no))
        step = self._step(request)
        if step in ("pay", "lose_answer") and request.refund_no not in self.ledger:
            self.ledger[request.refund_no] = request.amount_fen
            self.paid[request.refund_no] += 1
        if step.startswith("lose_answer_and_refuse:"):
            self.ledger[request.refund_no] = request.amount_fen
            self.paid[request.refund_no] += 1
            raise GatewayError(step.partition(":")[2], retryable=False, outcome_unknown=False)
        if step in ("lose_answer", "lose_request"):
            raise GatewayError("timeout", retryable=True, outcome_unknown=True)
        if step == "busy":
            raise GatewayError(
                "FREQUENCY_LIMITED", retryable=True, outcome_unknown=False, retry_after_seconds=60
            )
        if step.startswith("refuse:"):
            raise GatewayError(step[7:], retryable=step[7:] == "NOT_ENOUGH", outcome_unknown=False)
        return self._report(request, step)

    async def query(self, request: RefundRequest) -> RefundReport:
        self.calls.append(("query", request.refund_no))
        if request.refund_no in self.ledger:
            return RefundReport(request.refund_no, RefundStanding.SUCCEEDED, request.amount_fen, "V1")
        step = self._step(request)
        if step == "pay":
            return RefundReport(request.refund_no, RefundStanding.NOT_FOUND)
        return self._report(request, step)

    def _report(self, request: RefundRequest, step: str) -> RefundReport:
        if step == "process":
            return RefundReport(request.refund_no, RefundStanding.PROCESSING, request.amount_fen, "V1")
        if step.startswith("fail:"):
            return RefundReport(request.refund_no, RefundStanding.FAILED, None, "V1", failure_code=step[5:])
        return RefundReport(request.refund_no, RefundStanding.SUCCEEDED, request.amount_fen, "V1")
