"""Whom the platform reaches at a supplier, when, and how."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from mallcare.domain.calendars import DAYS_OF_WEEK, Hours
from mallcare.domain.reconciliation import BEIJING

DAY = timedelta(days=1)
ROBOT = "robot"
"""Contact of a notice that goes to a group by its robot, once for all who are in it."""


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


def on_duty(contact: Contact, now: datetime) -> bool:
    """Whether a contact is in charge just now, by the clock of Beijing; the end of a span is outside it."""
    if contact.duty is None:
        return True
    local = now.astimezone(BEIJING)
    since = local - _midnight(local)
    return any(opens <= since < closes for opens, closes in contact.duty[local.weekday()].spans)


def ever_on_duty(contact: Contact) -> bool:
    """Whether a contact is in charge at any time of the week."""
    return contact.duty is None or any(hours.spans for hours in contact.duty)


def duty_begins(contact: Contact, now: datetime) -> Iterator[datetime]:
    """When a contact's duty begins within the next seven days, ascending; nothing where it never ends."""
    if contact.duty is None:
        return
    today = _midnight(now.astimezone(BEIJING))
    for day in (today + DAY * ahead for ahead in range(DAYS_OF_WEEK + 1)):
        for opens, _ in contact.duty[day.weekday()].spans:
            begin = (day + opens).astimezone(now.tzinfo)
            if now < begin <= now + DAYS_OF_WEEK * DAY:
                yield begin


def _midnight(local: datetime) -> datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0)


class Way(NamedTuple):
    """A message to send: over a channel, to a contact, or to a group by its ROBOT."""

    channel: Channel
    contact_id: str


def ways(people: Iterable[Contact], channels: SupplierChannels) -> list[Way]:
    """How people hear of something beside the notification centre, each way once.

    A group's robot tells all of them at once. Whom the supplier's channel does not reach gets an SMS, and who
    has no phone either finds it in the notification centre alone.
    """
    robot = {
        Channel.WECOM_ROBOT: channels.wecom_robot_key,
        Channel.DINGTALK: channels.dingtalk_token,
    }
    if robot.get(channels.preferred):
        return [Way(channels.preferred, ROBOT)]
    found = (way(person, channels.preferred) for person in people)
    return list(dict.fromkeys(one for one in found if one is not None))


def way(person: Contact, preferred: Channel) -> Way | None:
    """How one person is reached in person; None: by the notification centre alone."""
    if preferred is Channel.IN_APP:
        return None
    if preferred is Channel.WECOM and person.wecom_user_id:
        return Way(Channel.WECOM, person.contact_id)
    return Way(Channel.SMS, person.contact_id) if person.phone else None
