"""Messages to people at suppliers, as operations reads them: no address in full, no text."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mallcare.domain.contacts import Channel
from mallcare.domain.notices import NoticeKind, NoticeStatus


class ReceiptOut(BaseModel):
    """A vendor's later word on a message."""

    vendor_message_id: str = Field(description="The vendor's id of the message.")
    standing: str = Field(description="delivered or undeliverable.")
    at: datetime = Field(description="When the vendor says it was.")
    code: str | None = Field(description="The vendor's code, where it did not arrive.")


class NoticeOut(BaseModel):
    """One message to one person over one channel."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "notice_id": "NT01JNQ2W8Y5V3K7",
                    "kind": "reminder",
                    "channel": "sms",
                    "status": "delivered",
                    "supplier_id": "supplier-1",
                    "contact_id": "li",
                    "address": "138****5678",
                    "facts": {"batch_id": "RB1", "parties": ["staff"], "count": 3, "overdue": 1},
                    "fallback_of": "NT01JNQ2W8Y5V3K6",
                    "created_at": "2026-03-01T02:00:00+00:00",
                    "attempts": 1,
                    "next_attempt_at": None,
                    "handed_at": "2026-03-01T02:00:01+00:00",
                    "settled_at": "2026-03-01T02:00:04+00:00",
                    "vendor_message_id": "900619746936498440",
                    "error_code": None,
                    "receipts": [
                        {
                            "vendor_message_id": "900619746936498440",
                            "standing": "delivered",
                            "at": "2026-03-01T02:00:04+00:00",
                            "code": None,
                        }
                    ],
                }
            ]
        }
    )

    notice_id: str = Field(description="Id of the message, the key at its vendor.")
    kind: NoticeKind = Field(description="reminder: promises run out (T3); daily_sms: what is overdue (T4).")
    channel: Channel = Field(description="The way it goes.")
    status: NoticeStatus = Field(
        description=(
            "waiting; asking: it may have been sent, its vendor is asked; sent: the vendor took it; "
            "delivered; undeliverable; failed; unknown: nobody can tell, so it is never sent again; "
            "moot: nothing was left "
            "to tell."
        )
    )
    supplier_id: str = Field(description="Whose people are told.")
    contact_id: str = Field(description="The contact, or `robot` for a group.")
    address: str | None = Field(description="Where it goes by today's contacts, masked; null: nowhere.")
    facts: dict[str, Any] = Field(description="What it tells, without personal data.")
    fallback_of: str | None = Field(description="The message that did not arrive, in whose place this goes.")
    created_at: datetime = Field(description="When it was written.")
    attempts: int = Field(description="How often it was handed over.")
    next_attempt_at: datetime | None = Field(
        description="When it is tried, or its vendor asked, next; null when all is done."
    )
    handed_at: datetime | None = Field(description="When it was handed to its vendor.")
    settled_at: datetime | None = Field(description="When its status came to be known.")
    vendor_message_id: str | None = Field(description="The vendor's id of the message.")
    error_code: str | None = Field(
        description="Why it did not arrive or is unclear: the vendor's code or ours."
    )
    receipts: list[ReceiptOut] = Field(description="What the vendor said later, in the order it came.")


class NoticeListOut(BaseModel):
    """One page of messages, newest first."""

    items: list[NoticeOut] = Field(description="The messages of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class ReceiptAnswer(BaseModel):
    """What the vendor of SMS wants to hear: with code 0 it does not push a receipt again."""

    code: int = Field(description="0: taken.", examples=[0])
    msg: str = Field(description="In words.", examples=["taken"])
