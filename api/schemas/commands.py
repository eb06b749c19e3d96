"""Bodies of the commands that decide about a request, its money and its deadline."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from api.schemas.addresses import EXAMPLE_ADDRESS, AddressIn
from api.schemas.after_sales import MOST_EVIDENCE
from api.schemas.bodies import Asked
from api.schemas.fields import Fen, Id, Instant, LongText, Version, WebAddress
from mallcare.domain.vocabulary import Kind

Evidence = Annotated[tuple[WebAddress, ...], Field(max_length=MOST_EVIDENCE)]
SomeEvidence = Annotated[tuple[WebAddress, ...], Field(min_length=1, max_length=MOST_EVIDENCE)]


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


class ApproveIn(CommandIn):
    """Agree to a request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"command_id": "cmd-7c9e6679", "expected_version": 1},
                {"command_id": "cmd-7c9e667a", "return_address": EXAMPLE_ADDRESS},
            ]
        }
    )

    return_address: AddressIn | None = Field(
        default=None,
        description=(
            "Where to send these goods, instead of the supplier's own address; without a use for a"
            " refund-only."
        ),
    )


class RejectIn(CommandIn):
    """Decline a request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-1f2a", "reason": "照片显示商品完好"}]}
    )

    reason: LongText = Field(description="Why; the customer is told.")


class ProposeIn(CommandIn):
    """Offer the customer something else than was asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"command_id": "cmd-30c1", "goods_fen": 1000, "message": "留下商品，补偿 10 元，可以吗？"},
                {"command_id": "cmd-30c2", "kind": "return_refund", "message": "请寄回后全额退款"},
            ]
        }
    )

    goods_fen: Fen | None = Field(
        default=None,
        description="Refund for the goods in fen, at most what they are quoted; null: as quoted.",
    )
    kind: Kind | None = Field(default=None, description="Another kind of request; null: the one asked for.")
    message: LongText = Field(description="What the customer is told.")

    @model_validator(mode="after")
    def _something_else(self) -> ProposeIn:
        if self.goods_fen is None and self.kind is None:
            raise ValueError("offer goods_fen, kind, or both")
        return self


class RequestEvidenceIn(CommandIn):
    """Ask the customer to show more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"command_id": "cmd-41d0", "message": "请补充外包装照片"}]}
    )

    message: LongText = Field(description="What is needed; the customer is told.")


class SubmitEvidenceIn(CommandIn):
    """Show what was asked for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "command_id": "cmd-52e7",
                    "evidence": ["https://img.example.com/2.jpg"],
                    "message": "外包装完好，杯口有裂纹",
                }
            ]
        }
    )

    evidence: SomeEvidence = Field(description="Addresses of pictures and videos, http or https.")
    message: LongText | None = Field(default=None, description="What the customer writes with it.")


class SettleOfflineIn(CommandIn):
    """Say, or confirm, that failed refunds were paid by other means."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "command_id": "cmd-63f2",
                    "evidence": ["https://files.example.com/transfer-20260309.pdf"],
                    "note": "bank transfer of 9 March",
                }
            ]
        }
    )

    evidence: SomeEvidence = Field(description="Addresses of the proof of payment, http or https.")
    note: LongText | None = Field(
        default=None, description="More about the payment; no names, numbers or addresses of people."
    )


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


class CloseIn(CommandIn):
    """End a request that the mall took over."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"command_id": "cmd-94b7", "reason": "refunded by the mall, the goods stay there"}]
        }
    )

    reason: LongText = Field(description="Why; kept in the record.")


class ResumeIn(CommandIn):
    """Let finance go on with a failed refund after a report of the mall's own."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"command_id": "cmd-95c8", "reason": "the mall refunded another unit of the line"}]
        }
    )

    reason: LongText = Field(description="Why finance may pay; kept in the record.")
