"""Intercepts: refunded goods that travel."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.bodies import Asked
from api.schemas.cases import ActorOut
from api.schemas.fields import LongText
from mallcare.domain.intercepts import InterceptStatus


class InterceptLineOut(BaseModel):
    """Units of a line whose money goes back."""

    line_id: str = Field(description="The line.")
    quantity: int = Field(description="How many of its units are refunded; others may rightly arrive.")
    delivered_at: datetime | None = Field(
        description="When a parcel with units of the line arrived all the same; null: not that we know."
    )


class InterceptStepOut(BaseModel):
    """One thing said about an intercept."""

    status: InterceptStatus = Field(description="What was said.")
    actor: ActorOut = Field(description="Who said it; `system`: a refund decision or a report of a parcel.")
    at: datetime = Field(description="When.")
    note: str | None = Field(description="What a person wrote about it.")


class InterceptOut(BaseModel):
    """The goods of a refund-only request that travel although their money goes back."""

    after_sales_no: str = Field(description="Number of the request.")
    order_no: str = Field(description="The order.")
    supplier_id: str = Field(description="Whose goods they are.")
    status: InterceptStatus = Field(
        description="wanted: to be stopped; intercepted: stopped, they come back; delivered: the customer has"
        " money and goods; recovered, charged, written_off: closed."
    )
    version: int = Field(description="Counts what was said, from 1.")
    closed: bool = Field(description="Nothing changes it any more.")
    lines: list[InterceptLineOut] = Field(description="The lines that had not arrived at the decision.")
    waybills: list[str] = Field(description="Parcels with units of these lines, as far as reported.")
    refunded_fen: int = Field(description="What the request refunds, in fen.")
    refund_decided_at: datetime = Field(description="When the refund was decided.")
    began_at: datetime = Field(description="When it was first known that refunded goods travel.")
    updated_at: datetime = Field(description="When something was said last.")
    steps: list[InterceptStepOut] = Field(description="Everything that was said, oldest first.")
    allowed_actions: list[str] = Field(description="What you may say now: the last part of each address.")


class InterceptListOut(BaseModel):
    """One page of intercepts, newest first."""

    items: list[InterceptOut] = Field(description="The intercepts of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class InterceptNoteIn(Asked):
    """What a person says became of the goods."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"note": "the carrier turned the parcel round at its last depot"}]}
    )

    note: LongText = Field(
        description="What was done, for the supplier to read too; no names, numbers or addresses of people."
    )
