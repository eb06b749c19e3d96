"""What DingTalk's error codes mean for a robot's message.

The vendor's own lists disagree; codes marked [M] come from one of them only.
"""

from __future__ import annotations

from datetime import timedelta

from mallcare.gateways.errcodes import BUSY, REFUSED, Meaning

BLOCKED = Meaning(retryable=True, retry_after=timedelta(minutes=10))
"""More than 20 in a minute: the robot is silenced for ten."""

SECURITY = 310000
"""Three meanings and more under one number: the signature, a keyword that is missing, our address."""

MEANINGS: dict[int, Meaning] = {
    -1: BUSY,
    130101: BLOCKED,
    410100: BLOCKED,  # [M] the same, in a newer list
    SECURITY: REFUSED,
}

ROBOT_GONE = frozenset({300001, 300005, 400013, 400101, 400102, 400106})
"""No robot has this token (300001, 300005, 400101, 400106 [M]), it was stopped (400102), or its group is no
more (400013 [M])."""

_WORDS = (
    ("keyword", ("keyword", "关键词")),
    ("ip", ("whitelist", "白名单")),
    ("signature", ("sign not match", "签名")),
    ("timestamp", ("timestamp", "时间戳")),
)


def security_detail(errmsg: str) -> str:
    """A word for the person who mends the robot's settings; nothing may branch on it.

    `signature`, `keyword`, `ip`, `timestamp` (our clock is an hour away), or `unclear`.
    """
    lowered = errmsg.lower()
    for detail, words in _WORDS:
        if any(word in lowered for word in words):
            return detail
    return "unclear"
