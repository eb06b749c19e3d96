"""After-sales requests before they exist: what is asked, and what it would refund."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from api.schemas.addresses import AddressIn
from api.schemas.bodies import Asked
from api.schemas.fields import Flag, Id, LongText, Quantity, WebAddress
from mallcare.domain.vocabulary import Kind, TenderKind

UNSTATED = "unstated"
MOST_EVIDENCE = 20
"""Addresses of pictures and videos that can be shown at once."""


class RequestedLineIn(Asked):
    """Some units of a line."""

    line_id: Id = Field(description="Line of the order.")
    quantity: Quantity = Field(description="How many units of it; the lowest free ones are taken.")


class WhatIsAsked(Asked):
    """Which units, and in what way."""

    order_no: Id = Field(description="The order.")
    kind: Kind = Field(description="refund_only 仅退款, return_refund 退货退款 or exchange 换货.")
    whole_order: Flag | None = Field(
        default=None, description="true: everything that is left of the order. Instead of `lines`."
    )
    lines: tuple[RequestedLineIn, ...] | None = Field(
        default=None, min_length=1, max_length=200, description="Named lines. Instead of `whole_order`."
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> WhatIsAsked:
        if (self.lines is None) != (self.whole_order is True):
            raise ValueError("give either lines or whole_order: true")
        return self


class QuoteIn(WhatIsAsked):
    """What a request would refund if it were submitted now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_no": "MO20260301-0001",
                    "kind": "refund_only",
                    "lines": [{"line_id": "1", "quantity": 1}],
                }
            ]
        }
    )

    reason_code: Id = Field(
        default=UNSTATED, description="Reason; the supplier's fault may bring back the freight."
    )


class SubmitIn(WhatIsAsked):
    """A new request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "order_no": "MO20260301-0001",
                    "kind": "refund_only",
                    "lines": [{"line_id": "1", "quantity": 1}],
                    "reason_code": "damaged",
                    "description": "杯口有裂纹",
                    "evidence": ["https://img.example.com/1.jpg"],
                }
            ]
        }
    )

    reason_code: Id = Field(description="Reason, from the mall's list.")
    description: LongText | None = Field(default=None, description="What the customer wrote.")
    evidence: tuple[WebAddress, ...] = Field(
        default=(), max_length=MOST_EVIDENCE, description="Addresses of pictures and videos, http or https."
    )
    ship_to: AddressIn | None = Field(
        default=None, description="Another delivery address; only for an exchange."
    )

    @model_validator(mode="after")
    def _address_only_for_exchange(self) -> SubmitIn:
        if self.ship_to is not None and self.kind is not Kind.EXCHANGE:
            raise ValueError("ship_to is for an exchange only")
        return self


# --- shown ---------------------------------------------------------------------------------------


class TenderAmount(BaseModel):
    """A part of an amount by the money it was paid with."""

    tender: TenderKind = Field(description="Kind of money.")
    amount_fen: int = Field(description="The part, in fen.")


class QuoteAmounts(BaseModel):
    """What the request refunds."""

    total_fen: int = Field(description="Goods and decided freight together, in fen.")
    goods_fen: int = Field(description="The goods, in fen.")
    freight_fen: int = Field(description="The order's freight, once it was decided that it goes here.")
    freight_if_last_fen: int = Field(
        description="What the freight would add if this turns out to be the order's last request; in fen."
    )
    tenders: list[TenderAmount] = Field(description="The total by tender, in the order's order of tenders.")


class QuotedUnit(BaseModel):
    """What one unit is worth."""

    unit: int = Field(description="Ordinal within the line, counted from 1.")
    amount_fen: int = Field(description="Its worth, in fen.")
    tenders: list[TenderAmount] = Field(description="Its worth by tender.")


class QuotedLine(BaseModel):
    """Units the request would take of a line."""

    line_id: str = Field(description="Line of the order.")
    quantity: int = Field(description="How many units.")
    units: list[QuotedUnit] = Field(description="Each of them; units of a line may differ by one fen.")


class QuoteOut(BaseModel):
    """What a request would refund now. Nothing is reserved by asking."""

    order_no: str = Field(description="The order.")
    kind: Kind = Field(description="What was asked for.")
    lines: list[QuotedLine] = Field(description="Unit by unit; their amounts add up to `quote.goods_fen`.")
    quote: QuoteAmounts = Field(description="All of it together.")
