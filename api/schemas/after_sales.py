"""After-sales requests: quoting, submitting, commanding, and the case every call answers with."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api.schemas.fields import Flag, Id, Instant, LongText, Quantity, Version, WebAddress
from api.schemas.orders import AddressIn
from mallcare.domain.vocabulary import (
    Action,
    DeadlineEffect,
    Kind,
    LegStatus,
    Role,
    State,
    TenderKind,
)

UNSTATED = "unstated"

EXAMPLE_CASE: dict[str, JsonValue] = {
    "after_sales_no": "AS01JNQ2W8Y5V3K7",
    "order_no": "MO20260301-0001",
    "supplier_id": "supplier-7",
    "kind": "refund_only",
    "state": "COMPLETED",
    "version": 3,
    "disputed": False,
    "cooling_off": False,
    "lines": [{"line_id": "1", "quantity": 1, "units": [1], "accepted_quantity": None}],
    "quote": {
        "total_fen": 2995,
        "goods_fen": 2995,
        "freight_fen": 0,
        "freight_if_last_fen": 1344,
        "tenders": [{"tender": "cash", "amount_fen": 2791}, {"tender": "points", "amount_fen": 204}],
    },
    "refunds": [
        {
            "refund_no": "RF01JNQ2X1A2",
            "tender": "cash",
            "amount_fen": 2791,
            "status": "SUCCEEDED",
            "failure_code": None,
            "settled_at": "2026-03-01T09:12:03Z",
        },
        {
            "refund_no": "RF01JNQ2X1A3",
            "tender": "points",
            "amount_fen": 204,
            "status": "SUCCEEDED",
            "failure_code": None,
            "settled_at": "2026-03-01T09:12:02Z",
        },
    ],
    "deadline_at": None,
    "deadline_effect": None,
    "allowed_actions": [],
    "policy_version": 1,
    "created_at": "2026-03-01T09:00:00Z",
    "updated_at": "2026-03-01T09:12:03Z",
}


class Asked(BaseModel):
    """Base of what callers ask: a member that is not known is refused, it may be a mistyped guard."""

    model_config = ConfigDict(frozen=True, extra="forbid")


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
        default=(), max_length=20, description="Addresses of pictures and videos, http or https."
    )
    ship_to: AddressIn | None = Field(
        default=None, description="Another delivery address; only for an exchange."
    )

    @model_validator(mode="after")
    def _address_only_for_exchange(self) -> SubmitIn:
        if self.ship_to is not None and self.kind is not Kind.EXCHANGE:
            raise ValueError("ship_to is for an exchange only")
        return self


class CommandIn(Asked):
    """What every command carries."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-7c9e6679", "expected_version": 1}]}
    )

    command_id: Id = Field(
        description="Your own id of this command: sent again, it answers the same and does nothing twice."
    )
    expected_version: Version | None = Field(
        default=None, description="Refuse with `version_conflict` unless the request is at this version."
    )


class RejectIn(CommandIn):
    """Decline a request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-1f2a", "reason": "照片显示商品完好"}]}
    )

    reason: LongText = Field(description="Why; the customer is told.")


class ExtendDeadlineIn(CommandIn):
    """Move the deadline to a later instant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "command_id": "cmd-88e0",
                    "until": "2026-03-05T18:00:00+08:00",
                    "reason": "supplier's warehouse is closed for stocktaking",
                }
            ]
        }
    )

    until: Instant = Field(description="The new deadline, later than now and than the present one.")
    reason: LongText = Field(description="Why; kept in the record.")


# --- shown ---------------------------------------------------------------------------------------


class TenderAmount(BaseModel):
    """A part of an amount by the money it was paid with."""

    tender: TenderKind = Field(description="Kind of money.")
    amount_fen: int = Field(description="The part, in fen.")


class CaseLineOut(BaseModel):
    """Units of a line that the request holds."""

    line_id: str = Field(description="Line of the order.")
    quantity: int = Field(description="How many units were asked for.")
    units: list[int] = Field(description="Their ordinals within the line, counted from 1.")
    accepted_quantity: int | None = Field(description="Units accepted after an inspection; else null.")


