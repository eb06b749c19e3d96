"""Whom the platform reaches at a supplier, when, and how."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mallcare.domain.calendars import Hours


class Channel(StrEnum):
    """A way to reach people."""

    WECOM = "wecom"
    """WeCom application message (企业微信应用消息), to members by their user ids."""
    WECOM_ROBOT = "wecom_robot"
    """WeCom group robot (群机器人), to a group by its key."""
    DINGTALK = "dingtalk"
    """DingTalk group robot (钉钉机器人), to a group by its access token, people in it by phone."""
    SMS = "sms"
    """Aliyun short message (短信), to a phone number."""
    IN_APP = "in_app"
    """The notification centre (站内信): no vendor."""


class ContactRole(StrEnum):
    """What a contact is at the supplier."""

    STAFF = "staff"
    PRINCIPAL = "principal"


@dataclass(frozen=True, slots=True)
class Contact:
    """A person at a supplier; `contact_id` is the subject of their token. Personal data.

    `duty`: hours of each day of the week, Monday first, in which they are in charge; None: always.
    """

    supplier_id: str
    contact_id: str
    role: ContactRole
    name: str
    phone: str | None = None
    wecom_user_id: str | None = None
    duty: tuple[Hours, ...] | None = None


@dataclass(frozen=True, slots=True)
class SupplierChannels:
    """How a supplier wants to be reached: `preferred` is WECOM, WECOM_ROBOT, DINGTALK or SMS.

    What cannot be delivered there goes out as SMS; everything is in the notification centre too.
    """

    supplier_id: str
    preferred: Channel = Channel.SMS
    wecom_robot_key: str | None = None
    dingtalk_token: str | None = None
    dingtalk_secret: str | None = None
