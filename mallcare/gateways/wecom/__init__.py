"""WeCom (企业微信): application messages to members, group robots, callbacks."""

from mallcare.gateways.wecom.callbacks import WecomCallbacks
from mallcare.gateways.wecom.credentials import VENDOR_URL, WecomCallbackCredentials, WecomCredentials
from mallcare.gateways.wecom.messages import HttpWecomMessages
from mallcare.gateways.wecom.robot import HttpWecomRobot

__all__ = [
    "VENDOR_URL",
    "HttpWecomMessages",
    "HttpWecomRobot",
    "WecomCallbackCredentials",
    "WecomCallbacks",
    "WecomCredentials",
]
