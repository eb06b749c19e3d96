"""The notification centre (站内信)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.schemas.bodies import Asked

NotificationId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class NotificationOut(BaseModel):
    """A message to a customer, or to a person at a supplier."""

    notification_id: str = Field(description="Id of the message; opaque.")
    kind: str = Field(description="What it is about; kinds you do not know may appear.")
    title: str = Field(description="A few words, in the language asked for.")
    text: str = Field(description="What happened and what there is to do, in the language asked for.")
    link: str = Field(description="Path of this API that opens what it is about.")
    facts: dict[str, Any] = Field(
        description="What it is about: `after_sales_no`, `order_no`, amounts and deadlines, by its kind."
    )
    created_at: datetime = Field(description="When it was written.")
    read_at: datetime | None = Field(description="When it was read; null: it is unread.")


class NotificationListOut(BaseModel):
    """One page of messages, newest first."""

    items: list[NotificationOut] = Field(description="The messages of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
    unread_count: int = Field(description="Unread messages of all pages; 1000: that many or more.")


class UnreadCountOut(BaseModel):
    """How much is unread."""

    unread_count: int = Field(description="Unread messages; 1000: that many or more.")


class ReadUpToIn(Asked):
    """Mark a message and everything before it as read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"up_to": "n1042"}]})

    up_to: NotificationId = Field(description="The newest message that was read.")


class ReadUpToOut(BaseModel):
    """What was marked."""

    marked: int = Field(description="How many of them had been unread.")
    unread_count: int = Field(description="Unread messages that are left; 1000: that many or more.")
