"""Messages to people: their record, and the door for vendors' receipts."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from api.deps import Cases, Platform
from api.documentation import READING, problems
from api.schemas.fields import Id
from api.schemas.notices import NoticeListOut, NoticeOut, ReceiptAnswer, ReceiptOut
from api.security import SignedIn, SignedInRoute
from mallcare.application.notice_reads import ShownNotice
from mallcare.domain.contacts import Channel
from mallcare.domain.errors import InvalidInput
from mallcare.domain.notices import OPEN, NoticeKind, NoticeStatus
from mallcare.ports import NoticeFilter

log = structlog.get_logger()
router = APIRouter(tags=["operations"], route_class=SignedInRoute)
receipts = APIRouter(tags=["callbacks"])


@router.get(
    "/v1/operations/notices",
    summary="List messages to people",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def list_notices(
    caller: SignedIn,
    cases: Cases,
    status: Annotated[NoticeStatus | None, Query(description="Only in this status.")] = None,
    channel: Annotated[Channel | None, Query(description="Only over this channel.")] = None,
    kind: Annotated[NoticeKind | None, Query(description="Only of this kind.")] = None,
    supplier_id: Annotated[Id | None, Query(description="Only to people at this supplier.")] = None,
    contact_id: Annotated[Id | None, Query(description="Only to this contact.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most messages of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=64,
            pattern=r"^[A-Za-z0-9_-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> NoticeListOut:
    """Every message with what became of it, newest first (operations, auditor). Addresses are masked."""
    where = NoticeFilter(status, channel, kind, supplier_id, contact_id)
    page = await cases.notices.page(where, limit, cursor, caller)
    return NoticeListOut(items=[_notice_out(one) for one in page.items], next_cursor=page.next_cursor)


@router.get(
    "/v1/operations/notices/{notice_id}",
    summary="Read a message to a person",
    responses=problems(*READING, "not_allowed"),
)
async def read_notice(
    notice_id: Annotated[Id, Path(description="Id of the message.")], caller: SignedIn, cases: Cases
) -> NoticeOut:
    """One message with its receipts (operations, auditor). Its address is masked."""
    return _notice_out(await cases.notices.one(notice_id, caller))


@receipts.post(
    "/v1/callbacks/aliyun_sms/receipts/{token}",
    summary="Take receipts of Aliyun SMS",
    responses={
        200: {"model": ReceiptAnswer, "description": "Taken; do not push them again."},
        400: {"model": ReceiptAnswer, "description": "Not receipts of Aliyun SMS."},
        404: {"model": ReceiptAnswer, "description": "Not the token, or none is set up here."},
        **problems("too_large", "engine_unavailable"),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "An array of SmsReport, as Aliyun documents it.",
            "content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}},
        },
    },
)
async def take_aliyun_sms_receipts(
    token: Annotated[str, Path(max_length=255, description="The secret part of the address.")],
    request: Request,
    platform: Platform,
) -> JSONResponse:
    """Keep what the vendor says of messages. Nobody signs it, so its address is the secret.

    Repeated and unordered ones change nothing more; those of messages that are not ours are ignored.
    """
    door = platform.receipts.get(Channel.SMS)
    if door is None or not door.opens(token):
        return _answer(404, 1, "not here")
    try:
        told = door.reader.read(await request.body())
    except InvalidInput as error:
        log.warning("receipt.refused", vendor="aliyun_sms", reason=error.detail)
        return _answer(400, 1, "not receipts")
    await platform.use_cases.take_receipts(told)
    return _answer(200, 0, "taken")


def _answer(status: int, code: int, msg: str) -> JSONResponse:
    return JSONResponse(ReceiptAnswer(code=code, msg=msg).model_dump(), status_code=status)


def _notice_out(shown: ShownNotice) -> NoticeOut:
    notice = shown.stored.notice
    return NoticeOut(
        notice_id=notice.notice_id,
        kind=notice.kind,
        channel=notice.channel,
        status=notice.status,
        supplier_id=notice.supplier_id,
        contact_id=notice.contact_id,
        address=shown.address,
        facts=dict(notice.facts),
        fallback_of=notice.fallback_of,
        created_at=notice.created_at,
        attempts=notice.attempts,
        next_attempt_at=notice.next_attempt_at if notice.status in OPEN else None,
        handed_at=notice.handed_at,
        settled_at=notice.settled_at,
        vendor_message_id=notice.vendor_message_id,
        error_code=notice.error_code,
        receipts=[
            ReceiptOut(
                vendor_message_id=one.vendor_message_id, standing=one.standing, at=one.at, code=one.code
            )
            for one in shown.stored.receipts
        ],
    )
