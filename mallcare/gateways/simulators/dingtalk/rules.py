"""What DingTalk takes as a robot's message, from whom, and whom it calls."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from mallcare.gateways.simulators.dingtalk.config import SimulatedRobot
from mallcare.gateways.simulators.messages.desk import VendorRefusal, object_in, read_object, texts_in

BEIJING = timezone(timedelta(hours=8))
_SECURITY = 310000
_MISSING = 40035
_REQUIRED = {
    "text": ("content",),
    "markdown": ("title", "text"),
    "actionCard": ("title", "text"),
    "link": ("title", "text", "messageUrl"),
}


@dataclass(frozen=True, slots=True)
class RobotMessage:
    """A well-formed message. `mentioned`: whom it really calls."""

    msgtype: str
    fields: Mapping[str, object]
    mentioned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: the query as it was decoded, and from where."""

    timestamp: str
    sign: str
    address: str


def admit(robot: SimulatedRobot, caller: Caller, body: bytes, now: float, freshness_seconds: float) -> None:
    """Check a robot's security settings, each that is set.

    Raises:
        VendorRefusal: 310000, with the vendor's words for which one.
    """
    if robot.secret is not None:
        _check_signature(robot.secret, caller, now, freshness_seconds)
    if robot.keywords:
        written = json.dumps(read_object(body, 40035), ensure_ascii=False)
        if not any(keyword in written for keyword in robot.keywords):
            raise VendorRefusal(_SECURITY, "keywords not in content")
    if robot.allowed_ips and caller.address not in robot.allowed_ips:
        raise VendorRefusal(_SECURITY, f"ip {caller.address} not in whitelist")


def _check_signature(secret: str, caller: Caller, now: float, freshness_seconds: float) -> None:
    stamp = caller.timestamp
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) == 13):
        raise VendorRefusal(_SECURITY, "invalid timestamp")
    if abs(now - int(stamp) / 1000) > freshness_seconds:
        raise VendorRefusal(_SECURITY, "invalid timestamp")
    sealed = hmac.new(secret.encode(), stamp.encode() + b"\n" + secret.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(sealed), caller.sign.encode(errors="replace")):
        raise VendorRefusal(_SECURITY, "sign not match")


def read_message(body: bytes, most_bytes: int) -> RobotMessage:
    """The message in a body.

    Raises:
        VendorRefusal: 40035 too long or something missing, 400105 a kind that is not simulated.
    """
    if len(body) > most_bytes:
        raise VendorRefusal(_MISSING, f"message too long, exceed {most_bytes} bytes")
    message = read_object(body, _MISSING)
    msgtype = str(message.get("msgtype"))
    if msgtype not in _REQUIRED:
        raise VendorRefusal(400105, "unsupported msgtype")
    fields = object_in(message, msgtype)
    for name in _REQUIRED[msgtype]:
        value = fields.get(name)
        if not isinstance(value, str) or not value:
            raise VendorRefusal(_MISSING, f"miss param : {msgtype}->{name}")
    if msgtype == "actionCard" and not (fields.get("singleURL") or fields.get("btns")):
        raise VendorRefusal(_MISSING, "miss param : actionCard->singleURL")
    return RobotMessage(msgtype, fields, _mentioned(msgtype, fields, message))


def _mentioned(msgtype: str, fields: Mapping[str, object], message: Mapping[str, object]) -> tuple[str, ...]:
    """A text calls all that `at` lists, Markdown only those it also names; other kinds nobody."""
    phones = texts_in(object_in(message, "at"), "atMobiles")
    if msgtype == "markdown":
        return tuple(phone for phone in phones if f"@{phone}" in str(fields["text"]))
    return phones if msgtype == "text" else ()


def start_of_day(now: float) -> float:
    """When the Beijing day of an instant began."""
    local = datetime.fromtimestamp(now, UTC).astimezone(BEIJING)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
