"""Reopening the customer's entry of an order (A5)."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.fields import LongText


class WindowExtensionIn(BaseModel):
    """Why the customer's entry is opened again."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "parcel was lost for weeks"}]}
    )

    reason: LongText = Field(description="Why; kept on record.")


class WindowExtensionOut(BaseModel):
    """One reopening of the customer's entry."""

    after_sales_until: datetime = Field(description="End it moved the window to (half-open).")
    reason: str | None = Field(description="Why; null for suppliers and customers.")
    extended_at: datetime = Field(description="When operations did it.")


class WindowExtendedOut(BaseModel):
    """Answer to an extension."""

    order_no: str = Field(description="The mall's number of the order.")
    after_sales_until: datetime = Field(description="New end of the after-sales window (half-open).")
    reason: str = Field(description="Why, as it was sent.")
