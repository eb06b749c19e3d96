"""Contacts of suppliers and how suppliers want to be reached. Personal data, and secrets of robots."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from api.schemas.bodies import Asked
from api.schemas.fields import ShortText
from api.schemas.timeliness import HoursOfDay
from mallcare.domain.contacts import Channel, ContactRole

MAINLAND_MOBILE = re.compile(r"(?:\+86)?(1[3-9][0-9]{9})", re.ASCII)


def _reachable(value: str) -> str:
    """The bare number, so that one phone is one address however it was written."""
    found = MAINLAND_MOBILE.fullmatch(value)
    if found is None:
        raise ValueError("must be a mobile number of mainland China; others get no SMS over its vendor")
    return found[1]


def _without_separators(value: object) -> object:
    return re.sub(r"[ -]", "", value) if isinstance(value, str) else value


Mobile = Annotated[
    str,
    StringConstraints(max_length=16),
    BeforeValidator(_without_separators),
    AfterValidator(_reachable),
]
ContactId = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.:@+-]+$")]
WecomUserId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.@-]+$")]
RobotKey = Annotated[str, StringConstraints(min_length=8, max_length=256, pattern=r"^[\x21-\x7e]+$")]
Preferred = Literal[Channel.WECOM, Channel.WECOM_ROBOT, Channel.DINGTALK, Channel.SMS]
Robot = Literal[Channel.WECOM_ROBOT, Channel.DINGTALK]

EXAMPLE_CONTACT: dict[str, JsonValue] = {
    "role": "staff",
    "name": "周敏",
    "phone": "13800001234",
    "wecom_user_id": "zhoumin",
    "duty": [*(["09:00-12:00", "13:00-18:00"] for _ in range(5)), [], []],
}


class ContactIn(Asked):
    """A person at a supplier, whole: members left out are forgotten."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE_CONTACT]})

    role: ContactRole = Field(
        description="staff: does the work. principal (负责人): hears of what was ignored, and the daily SMS."
    )
    name: ShortText = Field(description="Name of the person.")
    phone: Mobile | None = Field(
        default=None,
        description="Mobile number of mainland China; kept without +86. null: no SMS.",
    )
    wecom_user_id: WecomUserId | None = Field(default=None, description="Member id (账号) in WeCom 企业微信.")
    duty: Annotated[list[HoursOfDay], Field(min_length=7, max_length=7)] | None = Field(
        default=None,
        description=(
            "Hours of each day of the week in which they are in charge, Monday first, by the wall clock of"
            " Beijing; an empty day is off. null: always."
        ),
    )


class ContactOut(BaseModel):
    """A person at a supplier."""

    supplier_id: str = Field(description="The supplier.")
    contact_id: str = Field(description="Id of the contact: the `sub` of their token.")
    role: ContactRole = Field(description="staff or principal.")
    name: str = Field(description="Name; masked for the auditor.")
    phone: str | None = Field(description="Mobile number; masked for the auditor.")
    wecom_user_id: str | None = Field(description="Member id in WeCom; masked for the auditor.")
    duty: list[list[str]] | None = Field(description="Hours in charge, Monday first; null: always.")
    set_by: str = Field(description="Role and subject of whoever set it last.")
    set_at: datetime = Field(description="When.")


class ContactListOut(BaseModel):
    """All contacts of a supplier."""

    items: list[ContactOut] = Field(description="By id.")


class ChannelsIn(Asked):
    """How a supplier wants to be reached. Keys, tokens and secrets that are left out stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"preferred": "wecom_robot", "wecom_robot_key": "693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa"}
            ]
        }
    )

    preferred: Preferred = Field(
        description="First choice; what cannot be delivered there goes out as SMS. wecom: to members by id."
    )
    wecom_robot_key: RobotKey | None = Field(
        default=None, description="Key of the WeCom group robot; never answered."
    )
    dingtalk_token: RobotKey | None = Field(
        default=None, description="Access token of the DingTalk robot; never answered."
    )
    dingtalk_secret: RobotKey | None = Field(
        default=None, description="Secret that signs for the DingTalk robot; never answered."
    )
    forget: list[Robot] = Field(
        default_factory=list[Robot], max_length=2, description="Robots whose keys are to be forgotten."
    )


class SecretOut(BaseModel):
    """A secret that is never answered."""

    set: bool = Field(description="Whether it is known.")


class ChannelsOut(BaseModel):
    """How a supplier wants to be reached."""

    supplier_id: str = Field(description="The supplier.")
    preferred: Channel = Field(description="First choice; sms while the supplier never said.")
    wecom_robot_key: SecretOut = Field(description="Key of the WeCom group robot.")
    dingtalk_token: SecretOut = Field(description="Access token of the DingTalk robot.")
    dingtalk_secret: SecretOut = Field(description="Secret of the DingTalk robot.")
    set_by: str | None = Field(description="Role and subject of whoever set it last; null: nobody yet.")
    set_at: datetime | None = Field(description="When.")
