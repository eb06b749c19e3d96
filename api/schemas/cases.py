"""The request that every call about it answers with, its record, and what was shown during it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api.schemas.after_sales import QuoteAmounts
from mallcare.domain.vocabulary import (
    Action,
    DeadlineEffect,
    Kind,
    LegStatus,
    ParcelPurpose,
    Role,
    State,
    TenderKind,
)

EXAMPLE_CASE: dict[str, JsonValue] = {
    "after_sales_no": "AS01JNQ2W8Y5V3K7",
    "order_no": "MO20260301-0001",
    "supplier_id": "supplier-7",
    "kind": "return_refund",
    "state": "COMPLETED",
    "version": 8,
    "disputed": False,
    "cooling_off": False,
    "intercept": False,
    "return_address_set": True,
    "proposal": None,
    "lines": [
        {
            "line_id": "1",
            "quantity": 1,
            "units": [1],
            "accepted_quantity": 1,
            "received": {"good": 1, "damaged": 0, "wrong": 0, "missing": 0},
            "refused_quantity": 0,
        }
    ],
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
            "settled_at": "2026-03-08T09:12:03Z",
            "settled_offline": False,
        },
        {
            "refund_no": "RF01JNQ2X1A3",
            "tender": "points",
            "amount_fen": 204,
            "status": "SUCCEEDED",
            "failure_code": None,
            "settled_at": "2026-03-08T09:12:02Z",
            "settled_offline": False,
        },
    ],
    "parcels": [
        {
            "purpose": "return",
            "carrier": "shunfeng",
            "waybill": "SF1234567890",
            "sent_at": "2026-03-06T02:00:00Z",
            "moved_at": "2026-03-08T03:00:00Z",
            "signed_at": "2026-03-08T03:00:00Z",
            "abnormal": False,
        }
    ],
    "deadline_at": None,
    "deadline_effect": None,
    "allowed_actions": [],
    "policy_version": 1,
    "created_at": "2026-03-05T09:00:00Z",
    "updated_at": "2026-03-08T09:12:03Z",
}


class ReceivedOut(BaseModel):
    """What came back of a line, in units by condition; together the units that were asked for."""

    good: int = Field(description="As they were sold.")
    damaged: int = Field(description="Damaged.")
    wrong: int = Field(description="Something else than was sold.")
    missing: int = Field(description="Not in the parcel.")


class CaseLineOut(BaseModel):
    """Units of a line that the request holds."""

    line_id: str = Field(description="Line of the order.")
    quantity: int = Field(description="How many units were asked for.")
    units: list[int] = Field(description="Their ordinals within the line, counted from 1.")
    accepted_quantity: int | None = Field(
        description="Units accepted after the inspection, the lowest ordinals; null before it."
    )
    received: ReceivedOut | None = Field(
        description="What came back by condition; null while nothing was counted."
    )
    refused_quantity: int = Field(description="Units that came back and go to the customer again.")


class ParcelOut(BaseModel):
    """Goods of the request on their way, the newest parcel for each purpose."""

    purpose: ParcelPurpose = Field(
        description="return: to the supplier; reshipment: the replacement; ship_back: refused goods."
    )
    carrier: str = Field(description="Carrier.")
    waybill: str = Field(description="Waybill, in capitals and without blanks.")
    sent_at: datetime = Field(description="When the waybill was first told.")
    moved_at: datetime | None = Field(description="The carrier's latest report of movement; null: none.")
    signed_at: datetime | None = Field(description="When it was delivered; null: not yet.")
    abnormal: bool = Field(description="An exception is the last that was heard of it.")


class ProposalOut(BaseModel):
    """What the supplier offers instead, while the customer has to answer."""

    kind: Kind = Field(description="The kind of request it would go on as.")
    goods_fen: int | None = Field(
        description="What the goods would be refunded with, in fen; null: as quoted, or an exchange."
    )


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
    settled_offline: bool = Field(
        description="Paid by other means than its vendor, as two people of finance say."
    )


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
    intercept: bool = Field(
        description=(
            "The parcel was under way when this refund-only was submitted or decided: stop it, or ask it"
            " back. What left later is listed with the intercepts of operations."
        )
    )
    return_address_set: bool = Field(
        description="The address of the return is known: see `addresses` of the request."
    )
    proposal: ProposalOut | None = Field(
        description="What the customer has to accept or decline; null: nothing is offered."
    )
    lines: list[CaseLineOut] = Field(description="Units it is about.")
    quote: QuoteAmounts = Field(description="What it refunds.")
    refunds: list[RefundOut] = Field(description="Refunds by tender; empty before one is decided.")
    parcels: list[ParcelOut] = Field(description="Goods on their way because of it; empty: none yet.")
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


class EvidenceOut(BaseModel):
    """Something a party showed during the request."""

    about: str = Field(description="The command it came with.")
    actor: ActorOut = Field(description="Who showed it.")
    at: datetime = Field(description="When.")
    evidence: list[str] = Field(description="Addresses of pictures and videos.")
    text: str | None = Field(description="What was written with it.")


class EvidenceListOut(BaseModel):
    """What the parties showed, oldest first."""

    items: list[EvidenceOut] = Field(description="All of it; what came with the request is in `request`.")
