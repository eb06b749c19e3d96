"""Policies, switches, health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.bodies import Asked
from api.schemas.fields import Fen, Flag, Id, LongText
from mallcare.domain.policy import ReviewTimeout

YEAR = 366 * 24 * 3600
Seconds = Annotated[int, Field(strict=True, ge=60, le=YEAR)]
PauseSeconds = Annotated[int, Field(strict=True, ge=0, le=7 * 24 * 3600)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class PolicyIn(Asked):
    """The next version of the policy, whole. Members left out get the platform's defaults."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"supplier_id": "supplier-7", "review_seconds": 86400, "review_timeout": "auto_approve"}
            ]
        }
    )

    supplier_id: Id | None = Field(
        default=None, description="For this supplier alone; null: for all that have none of their own."
    )
    window_seconds: Seconds = Field(
        default=7 * 86_400, description="After-sales window, from the last delivery."
    )
    window_extension_seconds: Seconds = Field(
        default=7 * 86_400, description="What one reopening of the window by operations adds (A5)."
    )
    cooling_off_seconds: PauseSeconds = Field(
        default=30 * 60, description="Cooling-off, from the order being placed (A1)."
    )
    hold_during_cooling_off: Flag = Field(
        default=True, description="Release orders to their supplier only after the cooling-off."
    )
    review_seconds: Seconds = Field(default=48 * 3_600, description="Time for the supplier's review.")
    review_timeout: ReviewTimeout = Field(
        default=ReviewTimeout.ESCALATE, description="What an unanswered review turns into."
    )
    customer_answer_seconds: Seconds = Field(
        default=7 * 86_400, description="Time for the customer to answer an offer or show evidence."
    )
    return_shipment_seconds: Seconds = Field(
        default=7 * 86_400, description="Time to send goods back, from the approval (A3)."
    )
    return_transit_seconds: Seconds = Field(
        default=10 * 86_400, description="How long a return may travel before operations looks for it."
    )
    return_silence_seconds: Seconds = Field(
        default=72 * 3_600, description="How long its carrier may be silent before operations looks for it."
    )
    inspection_seconds: Seconds = Field(
        default=48 * 3_600, description="Time for the supplier's inspection, from the delivery of the return."
    )
    reshipment_seconds: Seconds = Field(
        default=48 * 3_600, description="Time for the supplier to send the replacement."
    )
    stock_choice_seconds: Seconds = Field(
        default=7 * 86_400,
        description="Time for the customer to choose when the replacement is out of stock.",
    )
    confirm_after_signed_seconds: Seconds = Field(
        default=7 * 86_400, description="Time to confirm a replacement, from its delivery."
    )
    confirm_untracked_seconds: Seconds = Field(
        default=10 * 86_400, description="The same from its dispatch, where its carrier reports nothing."
    )
    ship_back_seconds: Seconds = Field(
        default=48 * 3_600, description="Time for the supplier to send refused goods back."
    )
    ship_back_confirm_seconds: Seconds = Field(
        default=10 * 86_400, description="Time to confirm refused goods, from their dispatch."
    )
    refund_failed_reminder_seconds: Seconds = Field(
        default=24 * 3_600, description="How often a failed refund calls for a person."
    )
    auto_refund_ceiling_fen: Fen = Field(
        default=500_000, description="Most that is refunded without a person, per request, in fen."
    )
    auto_refund_period_seconds: Seconds = Field(
        default=24 * 3_600, description="Period in which automatic refunds are counted."
    )
    auto_refunds_per_customer: Count = Field(default=10, description="Automatic refunds of one customer.")
    auto_refunds_per_supplier: Count = Field(default=1_000, description="Automatic refunds of one supplier.")
    supplier_liable_reasons: tuple[Id, ...] | None = Field(
        default=None, max_length=100, description="Reasons that are the supplier's fault; null: the usual."
    )


class PolicyOut(BaseModel):
    """A version of the policy. It never changes; requests keep the one they were opened under."""

    version: int = Field(description="Number of the version.")
    window_seconds: int = Field(description="After-sales window, from the last delivery.")
    window_extension_seconds: int = Field(
        description="What one reopening of the window by operations adds (A5)."
    )
    cooling_off_seconds: int = Field(description="Cooling-off, from the order being placed.")
    hold_during_cooling_off: bool = Field(description="Orders are released after the cooling-off.")
    review_seconds: int = Field(description="Time for the supplier's review.")
    review_timeout: ReviewTimeout = Field(description="What an unanswered review turns into.")
    customer_answer_seconds: int = Field(
        description="Time for the customer to answer an offer or show evidence."
    )
    return_shipment_seconds: int = Field(description="Time to send goods back, from the approval (A3).")
    return_transit_seconds: int = Field(
        description="How long a return may travel before operations looks for it."
    )
    return_silence_seconds: int = Field(
        description="How long its carrier may be silent before operations looks for it."
    )
    inspection_seconds: int = Field(
        description="Time for the supplier's inspection, from the delivery of the return."
    )
    reshipment_seconds: int = Field(description="Time for the supplier to send the replacement.")
    stock_choice_seconds: int = Field(
        description="Time for the customer to choose when the replacement is out of stock."
    )
    confirm_after_signed_seconds: int = Field(description="Time to confirm a replacement, from its delivery.")
    confirm_untracked_seconds: int = Field(
        description="The same from its dispatch, where its carrier reports nothing."
    )
    ship_back_seconds: int = Field(description="Time for the supplier to send refused goods back.")
    ship_back_confirm_seconds: int = Field(description="Time to confirm refused goods, from their dispatch.")
    refund_failed_reminder_seconds: int = Field(description="How often a failed refund calls for a person.")
    auto_refund_ceiling_fen: int = Field(description="Most that is refunded without a person, in fen.")
    auto_refund_period_seconds: int = Field(description="Period in which automatic refunds are counted.")
    auto_refunds_per_customer: int = Field(description="Automatic refunds of one customer.")
    auto_refunds_per_supplier: int = Field(description="Automatic refunds of one supplier.")
    supplier_liable_reasons: list[str] = Field(description="Reasons that are the supplier's fault.")


class SwitchIn(Asked):
    """Set the stop switch."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"stopped": True, "reason": "unusual volume, being looked into"}]}
    )

    stopped: Flag = Field(description="true: no refund without a person.")
    reason: LongText = Field(description="Why; kept with who set it.")


class SwitchOut(BaseModel):
    """Where the stop switch stands."""

    name: Literal["automatic-refunds"] = Field(description="The switch.")
    stopped: bool = Field(description="true: no refund without a person.")


class Alive(BaseModel):
    """The process answers."""

    status: Literal["ok"] = Field(default="ok", description="Always ok.")


class Ready(BaseModel):
    """Everything the API needs is there."""

    status: Literal["ready"] = Field(default="ready", description="Always ready.")
    checks: dict[str, bool] = Field(description="Each thing that was asked for, by name.")


class CallbackAnswer(BaseModel):
    """The answer in WeChat Pay's own form."""

    code: Literal["SUCCESS", "FAIL"] = Field(description="SUCCESS: taken, do not send it again.")
    message: str = Field(description="For a person to read.")
