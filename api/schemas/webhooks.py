"""Outgoing webhooks: what was sent, and what is to be sent again."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.bodies import Asked
from api.schemas.fields import Id, Instant
from mallcare.application.webhooks import MOST_REPLAYED
from mallcare.ports import MessageStatus

MessageIds = Annotated[tuple[Id, ...], Field(min_length=1, max_length=1_000)]


class ReplayIn(Asked):
    """Which messages to send again: all that is given must match, and something must be given."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"since": "2026-03-01T02:00:00+00:00", "until": "2026-03-01T03:00:00+00:00"},
                {"after_sales_no": "AS01JNQ2W8Y5V3K7"},
            ]
        }
    )

    after_sales_no: Id | None = Field(default=None, description="All messages of this request.")
    message_ids: MessageIds | None = Field(default=None, description="These messages, by `webhook-id`.")
    since: Instant | None = Field(
        default=None, description="Events from this instant on; only together with `until`."
    )
    until: Instant | None = Field(default=None, description="Events before this instant.")


class ReplayOut(BaseModel):
    """What is sent again."""

    count: int = Field(description=f"How many messages are on their way again, {MOST_REPLAYED} at most.")


class WebhookMessageOut(BaseModel):
    """One outgoing message and what came of it."""

    message_id: str = Field(description="The `webhook-id` it is sent under, the same at every attempt.")
    subject: str = Field(description="What it tells of; messages of one subject are sent in order.")
    type: str = Field(description="What happened, for example `after_sales.approved`.")
    occurred_at: datetime = Field(description="When it happened.")
    data: dict[str, Any] = Field(description="What is sent as `data`.")
    status: MessageStatus = Field(
        description="pending; delivered: accepted with 2xx; dead: given up, until it is replayed."
    )
    attempts: int = Field(description="Attempts so far, since it was written or replayed.")
    next_attempt_at: datetime | None = Field(
        description="Not before this instant it is tried next; null unless pending."
    )
    delivered_at: datetime | None = Field(description="When the mall accepted it.")
    last_error: str | None = Field(
        description="Why the last attempt failed: `http_503`, `timeout`, `connection`."
    )


class WebhookMessageListOut(BaseModel):
    """One page of messages, newest first."""

    items: list[WebhookMessageOut] = Field(description="The messages of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