class QuoteAmounts(BaseModel):
    """What the request refunds."""

    total_fen: int = Field(description="Goods and decided freight together, in fen.")
    goods_fen: int = Field(description="The goods, in fen.")
    freight_fen: int = Field(description="The order's freight, once it was decided that it goes here.")
    freight_if_last_fen: int = Field(
        description="What the freight would add if this turns out to be the order's last request; in fen."
    )
    tenders: list[TenderAmount] = Field(description="The total by tender, in the order's order of tenders.")


class RefundOut(BaseModel):
    """Money on its way back over one tender."""

    refund_no: str = Field(description="Number of the refund at the vendor; the same for ever.")
    tender: TenderKind = Field(description="Kind of money.")
    amount_fen: int = Field(description="How much, in fen.")
    status: LegStatus = Field(
        description="PENDING, UNKNOWN (the vendor may have paid and is asked), SUCCEEDED or FAILED."
    )
    failure_code: str | None = Field(description="The vendor's code of the last failure, else null.")
    settled_at: datetime | None = Field(description="When the vendor gave its final word, else null.")


class CaseOut(BaseModel):
    """An after-sales request as it stands."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CASE]})

    after_sales_no: str = Field(description="Number of the request.")
    order_no: str = Field(description="The order it is about.")
    supplier_id: str = Field(description="Who sold.")
    kind: Kind = Field(description="What is asked for.")
    state: State = Field(description="Where it stands.")
    version: int = Field(description="Counts its changes.")
    disputed: bool = Field(description="The platform has stepped in; clocks stand still.")
    cooling_off: bool = Field(description="Refunded by the system within the cooling-off (rule A1).")
    lines: list[CaseLineOut] = Field(description="Units it holds.")
    quote: QuoteAmounts = Field(description="What it refunds.")
    refunds: list[RefundOut] = Field(description="Refunds by tender; empty before one is decided.")
    deadline_at: datetime | None = Field(description="When its clock runs out; null: no clock runs.")
    deadline_effect: DeadlineEffect | None = Field(description="What happens then; null: no clock runs.")
    allowed_actions: list[Action] = Field(description="Commands that you, with your token, may send now.")
    policy_version: int = Field(description="Version of the policy it was opened under and keeps.")
    created_at: datetime = Field(description="When it was submitted.")
    updated_at: datetime = Field(description="When it last changed.")


class CaseListOut(BaseModel):
    """One page of requests, newest first."""

    items: list[CaseOut] = Field(description="The requests of this page.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class WordsOut(BaseModel):
    """What the customer asked for in their own words."""

    after_sales_no: str = Field(description="Number of the request.")
    customer_id: str = Field(description="Who asked.")
    whole_order: bool = Field(description="Everything that was left, rather than named lines.")
    reason_code: str = Field(description="Reason, from the mall's list.")
    description: str | None = Field(description="What the customer wrote.")
    evidence: list[str] = Field(description="Addresses of pictures and videos.")


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


class ActorOut(BaseModel):
    """Who acted."""

    role: Role = Field(description="Role; `system` is the platform's own clock.")
    subject: str | None = Field(
        description="Subject of the token; null for suppliers and customers, except for their own side."
    )


class CaseEventOut(BaseModel):
    """A line of a request's record."""

    seq: int = Field(description="Orders the record.")
    name: str = Field(description="What happened, in the past tense; of a refused command, its name.")
    actor: ActorOut = Field(description="Who did it.")
    at: datetime = Field(description="When.")
    version: int = Field(description="Version of the request afterwards.")
    from_state: State | None = Field(description="State before; null for the first line.")
    to_state: State | None = Field(description="State afterwards; null for a refused command.")
    command_id: str | None = Field(description="The command that caused it, if one did.")
    refused_code: str | None = Field(description="Code of the refusal, if it was refused.")
    facts: dict[str, JsonValue] = Field(description="Further facts, by name.")


class CaseEventsOut(BaseModel):
    """A page of the record of a request, oldest first."""

    items: list[CaseEventOut] = Field(description="Lines of the record.")
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")
