"""What WeCom takes as a message, and how it cuts it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mallcare.gateways.simulators.messages.desk import VendorRefusal, object_in, read_object, texts_in

_ESCAPED = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
_MOST_RECEIVERS = 1000
_LONGEST_CHECK_SECONDS = 4 * 3600
_BYTES = {("text", "content"): 2048, ("textcard", "title"): 128, ("textcard", "description"): 512}
_REQUIRED = {"text": ("content",), "textcard": ("title", "description", "url")}
_URL_BYTES = 2048
_ROBOT_BYTES = {"text": 2048, "markdown": 4096}


@dataclass(frozen=True, slots=True)
class Content:
    """A message's content as its readers see it; `truncated`: something was longer than allowed."""

    msgtype: str
    fields: Mapping[str, object]
    truncated: bool


@dataclass(frozen=True, slots=True)
class ApplicationMessage:
    """A well-formed application message. `check_seconds` None: no duplicate check."""

    agent_id: int
    receivers: tuple[str, ...]
    content: Content
    check_seconds: float | None


def read_application_message(body: bytes) -> ApplicationMessage:
    """The message in a body.

    Raises:
        VendorRefusal: 40033 escaped characters, 47001 not JSON, 40032 receivers, and as `_content`.
    """
    if _ESCAPED.search(body):
        raise VendorRefusal(40033, "characters are written as \\uxxxx")
    message = read_object(body, 47001)
    receivers = tuple(part for part in str(message.get("touser") or "").split("|") if part)
    if not 0 < len(receivers) <= _MOST_RECEIVERS:
        raise VendorRefusal(40032, "1 to 1000 receivers")
    agent_id, checked = message.get("agentid"), message.get("enable_duplicate_check", 0)
    interval = message.get("duplicate_check_interval", 1800)
    if not isinstance(agent_id, int) or not isinstance(interval, int | float):
        raise VendorRefusal(40058, "agentid or duplicate_check_interval is not a number")
    return ApplicationMessage(
        agent_id,
        receivers,
        _content(message),
        min(float(interval), _LONGEST_CHECK_SECONDS) if checked == 1 else None,
    )


def _content(message: Mapping[str, object]) -> Content:
    """The content by its `msgtype`, cut where the vendor cuts.

    Raises:
        VendorRefusal: 40008 not simulated, 40058 something required is missing.
    """
    msgtype = str(message.get("msgtype"))
    if msgtype not in _REQUIRED:
        raise VendorRefusal(40008, "invalid message type")
    given = object_in(message, msgtype)
    fields: dict[str, object] = dict(given)
    truncated = False
    for name in _REQUIRED[msgtype]:
        value = given.get(name)
        if not isinstance(value, str) or not value:
            raise VendorRefusal(40058, f"{msgtype}.{name} is missing")
        limit = _BYTES.get((msgtype, name))
        if limit is not None and len(value.encode()) > limit:
            fields[name], truncated = value.encode()[:limit].decode(errors="replace"), True
    if msgtype == "textcard":
        url = str(fields["url"])
        if not url.startswith(("http://", "https://")) or len(url.encode()) > _URL_BYTES:
            raise VendorRefusal(40058, "textcard.url has no scheme, or more than 2048 bytes")
        button = str(fields.get("btntxt") or "详情")
        fields["btntxt"], truncated = button[:4], truncated or len(button) > 4
    return Content(msgtype, fields, truncated)


@dataclass(frozen=True, slots=True)
class RobotMessage:
    """A well-formed robot message. `mentioned`: whom it calls, which only a text can."""

    content: Content
    mentioned: tuple[str, ...]


def read_robot_message(body: bytes) -> RobotMessage:
    """The message in a robot's body: nothing is cut, what is too long is refused.

    Raises:
        VendorRefusal: 93000 not JSON, 40008 not simulated, 40058 empty or too long.
    """
    message = read_object(body, 93000)
    msgtype = str(message.get("msgtype"))
    if msgtype not in _ROBOT_BYTES:
        raise VendorRefusal(40008, "invalid message type")
    fields = object_in(message, msgtype)
    text = fields.get("content")
    if not isinstance(text, str) or not text:
        raise VendorRefusal(40058, f"{msgtype}.content is missing")
    if len(text.encode()) > _ROBOT_BYTES[msgtype]:
        raise VendorRefusal(40058, f"{msgtype}.content exceeds max length")
    mentioned = texts_in(fields, "mentioned_mobile_list") if msgtype == "text" else ()
    return RobotMessage(Content(msgtype, fields, truncated=False), mentioned)
