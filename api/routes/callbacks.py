"""Vendors' callbacks: verified on the raw body by the vendor's own signature, answered in its own form."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from api.deps import Platform
from api.documentation import problems
from api.schemas.operations import CallbackAnswer
from mallcare.domain.orders import WECHAT_PAY_PROVIDER
from mallcare.domain.refunds import LegOutcome
from mallcare.ports import GatewayError, RefundReport, RefundStanding

log = structlog.get_logger()
router = APIRouter(tags=["callbacks"])

NOT_BELIEVED = frozenset({"bad_signature", "stale_timestamp"})
FINAL = frozenset({RefundStanding.SUCCEEDED, RefundStanding.FAILED})

SIGNATURE_HEADERS: list[dict[str, Any]] = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": description,
        "schema": {"type": "string"},
    }
    for name, description in (
        ("Wechatpay-Serial", "Id of the key that signed."),
        ("Wechatpay-Timestamp", "When it was signed, Unix seconds; five minutes old at most."),
        ("Wechatpay-Nonce", "Nonce under the signature."),
        ("Wechatpay-Signature", "RSA-SHA256 over timestamp, nonce and raw body, base64."),
    )
]


@router.post(
    "/v1/callbacks/wechat_pay/refunds",
    summary="Take a refund callback of WeChat Pay",
    status_code=204,
    responses={
        204: {"description": "Taken; do not send it again."},
        400: {"model": CallbackAnswer, "description": "Signed, but not a refund callback for this merchant."},
        401: {"model": CallbackAnswer, "description": "Not signed by WeChat Pay, or not lately."},
        404: {"model": CallbackAnswer, "description": "WeChat Pay is not set up here."},
        **problems("too_large", "engine_unavailable"),
    },
    openapi_extra={
        "parameters": SIGNATURE_HEADERS,
        "requestBody": {
            "required": True,
            "description": "The notification as WeChat Pay V3 documents it, its resource encrypted.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
    },
)
async def take_wechat_pay_refund(request: Request, platform: Platform) -> Response:
    """Settle the refund a notification speaks of. Repeated, late and unordered ones change nothing more.

    A refund that is still being processed, and one that is not ours, is acknowledged and settles
    nothing: WeChat Pay would only send it again.
    """
    callbacks = platform.callbacks.get(WECHAT_PAY_PROVIDER)
    if callbacks is None:
        return _fail(404, "WeChat Pay is not set up here")
    try:
        report = callbacks.parse(dict(request.headers), await request.body())
    except GatewayError as error:
        log.warning("callback.refused", vendor=WECHAT_PAY_PROVIDER, code=error.code)
        return _fail(401 if error.code in NOT_BELIEVED else 400, error.code)
    if report.standing not in FINAL:
        log.info("callback.not_final", vendor=WECHAT_PAY_PROVIDER, refund_no=report.refund_no)
    elif not await platform.use_cases.receive_refund_callback(_outcome(report), report.amount_fen):
        log.warning("callback.unknown_refund", vendor=WECHAT_PAY_PROVIDER, refund_no=report.refund_no)
    return Response(status_code=204)


def _outcome(report: RefundReport) -> LegOutcome:
    return LegOutcome(
        refund_no=report.refund_no,
        succeeded=report.standing is RefundStanding.SUCCEEDED,
        failure_code=report.failure_code,
        vendor_refund_id=report.vendor_refund_id,
    )


def _fail(status: int, message: str) -> Response:
    answer = CallbackAnswer(code="FAIL", message=message)
    return JSONResponse(answer.model_dump(), status_code=status)
