"""Pursuing one refund leg: ask the vendor with the leg's own number, write its word down."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import activity

from activities.alive import alive
from activities.errors import ask_again, gateway_delay, typed_failures
from activities.metrics import REFUND_ATTEMPTS
from mallcare.application.refunds import PlannedRefund
from mallcare.application.use_cases import UseCases
from mallcare.contracts.after_sales import CaseSnapshot, IssueRefundInput
from mallcare.contracts.names import ActivityName
from mallcare.domain.refunds import LegOutcome
from mallcare.domain.vocabulary import LegStatus
from mallcare.ports import (
    Clock,
    GatewayError,
    PaymentGateway,
    PaymentGateways,
    RefundReport,
    RefundRequest,
    RefundStanding,
)

NEEDS_A_PERSON = frozenset({"NOT_ENOUGH"})
"""Codes a vendor calls repeatable, but only after somebody acted (funded the account)."""

ABNORMAL = "ABNORMAL"
"""The customer's account cannot take the money. It is sent elsewhere on the vendor's own merchant
platform, with the customer's bank details, which never pass through here; asking again then tells."""

ASK_AGAIN_AFTER = tuple(timedelta(seconds=s) for s in (2, 5, 15, 60, 300, 1800, 3600))
"""A vendor that is still processing is asked at growing intervals; its callback comes sooner."""


class PaymentActivities:
    """Calls to payment vendors."""

    def __init__(self, use_cases: UseCases, gateways: PaymentGateways, clock: Clock) -> None:
        self._use_cases = use_cases
        self._gateways = gateways
        self._clock = clock

    @activity.defn(name=ActivityName.ISSUE_REFUND)
    async def issue_refund(self, given: IssueRefundInput) -> CaseSnapshot:
        """Answer the case once the leg succeeded or failed for good; until then, fail to be retried.

        The number was stored before the first call and never changes, so however often this runs the
        vendor pays once. Whatever is unclear is asked for before it is repeated.
        """
        async with alive():
            with typed_failures():
                planned = await self._use_cases.plan_refund(given.after_sales_no, given.refund_no)
                if not planned.leg.status.open:
                    return planned.snapshot
                outcome = await self._pursue(planned, given.now)
                return await self._use_cases.settle_refund(
                    given.after_sales_no, outcome, self._now(given.now), told=True
                )

    def _now(self, of_workflow: datetime) -> datetime:
        """The present, on the workflow's clock where that is ahead of this machine's."""
        return max(of_workflow, self._clock.now())

    async def _pursue(self, planned: PlannedRefund, of_workflow: datetime) -> LegOutcome:
        """The vendor's final word; raises to be asked again while there is none."""
        try:
            gateway = self._gateways.for_provider(planned.leg.provider)
            report = await _ask(gateway, planned, first=activity.info().attempt == 1)
        except GatewayError as error:
            _count(planned, "unclear" if error.outcome_unknown else error.code)
            if error.outcome_unknown:
                await self._use_cases.mark_refund_unclear(planned.leg.refund_no, self._now(of_workflow))
            raise ask_again(error.code, error.code, gateway_delay(error)) from None
        _count(planned, report.standing.value)
        return _outcome(planned, report)


async def _ask(gateway: PaymentGateway, planned: PlannedRefund, *, first: bool) -> RefundReport:
    """Submit, or ask first where an earlier attempt may have got through or somebody may have acted."""
    leg, request = planned.leg, planned.request
    if first and leg.status is LegStatus.PENDING and leg.round == 1:
        return await _submit(gateway, request)
    report = await gateway.query(request)
    if report.standing is RefundStanding.NOT_FOUND:
        return await _submit(gateway, request)
    if report.standing is RefundStanding.FAILED and leg.round > 1 and report.failure_code != ABNORMAL:
        return await _submit(gateway, request)
    return report


async def _submit(gateway: PaymentGateway, request: RefundRequest) -> RefundReport:
    """Submit; a refusal counts only once the vendor said that it holds no such refund.

    An attempt before this one may have got through without anybody knowing (its worker died), and a
    vendor may refuse a repetition of what it has done.
    """
    try:
        return await gateway.submit(request)
    except GatewayError as refusal:
        if refusal.outcome_unknown or (refusal.retryable and refusal.code not in NEEDS_A_PERSON):
            raise
        known = await gateway.query(request)
        if known.standing in (RefundStanding.SUCCEEDED, RefundStanding.PROCESSING):
            return known
        return RefundReport(request.refund_no, RefundStanding.FAILED, failure_code=refusal.code)


def _outcome(planned: PlannedRefund, report: RefundReport) -> LegOutcome:
    """The vendor's final word; a processing one raises to be asked again later."""
    if report.standing is RefundStanding.PROCESSING:
        attempt = activity.info().attempt
        delay = ASK_AGAIN_AFTER[min(attempt, len(ASK_AGAIN_AFTER)) - 1]
        raise ask_again("refund_processing", "the vendor is still processing the refund", delay)
    return LegOutcome(
        report.refund_no,
        succeeded=report.standing is RefundStanding.SUCCEEDED,
        failure_code=report.failure_code,
        vendor_refund_id=report.vendor_refund_id,
        round=planned.leg.round,
    )


def _count(planned: PlannedRefund, outcome: str) -> None:
    REFUND_ATTEMPTS.labels(provider=planned.leg.provider, outcome=outcome).inc()
