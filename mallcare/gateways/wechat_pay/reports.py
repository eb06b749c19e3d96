"""WeChat Pay's refund object, read into the platform's own words."""

from __future__ import annotations

from mallcare.gateways.transport import JsonObject, as_object, bad_response, fen_of, text_of
from mallcare.ports import GatewayError, RefundReport, RefundRequest, RefundStanding

_STANDINGS = {
    "SUCCESS": RefundStanding.SUCCEEDED,
    "PROCESSING": RefundStanding.PROCESSING,
    "CLOSED": RefundStanding.FAILED,
    "ABNORMAL": RefundStanding.FAILED,
}


def read_refund(refund: JsonObject, status_field: str = "status") -> RefundReport:
    """The report in a refund object; callbacks call the status `refund_status`.

    `FAILED` carries the vendor's status as its code: `ABNORMAL` can be resolved, `CLOSED` cannot.

    Raises:
        GatewayError: `bad_response`.
    """
    status = text_of(refund, status_field)
    standing = _STANDINGS.get(status)
    if standing is None:
        raise bad_response(f"unknown status {status}")
    return RefundReport(
        refund_no=text_of(refund, "out_refund_no"),
        standing=standing,
        amount_fen=fen_of(as_object(refund.get("amount"), "amount"), "refund"),
        vendor_refund_id=text_of(refund, "refund_id"),
        failure_code=status if standing is RefundStanding.FAILED else None,
    )


def about(request: RefundRequest, report: RefundReport) -> RefundReport:
    """`report`, if it speaks of the refund that was asked for.

    Raises:
        GatewayError: `bad_response` for another refund number. `amount_mismatch` for another amount:
            the vendor holds a refund under our number that is not ours, so money may have moved
            that the platform did not decide. Repeating cannot help and failing the refund would be
            a lie, hence not retryable and outcome unknown: a human looks.
    """
    if report.refund_no != request.refund_no:
        raise bad_response("answer speaks of another refund")
    if report.amount_fen != request.amount_fen:
        raise GatewayError(
            "amount_mismatch",
            f"asked {request.amount_fen} fen, vendor says {report.amount_fen} fen",
            retryable=False,
            outcome_unknown=True,
        )
    return report
