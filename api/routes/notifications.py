"""The notification centre (站内信): what customers and people at suppliers are told in the platform."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query

from api.deps import Cases
from api.documentation import READING, problems
from api.rendering.notifications import language_of, notification_out
from api.schemas.fields import Id
from api.schemas.notifications import (
    NotificationId,
    NotificationListOut,
    NotificationOut,
    ReadUpToIn,
    ReadUpToOut,
    UnreadCountOut,
)
from api.security import SignedIn, SignedInRoute

router = APIRouter(tags=["notifications"], route_class=SignedInRoute)

OnBehalf = Annotated[
    Id | None, Query(description="Whose messages: for the role mall, which names its customer.")
]
Accepted = Annotated[
    str | None,
    Header(
        alias="Accept-Language",
        max_length=200,
        description="`zh` (also where nothing known is asked for) or `en`.",
        examples=["zh-CN,zh;q=0.9,en;q=0.5"],
    ),
]


@router.get(
    "/v1/notifications",
    summary="List one's messages",
    responses=problems(*READING, "not_allowed"),
)
async def list_notifications(
    caller: SignedIn,
    cases: Cases,
    unread: Annotated[bool, Query(description="Only what is unread.")] = False,
    customer_id: OnBehalf = None,
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
    accept_language: Accepted = None,
) -> NotificationListOut:
    """Messages to the caller, newest first: a customer, a person at a supplier, or mall for a customer.

    A person at a supplier is the `sub` of the token, and has messages since it is a contact there.
    """
    inbox = await cases.notifications.inbox(caller, customer_id, limit, cursor, unread=unread)
    language = language_of(accept_language)
    return NotificationListOut(
        items=[notification_out(kept, language) for kept in inbox.page.items],
        next_cursor=inbox.page.next_cursor,
        unread_count=inbox.unread_count,
    )


@router.get(
    "/v1/notifications/unread-count",
    summary="How many messages are unread",
    responses=problems(*READING, "not_allowed"),
)
async def get_unread_count(caller: SignedIn, cases: Cases, customer_id: OnBehalf = None) -> UnreadCountOut:
    """For the number at the bell: cheap enough to be asked often."""
    return UnreadCountOut(unread_count=await cases.notifications.unread(caller, customer_id))


@router.post(
    "/v1/notifications/{notification_id}/read",
    summary="Mark a message as read",
    responses=problems(*READING, "not_allowed"),
)
async def read_notification(
    notification_id: Annotated[NotificationId, Path(description="Id of the message.")],
    caller: SignedIn,
    cases: Cases,
    customer_id: OnBehalf = None,
    accept_language: Accepted = None,
) -> NotificationOut:
    """Mark one message; the first mark stays, so that marking again changes nothing."""
    kept = await cases.notifications.read(notification_id, caller, customer_id)
    return notification_out(kept, language_of(accept_language))


@router.post(
    "/v1/notifications:read",
    summary="Mark messages as read",
    responses=problems(*READING, "not_allowed", "too_large"),
)
async def read_notifications(
    body: ReadUpToIn, caller: SignedIn, cases: Cases, customer_id: OnBehalf = None
) -> ReadUpToOut:
    """Mark a message and all before it; what came since stays unread."""
    marked = await cases.notifications.read_up_to(body.up_to, caller, customer_id)
    return ReadUpToOut(marked=marked, unread_count=await cases.notifications.unread(caller, customer_id))
