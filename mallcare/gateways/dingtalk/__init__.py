"""DingTalk (钉钉): group robots. A robot's token and secret are its address, so there are no credentials."""

from mallcare.gateways.dingtalk.robot import VENDOR_URL, HttpDingtalkRobot

__all__ = ["VENDOR_URL", "HttpDingtalkRobot"]
