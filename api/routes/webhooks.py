"""Outgoing webhooks: see them, send some again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import Cases
from api.documentation import WRITING, problems
from api.schemas.fields import Id
from api.schemas.webhooks import ReplayIn, ReplayOut, WebhookMessageListOut, WebhookMessageOut
from api.security import SignedIn, SignedInRoute
from mallcare.ports import MessageFilter, MessageStatus, ReplaySelection, StoredMessage

router = APIRouter(tags=["webhooks"], route_class=SignedInRoute)


@router.get(
    "/v1/webhooks/messages",
    summary="List outgoing webhooks",
    responses=problems("unauthenticated", "not_allowed", "invalid", "engine_unavailable"),
)
async def list_webhook_messages(
    caller: SignedIn,
    cases: Cases,
    status: Annotated[MessageStatus | None, Query(description="Only in this status.")] = None,
    subject: Annotated[Id | None, Query(description="Only of this subject, a request's number.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="Most messages of one page.")] = 50,
    cursor: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=512,
            pattern=r"^[A-Za-z0-9_=-]+$",
            description="`next_cursor` of the page before, with the same filters.",
        ),
    ] = None,
) -> WebhookMessageListOut:
    """Messages to the mall, newest first (mall, operations, auditor): `status=dead` are those given up."""
    page = await cases.list_webhooks(MessageFilter(status, subject), limit, cursor, caller)
    return WebhookMessageListOut(
        items=[_message_out(item) for item in page.items], next_cursor=page.next_cursor
    )


@router.post(
    "/v1/webhooks/replays",
    summary="Send webhooks again",
    responses=problems(*WRITING),
)
async def replay_webhooks(body: ReplayIn, caller: SignedIn, cases: Cases) -> ReplayOut:
    """Send messages again under their old ids, each subject's in order (mall and operations).

    Delivered and dead ones are sent once more, waiting ones now instead of later. More than 10,000 at
    once are refused as a whole. Sent twice it replays twice; a receiver that knows the ids loses nothing.
    """
    chosen = ReplaySelection(body.after_sales_no, body.message_ids, body.since, body.until)
    return ReplayOut(count=await cases.replay_webhooks(chosen, caller))


def _message_out(stored: StoredMessage) -> WebhookMessageOut:
    message = stored.message
    return WebhookMessageOut(
        message_id=message.message_id,
        subject=message.subject,
        type=message.type,
        occurred_at=message.occurred_at,
        data=dict(message.data),
        status=stored.status,
        attempts=stored.attempts,
        next_attempt_at=stored.next_attempt_at,
        delivered_at=stored.delivered_at,
        last_error=stored.last_error,
    )
