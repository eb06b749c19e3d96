"""Bodies of the commands about goods: sent back, inspected, refused, replaced."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas.addresses import EXAMPLE_ADDRESS, AddressIn
from api.schemas.bodies import Asked
from api.schemas.commands import CommandIn, Evidence
from api.schemas.fields import Carrier, Id, LongText, Waybill
from mallcare.domain.vocabulary import Choice

Units = Annotated[int, Field(strict=True, ge=0, le=10_000)]


class SetReturnAddressIn(CommandIn):
    """Name the address of a return that was approved without one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-2b41", "return_address": EXAMPLE_ADDRESS}]}
    )

    return_address: AddressIn = Field(description="Where the customer sends the goods.")


class WaybillIn(CommandIn):
    """A parcel's carrier and waybill."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"command_id": "cmd-74a3", "carrier": "shunfeng", "waybill": "SF1234567890"}]
        }
    )

    carrier: Carrier = Field(description="Carrier, by the mall's word for it; kept in small letters.")
    waybill: Waybill = Field(description="Waybill; kept in capitals, blanks left out.")


class ChangeAddressIn(CommandIn):
    """Have the replacement delivered elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-85b4", "ship_to": EXAMPLE_ADDRESS}]}
    )

    ship_to: AddressIn = Field(description="Where the replacement goes.")


class ReceivedLineIn(Asked):
    """What came back of a line, in units by condition; units that are not counted are missing."""

    line_id: Id = Field(description="Line of the request.")
    good: Units = Field(default=0, description="As they were sold.")
    damaged: Units = Field(default=0, description="Damaged.")
    wrong: Units = Field(default=0, description="Something else than was sold.")
    missing: Units = Field(default=0, description="Not in the parcel.")


class ReceiveIn(CommandIn):
    """Say what arrived."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"command_id": "cmd-96c5", "lines": [{"line_id": "1", "good": 1, "missing": 1}]},
            ]
        }
    )

    lines: tuple[ReceivedLineIn, ...] = Field(
        max_length=200, description="Each line at most once; of a line that is left out nothing arrived."
    )


class AcceptedLineIn(Asked):
    """Units of a line that are accepted."""

    line_id: Id = Field(description="Line of the request.")
    quantity: Units = Field(description="How many units; the lowest ordinals are.")


class AcceptIn(CommandIn):
    """Accept what came back, all or part of it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"command_id": "cmd-a7d6", "lines": [{"line_id": "1", "quantity": 1}]}],
        }
    )

    lines: tuple[AcceptedLineIn, ...] = Field(
        min_length=1,
        max_length=200,
        description="Each line at most once; of a line that is left out nothing is accepted.",
    )
    reason: LongText | None = Field(
        default=None, description="Needed where more units are accepted than arrived good."
    )


class RefuseIn(CommandIn):
    """Accept nothing of what came back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "command_id": "cmd-b8e7",
                    "reason": "寄回的不是本店商品",
                    "evidence": ["https://img.example.com/3.jpg"],
                }
            ]
        }
    )

    reason: LongText = Field(description="Why; the customer is told.")
    evidence: Evidence = Field(
        default=(), description="Addresses of pictures and videos of what arrived, http or https."
    )


class ChooseIn(CommandIn):
    """Wait for a replacement that is out of stock, or take the money."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-c9f8", "choice": "refund"}]}
    )

    choice: Choice = Field(description="wait for the replacement, or have the refund instead.")
