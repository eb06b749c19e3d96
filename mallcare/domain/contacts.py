"""Whom the platform reaches at a supplier, when, and how."""

from __future__ import annotations

from enum import StrEnum


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
